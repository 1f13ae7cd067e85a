/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines to a character device: see stream.h.
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "chardev/char.h"
#include "hw/nyx-iommu/stream.h"

bool nyx_stream_open(NyxStream *stream, const char *id, const char *option,
                     Error **errp)
{
    Chardev *chr;

    if (!id) {
        return true;
    }
    chr = qemu_chr_find(id);
    if (!chr) {
        error_setg(errp, "%s=%s: there is no such character device; add for "
                   "example -chardev file,id=%s,path=findings.jsonl",
                   option, id, id);
        return false;
    }
    stream->open = qemu_chr_fe_init(&stream->chr, chr, errp);
    return stream->open;
}

typedef struct Line {
    NyxStream *stream;
    char *text;
} Line;

static void write_line(void *opaque)
{
    Line *line = opaque;

    qemu_chr_fe_write_all(&line->stream->chr, (const uint8_t *)line->text,
                          strlen(line->text));
    g_free(line->text);
    g_free(line);
}

void nyx_stream_write(NyxStream *stream, char *text)
{
    Line *line;

    if (!stream->open) {
        g_free(text);
        return;
    }
    line = g_new(Line, 1);
    *line = (Line) { stream, text };
    aio_bh_schedule_oneshot(qemu_get_aio_context(), write_line, line);
}

void nyx_stream_finding(NyxStream *stream, const char *device,
                        const NyxFinding *finding)
{
    const NyxWhere *where = &finding->last.where;

    qemu_log_mask(LOG_GUEST_ERROR, "%s: %s: %s (section %s, sid 0x%04x, addr "
                  "0x%" PRIx64 ", value 0x%" PRIx64 ", count %" PRIu64
                  "): %s\n", device, finding->rule->id,
                  finding->rule->title, finding->rule->section, where->sid,
                  where->addr, where->value, finding->count,
                  finding->rule->fix);
    if (stream->open) {
        nyx_stream_write(stream, nyx_finding_to_json(device, finding));
    }
}
