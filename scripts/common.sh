# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shell library of the scripts in this directory: paths of the cache, progress
# messages, private package lists, and where QEMU and its headers are.
#
# Source it:   . "$(dirname "$0")/common.sh"
#
# Nothing here changes the machine's own apt configuration: the lists, the
# sources and the pins in force are given to each apt command as options.

# Most of what is set here is used by the scripts that source this.
# shellcheck disable=SC2034

set -euo pipefail

# --- What fits --------------------------------------------------------------

# Ranges, not versions: a mirror drops a point release when the next arrives.
# The upper bound is exclusive.
NYX_QEMU_MIN=10.0
NYX_QEMU_MAX=10.1
# An installed one may be newer; then its own headers are used.
NYX_QEMU_KNOWN_MAX=11.2
# Ours needs 1.1; the build files of QEMU 10.0.2 and later need 1.5.
NYX_MESON_MIN=1.5

# A python of the distribution, because meson's and QEMU's python modules come
# as distribution packages and a python from elsewhere does not see them.
NYX_PYTHON=/usr/bin/python3

NYX_CACHE=${NYX_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/nyx-iommu}
NYX_LOGS=$NYX_CACHE/logs

# Package lists younger than this are not fetched again.
NYX_LISTS_MAX_AGE_MIN=1440

# --- Messages ---------------------------------------------------------------

# All progress goes to stderr: stdout belongs to the caller (--print-env, the
# path printed by nyx_fetch_deb).

nyx_say() {
    printf '%s\n' "$*" >&2
}

nyx_warn() {
    printf 'nyx: warning: %s\n' "$*" >&2
}

nyx_die() {
    printf 'nyx: error: %s\n' "$*" >&2
    exit 1
}

# Seconds with one digit since the time given in nanoseconds.
nyx_elapsed() {
    local ms=$(( ($(date +%s%N) - $1) / 1000000 ))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# nyx_try LOG "what is done" COMMAND...
# Runs COMMAND with its output in $NYX_LOGS/LOG.log, shows one line with the
# time it took, and sets nyx_ok to yes or no. Not a return value: a function
# that is called in a condition goes on after a command in it that failed,
# whatever "set -e" it contains, and so does all that it calls.
nyx_try() {
    local log=$NYX_LOGS/$1.log what=$2 start rc=0
    shift 2
    mkdir -p "$NYX_LOGS"
    start=$(date +%s%N)
    printf '  %-58s ' "$what" >&2
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    rc=$?
    set -e
    if [ "$rc" -eq 0 ]; then
        nyx_ok=yes
        printf '%6s s\n' "$(nyx_elapsed "$start")" >&2
    else
        nyx_ok=no
        printf 'FAILED\n' >&2
    fi
}

# nyx_step LOG "what is done" "what to do when it fails" COMMAND...
# The same, but a failure ends the script and says how to mend it.
nyx_step() {
    local log=$NYX_LOGS/$1.log name=$1 what=$2 mend=$3
    shift 3
    nyx_try "$name" "$what" "$@"
    [ "$nyx_ok" = no ] || return 0
    tail -n 8 "$log" | sed 's/^/    | /' >&2
    nyx_die "failed: $what
  log:  $log
  mend: $mend"
}

# --- Versions ---------------------------------------------------------------

# True when MIN <= VERSION < MAX; an empty MAX is no bound. "~" makes a
# pre-release of MAX fall outside as well.
nyx_version_within() {
    local version=$1 min=$2 max=${3:-}
    dpkg --compare-versions "$version" ge "$min" || return 1
    [ -z "$max" ] || dpkg --compare-versions "$version" lt "$max~"
}

# 1:10.0.2+ds-2+deb13u1~bpo12+1 -> 10.0.2
nyx_upstream_version() {
    local version=${1#*:}
    version=${version%%[+~-]*}
    printf '%s\n' "$version"
}

# 10.0.2 -> 10.0: what has the same headers, all but.
nyx_series() {
    cut -d. -f1,2 <<<"$1"
}

# Of the versions on stdin (one a line), the one nearest to $1 in the last
# number; of two equally near, the newer.
nyx_nearest_version() {
    awk -v want="$1" '
        function micro(v,    part, n) {
            n = split(v, part, ".")
            return n > 2 ? part[3] + 0 : 0
        }
        NF {
            gap = micro($1) - micro(want)
            key = gap < 0 ? -2 * gap + 1 : 2 * gap
            if (best == "" || key < low) {
                best = $1
                low = key
            }
        }
        END { if (best != "") print best }'
}

# --- Root -------------------------------------------------------------------

# Only installing packages needs root.
nyx_can_be_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

nyx_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}

# --- Private package lists --------------------------------------------------

nyx_codename() {
    # shellcheck disable=SC1091
    (. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:?}")
}

# The machine's own archives as lines "URI release signed-by". Read from the
# configuration, so it works before the first "apt-get update" as well.
nyx_system_archives() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets \
            --format '$(REPO_URI) $(RELEASE) $(SIGNED_BY)' 'Created-By: Packages' |
        sort -u
}

# nyx_archive_line TYPE RELEASE: a line for a sources.list, or nothing when
# the machine has no archive that can hold RELEASE. RELEASE need not be
# configured on the machine: every release except the security ones is looked
# for where the machine has its base release.
nyx_archive_line() {
    local type=$1 release=$2 want codename uri key keyring
    codename=$(nyx_codename)
    case $release in
        *-security) want=$codename-security ;;
        *) want=$codename ;;
    esac
    read -r uri _ key < <(nyx_system_archives |
        awk -v want="$want" '$2 == want { print; exit }') || true
    if [ -n "${NYX_MIRROR:-}" ] && [ "$want" = "$codename" ]; then
        uri=$NYX_MIRROR
    fi
    [ -n "${uri:-}" ] || return 0

    # The keys the machine itself trusts for this archive, but for a release
    # it does not have: there the archive's own keyring is the one that holds
    # the keys of all releases.
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    if [ "${key#/}" = "$key" ] || [ "${release%%-*}" != "$codename" ]; then
        [ ! -e "$keyring" ] || key=$keyring
    fi
    case $key in
        /*) printf '%s [signed-by=%s] %s %s main\n' "$type" "$key" "$uri" "$release" ;;
        *) printf '%s %s %s main\n' "$type" "$uri" "$release" ;;
    esac
}

# Three sets of lists, because apt installs the newest version it can see:
# what it must never install has to be out of its sight.
#   install  binaries for this machine's own release and its backports
#   source   source packages, of newer releases too
#   fetch    binaries of any release; only ever downloaded and unpacked
#   fetch-ARCH  the same for another architecture
nyx_set_releases() {
    local codename
    codename=$(nyx_codename)
    case $1 in
        install)
            echo "$codename" "$codename-updates" "$codename-security" \
                 "$codename-backports" ;;
        source)
            printf '%s\n' "$codename" "$codename-security" \
                   "$codename-backports" trixie trixie-security \
                   trixie-backports |
                awk '!seen[$0]++' ;;
        fetch*)
            printf '%s\n' "$codename" "$codename-security" \
                   "$codename-backports" bookworm bookworm-security \
                   bookworm-backports trixie trixie-security trixie-backports |
                awk '!seen[$0]++' ;;
    esac
}

# The apt options that select a set, one a line.
nyx_apt_options() {
    local dir=$NYX_CACHE/apt/$1
    printf '%s\n' \
        -o "Dir::Etc::sourcelist=$dir/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::lists=$dir/lists" \
        -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= \
        -o Acquire::Languages=none \
        -o Acquire::Retries=2
    # apt drops root for the user _apt to download, who cannot write here.
    [ "$(id -u)" -ne 0 ] || printf '%s\n' -o APT::Sandbox::User=root
    case $1 in
        fetch-*) printf '%s\n' -o "APT::Architecture=${1#fetch-}" \
                     -o "APT::Architectures=${1#fetch-}" ;;
    esac
    if [ "${1%%-*}" = fetch ]; then
        # What is installed here has no say in what is downloaded.
        printf '%s\n' -o "Dir::State::status=$dir/status" \
            -o "Dir::Cache::archives=$dir/archives"
    fi
}

# nyx_apt SET TOOL ARGUMENTS...: TOOL is apt-get or apt-cache.
nyx_apt() {
    local set=$1 tool=$2 options
    shift 2
    mapfile -t options < <(nyx_apt_options "$set")
    "$tool" "${options[@]}" "$@"
}

nyx_apt_write_sources() {
    local set=$1 dir=$NYX_CACHE/apt/$1 type=deb release
    [ "$set" != source ] || type=deb-src
    mkdir -p "$dir/lists/partial" "$dir/archives/partial"
    : >>"$dir/status"
    for release in $(nyx_set_releases "$set"); do
        nyx_archive_line "$type" "$release"
    done >"$dir/sources.list.new"
    if ! [ -s "$dir/sources.list.new" ]; then
        echo "no apt archive of this machine holds Debian $(nyx_codename)"
        echo "set NYX_MIRROR to the address of a Debian mirror"
        return 1
    fi
    if ! cmp -s "$dir/sources.list.new" "$dir/sources.list"; then
        mv "$dir/sources.list.new" "$dir/sources.list"
        rm -f "$dir/updated"
    fi
    rm -f "$dir/sources.list.new"
}

# Fetches the lists of a set. A release that the mirror lacks (an archived
# backports, say) is no failure while the base release is there; a package
# that is then not to be found is reported where it is wanted.
nyx_apt_update() {
    local set=$1 dir=$NYX_CACHE/apt/$1
    nyx_apt_write_sources "$set" || return 1
    # Its status says little: it is 0 when a mirror cannot be reached.
    nyx_apt "$set" apt-get update || echo "some lists are missing or old"
    compgen -G "$dir/lists/*_dists_$(nyx_codename)_InRelease" || return 1
    touch "$dir/updated"
}

# Makes sure that the lists of a set are there and not too old.
nyx_apt_need_lists() {
    local set=$1 dir=$NYX_CACHE/apt/$1
    if [ -n "$(find "$dir/updated" -mmin "-$NYX_LISTS_MAX_AGE_MIN" 2>/dev/null)" ]; then
        return 0
    fi
    nyx_step "apt-$set" "fetching package lists ($set)" \
        "check the network and the mirror in /etc/apt; NYX_MIRROR names another" \
        nyx_apt_update "$set"
}

# Versions of a binary package in the set "install": "version release" lines.
nyx_apt_versions() {
    nyx_apt install apt-cache madison "$1" |
        awk -F ' *\\| *' '$3 ~ / Packages$/ {
            split($3, where, " ")
            sub(/\/.*/, "", where[2])
            print $2, where[2]
        }'
}

# nyx_fetch_deb NAME_REGEX SUITE...
# Downloads, without installing it, the newest package whose whole name
# matches NAME_REGEX (an awk expression) from the first SUITE that has one,
# and prints the path of the .deb. A package that is already in the cache is
# taken from there without asking the mirror; remove the file to get a newer
# one. An example, which leaves out the -rt and -cloud flavours:
#   nyx_fetch_deb 'linux-image-6[.]12[.][0-9]+[+]deb1[23]-amd64' \
#       bookworm-backports trixie
# NYX_FETCH_ARCH names another architecture than the machine's.
nyx_fetch_deb() {
    local regex=$1 suite file found set=fetch
    shift
    [ -z "${NYX_FETCH_ARCH:-}" ] || set=fetch-$NYX_FETCH_ARCH
    for suite in "$@"; do
        file=$(nyx_cached_deb "$regex" "$suite")
        if [ -n "$file" ]; then
            printf '%s\n' "$file"
            return 0
        fi
    done
    nyx_apt_need_lists "$set"
    for suite in "$@"; do
        found=$(nyx_newest_in_suite "$set" "$regex" "$suite")
        if [ -n "$found" ]; then
            # shellcheck disable=SC2086 # "name version" are two words
            nyx_step fetch-deb "downloading ${found% *} ($suite)" \
                "remove $NYX_CACHE/apt/$set/updated and try again" \
                nyx_download_deb "$set" "$suite" $found
            nyx_cached_deb "$regex" "$suite"
            return 0
        fi
    done
    nyx_die "no package named /$regex/ in: $*
  mend: see that the mirror has one of these suites, or name another package"
}

nyx_cached_deb() {
    local regex=$1 dir=$NYX_CACHE/debs/$2${NYX_FETCH_ARCH:+-$NYX_FETCH_ARCH}
    [ -d "$dir" ] || return 0
    find "$dir" -maxdepth 1 -name '*.deb' -printf '%f\n' | sort -rV |
        awk -F _ -v re="^($regex)\$" -v dir="$dir" \
            '$1 ~ re { print dir "/" $0; exit }'
}

# "name version" of the newest match; signed and unsigned builds of a kernel
# have different names, so the expression decides which is meant.
nyx_newest_in_suite() {
    local set=$1 regex=$2 suite=$3 release file
    # shellcheck disable=SC2016 # apt's own variables
    nyx_apt "$set" apt-get indextargets --format '$(RELEASE) $(FILENAME)' \
            'Created-By: Packages' |
        while read -r release file; do
            if [ "$release" = "$suite" ] && [ -e "$file" ]; then
                # apt keeps lists compressed when it is told to.
                /usr/lib/apt/apt-helper cat-file "$file"
            fi
        done |
        awk -v re="^($regex)\$" '
            /^Package: / { name = $2 }
            /^Version: / && name ~ re { print name, $2 }' |
        sort -k2,2V -k1,1V | tail -n 1
}

nyx_download_deb() {
    local set=$1 work name=$3 version=$4
    local dir=$NYX_CACHE/debs/$2${NYX_FETCH_ARCH:+-$NYX_FETCH_ARCH}
    work=$(mktemp -d "$NYX_CACHE/debs-XXXXXX")
    # shellcheck disable=SC2064 # the directory of now is meant
    trap "rm -rf '$work'" EXIT
    (cd "$work" && nyx_apt "$set" apt-get download "$name=$version") || return 1
    mkdir -p "$dir"
    # Complete or absent: an interrupted download must not be found later.
    mv "$work"/*.deb "$dir/"
}

# --- QEMU and its tree ------------------------------------------------------

nyx_qemu_bin() {
    local bin=${NYX_QEMU:-qemu-system-x86_64}
    command -v "$bin" || true
}

# 10.0.2, or nothing when there is no such program.
nyx_qemu_version() {
    local bin
    bin=$(nyx_qemu_bin)
    [ -n "$bin" ] || return 0
    "$bin" --version 2>/dev/null |
        sed -n 's/^QEMU emulator version \([0-9][0-9.]*[0-9]\).*/\1/p'
}

# nyx_unpack_qemu TARBALL DIR: the source of QEMU, so that meson takes it.
nyx_unpack_qemu() {
    local tarball=$1 src=$2 tmp fd dts
    tmp=$(mktemp -d "$(dirname "$src")/unpack-XXXXXX")
    tar -xf "$tarball" -C "$tmp" --strip-components=1
    # Debian strips the firmware images; the build files name them still. An
    # empty file will do, as nothing here is ever installed or run.
    grep -o 'edk2-[a-z0-9_-]*\.fd' "$tmp/pc-bios/meson.build" |
        while read -r fd; do
            [ -e "$tmp/pc-bios/$fd.bz2" ] || : >"$tmp/pc-bios/$fd.bz2"
        done
    find "$tmp/pc-bios" -path '*/dtb/*.dts' |
        while read -r dts; do
            [ -e "${dts%s}b" ] || : >"${dts%s}b"
        done
    rm -rf "$src"
    mv "$tmp" "$src"
}

# The directory with src/ and build/ made for the QEMU in use, or nothing. A
# link per version of the binary, because the tree may have another point
# release where the mirror has dropped the binary's own.
nyx_qemu_tree() {
    local version tree
    version=$(nyx_qemu_version)
    [ -n "$version" ] || return 0
    tree=$NYX_CACHE/tree-for-$version
    [ -e "$tree/stamp" ] || return 0
    readlink -f "$tree"
}

nyx_meson() {
    if [ -n "${MESON:-}" ]; then
        printf '%s\n' "$MESON"
    elif [ -x /usr/bin/meson ]; then
        # Not the first in PATH: that may be one for another python.
        echo /usr/bin/meson
    else
        command -v meson || true
    fi
}

# KEY=value lines for eval, of what the other scripts need.
nyx_print_env() {
    local tree
    tree=$(nyx_qemu_tree)
    if [ -z "$tree" ]; then
        nyx_die "no QEMU tree in $NYX_CACHE
  mend: scripts/setup.sh"
    fi
    printf '%s=%q\n' \
        NYX_CACHE "$NYX_CACHE" \
        QEMU_BIN "$(nyx_qemu_bin)" \
        QEMU_VERSION "$(nyx_qemu_version)" \
        QEMU_SRC "$(readlink -f "$tree/src")" \
        QEMU_BUILD "$tree/build" \
        MESON "$(nyx_meson)"
}
