#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shows a stock Debian kernel behind one of the devices, in the stock QEMU:
# sets the machine up, builds, boots the guest and prints what it says.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
-h | --help)
    echo "Usage: scripts/demo.sh [MODEL]"
    echo
    echo "MODEL: vtd (Intel VT-d, the default), amdvi (AMD-Vi), virtio;"
    echo "       nested (VT-d behind VT-d: a guest gives its disk to a guest)"
    exit 0
    ;;
esac

BUILD=${NYX_BUILD:-build}

build() {
    [ -e "$BUILD/build.ninja" ] || "$MESON" setup "$BUILD"
    ninja -C "$BUILD"
}

start=$(date +%s%N)
scripts/setup.sh
eval "$(scripts/setup.sh --print-env)"
nyx_step build "building nyx-iommu.so in $BUILD" \
    "the log says where; rm -r $BUILD and try again after an upgrade of QEMU" \
    build
"$NYX_PYTHON" tests/guest/demo.py --qemu "$BUILD/nyx-qemu-system-x86_64" \
    --plugin '' "$@"
nyx_say "everything together took $(nyx_elapsed "$start") s"
