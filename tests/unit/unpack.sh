#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unpacks sources of QEMU in miniature: those of 10.0, which have descriptions
# of boards in pc-bios, and those of 10.2, which have a directory for them.
#
# Usage: unpack.sh COMMON_SH

# shellcheck source=scripts/common.sh
. "$1"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check WHAT DIRECTORY-OR-NONE FILE...: these are there after unpacking.
check() {
    local what=$1 boards=$2 file
    shift 2
    mkdir -p "$work/qemu-1.2/pc-bios/$boards"
    echo "fds = ['edk2-arm-code.fd', 'edk2-i386-vars.fd']" \
        >"$work/qemu-1.2/pc-bios/meson.build"
    echo firmware >"$work/qemu-1.2/pc-bios/edk2-arm-code.fd.bz2"
    : >"$work/qemu-1.2/pc-bios/$boards/bamboo.dts"
    tar -C "$work" -cf "$work/qemu.tar" qemu-1.2
    mkdir "$work/tree"
    if ! bash -c '. "$1"; nyx_unpack_qemu "$2/qemu.tar" "$2/tree/src"' \
        sh "$common" "$work"; then
        echo "FAILED: $what: not unpacked"
        failed=1
    fi
    for file in "$@"; do
        if [ ! -e "$work/tree/src/pc-bios/$file" ]; then
            echo "FAILED: $what: no $file"
            failed=1
        fi
    done
    if [ "$(cat "$work/tree/src/pc-bios/edk2-arm-code.fd.bz2")" != firmware ]
    then
        echo "FAILED: $what: firmware that was there is not"
        failed=1
    fi
    rm -rf "$work/tree" "$work/qemu-1.2"
}

common=$(readlink -f "$1")
check "boards in pc-bios" . bamboo.dts edk2-i386-vars.fd.bz2
check "boards in a directory" dtb dtb/bamboo.dts dtb/bamboo.dtb \
    edk2-i386-vars.fd.bz2

exit "$failed"
