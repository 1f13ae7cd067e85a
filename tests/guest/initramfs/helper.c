/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What busybox cannot do in the guest: make a device without a driver issue a
 * request that nobody mapped anything for, read performance counters, and do I/O
 * to many pages at once.
 *
 * usage: nyx-helper edu|testdev write|read|msi ADDRESS
 *        nyx-helper perf PMU EVENT[,EVENT...] COMMAND
 *        nyx-helper cycles DISK ROUNDS
 *
 * The first prints "BUS:DEV.FN OPERATION ADDRESS", what was asked of the
 * device; the second "EVENT COUNT" for each event of the IOMMU's PMU while
 * the shell command ran; the third nothing, if all that was read is the same
 * each time.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "testdev-regs.h"

#define SYSFS "/sys/bus/pci/devices"

/* PCI Local Bus specification 3.0, 6.2.2 "Device Control" */
#define PCI_COMMAND             4
#define PCI_COMMAND_MEMORY      0x2
#define PCI_COMMAND_MASTER      0x4

/* QEMU, docs/specs/edu.rst */
#define EDU_VENDOR_ID           0x1234
#define EDU_DEVICE_ID           0x11e8
#define EDU_DMA_SRC             0x80
#define EDU_DMA_DST             0x88
#define EDU_DMA_COUNT           0x90
#define EDU_DMA_CMD             0x98
#define EDU_DMA_CMD_START       0x1
#define EDU_DMA_CMD_TO_MEMORY   0x2
#define EDU_BUFFER              0x40000

#define BAR_SIZE                0x1000

enum operation { OP_WRITE, OP_READ, OP_MSI };

static const char *const operation_name[] = { "write", "read", "msi" };

struct device {
    char name[256];             /* as in sysfs: 0000:00:05.0 */
    volatile uint8_t *bar;
};

static void write32(struct device *device, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(device->bar + offset) = value;
}

static uint32_t read32(struct device *device, unsigned offset)
{
    return *(volatile uint32_t *)(device->bar + offset);
}

static void write64(struct device *device, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(device->bar + offset) = value;
}

static uint64_t read64(struct device *device, unsigned offset)
{
    return *(volatile uint64_t *)(device->bar + offset);
}

static int open_attribute(const char *device, const char *file, int flags)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), SYSFS "/%s/%s", device, file);
    fd = open(path, flags);
    if (fd < 0) {
        err(1, "%s", path);
    }
    return fd;
}

static unsigned long read_number(const char *device, const char *file)
{
    char text[32];
    int fd = open_attribute(device, file, O_RDONLY);
    ssize_t size = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[size > 0 ? size : 0] = '\0';
    return strtoul(text, NULL, 16);
}

static void find_device(struct device *device, unsigned long vendor,
                        unsigned long product)
{
    DIR *dir = opendir(SYSFS);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.' &&
            read_number(entry->d_name, "vendor") == vendor &&
            read_number(entry->d_name, "device") == product) {
            strcpy(device->name, entry->d_name);
            closedir(dir);
            return;
        }
    }
    errx(1, "no PCI device %04lx:%04lx", vendor, product);
}

/* What a driver's probe function would do first. */
static void enable_device(struct device *device)
{
    uint16_t command;
    int fd;

    fd = open_attribute(device->name, "enable", O_WRONLY);
    if (write(fd, "1", 1) != 1) {
        err(1, "%s: enable", device->name);
    }
    close(fd);

    fd = open_attribute(device->name, "config", O_RDWR);
    if (pread(fd, &command, 2, PCI_COMMAND) != 2) {
        err(1, "%s: config", device->name);
    }
    command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    if (pwrite(fd, &command, 2, PCI_COMMAND) != 2) {
        err(1, "%s: config", device->name);
    }
    close(fd);

    fd = open_attribute(device->name, "resource0", O_RDWR);
    device->bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                       fd, 0);
    if (device->bar == MAP_FAILED) {
        err(1, "%s: resource0", device->name);
    }
    close(fd);
}

static void request_edu(struct device *device, enum operation op,
                        uint64_t address)
{
    bool to_memory = op != OP_READ;

    find_device(device, EDU_VENDOR_ID, EDU_DEVICE_ID);
    enable_device(device);
    write64(device, EDU_DMA_SRC, to_memory ? EDU_BUFFER : address);
    write64(device, EDU_DMA_DST, to_memory ? address : EDU_BUFFER);
    write64(device, EDU_DMA_COUNT, 4);
    write64(device, EDU_DMA_CMD,
            EDU_DMA_CMD_START | (to_memory ? EDU_DMA_CMD_TO_MEMORY : 0));
    /* The device takes a tenth of a second for each transfer. */
    while (read64(device, EDU_DMA_CMD) & EDU_DMA_CMD_START) {
        usleep(10000);
    }
}

static void request_testdev(struct device *device, enum operation op,
                            uint64_t address)
{
    find_device(device, NYX_TD_VENDOR_ID, NYX_TD_DEVICE_ID);
    enable_device(device);
    if (read32(device, NYX_TD_MAGIC) != NYX_TD_MAGIC_VALUE) {
        errx(1, "%s: not a nyx-testdev", device->name);
    }
    if (op == OP_MSI) {
        write64(device, NYX_TD_MSI_ADDR, address);
        write32(device, NYX_TD_MSI_DATA, 0);
        write32(device, NYX_TD_MSI_SEND, 1);
        return;
    }
    write64(device, NYX_TD_DMA_ADDR, address);
    write32(device, NYX_TD_DMA_LEN, 4);
    write32(device, NYX_TD_DMA_OP,
            op == OP_READ ? NYX_TD_OP_READ : NYX_TD_OP_WRITE);
    write32(device, NYX_TD_DMA_ATTR, 0);
    write32(device, NYX_TD_DMA_DOORBELL, 1);
}

static enum operation parse_operation(const char *word)
{
    for (int op = OP_WRITE; op <= OP_MSI; op++) {
        if (!strcmp(word, operation_name[op])) {
            return op;
        }
    }
    errx(2, "%s: no such operation", word);
}

#define PMUS "/sys/bus/event_source/devices/"
#define MAX_EVENTS 8

static void read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");

    if (!file || !fgets(line, size, file)) {
        err(1, "%s", path);
    }
    fclose(file);
}

/* As the drivers of VT-d and of AMD's describe their events. */
static uint64_t event_config(const char *path, const char *line)
{
    unsigned group, event;

    if (sscanf(line, "event_group=%x,event=%x", &group, &event) == 2) {
        return (uint64_t)group << 28 | event;
    }
    if (sscanf(line, "csource=%x", &event) == 1) {
        return event;
    }
    errx(1, "%s: %s", path, line);
}

/* A counter of the first CPU, which is where the driver puts them. */
static int open_event(const char *pmu, const char *name)
{
    struct perf_event_attr attr = { .size = sizeof(attr) };
    char path[256], line[256];
    int fd;

    snprintf(path, sizeof(path), PMUS "%.32s/type", pmu);
    read_line(path, line, sizeof(line));
    attr.type = strtoul(line, NULL, 0);
    snprintf(path, sizeof(path), PMUS "%.32s/events/%.64s", pmu, name);
    read_line(path, line, sizeof(line));
    attr.config = event_config(path, line);
    fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
    if (fd < 0) {
        err(1, "perf_event_open: %s", name);
    }
    return fd;
}

static int count_events(const char *pmu, char *names, const char *command)
{
    const char *name[MAX_EVENTS];
    int fds[MAX_EVENTS], n = 0, status;

    for (char *at = strtok(names, ","); at && n < MAX_EVENTS;
         at = strtok(NULL, ",")) {
        name[n] = at;
        fds[n++] = open_event(pmu, at);
    }
    status = system(command);
    for (int i = 0; i < n; i++) {
        uint64_t count;

        if (read(fds[i], &count, sizeof(count)) != sizeof(count)) {
            err(1, "read: %s", name[i]);
        }
        printf("%s %llu\n", name[i], (unsigned long long)count);
    }
    return status ? 1 : 0;
}

#define CYCLE_PAGES 128
#define PAGE 4096

/* Of every other page, so that no two of them are one to the DMA layer. */
static void read_scattered(int fd, uint8_t *area, struct iovec *iov)
{
    for (int i = 0; i < CYCLE_PAGES; i++) {
        iov[i] = (struct iovec) { area + 2 * i * PAGE, PAGE };
        memset(iov[i].iov_base, 0xa5, 64);
    }
    if (preadv(fd, iov, CYCLE_PAGES, 0) != CYCLE_PAGES * PAGE) {
        err(1, "preadv");
    }
}

static int cycles(const char *disk, int rounds)
{
    uint8_t *area = mmap(NULL, 2 * CYCLE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *first = malloc(CYCLE_PAGES * PAGE);
    struct iovec iov[CYCLE_PAGES];
    int fd = open(disk, O_RDONLY | O_DIRECT);

    if (area == MAP_FAILED || !first || fd < 0) {
        err(1, "%s", disk);
    }
    memset(area, 0, 2 * CYCLE_PAGES * PAGE);
    for (int round = 0; round < rounds; round++) {
        read_scattered(fd, area, iov);
        for (int i = 0; i < CYCLE_PAGES; i++) {
            if (!round) {
                memcpy(first + i * PAGE, iov[i].iov_base, PAGE);
            } else if (memcmp(first + i * PAGE, iov[i].iov_base, PAGE)) {
                errx(1, "%s: round %d: page %d is another", disk, round, i);
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct device device = { 0 };
    enum operation op;
    uint64_t address;

    if (argc == 5 && !strcmp(argv[1], "perf")) {
        return count_events(argv[2], argv[3], argv[4]);
    }
    if (argc == 4 && !strcmp(argv[1], "cycles")) {
        return cycles(argv[2], atoi(argv[3]));
    }
    if (argc != 4) {
        errx(2, "usage: nyx-helper edu|testdev write|read|msi ADDRESS");
    }
    op = parse_operation(argv[2]);
    address = strtoull(argv[3], NULL, 0);
    if (!strcmp(argv[1], "edu")) {
        request_edu(&device, op, address);
    } else if (!strcmp(argv[1], "testdev")) {
        request_testdev(&device, op, address);
    } else {
        errx(2, "%s: no such device", argv[1]);
    }
    /* Without the PCI segment, as the kernel's fault line has it. */
    printf("%s %s 0x%llx\n", strchr(device.name, ':') + 1,
           operation_name[op], (unsigned long long)address);
    return 0;
}
