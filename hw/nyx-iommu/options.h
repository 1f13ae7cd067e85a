/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the options of all models have in common: names for values, profiles,
 * and which options the command line has.
 */
#ifndef HW_NYX_IOMMU_OPTIONS_H
#define HW_NYX_IOMMU_OPTIONS_H

#include "qemu/bitmap.h"
#include "hw/i386/x86-iommu.h"
#include "hw/nyx-iommu/cache.h"
#include "hw/nyx-iommu/compat.h"

#define NYX_OPTIONS_MAX 127

/* Which options have been set; in the instance of a model. */
typedef struct NyxGiven {
    DECLARE_BITMAP(bits, NYX_OPTIONS_MAX + 1);
} NyxGiven;

/* A row of a profile; the last one is empty. */
typedef struct NyxPresetRow {
    const char *option;
    const char *value;
} NyxPresetRow;

typedef struct NyxOptions {
    const char *type;        /* QOM type of the model */
    size_t given;            /* offset of its NyxGiven */
    /* Name and description of every property, the parent's included. */
    const char *const (*descriptions)[2];
    unsigned n_descriptions;
    /* Other names, and the option they are names of. */
    const char *const (*aliases)[2];
    unsigned n_aliases;
    /* NULL-terminated; the first one changes nothing. */
    const char *const *profile_names;
    const NyxPresetRow *const *profiles;
} NyxOptions;

/*
 * Properties of the parent class are the same object for all models, and so
 * are their descriptions.
 */
#define NYX_OPTION_DEVICE_IOTLB                                             \
    { "device-iotlb", "devices may cache translations, ATS: ECAP.DT or "    \
      "IotlbSup (default off)" }
#define NYX_OPTION_DMA_TRANSLATION                                          \
    { "dma-translation", "off: interrupt remapping only (default on)" }
#define NYX_OPTION_INTREMAP                                                 \
    { "intremap", "interrupt remapping (default auto: on unless the "       \
      "irqchip is all in the kernel)" }
#define NYX_OPTION_PT                                                       \
    { "pt", "pass-through contexts, ECAP.PT; an AMD-Vi has them always "    \
      "(default on)" }

/* From class_init, when the class has its properties.  @options stays. */
void nyx_options_class_init(ObjectClass *oc, const NyxOptions *options);
/* From instance_init: nothing has been set. */
void nyx_options_init(Object *obj, const NyxOptions *options);
/* Before realize: what the profile says and the command line does not. */
bool nyx_options_preset(Object *obj, const NyxOptions *options,
                        const char *profile, Error **errp);
/* Whether the command line has the option, as opposed to a profile. */
bool nyx_option_given(Object *obj, const NyxOptions *options,
                      const char *name);

/* The index of @text in @names, 0 if there is none: the default. */
bool nyx_option_name(const char *option, const char *text,
                     const char *const *names, unsigned *index,
                     Error **errp);
bool nyx_option_cache(const char *text, NyxCacheTemper *temper,
                      Error **errp);
/* auto: on whenever interrupts can be delivered to 32-bit APIC ids. */
bool nyx_option_x2apic(const char *option, OnOffAuto value, bool intremap,
                       bool *on, Error **errp);
/* Two options that the parent class has in some versions of QEMU. */
bool nyx_option_pt(const X86IOMMUState *x86, bool own);
bool nyx_option_dma_translation(const X86IOMMUState *x86, bool own);

#endif
