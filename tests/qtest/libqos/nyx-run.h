/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that is run to its end, and what it wrote: for QEMU when it is
 * not to start at all.
 */
#ifndef TESTS_LIBQOS_NYX_RUN_H
#define TESTS_LIBQOS_NYX_RUN_H

#include <stdbool.h>

typedef struct NyxRun {
    int status;              /* of exit; -1 if a signal ended it */
    char *out;
    char *err;
} NyxRun;

/*
 * Run the words of @line, in which shell quoting works.  A program that goes
 * on for NYX_RUN_SECONDS is ended, with status 124.
 */
#define NYX_RUN_SECONDS 15

NyxRun nyx_run(const char *line);
void nyx_run_end(NyxRun *run);

/* QEMU with the module, stopped, and @args. */
NyxRun nyx_run_qemu(const char *args);

/* Number of lines of @text that have @part in them; of all if it is "". */
unsigned nyx_lines_with(const char *text, const char *part);

#endif
