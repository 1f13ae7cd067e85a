/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines on the move: migration to a file, snapshots.
 */
#ifndef TESTS_LIBQOS_NYX_MIGRATE_H
#define TESTS_LIBQOS_NYX_MIGRATE_H

#include "libqtest.h"

/* Wait until a migration, out or in, has succeeded. */
void nyx_migrate_wait(QTestState *qts);
/* Migrate to the file @path; "-incoming file:PATH" takes it from there. */
void nyx_migrate_to(QTestState *qts, const char *path);

/* Make the image @path, and have snapshots kept there. */
void nyx_snapshot_disk(QTestState *qts, const char *path);
/* A command of the monitor ("savevm NAME") that has nothing to say. */
void nyx_hmp_in_silence(QTestState *qts, const char *command);

#endif
