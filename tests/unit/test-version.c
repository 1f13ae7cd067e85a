/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QEMU-free library links without QEMU, and knows its version. */

#include "qemu/osdep.h"
#include "hw/nyx-iommu/version.h"

static void test_version(void)
{
    int major, minor, micro;

    g_assert_cmpint(sscanf(nyx_version(), "%d.%d.%d",
                           &major, &minor, &micro), ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nyx/version", test_version);
    return g_test_run();
}
