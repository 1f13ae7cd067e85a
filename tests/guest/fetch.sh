#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gets what a guest is made of, kernels, busybox and UEFI firmware, out of
# Debian packages that are downloaded and unpacked, never installed.
#
# usage: fetch.sh [WHAT ...]      WHAT: 6.1 6.12 busybox ovmf (all by default)
#
# Prints a line "WHAT PATH" each. What is there already costs nothing.

# shellcheck source-path=SCRIPTDIR source=../../scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

# unpack DEB PATTERN...: the files of a package that match, in a directory of
# the cache named after the package and its version.
unpack() {
    local deb=$1 target
    shift
    target=$NYX_CACHE/guest/$(basename "$deb" .deb)
    if ! [ -d "$target" ]; then
        local partial=$target.$$
        mkdir -p "$partial"
        dpkg-deb --fsys-tarfile "$deb" |
            tar -x -C "$partial" --no-same-owner --wildcards "$@" ||
            nyx_die "cannot unpack $deb
  mend: remove that file and try again"
        # Another run may have been faster; its copy is as good.
        mv -T "$partial" "$target" 2>/dev/null || rm -rf "$partial"
    fi
    printf '%s\n' "$target"
}

# A series, not a version: mirrors drop a point release when the next comes.
# "[0-9]" before the flavour leaves out -rt and -cloud.
kernel() {
    local regex=$1 deb
    shift
    deb=$(nyx_fetch_deb "$regex" "$@")
    unpack "$deb" './boot/vmlinuz-*' '*/lib/modules/*/modules.builtin' \
        '*/lib/modules/*/kernel/drivers/*' '*/lib/modules/*/kernel/lib/*' \
        '*/lib/modules/*/kernel/net/*' '*/lib/modules/*/kernel/crypto/*' \
        '*/lib/modules/*/kernel/block/*' '*/lib/modules/*/kernel/arch/*'
}

fetch() {
    local deb path
    case $1 in
        6.1)
            path=$(kernel 'linux-image-6[.]1[.]0-[0-9]+-amd64' \
                bookworm-security bookworm) ;;
        6.12)
            path=$(kernel 'linux-image-6[.]12[.][0-9]+[+]deb1[23]([.][0-9]+)?-amd64' \
                bookworm-backports bookworm-security trixie-security trixie) ;;
        busybox)
            deb=$(nyx_fetch_deb busybox-static bookworm trixie)
            path=$(unpack "$deb" '*/bin/busybox')
            path=$(find "$path" -name busybox -type f) ;;
        ovmf)
            # The 4-MiB build; its variables are copied for each guest.
            deb=$(nyx_fetch_deb ovmf trixie bookworm)
            path=$(unpack "$deb" './usr/share/OVMF/OVMF_*_4M.fd')
            path=$path/usr/share/OVMF ;;
        *)
            nyx_die "fetch.sh: nothing is called $1" ;;
    esac
    printf '%s %s\n' "$1" "$path"
}

mkdir -p "$NYX_CACHE/guest"
# Two runs at once would download the same thing; the second waits.
exec 8>"$NYX_CACHE/guest/lock"
flock 8
[ $# -gt 0 ] || set -- 6.1 6.12 busybox ovmf
for what; do
    fetch "$what"
done
