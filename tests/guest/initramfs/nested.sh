# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of a guest that has a QEMU: it gives devices of ours away by VFIO.
#
# The inner console is our second serial port, its QEMU's monitor is the third
# one: the host talks to both itself.
#
# shellcheck shell=dash disable=SC2034,SC2154

INNER_CONSOLE=/dev/ttyS1

# give_away DEVICE...: what was given, as "DEVICE=FUNCTION ...".
give_away()
{
    local device module
    # Behind an IOMMU that remaps no interrupts.
    for module in /sys/module/vfio_iommu_type1 /sys/module/iommufd; do
        [ ! -e "$module" ] || echo Y > $module/parameters/allow_unsafe_interrupts
    done
    given=
    for device; do
        pci_named "$device" && give "$pci" vfio-pci || return 1
        given="$given $device=$pci"
    done
}

run_inner()
{
    local status=0
    eval "$1" > /tmp/inner.out 2>&1 || status=$?
    # Whoever reads the console there has to hear of it.
    sed 's/^/NYX: stderr /' /tmp/inner.out > $INNER_CONSOLE
    echo "NYX: gone $status" > $INNER_CONSOLE
}

# nested_linux DEVICE...: the host knows the rest of the inner QEMU.
test_nested_linux()
{
    give_away "$@" || return 1
    # shellcheck disable=SC2086 # a list
    get_answer inner $given || return 1
    run_inner "$answer" &
    patience=900 ask inner_tests || return 1
    wait
}

# nested_qtest DEVICE [iommufd]: a program that needs no inner processor, and judges
# itself, but for what our IOMMU has reported.
test_nested_qtest()
{
    local status=0
    give_away "$1" || return 1
    [ -z "$2" ] || export NYX_NESTED_IOMMUFD=1
    NYX_NESTED_DEVICE=$pci NYX_PLUGIN=/inner/nyx-iommu.so \
        QTEST_QEMU_BINARY=/bin/qemu-system-x86_64 \
        nyx-nested-test --tap > /tmp/qtest 2>&1 || status=$?
    while read -r line; do
        case $line in
        '# blocked '*)
            # shellcheck disable=SC2086 # words
            set -- $line
            say "rogue ${pci#*:} $4 $3" ;;
        'ok '* | 'not ok '* | 1..*) say "tap $line" ;;
        *) why "$line" ;;
        esac
    done < /tmp/qtest
    [ $status = 0 ] || why "nyx-nested-test ended with $status"
}
