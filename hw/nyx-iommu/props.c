/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties: see props.h.
 */
#include "qemu/osdep.h"
#include "hw/nyx-iommu/props.h"

void nyx_describe_property(ObjectClass *oc, const char *name,
                           const char *description)
{
    /* QEMU's own function does not look at parent classes. */
    ObjectProperty *prop = object_class_property_find(oc, name);

    g_assert(prop);
    g_free(prop->description);
    prop->description = g_strdup(description);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const ObjectProperty *const *pa = a, *const *pb = b;

    return strcmp((*pa)->name, (*pb)->name);
}

void nyx_print_properties(const char *type)
{
    g_autoptr(GPtrArray) props = g_ptr_array_new();
    /* Some are those of a part of it, which only an instance has. */
    Object *obj = object_new(type);
    ObjectPropertyIterator iter;
    ObjectProperty *prop;

    object_property_iter_init(&iter, obj);
    while ((prop = object_property_iter_next(&iter))) {
        if (prop->set && prop->description) {
            g_ptr_array_add(props, prop);
        }
    }
    g_ptr_array_sort(props, by_name);
    for (unsigned i = 0; i < props->len; i++) {
        prop = g_ptr_array_index(props, i);
        printf("  %s=<%s>%*s - %s\n", prop->name, prop->type,
               MAX(0, 22 - (int)(strlen(prop->name) + strlen(prop->type))),
               "", prop->description);
    }
    object_unref(obj);
}
