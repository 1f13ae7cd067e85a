#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gets a Debian machine ready to build and test Nyx IOMMU: installs the
# packages that are missing and prepares the headers and the test libraries
# of the QEMU that is installed, in a cache outside the tree.
#
# May be run again at any time; it then does only what is missing.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<USAGE
Usage: scripts/setup.sh [OPTION]

  --qemu-source DIR   take QEMU's headers from this source tree instead of
                      the distribution's source package
  --also PACKAGE      see to this package, too
  --no-install        install nothing; name what is missing and fail
  --print-env         print where things are, as KEY=value lines for eval
  --list-packages     print the packages this script sees to
  --clean             remove the cache
  -h, --help          this text

Environment:
  NYX_CACHE   the cache (now $NYX_CACHE)
  NYX_QEMU    a qemu-system-x86_64 other than the one in PATH
  NYX_MIRROR  a Debian mirror other than the one in /etc/apt
USAGE
}

# What a Debian without any development package lacks. python3-venv,
# -distlib and -pycotap are what QEMU's configure asks for when it may not
# download; zlib and libfdt belong to the QEMU core whatever is disabled.
PACKAGES=(
    gcc
    libc6-dev
    ninja-build
    pkg-config
    libglib2.0-dev
    libpixman-1-dev
    libslirp-dev
    zlib1g-dev
    python3
    python3-venv
    python3-distlib
    flex
    bison
    xz-utils
    # for the guest tests
    seabios
    ovmf
    busybox-static
    cpio
    e2fsprogs
    kmod
)
# "package min max": may come from backports.
RANGED_PACKAGES=(
    "qemu-system-x86 1:$NYX_QEMU_MIN 1:$NYX_QEMU_MAX"
    "meson $NYX_MESON_MIN"
    "python3-pycotap 1.1.0"
)

# What the configure script of later versions asks for besides.
NEWER_PACKAGES=(
    python3-qemu-qmp
    python3-setuptools
    python3-wheel
    python3-pip
)
NEWER_QEMU=1:11.0

# A change of what is done below has to change this, or trees made before
# the change stay in use.
RECIPE=1

# Optimising helps nobody here: it doubles the time to build the libraries.
CONFIGURE=(
    "--python=$NYX_PYTHON"
    --target-list=x86_64-softmmu
    --without-default-features
    --enable-system
    --enable-kvm
    --enable-tcg
    --enable-plugins
    --enable-modules
    --disable-docs
    --disable-download
    --disable-install-blobs
    --disable-debug-info
    -Doptimization=0
)

install=yes
qemu_source=

# --- Packages ---------------------------------------------------------------

installed_version() {
    # shellcheck disable=SC2016 # dpkg's own variables
    { dpkg-query -W -f '${db:Status-Abbrev} ${Version}\n' "$1" 2>/dev/null || true; } |
        awk '$1 == "ii" { print $2; exit }'
}

# Prints what has to be given to "apt-get install" for the packages that are
# missing or outside their range.
missing_packages() {
    local package min max version
    for package in "${PACKAGES[@]}"; do
        [ -n "$(installed_version "$package")" ] || echo "$package"
    done
    for package in "${RANGED_PACKAGES[@]}"; do
        read -r package min max <<<"$package"
        # Somebody's own QEMU needs no package.
        if [ "$package" = qemu-system-x86 ] && [ -n "${NYX_QEMU:-}" ]; then
            continue
        fi
        version=$(installed_version "$package")
        # One that is there may be newer than what would be installed.
        if [ "$package" = qemu-system-x86 ] && [ -n "$version" ]; then
            max=1:$NYX_QEMU_KNOWN_MAX
        fi
        if [ -z "$version" ] || ! nyx_version_within "$version" "$min" "$max"; then
            echo "$package $min $max"
        fi
    done
}

# Prints the release that offers a package in the range "package min max".
choose_release() {
    local package=$1 min=$2 max=${3:-} version release
    while read -r version release; do
        if nyx_version_within "$version" "$min" "$max"; then
            printf '%s\n' "$release"
            return 0
        fi
    done < <(nyx_apt_versions "$package")
    nyx_say "nyx: error: this machine's mirror has no $package >= $min${max:+, < $max}; it has:"
    nyx_apt_versions "$package" | sed 's/^/  /' >&2
    nyx_die "no suitable $package
  mend: install one by hand (for QEMU: NYX_QEMU=PROGRAM scripts/setup.sh),
        or use Debian 12 (with its backports) or Debian 13"
}

# apt_install RELEASE PACKAGE...
apt_install() {
    local options=()
    mapfile -t options < <(nyx_apt_options install)
    # --target-release, because "package/release" and "package=version" leave
    # the dependencies in the base release, where QEMU's are too old.
    nyx_as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" \
        install --yes --no-install-recommends --target-release "$@"
}

install_packages() {
    local line missing release
    local -A wanted=()
    # Not "< <(...)", which would hide a failure.
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$install" = no ] || ! nyx_can_be_root; then
        nyx_die "missing packages: $(cut -d' ' -f1 <<<"$missing" | xargs)
  mend: scripts/setup.sh as root, or with sudo installed; then again as yourself"
    fi
    nyx_apt_need_lists install
    while read -r line; do
        release=$(nyx_codename)
        if [ "$line" != "${line#* }" ]; then
            # shellcheck disable=SC2086 # three words
            release=$(choose_release $line)
        fi
        wanted[$release]+=" ${line%% *}"
    done <<<"$missing"
    for release in "${!wanted[@]}"; do
        nyx_say "  to install from $release:${wanted[$release]}"
        # shellcheck disable=SC2086 # a list of packages
        nyx_step apt-install "installing them" \
            "see the log; lists that are out of date can be the reason: rm -r $NYX_CACHE/apt and try again" \
            apt_install "$release" ${wanted[$release]}
    done
}

# --- QEMU's source ----------------------------------------------------------

# "upstream-version package-version" of the source packages in the series of
# version $1.
offered_sources() {
    local series
    series=$(nyx_series "$1")
    nyx_apt source apt-cache showsrc --only-source qemu |
        awk '/^Version: / { print $2 }' | sort -u |
        while read -r version; do
            if [ "$(nyx_series "$(nyx_upstream_version "$version")")" = "$series" ]; then
                printf '%s %s\n' "$(nyx_upstream_version "$version")" "$version"
            fi
        done
}

# Takes the versions of the package that share one original tarball: lists
# can name one that the mirror no longer has, and the next may still be there.
# Only the tarball is fetched, as it outlives the packaging files on a mirror.
download_source() {
    local package
    rm -rf "$NYX_CACHE/sources"
    mkdir -p "$NYX_CACHE/sources"
    cd "$NYX_CACHE/sources"
    for package in "$@"; do
        if nyx_apt source apt-get source --tar-only --download-only "qemu=$package"; then
            return 0
        fi
    done
    return 1
}

# Sets tree to the directory that has src/ for the QEMU of version $1, or for
# the nearest one to be had.
get_source() {
    local want=$1 offered left chosen packages
    nyx_apt_need_lists source
    offered=$(offered_sources "$want" 2>/dev/null || true)
    left=$(cut -d' ' -f1 <<<"$offered" | sort -u)
    while :; do
        chosen=$(nyx_nearest_version "$want" <<<"$left")
        if [ -z "$chosen" ]; then
            nyx_die "the mirror has no source package of QEMU $(nyx_series "$want").x
  mend: scripts/setup.sh --qemu-source DIR, with DIR the unpacked source of QEMU $want"
        fi
        tree=$NYX_CACHE/qemu-$chosen
        [ ! -d "$tree/src" ] || break
        mapfile -t packages < <(awk -v v="$chosen" '$1 == v { print $2 }' <<<"$offered")
        nyx_try qemu-source "downloading the source of QEMU $chosen" \
            download_source "${packages[@]}"
        if [ "$nyx_ok" = yes ]; then
            mkdir -p "$tree"
            nyx_step qemu-unpack "unpacking it" "is the disk full? see the log" \
                nyx_unpack_qemu "$NYX_CACHE"/sources/qemu_*.orig.tar.* "$tree/src"
            rm -rf "$NYX_CACHE/sources"
            break
        fi
        nyx_say "  (not to be had; see $NYX_LOGS/qemu-source.log)"
        left=$(grep -vxF -e "$chosen" <<<"$left" || true)
    done
    if [ "$chosen" != "$want" ]; then
        nyx_warn "QEMU is $want; the source of $chosen is used for its headers"
    fi
}

# --- Headers and test libraries ---------------------------------------------

configure_qemu() {
    rm -rf "$2"
    mkdir -p "$2"
    cd "$2"
    "$1/configure" "${CONFIGURE[@]}"
}

generate_headers() {
    cd "$1"
    ninja -t targets all |
        sed -n 's/^\([^:]*\.h\): CUSTOM_COMMAND.*/\1/p' |
        grep -vE '^(tests|qga)/' | xargs ninja
}

build_test_libraries() {
    cd "$1"
    ninja libqemuutil.a libqom.a tests/qtest/libqos/libqos.a
}

recipe() {
    printf '%s\n' "$RECIPE" "${CONFIGURE[@]}" "$1"
    "$NYX_PYTHON" --version
}

build_tree() {
    local src=$1 tree=$2 build=$2/build
    rm -f "$tree/stamp"
    nyx_step qemu-configure "configuring QEMU's tree (headers only)" \
        "see $build/config.log; --qemu-source DIR names another tree" \
        configure_qemu "$src" "$build"
    nyx_step qemu-headers "generating its headers" \
        "see the log; scripts/setup.sh --clean starts afresh" \
        generate_headers "$build"
    nyx_step qemu-libraries "building libqos and libqemuutil for the tests" \
        "see the log; scripts/setup.sh --clean starts afresh" \
        build_test_libraries "$build"
    recipe "$src" >"$tree/stamp"
}

prepare_tree() {
    local version=$1 link=$NYX_CACHE/tree-for-$1 tree
    tree=$(readlink -f "$link" || true)
    if [ -n "$qemu_source" ]; then
        [ -e "$qemu_source/include/qemu/osdep.h" ] ||
            nyx_die "$qemu_source is not a QEMU source tree"
        qemu_source=$(readlink -f "$qemu_source")
        tree=$NYX_CACHE/qemu-local-$(cksum <<<"$qemu_source" | cut -d' ' -f1)
        mkdir -p "$tree"
        ln -sfn "$qemu_source" "$tree/src"
    elif [ -z "$tree" ] || ! [ -e "$tree/src/VERSION" ]; then
        get_source "$version"
    fi
    if ! cmp -s "$tree/stamp" <(recipe "$(readlink -f "$tree/src")"); then
        build_tree "$(readlink -f "$tree/src")" "$tree"
    fi
    ln -sfn "$(basename "$tree")" "$link"
}

# --- The whole --------------------------------------------------------------

check_qemu() {
    local bin version
    bin=$(nyx_qemu_bin)
    [ -n "$bin" ] || nyx_die "no QEMU program ${NYX_QEMU:-qemu-system-x86_64}
  mend: unset NYX_QEMU, or let it name a qemu-system-x86_64"
    version=$(nyx_qemu_version)
    if ! nyx_version_within "${version:-0}" "$NYX_QEMU_MIN" "$NYX_QEMU_KNOWN_MAX"; then
        nyx_die "$bin is version ${version:-unknown}; one from $NYX_QEMU_MIN to before $NYX_QEMU_KNOWN_MAX is needed
  mend: NYX_QEMU=PROGRAM scripts/setup.sh, if another one is installed"
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
        --qemu-source) qemu_source=${2:?--qemu-source needs a directory}; shift ;;
        --also) PACKAGES+=("${2:?--also needs a package}"); shift ;;
        --no-install) install=no ;;
        --print-env) nyx_print_env; exit 0 ;;
        --list-packages)
            printf '%s\n' "${PACKAGES[@]}" "${RANGED_PACKAGES[@]}"
            exit 0 ;;
        --clean)
            rm -rf "$NYX_CACHE"
            exit 0 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

start=$(date +%s%N)
mkdir -p "$NYX_CACHE"
# Two runs at once would unpack into the same place; the second waits.
exec 9>"$NYX_CACHE/lock"
if ! flock -n 9; then
    nyx_say "  waiting for another run of this script"
    flock 9
fi
# What an interrupted run left behind.
rm -rf "$NYX_CACHE"/debs-?????? "$NYX_CACHE"/*/unpack-??????

install_packages
check_qemu
if nyx_version_within "1:$(nyx_qemu_version)" "$NEWER_QEMU"; then
    PACKAGES+=("${NEWER_PACKAGES[@]}")
    install_packages
fi
prepare_tree "$(nyx_qemu_version)"
nyx_say "ready: QEMU $(nyx_qemu_version), headers in $(nyx_qemu_tree) ($(nyx_elapsed "$start") s)"
