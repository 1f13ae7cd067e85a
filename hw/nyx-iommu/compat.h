/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where QEMU versions differ: the one place that knows.  Written for 10.0;
 * headers that moved later are found by where they are.
 */
#ifndef HW_NYX_IOMMU_COMPAT_H
#define HW_NYX_IOMMU_COMPAT_H

#if __has_include("system/memory.h")
#include "system/memory.h"
#include "system/address-spaces.h"
#else
#include "exec/memory.h"
#include "exec/address-spaces.h"
#endif

#if __has_include("system/host_iommu_device.h")
#include "system/dma.h"
#include "system/host_iommu_device.h"
#include "system/numa.h"
#include "system/runstate.h"
#else
#include "sysemu/dma.h"
#include "sysemu/host_iommu_device.h"
#include "sysemu/numa.h"
#include "sysemu/runstate.h"
#endif

#if __has_include("hw/core/sysbus.h")
#include "hw/core/sysbus.h"
#include "hw/core/boards.h"
#include "hw/core/qdev-properties.h"
#include "hw/core/qdev-properties-system.h"
#else
#include "hw/sysbus.h"
#include "hw/boards.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#endif

#if __has_include("qemu/qemu-plugin.h")
#include "qemu/qemu-plugin.h"
#else
#include "plugins/qemu-plugin.h"
#endif

#if __has_include("block/aio.h")
#include "block/aio.h"
#else
#include "qemu/aio.h"
#endif

#define NYX_QEMU_BEFORE(major, minor)                          \
    (QEMU_VERSION_MAJOR < (major) ||                           \
     (QEMU_VERSION_MAJOR == (major) && QEMU_VERSION_MINOR < (minor)))

#if NYX_QEMU_BEFORE(10, 2)
typedef struct CharBackend NyxCharFrontend;
#define NYX_VM_CHANGE_HANDLER(dev, cb, opaque)                 \
    qdev_add_vm_change_state_handler(dev, cb, opaque)
#else
typedef struct CharFrontend NyxCharFrontend;
#define NYX_VM_CHANGE_HANDLER(dev, cb, opaque)                 \
    qdev_add_vm_change_state_handler(dev, cb, NULL, opaque)
#endif

/* The same number on both sides; @hint says what to do if it is not. */
#if NYX_QEMU_BEFORE(11, 0)
#define NYX_VMSTATE_EQUAL(field, state, hint)                  \
    VMSTATE_UINT32_EQUAL(field, state, hint)
#else
#define NYX_VMSTATE_EQUAL(field, state, hint)                  \
    VMSTATE_UINT32_EQUAL(field, state)
#endif

/* What VirtioDeviceClass.set_status returns: zero, where it returns a value. */
#ifdef NYX_VIRTIO_STATUS_INT
typedef int NyxVirtioStatusResult;
#else
typedef void NyxVirtioStatusResult;
#endif

/* Second argument of class_init: const from 10.1 on, like the new header. */
#if __has_include("system/memory.h")
typedef const void NyxClassData;
#else
typedef void NyxClassData;
#endif

#endif
