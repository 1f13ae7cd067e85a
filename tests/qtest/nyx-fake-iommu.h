/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of nyx-fake-iommu, 64 bits each, shared with the tests. */
#ifndef TESTS_NYX_FAKE_IOMMU_H
#define TESTS_NYX_FAKE_IOMMU_H

#define FAKE_DEVICE_ID      0x4e7a
#define FAKE_BAR_SIZE       0x1000

/* Of the next event */
#define FAKE_IOVA           0x00
#define FAKE_MASK           0x08
#define FAKE_ADDR           0x10
#define FAKE_OTHER_AS       0x18    /* 1: not the system's address space */

/* Send it; FAKE_FIRE_MAP is written with the permission, 1 read, 2 write */
#define FAKE_FIRE_MAP       0x20
#define FAKE_FIRE_UNMAP     0x28
#define FAKE_FIRE_DEVTLB    0x30

/* 0 takes the IOMMU region out of the address space, 1 puts it back */
#define FAKE_ENABLE         0x38

/* What is wrong with a replay: FAKE_REPLAY_* */
#define FAKE_REPLAY         0x40

#define FAKE_REPLAY_RIGHT   0
#define FAKE_REPLAY_TWICE   1       /* the page comes again */
#define FAKE_REPLAY_UNMAP   2       /* an UNMAP comes, too */
#define FAKE_REPLAY_MMIO    3       /* a page that is not RAM, too */

#endif
