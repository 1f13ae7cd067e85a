#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measures the devices against QEMU's own, side by side in one run.
# Usage: scripts/bench.sh [--quick] [--json FILE] [--rounds N]

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${NYX_BUILD:-build}

scripts/setup.sh
eval "$(scripts/setup.sh --print-env)"
[ -e "$build/build.ninja" ] || "$MESON" setup "$build" >/dev/null
ninja -C "$build" >/dev/null
exec "$NYX_PYTHON" bench/bench.py --qemu "$build/nyx-qemu-system-x86_64" "$@"
