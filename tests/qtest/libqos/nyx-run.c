/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that is run to its end: see nyx-run.h.
 */
#include "qemu/osdep.h"
#include "libqos/nyx-run.h"
#include "libqos/nyx-pc.h"

/* QEMU blocks SIGALRM, so that somebody else has to watch the clock. */
#define WATCH "timeout -k 5 " stringify(NYX_RUN_SECONDS) " "

NyxRun nyx_run(const char *line)
{
    g_autofree char *watched = g_strconcat(WATCH, line, NULL);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) argv = NULL;
    NyxRun run = { };
    int wait_status;

    g_shell_parse_argv(watched, NULL, &argv, &error);
    g_assert_no_error(error);
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                 &run.out, &run.err, &wait_status, &error);
    g_assert_no_error(error);
    run.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
    if (run.status < 0) {
        g_printerr("%s", run.err);
    }
    return run;
}

void nyx_run_end(NyxRun *run)
{
    g_free(run->out);
    g_free(run->err);
}

NyxRun nyx_run_qemu(const char *args)
{
    const char *qemu = getenv("QTEST_QEMU_BINARY");
    g_autofree char *line = NULL;

    g_assert_nonnull(qemu);
    line = g_strdup_printf("%s -accel tcg -S -display none -nodefaults %s%s "
                           "%s", qemu,
                           strstr(args, "-plugin") ? "" : "-plugin ",
                           strstr(args, "-plugin") ? "" : nyx_pc_plugin(),
                           args);
    return nyx_run(line);
}

unsigned nyx_lines_with(const char *text, const char *part)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned count = 0;

    for (unsigned i = 0; lines[i]; i++) {
        count += *lines[i] && strstr(lines[i], part);
    }
    return count;
}
