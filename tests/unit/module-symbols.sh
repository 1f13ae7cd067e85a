#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Checks the symbols of nyx-iommu.so: it exports just the plugin's entry
# points, and wants nothing that QEMU or a library of QEMU does not have.
#
# Usage: module-symbols.sh MODULE QEMU

set -euo pipefail

module=$1
qemu=$2

# Names without their version.
symbols() {
    nm -D "$@" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u
}

exported=$(symbols --defined-only "$module" | xargs)
if [ "$exported" != "qemu_plugin_install qemu_plugin_version" ]; then
    echo "exported are: $exported"
    exit 1
fi

# Other weak ones are for QEMUs of other processors, so this one has them.
optional='_ITM_.*|__gmon_start__|__cxa_finalize|vmstate_usb_device|qemu_fdt_.*'
mapfile -t libraries < <(ldd "$qemu" "$module" | awk '$3 ~ /^\// { print $3 }' | sort -u)
missing=$(comm -23 \
    <(nm -D --undefined-only "$module" |
        awk '{ sub(/@.*/, "", $2); print $2 }' | grep -vxE "$optional" |
        sort -u) \
    <(symbols --defined-only "$qemu" "${libraries[@]}"))
if [ -n "$missing" ]; then
    echo "not in $qemu:"
    echo "$missing"
    exit 1
fi
