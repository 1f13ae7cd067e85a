#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gets what a guest is made of, kernels, busybox and UEFI firmware, QEMU for Arm
# and DPDK's testpmd, out of Debian packages that are downloaded and unpacked,
# never installed.
#
# usage: fetch.sh [WHAT ...]
#
# WHAT: 6.1 6.12 newest busybox ovmf, 6.12-arm64 busybox-arm64 efi-arm64 qemu-arm,
# dpdk (all by default)
#
# Prints a line "WHAT PATH" each, none for a QEMU that is not to be had. What is there already costs nothing.

# shellcheck source-path=SCRIPTDIR source=../../scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

# unpack DEB... -- PATTERN...: the files of packages that match, in a directory
# of the cache named after the first package, its version and the patterns.
unpack() {
    local debs=() target
    while [ "$1" != -- ]; do
        debs+=("$1")
        shift
    done
    shift
    target=$NYX_CACHE/guest/$(basename "${debs[0]}" .deb)
    target+=-$(cksum <<<"$*" | cut -d' ' -f1)
    if ! [ -d "$target" ]; then
        local partial=$target.$$
        mkdir -p "$partial"
        for deb in "${debs[@]}"; do
            dpkg-deb --fsys-tarfile "$deb"
        done |
            tar -x -C "$partial" --ignore-zeros --no-same-owner --wildcards \
                "$@" ||
            nyx_die "cannot unpack ${debs[*]}
  mend: remove that and try again"
        # Another run may have been faster; its copy is as good.
        mv -T "$partial" "$target" 2>/dev/null || rm -rf "$partial"
    fi
    printf '%s\n' "$target"
}

# kernel NAME_REGEX SUITE...: a regex for a series, not a version: mirrors drop
# a point release when the next comes.  "[0-9]" before the flavour leaves out
# -rt and -cloud.
kernel() {
    local regex=$1 deb name debs=() other=()
    shift
    deb=$(nyx_fetch_deb "$regex" "$@")
    [ -n "$deb" ] || return 1
    debs=("$deb")
    # Since 7.2 a kernel is three packages of one version.
    name=$(basename "$deb")
    name=${name%%_*}
    case $name in
        linux-binary-*)
            for part in base modules; do
                regex=${name/binary/$part}
                deb=$(nyx_fetch_deb "${regex//[.+]/.}" "$@")
                [ -n "$deb" ] || return 1
                debs+=("$deb")
            done ;;
    esac
    # What VFIO needs is there on x86 only.
    [ -n "${NYX_FETCH_ARCH:-}" ] || other=('*/lib/modules/*/kernel/virt/*')
    unpack "${debs[@]}" -- '*/vmlinuz*' '*/lib/modules/*/modules.builtin' \
        '*/lib/modules/*/kernel/drivers/*' '*/lib/modules/*/kernel/lib/*' \
        '*/lib/modules/*/kernel/net/*' '*/lib/modules/*/kernel/crypto/*' \
        '*/lib/modules/*/kernel/block/*' '*/lib/modules/*/kernel/arch/*' \
        "${other[@]}"
}

same_series() {
    [ "$(nyx_series "$1")" = "$(nyx_series "$(nyx_qemu_version)")" ]
}

# The suite that has a QEMU for Arm of the series that the module is for.
arm_suite() {
    local suite found codename
    codename=$(nyx_codename)
    nyx_apt_need_lists fetch
    for suite in "$codename-backports" "$codename" "$codename-security"; do
        found=$(nyx_newest_in_suite fetch qemu-system-arm "$suite")
        if [ -n "$found" ] &&
            same_series "$(nyx_upstream_version "${found#* }")"; then
            printf '%s\n' "$suite"
            return
        fi
    done
}

# It needs libraries that QEMU for x86 needs, too.  Prints nothing if there is
# none: who wants it says so.
qemu_arm() {
    local link=$NYX_CACHE/guest/qemu-system-aarch64 suite deb path
    if ! same_series "$(NYX_QEMU=$link nyx_qemu_version)"; then
        suite=$(arm_suite)
        [ -n "$suite" ] || return 0
        deb=$(nyx_fetch_deb qemu-system-arm "$suite")
        path=$(unpack "$deb" -- '*/bin/qemu-system-aarch64')
        ln -sfn "$path/usr/bin/qemu-system-aarch64" "$link"
        same_series "$(NYX_QEMU=$link nyx_qemu_version)" || return 0
    fi
    printf '%s\n' "$link"
}

# What testpmd is linked with, and the drivers we use, by the number that this
# version's packages have in their names.
dpdk_packages() {
    local needed number driver
    needed=$(dpkg-deb -f "$1" Depends | tr ',' '\n' |
        sed -nE 's/^ *(lib[^ ]+).*/\1/p' | grep -v -e '-dev$')
    number=$(sed -n 's/^librte-ethdev//p' <<<"$needed")
    printf '%s\n' "$needed"
    for driver in net-e1000- net-virtio net-vhost net-pcap mempool-ring; do
        printf 'librte-%s%s\n' "$driver" "$number"
    done
}

# dpdk_unpack DEB TARGET: testpmd and all libraries, with the C library and its
# loader.  Packages of programs, which libraries' own packages depend on, are
# left out.
dpdk_unpack() {
    local deb=$1 target=$2 suite packages path
    suite=$(basename "$(dirname "$deb")")
    mkdir -p "$target/debs"
    ln -s "$deb" "$target/debs"
    mapfile -t packages < <(dpdk_packages "$deb")
    mapfile -t packages < <(nyx_apt fetch apt-get -t "$suite" install -y \
        --no-install-recommends --print-uris "${packages[@]}" |
        sed -nE "s/^'[^']*' ((lib|ibverbs-)[^_]*)_.*/\1/p")
    [ ${#packages[@]} -gt 0 ]
    (cd "$target/debs" &&
        nyx_apt fetch apt-get -t "$suite" download "${packages[@]}")
    for deb in "$target"/debs/*.deb; do
        # Debian 12's packages still say /lib.
        dpkg-deb --fsys-tarfile "$deb" |
            tar -x -C "$target" --no-same-owner --transform='s,^\./lib,./usr/lib,' \
                --wildcards --exclude='*/gconv/*' --exclude='*/security/*' \
                --no-anchored '*.so*' 'bin/dpdk-testpmd' 2>/dev/null || true
    done
    rm -r "$target/debs"
    # All that it needs is there.
    path=$target/usr/lib/x86_64-linux-gnu
    "$path/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$path" \
        --list "$target/usr/bin/dpdk-testpmd"
}

# It runs on any host and in any guest by its own loader.
dpdk() {
    local deb path partial
    deb=$(nyx_fetch_deb dpdk-dev trixie bookworm)
    [ -n "$deb" ] || return 1
    path=$NYX_CACHE/guest/$(basename "$deb" .deb)
    if ! [ -d "$path" ]; then
        partial=$path.$$
        nyx_apt_need_lists fetch
        nyx_step fetch-dpdk "downloading the libraries of dpdk-testpmd" \
            "remove $NYX_CACHE/apt/fetch/updated and try again" \
            dpdk_unpack "$deb" "$partial"
        mv -T "$partial" "$path" 2>/dev/null || rm -rf "$partial"
    fi
    printf '%s\n' "$path"
}

fetch() {
    local deb path=
    case $1 in
        6.1)
            path=$(kernel 'linux-image-6[.]1[.]0-[0-9]+-amd64' \
                bookworm-security bookworm) ;;
        6.12)
            path=$(kernel 'linux-image-6[.]12[.][0-9]+[+]deb1[23]([.][0-9]+)?-amd64' \
                bookworm-backports bookworm-security trixie-security trixie) ;;
        newest)
            # Whatever its number; backports follow unstable closely.
            path=$(kernel 'linux-binary-[0-9]+[.][0-9]+[.][0-9]+[+]deb13-amd64' \
                trixie-backports) ;;
        6.12-arm64)
            path=$(NYX_FETCH_ARCH=arm64 kernel \
                'linux-image-6[.]12[.][0-9]+[+]deb1[23]([.][0-9]+)?-arm64' \
                bookworm-backports bookworm-security trixie-security trixie) ;;
        busybox-arm64)
            deb=$(NYX_FETCH_ARCH=arm64 nyx_fetch_deb busybox-static \
                bookworm trixie)
            path=$(unpack "$deb" -- '*/bin/busybox')
            path=$(find "$path" -name busybox -type f) ;;
        busybox)
            deb=$(nyx_fetch_deb busybox-static bookworm trixie)
            path=$(unpack "$deb" -- '*/bin/busybox')
            path=$(find "$path" -name busybox -type f) ;;
        efi-arm64)
            deb=$(nyx_fetch_deb qemu-efi-aarch64 trixie bookworm)
            path=$(unpack "$deb" -- '*/QEMU_EFI.fd')
            path=$path/usr/share/qemu-efi-aarch64/QEMU_EFI.fd ;;
        qemu-arm)
            path=$(qemu_arm)
            [ -n "$path" ] || return 0 ;;
        dpdk)
            path=$(dpdk) ;;
        ovmf)
            # The 4-MiB build; its variables are copied for each guest.
            deb=$(nyx_fetch_deb ovmf trixie bookworm)
            path=$(unpack "$deb" -- './usr/share/OVMF/OVMF_*_4M.fd')
            path=$path/usr/share/OVMF ;;
        *)
            nyx_die "fetch.sh: nothing is called $1" ;;
    esac
    [ -n "$path" ] || exit 1
    printf '%s %s\n' "$1" "$path"
}

mkdir -p "$NYX_CACHE/guest"
# Two runs at once would download the same thing; the second waits.
exec 8>"$NYX_CACHE/guest/lock"
flock 8
[ $# -gt 0 ] || set -- 6.1 6.12 newest busybox ovmf \
    6.12-arm64 busybox-arm64 efi-arm64 qemu-arm dpdk
for what; do
    fetch "$what"
done
