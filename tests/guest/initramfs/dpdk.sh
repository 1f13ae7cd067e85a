# SPDX-License-Identifier: GPL-2.0-or-later
# Drivers in user space: DPDK's testpmd with network cards that vfio-pci has.
# Read by init.
#
# shellcheck shell=dash disable=SC2012,SC2154
# (init's variables; no name here has a blank in it.)

dpdk=/lib/dpdk
unsafe=/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts
mkdir -p /var/run
# The kernel's own root is everybody's, and DPDK wants its drivers safe.
chmod 755 /

# cards KIND DRIVER: the functions of that kind, now this driver's.
cards()
{
    local path ids
    case $1 in
    e1000e) ids=0x8086:0x10d3 ;;
    vnet) ids=0x1af4:0x1041 ;;
    esac
    # It remaps no interrupts, and VFIO wants to hear that this is known.
    [ ! -e /sys/bus/virtio/drivers/virtio_iommu/virtio0 ] || echo 1 > $unsafe
    functions=
    for path in /sys/bus/pci/devices/*; do
        if [ "$(cat "$path/vendor"):$(cat "$path/device")" = "$ids" ]; then
            functions="$functions ${path##*/}"
            # QEMU's cards do not lose their state in D3hot.
            [ "$2" != vfio-pci ] || echo bus > "$path/reset_method" ||
                return 1
            give "${path##*/}" "$2" || return 1
        fi
    done
    [ -n "$functions" ] || why "no function $1"
}

# The driver that the kernel has for them.
kernels()
{
    case $1 in
    vnet) echo virtio-pci ;;
    *) echo "$1" ;;
    esac
}

# The network device of a function.
nic_of()
{
    nic=$(ls -d "/sys/bus/pci/devices/$1"/net/* \
        "/sys/bus/pci/devices/$1"/virtio*/net/* 2> /dev/null)
    nic=${nic##*/}
    [ -n "$nic" ]
}

plugins=$(for file in "$dpdk"/plugins/*; do echo "-d $file"; done)

# testpmd "FUNCTION..." OPTIONS... -- OPTIONS...: its number is $pid.
testpmd()
{
    local pci allowed=
    for pci in $1; do
        allowed="$allowed -a $pci"
        say "user $pci"
    done
    shift
    # A virtio card may be busy with what it was given before.
    echo 'set fwd io retry
set burst tx delay 100 retry 20000' > /tmp/orders
    # shellcheck disable=SC2086
    $dpdk/ld-linux-x86-64.so.2 --library-path $dpdk ${preload:+--preload \
        $preload} $dpdk/dpdk-testpmd -l 0,1 --no-telemetry --iova-mode=va \
        $allowed $plugins "$@" --total-num-mbufs=8192 --no-numa \
        --no-flush-rx --stats-period=1 --cmdline-file=/tmp/orders < /dev/null > /tmp/testpmd 2>&1 &
    pid=$!
}

# How many packets the driver of a file has been given, by the last statistics:
# a card's own count those that it could not deliver.
count_of_port()
{
    awk -v port="$1" '
        /NIC statistics for port/ { now = $6 }
        /TX-packets:/ && now == port { count = $2 }
        END { print count + 0 }' /tmp/testpmd
}

alive() { kill -0 "$pid" 2> /dev/null; }

# counted PORT COUNT: or it is over.
counted() { [ "$(count_of_port "$1")" -ge "$2" ] || ! alive; }

shows() { grep -c 'NIC statistics for port 0' /tmp/testpmd; }

shown() { [ "$(shows)" -ge "$1" ]; }

# Until what was counted before is shown.
wait_shown() { until_true shown $(($(shows) + 3)); }

last_words() { grep -v '^$' /tmp/testpmd | tail -n 30 | tr '\n' '|'; }

# In which way testpmd has its memory.
memory_of()
{
    case $1 in
    huge) memory=--in-memory ;;
    *) memory="--no-huge --no-shconf -m 64" ;;
    esac
}

# packets KIND DISK COUNT [MEMORY]: packets of a file on the disk go out by the
# first card and come back by the other.
test_packets()
{
    local status=0 memory
    find_disk "$2" || return 1
    read_data > /tmp/in.pcap
    cards "$1" vfio-pci || return 1
    memory_of "$4"
    # Each port sends what the one before it has received.
    # shellcheck disable=SC2086
    testpmd "$functions" $memory \
        --vdev net_pcap0,rx_pcap=/tmp/in.pcap,tx_pcap=/tmp/out.pcap -- \
        --port-topology=chained
    until_true counted 2 "$3" || status=1
    kill -INT "$pid"
    wait "$pid" || status=1
    dd if=/tmp/out.pcap "of=/dev/$disk" bs=1M "seek=$half" conv=fsync \
        status=none || status=1
    [ $status = 0 ] || why "testpmd: $(last_words)"
}

# receive KIND [MEMORY]: the last card's packets are testpmd's, the first one's
# driver is the kernel's, and sends some.
receive()
{
    local memory first
    cards "$1" "$(kernels "$1")" || return 1
    last=${functions##* }
    first=${functions# }
    first=${first%% *}
    give "$last" vfio-pci || return 1
    until_true nic_of "$first" || why "no network device" || return 1
    ip addr flush dev "$nic"
    ip addr add 10.9.0.1/24 broadcast + dev "$nic"
    ip link set "$nic" up
    memory_of "$2"
    # shellcheck disable=SC2086
    testpmd "$last" $memory --vdev net_pcap0,tx_pcap=/tmp/seen.pcap -- \
        --port-topology=chained
    until_true carrier || why "no carrier" || return 1
    # At the other end of the cable they are received as soon as testpmd is
    # ready.
    while sleep 0.1; do
        ping -q -c 1 -W 1 10.9.0.255 > /tmp/ping
    done &
    pinging=$!
    until_true counted 1 5
    { alive && counted 1 5; } || why "testpmd: $(last_words)"
}

# unmap KIND [MEMORY]: the card receives into memory that is not mapped any
# more.
test_unmap()
{
    local status=0 before
    preload=$dpdk/unmap.so
    receive "$@" || return 1
    preload=
    kill -USR1 "$pid"
    until_true grep -q 'all is unmapped' /tmp/testpmd || status=1
    wait_shown
    before=$(count_of_port 1)
    wait_shown
    say "fact unmapped.before $before"
    say "fact unmapped.after $(count_of_port 1)"
    kill -9 "$pid" "$pinging"
    wait
    [ $status = 0 ] || why "testpmd: $(last_words)"
}

received() { cat "/sys/class/net/$1/statistics/rx_packets"; }

more_received() { [ "$(received "$1")" -gt "$2" ]; }

# back KIND: the kernel's drivers have the cards again, and their groups have the
# domains that they had.
test_back()
{
    local before
    cards "$1" "$(kernels "$1")" || return 1
    set --
    for pci in $functions; do
        until_true nic_of "$pci" || why "no network device" || return 1
        ip addr flush dev "$nic"
        ip link set "$nic" up
        set -- "$@" "$nic"
    done
    ip addr add 10.9.1.1/24 broadcast + dev "$1"
    until_true carrier || why "no carrier" || return 1
    before=$(received "$2")
    ping -q -c 3 -W 1 10.9.1.255 > /tmp/ping
    until_true more_received "$2" $((before + 2)) || why "nothing comes"
    facts
}

# dies KIND [MEMORY]: nobody is there any more while the card receives.
test_dies()
{
    local status=0
    receive "$@" || return 1
    kill -9 "$pid" || status=1
    wait "$pid"
    sleep 1
    kill "$pinging"
    wait
    [ $status = 0 ] || why "testpmd: $(last_words)"
}
