# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# Drivers in user space: DPDK's testpmd with network cards that vfio-pci has.
# Read by init.

dpdk=/lib/dpdk
mkdir -p /var/run
# The kernel's own root is everybody's, and DPDK wants its drivers safe.
chmod 755 /

# users KIND: the functions of that kind, now vfio-pci's.
users()
{
    local path ids
    case $1 in
    e1000e) ids=0x8086:0x10d3 ;;
    igb) ids=0x8086:0x10c9 ;;
    vnet) ids=0x1af4:0x1041 ;;
    esac
    functions=
    for path in /sys/bus/pci/devices/*; do
        if [ "$(cat "$path/vendor"):$(cat "$path/device")" = "$ids" ]; then
            pci=${path##*/}
            give "$pci" vfio-pci || return 1
            functions="$functions $pci"
            say "user $pci"
        fi
    done
    [ -n "$functions" ] || why "no function $1"
}

# testpmd EAL-OPTIONS... -- OPTIONS...: started; $! is its number.
testpmd()
{
    local pci allowed=
    for pci in $functions; do
        allowed="$allowed -a $pci"
    done
    # shellcheck disable=SC2086
    $dpdk/ld-linux-x86-64.so.2 --library-path $dpdk $dpdk/dpdk-testpmd \
        -l 0,1 --no-telemetry $allowed $plugins "$@" \
        < /dev/null > /tmp/testpmd 2>&1 &
}

plugins=$(for file in $dpdk/plugins/*; do echo "-d $file"; done)

# The number of packets that port $1 has sent, as it was last shown.
sent_by()
{
    awk -v port="$1" '
        /NIC statistics for port/ { now = $6 }
        /TX-packets:/ && now == port { count = $2 }
        END { print count + 0 }' /tmp/testpmd
}

enough_sent()
{
    [ "$(sent_by "$1")" -ge "$2" ] || ! kill -0 $pid 2> /dev/null
}

last_words() { tail -n 30 /tmp/testpmd | tr '\n' '|'; }

# packets KIND DISK COUNT MEMORY: packets of a file on the disk go out by the
# first card and come back by the other.
test_packets()
{
    local status=0 memory
    find_disk "$2" || return 1
    read_data > /tmp/in.pcap
    users "$1" || return 1
    case $4 in
    huge) memory=--in-memory ;;
    *) memory="--no-huge --no-shconf -m 64" ;;
    esac
    ask count || return 1
    # Each port sends what the one before it has received.
    # shellcheck disable=SC2086
    testpmd $memory --iova-mode=va \
        --vdev net_pcap0,rx_pcap=/tmp/in.pcap,tx_pcap=/tmp/out.pcap -- \
        --port-topology=chained --total-num-mbufs=8192 --no-numa --no-flush-rx \
        --stats-period=1
    pid=$!
    until_true enough_sent 2 "$3" || status=1
    ask count || status=1
    kill -INT $pid
    wait $pid || why "testpmd: $(last_words)" || status=1
    while read -r l; do echo "$l" > /dev/kmsg; done < /tmp/testpmd
    dd if=/tmp/out.pcap "of=/dev/$disk" bs=1M "seek=$half" conv=fsync \
        status=none || status=1
    return $status
}
