/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options of all models: see options.h.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/nyx-iommu/options.h"
#include "hw/nyx-iommu/props.h"
#include "hw/nyx-iommu/x86.h"

/* --- Values --------------------------------------------------------------- */

bool nyx_option_name(const char *option, const char *text,
                     const char *const *names, unsigned *index,
                     Error **errp)
{
    g_autofree char *all = NULL;

    *index = 0;
    for (unsigned i = 0; text && names[i]; i++) {
        if (!strcmp(text, names[i])) {
            *index = i;
            return true;
        }
    }
    if (text) {
        all = g_strjoinv(", ", (char **)names);
        error_setg(errp, "%s=%s is not known: use one of %s", option, text,
                   all);
    }
    return !text;
}

bool nyx_option_cache(const char *text, NyxCacheTemper *temper, Error **errp)
{
    static const char *const names[] = {
        [NYX_CACHE_HARDWARE] = "hardware",
        [NYX_CACHE_STICKY] = "sticky",
        [NYX_CACHE_OFF] = "off",
        NULL,
    };
    unsigned index;
    bool ok = nyx_option_name("cache", text, names, &index, errp);

    QEMU_BUILD_BUG_ON(NYX_CACHE_HARDWARE != 0);
    *temper = index;
    return ok;
}

bool nyx_option_x2apic(const char *option, OnOffAuto value, bool intremap,
                       bool *on, Error **errp)
{
    switch (value) {
    case ON_OFF_AUTO_OFF:
        *on = false;
        return true;
    case ON_OFF_AUTO_AUTO:
        *on = intremap && nyx_x86_enable_x2apic();
        return true;
    default:
        *on = true;
        if (intremap && !nyx_x86_enable_x2apic()) {
            error_setg(errp, "%s=on needs a host kernel whose KVM has "
                       "KVM_CAP_X2APIC_API: use %s=off or a newer kernel",
                       option, option);
            return false;
        }
        return true;
    }
}

bool nyx_option_pt(const X86IOMMUState *x86, bool own)
{
#ifdef NYX_X86_IOMMU_HAS_PT
    return x86->pt_supported;
#else
    return own;
#endif
}

bool nyx_option_dma_translation(const X86IOMMUState *x86, bool own)
{
#ifdef NYX_X86_IOMMU_HAS_DMA_TRANSLATION
    return x86->dma_translation;
#else
    return own;
#endif
}

/* --- What the command line says ------------------------------------------- */

/* Where the option is in NyxGiven. */
static unsigned option_index(const NyxOptions *options, const char *name)
{
    unsigned i = 0;

    for (unsigned j = 0; j < options->n_aliases; j++) {
        name = strcmp(name, options->aliases[j][0]) ? name
                                                    : options->aliases[j][1];
    }
    while (i < options->n_descriptions &&
           strcmp(name, options->descriptions[i][0])) {
        i++;
    }
    return i;
}

static unsigned long *given_bits(Object *obj, const NyxOptions *options)
{
    return ((NyxGiven *)((char *)obj + options->given))->bits;
}

/* The setter that QEMU gives to all properties of devices. */
static ObjectPropertyAccessor *qdev_set;

/* NyxOptions of the models whose class is there. */
static GPtrArray *models;

/*
 * Some properties are a parent class's, so other devices come here too.  What
 * -global and -device set is remembered, in any order; defaults were set
 * before nyx_options_init().
 */
static void set_and_remember(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    qdev_set(obj, v, name, opaque, errp);
    for (unsigned i = 0; i < models->len; i++) {
        const NyxOptions *options = g_ptr_array_index(models, i);

        if (object_dynamic_cast(obj, options->type)) {
            set_bit(option_index(options, name), given_bits(obj, options));
        }
    }
}

void nyx_options_init(Object *obj, const NyxOptions *options)
{
    bitmap_zero(given_bits(obj, options), NYX_OPTIONS_MAX + 1);
}

void nyx_options_class_init(ObjectClass *oc, const NyxOptions *options)
{
    g_assert(options->n_descriptions <= NYX_OPTIONS_MAX);
    if (!models) {
        models = g_ptr_array_new();
    }
    g_ptr_array_add(models, (void *)options);
    for (unsigned i = 0; i < options->n_descriptions; i++) {
        const char *name = options->descriptions[i][0];
        ObjectProperty *prop = object_class_property_find(oc, name);

        nyx_describe_property(oc, name, options->descriptions[i][1]);
        /* The parent's have it once another model was here. */
        if (prop->set != set_and_remember) {
            g_assert(!qdev_set || qdev_set == prop->set);
            qdev_set = prop->set;
            prop->set = set_and_remember;
        }
    }
}

bool nyx_options_preset(Object *obj, const NyxOptions *options,
                        const char *profile, Error **errp)
{
    unsigned long *bits = given_bits(obj, options);
    DECLARE_BITMAP(given, NYX_OPTIONS_MAX + 1);
    unsigned index;
    bool ok = true;

    if (!nyx_option_name("profile", profile, options->profile_names, &index,
                         errp)) {
        return false;
    }
    bitmap_copy(given, bits, NYX_OPTIONS_MAX + 1);
    for (const NyxPresetRow *row = options->profiles[index];
         ok && row && row->option; row++) {
        ok = test_bit(option_index(options, row->option), given) ||
             object_property_parse(obj, row->option, row->value, errp);
    }
    /* A profile is not the command line. */
    bitmap_copy(bits, given, NYX_OPTIONS_MAX + 1);
    return ok;
}

bool nyx_option_given(Object *obj, const NyxOptions *options,
                      const char *name)
{
    return test_bit(option_index(options, name), given_bits(obj, options));
}
