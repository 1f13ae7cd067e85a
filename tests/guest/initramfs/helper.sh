#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What helper.c does with a nyx-testdev, for guests of a processor that there is
# no compiler for.
#
# usage: nyx-helper testdev write|read ADDRESS
#
# shellcheck shell=dash

for path in /sys/bus/pci/devices/*; do
    [ "$(cat "$path/vendor"):$(cat "$path/device")" = 0x1234:0x4e79 ] && break
done
# Memory space and bus master (PCI 3.0, 6.2.2).
echo 1 > "$path/enable"
printf '\006' | dd "of=$path/config" bs=1 seek=4 conv=notrunc 2> /dev/null
bar=$(head -n 1 "$path/resource" | cut -d' ' -f1)

# Offsets and codes: testdev-regs.h.
set_register() { devmem $((bar + $1)) "$2" "$3"; }

case $2 in
read) operation=1 ;;
write) operation=2 ;;
*) echo "$2: no such operation"; exit 2 ;;
esac
set_register 0x200 64 "$3"
set_register 0x208 32 4
set_register 0x20c 32 $operation
set_register 0x210 32 0
set_register 0x228 32 1
path=${path##*/}
echo "${path#0000:} $2 $3"
