# SPDX-License-Identifier: GPL-2.0-or-later
# Two network cards whose data a process on the host moves, by addresses that it
# asks QEMU for.  Read by init.
#
# shellcheck shell=dash disable=SC2012,SC2154
# (init's variables; no name here has a blank in it.)

# The second card is in a network namespace, that of the process $other.
there() { nsenter -t "$other" -n "$@"; }

namespace_made()
{
    [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

other_carrier() { [ "$(there cat "/sys/class/net/$1/carrier")" = 1 ]; }

there_listens() { there netstat -ltn | grep -q ":$1 "; }

answers() { ping -q -c 1 -W 1 10.8.0.2 > /tmp/ping; }

# Both cards are up and have found each other.
connect()
{
    [ -z "$other" ] || return 0
    for path in /sys/bus/virtio/drivers/virtio_net/virtio*; do
        path=$(readlink -f "$path")
        path=${path%/*}
        say "user ${path##*/}"
    done
    set --
    for nic in /sys/class/net/*; do
        [ ! -e "$nic/device" ] || set -- "$@" "${nic##*/}"
    done
    [ $# = 2 ] || why "$# network devices" || return 1
    unshare -n sleep 1000 &
    other=$!
    until_true namespace_made || why "no namespace" || return 1
    ip link set "$2" netns $other || return 1
    ip addr add 10.8.0.1/24 dev "$1"
    there ip addr add 10.8.0.2/24 dev "$2"
    ask trace nyx_iommu_notify || return 1
    ip link set "$1" up
    there ip link set "$2" up
    nic=$1
}

other=

# In strict mode each buffer has an address of its own, of which the back end has
# to ask: it takes its time.
some_data() { dd "if=/dev/$disk" count=128 bs=1k status=none; }

# vhost DISK: data of a disk go over the two cards, there and back.
test_vhost()
{
    find_disk "$1" || return 1
    connect || return 1
    until_true answers || why "no answer: $(tail -n 2 /tmp/ping)" || return 1
    drop_caches
    # What it got is what the other end tells.
    there nc -l -p 80 -e sha256sum &
    until_true there_listens 80 || return 1
    say "sum $1.there $(some_data | nc 10.8.0.2 80 | cut -d' ' -f1)"
    there nc -l -p 81 -e dd "if=/dev/$disk" count=128 bs=1k status=none &
    until_true there_listens 81 || return 1
    say "sum $1.again $(nc 10.8.0.2 81 < /dev/null | sum)"
}

no_carrier() { ! carrier; }

# backend: the process on the host dies, and another one comes.
test_backend()
{
    carrier || why "no carrier before" || return 1
    ask backend kill || return 1
    until_true no_carrier || why "the link stays up" || return 1
    ask backend start || return 1
    until_true carrier || why "the link stays down" || return 1
    until_true answers || why "no answer: $(tail -n 2 /tmp/ping)"
}
