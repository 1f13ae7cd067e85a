/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration and snapshots: what a guest can tell of the device.  Caches start
 * empty on the other side, which is always legal.
 *
 * There may be millions of mappings: the arrays are streamed by the kilobyte,
 * and no memory is taken for one that is larger than the options allow.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "hw/virtio-iommu-ext/host.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"

/* --- Arrays --------------------------------------------------------------- */

/* A number in an element, big-endian in the stream. */
typedef struct Word {
    uint8_t offset;
    uint8_t size;            /* 4 or 8 */
} Word;

#define WORD(type, field) \
    { offsetof(type, field), sizeof(((type *)0)->field) }

static const Word domain_words[] = {
    WORD(NyxVioSavedDomain, id),
    WORD(NyxVioSavedDomain, kind),
    WORD(NyxVioSavedDomain, endpoints),
    WORD(NyxVioSavedDomain, runs),
};

static const Word endpoint_words[] = {
    { 0, sizeof(uint32_t) },
};

static const Word table_words[] = {
    WORD(NyxVioSavedTable, domain),
    WORD(NyxVioSavedTable, flags),
    WORD(NyxVioSavedTable, format),
    WORD(NyxVioSavedTable, pasid),
    WORD(NyxVioSavedTable, root),
    WORD(NyxVioSavedTable, format_flags),
    WORD(NyxVioSavedTable, levels),
};

static const Word run_words[] = {
    WORD(NyxVioRun, first),
    WORD(NyxVioRun, last),
    WORD(NyxVioRun, addr),
    WORD(NyxVioRun, unit),
    WORD(NyxVioRun, flags),
};

/* A pointer in NyxVioSaved, and how many it points at. */
typedef struct Array {
    size_t offset;
    size_t count;
    size_t size;
    const Word *words;
    unsigned n_words;
    const char *option;      /* that bounds it */
} Array;

#define ARRAY(field, type, rows, bound)                                     \
    { offsetof(NyxVioSaved, field), offsetof(NyxVioSaved, n_##field),       \
      sizeof(type), rows, ARRAY_SIZE(rows), bound }

/* In the order of max_elements(). */
static const Array arrays[] = {
    ARRAY(domains, NyxVioSavedDomain, domain_words, "max-domains"),
    ARRAY(endpoints, uint32_t, endpoint_words, NULL),
    ARRAY(tables, NyxVioSavedTable, table_words, NULL),
    ARRAY(runs, NyxVioRun, run_words, "max-mappings"),
};

static uint32_t max_elements(const NyxVioState *s, unsigned array)
{
    const NyxVioCfg *cfg = nyx_vio_cfg(s->engine);
    const uint32_t max[ARRAY_SIZE(arrays)] = {
        cfg->max_domains, UINT16_MAX + 1, NVIO_SAVED_TABLES_MAX,
        cfg->max_mappings,
    };

    return max[array];
}

/* Bytes that are streamed at once; no element is larger. */
#define CHUNK 4096

static size_t stream_size(const Array *array)
{
    size_t size = 0;

    for (unsigned i = 0; i < array->n_words; i++) {
        size += array->words[i].size;
    }
    return size;
}

static uint8_t *put_element(uint8_t *to, const Array *array,
                            const uint8_t *element)
{
    for (unsigned i = 0; i < array->n_words; i++) {
        const Word *word = &array->words[i];

        if (word->size == sizeof(uint64_t)) {
            stq_be_p(to, *(const uint64_t *)(element + word->offset));
        } else {
            stl_be_p(to, *(const uint32_t *)(element + word->offset));
        }
        to += word->size;
    }
    return to;
}

static const uint8_t *get_element(const uint8_t *from, const Array *array,
                                  uint8_t *element)
{
    for (unsigned i = 0; i < array->n_words; i++) {
        const Word *word = &array->words[i];

        if (word->size == sizeof(uint64_t)) {
            *(uint64_t *)(element + word->offset) = ldq_be_p(from);
        } else {
            *(uint32_t *)(element + word->offset) = ldl_be_p(from);
        }
        from += word->size;
    }
    return from;
}

static void put_array(QEMUFile *f, const Array *array, const uint8_t *element,
                      uint32_t n)
{
    uint32_t most = CHUNK / stream_size(array);
    uint8_t chunk[CHUNK];

    while (n) {
        uint32_t part = MIN(n, most);
        uint8_t *end = chunk;

        for (uint32_t i = 0; i < part; i++) {
            end = put_element(end, array, element);
            element += array->size;
        }
        qemu_put_buffer(f, chunk, end - chunk);
        n -= part;
    }
}

static bool get_array(QEMUFile *f, const Array *array, uint8_t *element,
                      uint32_t n)
{
    size_t size = stream_size(array);
    uint8_t chunk[CHUNK];

    while (n) {
        uint32_t part = MIN(n, CHUNK / size);
        const uint8_t *from = chunk;

        if (qemu_get_buffer(f, chunk, part * size) != part * size) {
            return false;
        }
        for (uint32_t i = 0; i < part; i++) {
            from = get_element(from, array, element);
            element += array->size;
        }
        n -= part;
    }
    return true;
}

static int put_arrays(QEMUFile *f, void *pv, size_t size,
                      const VMStateField *field, JSONWriter *vmdesc)
{
    NyxVioState *s = pv;

    for (unsigned i = 0; i < ARRAY_SIZE(arrays); i++) {
        const uint8_t *saved = (const uint8_t *)&s->saved;
        uint32_t n = *(const uint32_t *)(saved + arrays[i].count);

        qemu_put_be32(f, n);
        put_array(f, &arrays[i],
                  *(uint8_t *const *)(saved + arrays[i].offset), n);
    }
    /* It was the last that was asked for. */
    nyx_vio_saved_clear(&s->saved);
    return 0;
}

static int get_arrays(QEMUFile *f, void *pv, size_t size,
                      const VMStateField *field)
{
    NyxVioState *s = pv;

    for (unsigned i = 0; i < ARRAY_SIZE(arrays); i++) {
        const Array *array = &arrays[i];
        uint8_t *saved = (uint8_t *)&s->saved;
        uint32_t n = qemu_get_be32(f);
        uint8_t *elements;

        if (n > max_elements(s, i)) {
            error_report("%s: cannot load the saved state: %s%s",
                         TYPE_NYX_VIO_PCI,
                         array->option ? "more than there may be: raise "
                                       : "more than there can be",
                         array->option ?: "");
            return -EINVAL;
        }
        elements = g_try_malloc_n(n, array->size);
        if (n && !elements) {
            return -ENOMEM;
        }
        *(uint8_t **)(saved + array->offset) = elements;
        *(uint32_t *)(saved + array->count) = n;
        if (!get_array(f, array, elements, n)) {
            return -EIO;
        }
    }
    return 0;
}

static const VMStateInfo arrays_info = {
    .name = TYPE_NYX_VIO " arrays",
    .get = get_arrays,
    .put = put_arrays,
};

/* --- The device ----------------------------------------------------------- */

static int pre_save(void *opaque)
{
    NyxVioState *s = opaque;

    nyx_vio_saved_clear(&s->saved);
    nyx_vio_save(s->engine, &s->saved);
    return 0;
}

static int pre_load(void *opaque)
{
    NyxVioState *s = opaque;

    nyx_vio_saved_clear(&s->saved);
    return 0;
}

static int post_load(void *opaque, int version_id)
{
    NyxVioState *s = opaque;
    const char *error = nyx_vio_load(s->engine, &s->saved);

    nyx_vio_saved_clear(&s->saved);
    nyx_vio_config_sync(s);
    s->driver_ok = false;
    s->config_seen = true;
    if (error) {
        error_report("%s: cannot load the saved state: %s", TYPE_NYX_VIO_PCI,
                     error);
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription region_vmstate = {
    .name = TYPE_NYX_VIO "/region",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(first, NyxVioRegion),
        VMSTATE_UINT64(last, NyxVioRegion),
        VMSTATE_UINT8(subtype, NyxVioRegion),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription nyx_vio_state_vmstate = {
    .name = TYPE_NYX_VIO "/state",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .pre_load = pre_load,
    .post_load = post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(saved.features, NyxVioState),
        VMSTATE_UINT64(saved.page_size_mask, NyxVioState),
        VMSTATE_UINT32(saved.input_bits, NyxVioState),
        VMSTATE_UINT32(saved.addr_bits, NyxVioState),
        VMSTATE_UINT32(saved.pasid_bits, NyxVioState),
        VMSTATE_UINT32(saved.n_regions, NyxVioState),
        VMSTATE_STRUCT_ARRAY(saved.regions, NyxVioState, NVIO_REGIONS_MAX, 1,
                             region_vmstate, NyxVioRegion),
        VMSTATE_UINT8(saved.bypass, NyxVioState),
        {
            .name = "arrays",
            .info = &arrays_info,
            .flags = VMS_SINGLE,
        },
        VMSTATE_END_OF_LIST()
    },
};

/*
 * After bridges, which tell who is which endpoint, and before other functions,
 * which may have to be told what is mapped.
 */
const VMStateDescription nyx_vio_vmstate = {
    .name = TYPE_NYX_VIO,
    .version_id = 1,
    .minimum_version_id = 1,
    .priority = MIG_PRI_IOMMU,
    .fields = (const VMStateField[]) {
        VMSTATE_VIRTIO_DEVICE,
        VMSTATE_END_OF_LIST()
    },
};
