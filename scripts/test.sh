#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs every test: sets the machine up, builds, and goes through the tiers.
# The last line counts all of them: N passed, M failed, K skipped.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<USAGE
Usage: scripts/test.sh [--extended] [TIER ...]

Tiers, all of them if none is named; --extended adds the last two:
  unit    the engine and the core, without QEMU
  asan    the same under the address and undefined-behaviour sanitizers
  tsan    the threaded tests under the thread sanitizer
  qtest   the module in the stock QEMU, driven by libqtest
  guest   Debian's kernels behind the devices
  asan-qtest  the tier qtest, the module under the sanitizers of the tier asan,
          leaks of the module included (seven minutes)
  extended  a kernel built from Debian's newest source: IOMMUFD, nested
          translation, the kernel's own dumps and selftests (the first run
          builds the kernel: ten minutes and 2 GB, given back)

NYX_RACE_SECONDS is how long translations and invalidations race: 60 in the
tier tsan unless it is set, a few seconds elsewhere.
USAGE
}

TIERS=(unit asan tsan qtest guest)
targets=()
BUILD=${NYX_BUILD:-build}

passed=0
failed=0
skipped=0

# add PASSED FAILED SKIPPED
add() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    printf '  %d passed, %d failed, %d skipped\n' "$1" "$2" "$3"
}

# configure DIR OPTION...: builds the array targets, all if there is none
configure() {
    local dir=$1
    shift
    if [ ! -e "$dir/build.ninja" ]; then
        "$MESON" setup "$dir" "$@" >"$NYX_LOGS/meson-$(basename "$dir").log" ||
            nyx_die "meson setup $dir failed: see $NYX_LOGS"
    fi
    ninja -C "$dir" "${targets[@]}" \
        >"$NYX_LOGS/ninja-$(basename "$dir").log" || {
        tail -n 30 "$NYX_LOGS/ninja-$(basename "$dir").log" >&2
        nyx_die "the build in $dir failed: the lines above say where"
    }
}

# meson_tier DIR ARGUMENT...
meson_tier() {
    local dir=$1
    shift
    # A wrapper has its name in the log's.
    rm -f "$dir"/meson-logs/testlog*.json
    "$MESON" test -C "$dir" --no-rebuild --print-errorlogs "$@" || true
    # shellcheck disable=SC2046
    add $("$NYX_PYTHON" scripts/tap-count.py "$dir"/meson-logs/testlog*.json)
}

tier_unit() {
    meson_tier "$BUILD" --suite unit
}

tier_asan() {
    configure "$BUILD-asan" -Db_sanitize=address,undefined -Db_lundef=false
    meson_tier "$BUILD-asan" --suite unit
}

# Only what has threads has anything to tell under this sanitizer. Here the
# races of translations and invalidations take their time, all at once: with
# more threads than processors they are interrupted in more places.
tier_tsan() {
    configure "$BUILD-tsan" -Db_sanitize=thread -Db_lundef=false
    NYX_RACE_SECONDS=${NYX_RACE_SECONDS:-60} \
        meson_tier "$BUILD-tsan" --suite threads --num-processes 8
}

tier_qtest() {
    # For nyx-virtio-arm, which says so if there is none.
    tests/guest/fetch.sh qemu-arm >/dev/null || true
    meson_tier "$BUILD" --suite qtest --num-processes 3
}

# A QEMU that is not sanitized loads a module that is if the library comes
# first. UBSan reports into the log of the test, ASan into files: it warns of
# QEMU's coroutines as well, and some tests look at all that QEMU prints. Leaks
# end no test, for QEMU has some; one with the module in its stack is a failure.
tier_asan-qtest() {
    local targets=(nyx-iommu.so tests/qtest/nyx-fake-iommu.so)
    local dir report reports="$NYX_LOGS/asan-qtest" stop wrapper
    configure "$BUILD-asan-qtest" -Db_sanitize=address,undefined \
        -Db_lundef=false -Dmodule=enabled
    dir=$(realpath "$BUILD-asan-qtest")
    rm -rf "$reports"
    mkdir "$reports"

    stop=halt_on_error=1:abort_on_error=1
    wrapper=(
        env
        "LD_PRELOAD=$("${CC:-cc}" -print-file-name=libasan.so)"
        "NYX_PLUGIN=$dir/${targets[0]}"
        "NYX_FAKE_IOMMU=$dir/${targets[1]}"
        "UBSAN_OPTIONS=$stop:print_stacktrace=1"
        "ASAN_OPTIONS=$stop:use_sigaltstack=0:detect_leaks=1:exitcode=0"
    )
    wrapper[-1]+=":fast_unwind_on_malloc=0:malloc_context_size=6"
    wrapper[-1]+=":log_path='$reports/report'"
    meson_tier "$BUILD" --suite qtest --num-processes 3 \
        --timeout-multiplier 3 --wrapper "$(printf '%q ' "${wrapper[@]}")"

    for report in "$reports"/*; do
        if grep -sqE 'ERROR: AddressSanitizer|hw/(nyx|virtio-iommu-ext)' \
            "$report"; then
            cat "$report"
            add 0 1 0
        fi
    done
}

# guest_rows LOG ARGUMENT...
guest_rows() {
    local log="$NYX_LOGS/$1.log" last
    shift

    "$NYX_PYTHON" tests/guest/run.py "$@" \
        --qemu "$BUILD/nyx-qemu-system-x86_64" --plugin '' | tee "$log" || true
    last=$(tail -n 1 "$log")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]
    then
        add "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
    else
        add 0 1 0
    fi
}

tier_guest() {
    guest_rows guest-tests
}

tier_extended() {
    local package also=()
    for package in $(tests/guest/kernel.sh --list-packages); do
        also+=(--also "$package")
    done
    scripts/setup.sh "${also[@]}"
    guest_rows extended-tests --extended
}

extended=()
case "${1:-}" in
-h | --help)
    usage
    exit 0
    ;;
--extended)
    extended=(asan-qtest extended)
    shift
    ;;
esac
[ $# -gt 0 ] && TIERS=("$@")
TIERS+=("${extended[@]}")
for tier in "${TIERS[@]}"; do
    declare -F "tier_$tier" >/dev/null ||
        nyx_die "no tier \"$tier\": known are unit, asan, tsan, qtest, guest, asan-qtest, extended"
done

scripts/setup.sh
eval "$(scripts/setup.sh --print-env)"
mkdir -p "$NYX_LOGS"
configure "$BUILD"

for tier in "${TIERS[@]}"; do
    start=$SECONDS
    nyx_say "== $tier"
    "tier_$tier"
    nyx_say "== $tier: $((SECONDS - start)) s"
done

if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
