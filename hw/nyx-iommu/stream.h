/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines to a character device that the user named, from any thread.
 */
#ifndef HW_NYX_IOMMU_STREAM_H
#define HW_NYX_IOMMU_STREAM_H

#include "chardev/char-fe.h"
#include "hw/nyx-iommu/compat.h"
#include "hw/nyx-iommu/findings.h"

typedef struct NyxStream {
    NyxCharFrontend chr;
    bool open;
} NyxStream;

/**
 * nyx_stream_open: connect to the character device @id.
 * @id: of a -chardev, or NULL for none
 * @option: that named it, for the error
 */
bool nyx_stream_open(NyxStream *stream, const char *id, const char *option,
                     Error **errp);

/* Write @line, which is freed, later in the main loop.  Any thread. */
void nyx_stream_write(NyxStream *stream, char *line);

/* Log a finding of @device, and write it to the stream.  Any thread. */
void nyx_stream_finding(NyxStream *stream, const char *device,
                        const NyxFinding *finding);

#endif
