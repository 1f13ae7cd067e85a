#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the kernel of the extended tier, and the selftests in its tree, from
# the newest linux-source package; Debian's own kernels have no IOMMUFD.
#
# usage: kernel.sh [--list-packages]
#
# Prints "own PATH".  PATH holds boot/vmlinuz-VERSION, config, include/ (the
# interfaces for programs) and selftests/.  The source is removed again; what
# is there already costs nothing.

# shellcheck source-path=SCRIPTDIR source=../../scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

CONFIG=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/kernel.config")
SUITES=(trixie-backports trixie-security trixie bookworm-backports)
# scripts/test.sh --extended installs what of it is missing.
PACKAGES=(bc bison flex gcc libcap-dev libelf-dev make uuid-dev xz-utils)
SELFTESTS=(iommu vfio)

# A change of what is done below has to change this.
RECIPE=2

missing_packages() {
    local package
    for package in "${PACKAGES[@]}"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || printf '%s\n' "$package"
    done
}

unpack_source() {
    local deb=$1 source=$2
    mkdir -p "$source"
    dpkg-deb --fsys-tarfile "$deb" |
        tar -xO --wildcards '*/linux-source-*.tar.xz' |
        tar -xJ -C "$source" --strip-components=1
}

# 7.3 has all of AMD's nested tables but the pointer by which iommufd gets at
# them.
mend() {
    local file=$1/drivers/iommu/amd/iommufd.c
    grep -q '\.alloc_domain_nested' "$file" || sed -i \
        '/\.destroy = /a\\t.alloc_domain_nested = amd_iommu_alloc_domain_nested,' \
        "$file"
}

# An option that depends on another one which is off is dropped in silence.
configure() {
    local source=$1 build=$2
    make -C "$source" "O=$build" allnoconfig "KCONFIG_ALLCONFIG=$CONFIG"
    if grep '^CONFIG_' "$CONFIG" | grep -vxF -f "$build/.config"; then
        echo "the kernel's configuration lacks the lines above"
        return 1
    fi
}

build_kernel() {
    make -C "$1" "O=$2" "-j$(nproc)" bzImage
}

build_selftests() {
    local source=$1 build=$2 target=$3 name
    make -C "$source" "O=$build" headers
    mkdir -p "$target/selftests"
    cp -r "$build/usr/include" "$target/include"
    for name in "${SELFTESTS[@]}"; do
        mkdir -p "$build/selftests-$name"
        make -C "$source/tools/testing/selftests/$name" \
            "OUTPUT=$build/selftests-$name" USERLDFLAGS=-static \
            "KHDR_INCLUDES=-isystem $build/usr/include"
        find "$build/selftests-$name" -maxdepth 1 -type f -executable \
            -exec strip -o /dev/null {} ';' \
            -exec cp -t "$target/selftests" {} +
    done
}

install_kernel() {
    local build=$1 target=$2
    mkdir -p "$target/boot"
    cp "$build/.config" "$target/config"
    cp "$build/arch/x86/boot/bzImage" \
        "$target/boot/vmlinuz-$(cat "$build/include/config/kernel.release")"
}

make_all() {
    local deb=$1 target=$2 work missing
    missing=$(missing_packages | xargs)
    # shellcheck disable=SC2086 # a list of packages
    [ -z "$missing" ] || nyx_die "building a kernel needs: $missing
  mend: scripts/setup.sh $(printf -- '--also %s ' $missing)"
    work=$(mktemp -d "$NYX_CACHE/guest/kernel-XXXXXX")
    # shellcheck disable=SC2064 # the directory of now is meant
    trap "rm -rf '$work'" EXIT
    mkdir "$work/target"
    nyx_step kernel-unpack "unpacking $(basename "$deb" _all.deb)" \
        "is the disk full? else remove $deb" unpack_source "$deb" "$work/source"
    nyx_step kernel-mend "mending it" "see the log" mend "$work/source"
    nyx_step kernel-configure "configuring it" "see the log" \
        configure "$work/source" "$work/build"
    nyx_step kernel-build "building a kernel (five to ten minutes)" \
        "see the log" build_kernel "$work/source" "$work/build"
    nyx_step kernel-selftests "building its selftests" "see the log" \
        build_selftests "$work/source" "$work/build" "$work/target"
    install_kernel "$work/build" "$work/target"
    mv -T "$work/target" "$target"
}

if [ "${1:-}" = --list-packages ]; then
    printf '%s\n' "${PACKAGES[@]}"
    exit 0
fi

# Neither the time nor the place of the build is in the kernel.
export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=nyx KBUILD_BUILD_HOST=nyx

mkdir -p "$NYX_CACHE/guest"
# Two runs at once would build the same thing; the second waits.
exec 7>"$NYX_CACHE/guest/kernel.lock"
flock 7
deb=$(nyx_fetch_deb 'linux-source-[0-9.]+' "${SUITES[@]}")
hash=$( { echo "$RECIPE"; gcc --version; cat "$CONFIG"; } | sha256sum)
target=$NYX_CACHE/guest/$(basename "$deb" _all.deb)-${hash:0:12}
[ -d "$target" ] || make_all "$deb" "$target"
printf 'own %s\n' "$target"
