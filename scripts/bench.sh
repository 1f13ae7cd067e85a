#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measures the devices against QEMU's own, side by side in one run.
# Usage: scripts/bench.sh [--quick] [--only PATTERN] [--list] [--rounds N]
#                         [--json FILE] [--plot FILE.svg]

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${NYX_BUILD:-build}

also=()
for word; do
    case $word in
    --plot | --plot=*) also=(--also gnuplot-nox) ;;
    esac
done
scripts/setup.sh "${also[@]}"
eval "$(scripts/setup.sh --print-env)"
[ -e "$build/build.ninja" ] || "$MESON" setup "$build" >/dev/null
ninja -C "$build" >/dev/null
exec "$NYX_PYTHON" bench/bench.py --qemu "$build/nyx-qemu-system-x86_64" "$@"
