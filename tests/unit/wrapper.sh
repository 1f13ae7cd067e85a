#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests nyx-qemu-system-TARGET with a stand-in for QEMU that prints its
# arguments, one a line.
#
# Usage: wrapper.sh WRAPPER MODULE TARGET

set -euo pipefail

wrapper=$(readlink -f "$1")
module=$(readlink -f "$2")
target=$3

declare -A variables=([x86_64]=NYX_QEMU [aarch64]=NYX_QEMU_ARM)
declare -A machines=([x86_64]=q35 [aarch64]=virt)
variable=${variables[$target]}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/qemu" <<'FAKE'
#!/bin/sh
printf '<%s>\n' "$@"
FAKE
chmod +x "$work/qemu"
unset NYX_PLUGIN "${variables[@]}"
export "$variable=$work/qemu"

failed=0

# check WHAT WANTED_LINES COMMAND...: the output holds these lines, in order.
check() {
    local what=$1 wanted=$2 got
    shift 2
    got=$("$@" 2>&1) || true
    if [ "$(grep -xF -e "$wanted" <<<"$got" || true)" != "$wanted" ]; then
        printf 'FAILED: %s\nwanted:\n%s\ngot:\n%s\n\n' "$what" "$wanted" "$got"
        failed=1
    fi
}

lines() {
    printf '<%s>\n' "$@"
}

check "the plugin comes first, arguments stay whole" \
    "$(lines -plugin "$module" -M q35 -name "a b" "")" \
    "$wrapper" -M q35 -name "a b" ""
check "no arguments" "$(lines -plugin "$module")" "$wrapper"
check "a plugin of the user's is kept, not given twice" \
    "$(lines -plugin /x/nyx-iommu.so,a=b -S)" \
    "$wrapper" -plugin /x/nyx-iommu.so,a=b -S
check "another plugin is no reason to leave ours out" \
    "$(lines -plugin "$module" -plugin hotblocks.so)" \
    "$wrapper" -plugin hotblocks.so
check "-device help asks both" \
    "$(lines -device help -M "${machines[$target]}" -plugin "$module,help=on")" \
    "$wrapper" -M none -device help
check "--device of a Nyx type asks the plugin" \
    "$(lines "$module,help=nyx-vtd")" "$wrapper" --device 'nyx-vtd,help'
check "? is an old name of help" \
    "$(lines "$module,help=nyx-vtd")" "$wrapper" -device 'nyx-vtd,?'
check "help on another device is QEMU's" \
    "$(lines -plugin "$module" -device e1000e,help)" \
    "$wrapper" -device e1000e,help
check "--help shows ours after QEMU's" \
    "<-help>"$'\n'"Nyx IOMMU:" "$wrapper" --help

mkdir "$work/a, b"
: >"$work/a, b/other.so"
NYX_PLUGIN="$work/a, b/other.so" check "NYX_PLUGIN, with a comma in it" \
    "$(lines -plugin "$work/a,, b/other.so")" "$wrapper"
NYX_PLUGIN=$work/none.so check "NYX_PLUGIN that is missing" \
    "nyx-qemu-system-$target: NYX_PLUGIN: cannot read $work/none.so; unset it, or build it: ninja -C BUILD" \
    "$wrapper"
export "$variable=$work/none"
check "$variable that is missing" \
    "nyx-qemu-system-$target: $variable: cannot run $work/none; unset it, or let it name a qemu-system-$target" \
    "$wrapper"
export "$variable=$work/qemu"

# A symbolic link in PATH leads to the build tree.
ln -s "$wrapper" "$work/link"
check "through a symbolic link" "$(lines -plugin "$module")" "$work/link"

exit "$failed"
