/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command buffer (2.4): fetch, check, execute; errors stop the engine
 * until software turns CmdBufEn off and on.
 *
 * Commands are executed in order and at once, so a COMPLETION_WAIT has
 * nothing to wait for but what other threads have left.
 */
#include "qemu/osdep.h"
#include "hw/nyx-amdvi/internal.h"

/* Commands executed before the main loop gets a turn. */
#define COMMAND_SLICE 256
/* Tables read and mappings announced that count as one more of them. */
#define COMMAND_WORK 256

typedef enum CommandResult {
    COMMAND_DONE,
    COMMAND_ILLEGAL,
    COMMAND_FAILED,          /* memory: COMMAND_HARDWARE_ERROR */
} CommandResult;

typedef struct Command {
    uint64_t addr;           /* where it was fetched */
    uint64_t words[2];
} Command;

/* --- The commands --------------------------------------------------------- */

/*
 * 2.4.1: the store comes after all effects of what was before it, then the
 * interrupt.  Nothing is on its way when a callback has returned, other than
 * events and page requests of other threads.
 */
static CommandResult completion_wait(NyxAmd *amd, const Command *cmd)
{
    bool store = FIELD_EX64(cmd->words[0], NAMD_CWAIT0, S);
    bool interrupt = FIELD_EX64(cmd->words[0], NAMD_CWAIT0, I);
    uint64_t addr = cmd->words[0] & R_NAMD_CWAIT0_ADDR_MASK;
    uint64_t data = cpu_to_le64(cmd->words[1]);

    nyx_amd_catch_up(amd);
    if (!store && !interrupt) {
        nyx_amd_finding(amd, NAMD_RULE_CMD_WAIT_IDLE, (NyxWhere) {
            .has_addr = true, .addr = cmd->addr, .value = cmd->words[0],
        });
    }
    if (store && !amd->host.mem.write(amd->host.mem.opaque, addr, &data,
                                      sizeof(data))) {
        nyx_amd_finding(amd, NAMD_RULE_CMD_WAIT_STORE, (NyxWhere) {
            .has_addr = true, .addr = addr, .value = cmd->words[1],
        });
        return COMMAND_FAILED;
    }
    if (interrupt) {
        nyx_amd_status_set(amd, R_NAMD_STS_COMWAITINT_MASK);
    }
    return COMMAND_DONE;
}

static void count_invalidation(NyxAmd *amd)
{
    nyx_amd_perf_count(amd, NAMD_PERF_INVALIDATIONS, 1, 0, NAMD_NO_DOMAIN,
                       NAMD_NO_PASID);
}

static CommandResult inv_devtab(NyxAmd *amd, const Command *cmd)
{
    uint16_t sid = FIELD_EX64(cmd->words[0], NAMD_CDEV0, DEVID);

    count_invalidation(amd);
    nyx_amd_suppressed_clear(amd, false, sid);
    nyx_amd_inv_devtab(amd, sid);
    nyx_amd_inv_int_dte(amd, sid);
    return COMMAND_DONE;
}

static CommandResult inv_pages(NyxAmd *amd, const Command *cmd)
{
    bool s = FIELD_EX64(cmd->words[1], NAMD_CPAGE1, S);
    NyxAmdPages pages = {
        .did = FIELD_EX64(cmd->words[0], NAMD_CPAGE0, DOMAIN),
        .gn = FIELD_EX64(cmd->words[1], NAMD_CPAGE1, GN),
        .pasid = FIELD_EX64(cmd->words[0], NAMD_CPAGE0, PASID),
        .tables = FIELD_EX64(cmd->words[1], NAMD_CPAGE1, PDE),
    };

    nyx_amd_command_range(cmd->words[1] & R_NAMD_CPAGE1_ADDR_MASK, s,
                          &pages.first, &pages.last, &pages.lg2);
    count_invalidation(amd);
    nyx_amd_inv_pages(amd, &pages);
    return COMMAND_DONE;
}

/*
 * 2.4.4.  A device that does not answer costs its time and an event; parts
 * in the field go on with the next command then, and so do we.  InvTimeOut
 * of zero is no limit, and no event: nobody would notice a device that is
 * late for ever, so it only is a finding.
 */
static CommandResult inv_iotlb(NyxAmd *amd, const Command *cmd)
{
    NyxAmdDeviceTlb inv = {
        .sid = FIELD_EX64(cmd->words[0], NAMD_CTLB0, DEVID),
        .has_pasid = FIELD_EX64(cmd->words[1], NAMD_CTLB1, GN),
    };
    uint64_t last;

    if (inv.has_pasid) {
        inv.pasid = FIELD_EX64(cmd->words[0], NAMD_CTLB0, PASID_LO) |
                    FIELD_EX64(cmd->words[0], NAMD_CTLB0, PASID_MID) << 8 |
                    FIELD_EX64(cmd->words[0], NAMD_CTLB0, PASID_HI) << 16;
    }
    nyx_amd_command_range(cmd->words[1] & R_NAMD_CTLB1_ADDR_MASK,
                          FIELD_EX64(cmd->words[1], NAMD_CTLB1, S),
                          &inv.addr, &last, &inv.lg2);
    count_invalidation(amd);
    if (amd->host.device_tlb(amd->host.opaque, &inv) == NYX_AMD_ATS_DONE) {
        return COMMAND_DONE;
    }
    nyx_amd_finding(amd, NAMD_RULE_IOTLB_SILENT, (NyxWhere) {
        .has_sid = true, .sid = inv.sid, .has_addr = true, .addr = inv.addr,
    });
    if (FIELD_EX64(nyx_amd_control(amd), NAMD_CTRL, INVTIMEOUT)) {
        nyx_amd_command_event(amd, NAMD_EVENT_IOTLB_INV_TIMEOUT, inv.sid,
                              cmd->addr);
    }
    return COMMAND_DONE;
}

static CommandResult inv_interrupt_table(NyxAmd *amd, const Command *cmd)
{
    count_invalidation(amd);
    nyx_amd_inv_irt(amd, FIELD_EX64(cmd->words[0], NAMD_CDEV0, DEVID));
    return COMMAND_DONE;
}

/* A hint: what is not prefetched is fetched when it is used. */
static CommandResult prefetch(NyxAmd *amd, const Command *cmd)
{
    return COMMAND_DONE;
}

#define PPR_SUCCESS 0
#define PPR_INVALID 1
#define PPR_FAILURE 15

/* Endpoints take a reserved code for failure. */
static CommandResult complete_ppr(NyxAmd *amd, const Command *cmd)
{
    NyxAmdPageResponse response = {
        .sid = FIELD_EX64(cmd->words[0], NAMD_CPPR0, DEVID),
        .group = FIELD_EX64(cmd->words[1], NAMD_CPPR1, GROUP),
        .code = FIELD_EX64(cmd->words[1], NAMD_CPPR1, CODE),
        .has_pasid = FIELD_EX64(cmd->words[1], NAMD_CPPR1, GN),
    };

    if (response.has_pasid) {
        response.pasid = FIELD_EX64(cmd->words[0], NAMD_CPPR0, PASID);
    }
    if (response.code != PPR_SUCCESS && response.code != PPR_INVALID) {
        response.code = PPR_FAILURE;
    }
    nyx_amd_page_respond(amd, &response, false);
    return COMMAND_DONE;
}

static CommandResult inv_all(NyxAmd *amd, const Command *cmd)
{
    count_invalidation(amd);
    nyx_amd_suppressed_clear(amd, true, 0);
    nyx_amd_inv_all(amd);
    nyx_amd_inv_int_all(amd);
    return COMMAND_DONE;
}

/* --- Fetch and check ------------------------------------------------------ */

/* 2.4: opcodes, their reserved bits, what they need. */
typedef struct CommandKind {
    CommandResult (*run)(NyxAmd *amd, const Command *cmd);
    uint64_t mbz[2];
    size_t option;           /* in NyxAmdCfg, of a byte; pa_bits: always */
    uint64_t gn;             /* in the second word: needs GTSup and GTEn */
} CommandKind;

#define OPT(option) offsetof(NyxAmdCfg, option)
#define ALWAYS OPT(pa_bits)

static const CommandKind kinds[16] = {
    [NAMD_CMD_COMPLETION_WAIT] = {
        completion_wait, { NYX_MBZ_MASK(NAMD_CMD_WAIT_W0), 0 }, ALWAYS,
    },
    [NAMD_CMD_INV_DEVTAB_ENTRY] = {
        inv_devtab,
        { NYX_MBZ_MASK(NAMD_CMD_DEVICE_W0), NYX_MBZ_MASK(NAMD_CMD_ZERO_W1) },
        ALWAYS,
    },
    [NAMD_CMD_INV_IOMMU_PAGES] = {
        inv_pages,
        { NYX_MBZ_MASK(NAMD_CMD_PAGES_W0), NYX_MBZ_MASK(NAMD_CMD_PAGES_W1) },
        ALWAYS, R_NAMD_CPAGE1_GN_MASK,
    },
    [NAMD_CMD_INV_IOTLB_PAGES] = {
        inv_iotlb,
        { NYX_MBZ_MASK(NAMD_CMD_IOTLB_W0), NYX_MBZ_MASK(NAMD_CMD_IOTLB_W1) },
        OPT(device_iotlb), R_NAMD_CTLB1_GN_MASK,
    },
    [NAMD_CMD_INV_INTERRUPT_TABLE] = {
        inv_interrupt_table,
        { NYX_MBZ_MASK(NAMD_CMD_DEVICE_W0), NYX_MBZ_MASK(NAMD_CMD_ZERO_W1) },
        ALWAYS,
    },
    [NAMD_CMD_PREFETCH_IOMMU_PAGES] = {
        prefetch,
        { NYX_MBZ_MASK(NAMD_CMD_PREFETCH_W0),
          NYX_MBZ_MASK(NAMD_CMD_PREFETCH_W1) },
        OPT(prefetch), R_NAMD_CPRE1_GN_MASK,
    },
    [NAMD_CMD_COMPLETE_PPR_REQUEST] = {
        complete_ppr,
        { NYX_MBZ_MASK(NAMD_CMD_PPR_W0), NYX_MBZ_MASK(NAMD_CMD_PPR_W1) },
        OPT(page_requests), R_NAMD_CPPR1_GN_MASK,
    },
    [NAMD_CMD_INV_IOMMU_ALL] = {
        inv_all,
        { NYX_MBZ_MASK(NAMD_CMD_ALL_W0), NYX_MBZ_MASK(NAMD_CMD_ZERO_W1) },
        OPT(invalidate_all),
    },
};

static bool legal(const NyxAmd *amd, const CommandKind *kind,
                  const Command *cmd)
{
    uint64_t gten = nyx_amd_control(amd) & R_NAMD_CTRL_GTEN_MASK;

    if (!kind->run || !*((const uint8_t *)&amd->cfg + kind->option) ||
        (cmd->words[0] & kind->mbz[0]) || (cmd->words[1] & kind->mbz[1]) ||
        (cmd->words[1] & kind->gn && !gten)) {
        return false;
    }
    return kind->run != inv_iotlb || amd->cfg.inv_iotlb_type ||
           !(cmd->words[1] & R_NAMD_CTLB1_TYPE_MASK);
}

static void halt(NyxAmd *amd, NyxAmdEventCode code, const Command *cmd)
{
    amd->command_halted = true;
    amd->stats.command_errors++;
    nyx_amd_commands_update(amd);
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_COMMAND_STOP, .addr = cmd->addr, .a = code,
    });
    nyx_amd_command_event(amd, code, 0, cmd->addr);
}

static void execute(NyxAmd *amd, const Command *cmd)
{
    unsigned op = FIELD_EX64(cmd->words[0], NAMD_CWAIT0, OP);
    const CommandKind *kind = &kinds[op];
    CommandResult result = COMMAND_ILLEGAL;

    amd->stats.commands[op]++;
    nyx_amd_perf_count(amd, NAMD_PERF_COMMANDS, 1, 0, NAMD_NO_DOMAIN,
                       NAMD_NO_PASID);
    nyx_amd_trace(amd, (NyxAmdTrace) {
        .kind = NYX_AMD_EV_COMMAND, .addr = cmd->addr,
        .a = cmd->words[0], .b = cmd->words[1],
    });
    if (legal(amd, kind, cmd)) {
        result = kind->run(amd, cmd);
    }
    switch (result) {
    case COMMAND_DONE:
        break;
    case COMMAND_ILLEGAL:
        nyx_amd_finding(amd, NAMD_RULE_CMD_ILLEGAL, (NyxWhere) {
            .has_addr = true, .addr = cmd->addr, .value = cmd->words[0],
        });
        halt(amd, NAMD_EVENT_ILLEGAL_COMMAND_ERROR, cmd);
        break;
    case COMMAND_FAILED:
        halt(amd, NAMD_EVENT_COMMAND_HARDWARE_ERROR, cmd);
        break;
    }
}

/* The head moves when a command has been fetched, before it is executed. */
static void step(NyxAmd *amd, uint64_t base, uint64_t head)
{
    Command cmd = { .addr = (base & R_NAMD_RING_BASE_MASK) + head };

    if (!nyx_mem_read_le64(&amd->host.mem, cmd.addr, cmd.words, 2)) {
        nyx_amd_finding(amd, NAMD_RULE_CMD_FETCH,
                        nyx_amd_at_reg(A_NAMD_CMDBASE, cmd.addr));
        halt(amd, NAMD_EVENT_COMMAND_HARDWARE_ERROR, &cmd);
        return;
    }
    nyx_reg_set(&amd->regs, A_NAMD_CMDHEAD, 8,
                (head + NAMD_ENTRY_BYTES) & (nyx_amd_ring_bytes(base) - 1));
    execute(amd, &cmd);
}

void nyx_amd_commands_update(NyxAmd *amd)
{
    const uint64_t on = R_NAMD_CTRL_IOMMUEN_MASK | R_NAMD_CTRL_CMDBUFEN_MASK;
    uint64_t status = nyx_amd_reg64(amd, A_NAMD_STATUS);

    status &= ~(uint64_t)R_NAMD_STS_CMDBUFRUN_MASK;
    if ((nyx_amd_control(amd) & on) == on && !amd->command_halted) {
        status |= R_NAMD_STS_CMDBUFRUN_MASK;
    }
    nyx_reg_set(&amd->regs, A_NAMD_STATUS, 8, status);
}

/* A command's effect may bring us here again: the loop goes on by itself. */
void nyx_amd_commands_run(NyxAmd *amd)
{
    uint64_t budget = nyx_announce_work(amd->announce) / COMMAND_WORK +
                      COMMAND_SLICE;
    unsigned done = 0;

    if (amd->commands_busy) {
        return;
    }
    amd->commands_busy = true;
    while (nyx_amd_reg64(amd, A_NAMD_STATUS) & R_NAMD_STS_CMDBUFRUN_MASK) {
        uint64_t head = nyx_amd_reg64(amd, A_NAMD_CMDHEAD);

        if (head == nyx_amd_reg64(amd, A_NAMD_CMDTAIL)) {
            break;
        }
        if (nyx_announce_work(amd->announce) / COMMAND_WORK + done++ >=
            budget) {
            amd->host.kick(amd->host.opaque);
            break;
        }
        step(amd, nyx_amd_reg64(amd, A_NAMD_CMDBASE), head);
    }
    amd->commands_busy = false;
}
