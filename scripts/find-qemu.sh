#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For meson.build: prints, a line each, the QEMU binary, its version, the
# source tree and the build directory to take headers from.
#
# Usage: find-qemu.sh BINARY SOURCE BUILD, each "" for the default.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ -z "${1:-}" ] || NYX_QEMU=$1
source=${2:-}
build=${3:-}

binary=$(nyx_qemu_bin)
version=$(nyx_qemu_version)
if [ -z "$version" ]; then
    nyx_die "${NYX_QEMU:-qemu-system-x86_64} does not run
  mend: scripts/setup.sh, or -Dqemu_binary=PROGRAM"
fi

if [ -z "$source" ]; then
    tree=$(nyx_qemu_tree)
    if [ -z "$tree" ]; then
        nyx_die "no headers for QEMU $version in $NYX_CACHE
  mend: scripts/setup.sh, or -Dqemu_source=DIR -Dqemu_build=DIR"
    fi
    source=$(readlink -f "$tree/src")
    build=${build:-$tree/build}
fi
build=${build:-$source/build}

# Relative names are relative to where meson was started.
source=$(realpath -m "$source")
build=$(realpath -m "$build")
if ! [ -e "$source/include/qemu/osdep.h" ]; then
    nyx_die "$source is not a QEMU source tree"
fi
if ! [ -e "$build/qapi/qapi-types.h" ]; then
    nyx_die "$build has no generated headers of QEMU
  mend: scripts/setup.sh --qemu-source $source"
fi
printf '%s\n' "$binary" "$version" "$source" "$build"
