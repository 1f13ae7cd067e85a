/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builders of AMD-Vi tables in the fixture's memory: device table entries,
 * host tables, guest tables, GCR3 tables.  Bits are typed from the
 * specification.
 */
#ifndef TESTS_UNIT_AMD_TABLES_H
#define TESTS_UNIT_AMD_TABLES_H

#include "amd-fixture.h"

/* IR and IW, by access bits. */
#define AT_RIGHTS(rw) ((uint64_t)(rw) << 61)

/* First word of an entry: what stands in all of them. */
#define AT_V      (1ULL << 0)
#define AT_TV     (1ULL << 1)
#define AT_IR     (1ULL << 61)
#define AT_IW     (1ULL << 62)
#define AT_GV     (1ULL << 55)
#define AT_GIOV   (1ULL << 54)
#define AT_PPR    (1ULL << 52)
#define AT_GPRP   (1ULL << 53)
#define AT_MODE(n) ((uint64_t)(n) << 9)
#define AT_HAD(n)  ((uint64_t)(n) << 7)
#define AT_OPEN   (AT_V | AT_TV | AT_IR | AT_IW)
/* Second word */
#define AT_I      (1ULL << 32)
#define AT_SE     (1ULL << 33)
#define AT_SA     (1ULL << 34)
#define AT_IOCTL(n) ((uint64_t)(n) << 35)
#define AT_SD     (1ULL << 38)
#define AT_EX     (1ULL << 39)
#define AT_SYSMGT(n) ((uint64_t)(n) << 40)

/* The parts of a GCR3 root, and of the paging mode, in their words. */
static inline uint64_t at_gcr3_0(uint64_t gcr3, unsigned glx)
{
    return (gcr3 >> 12 & 7) << 58 | (uint64_t)glx << 56;
}

static inline uint64_t at_gcr3_1(uint64_t gcr3)
{
    return (gcr3 >> 15 & 0xffff) << 16 | (gcr3 >> 31 & 0x1fffff) << 43;
}

/* ax_cfg(), and one with as little as can be. */
NyxAmdCfg at_cfg(void);
NyxAmdCfg at_poor(void);
/* A started IOMMU, with GTEn if there is GTSup. */
Ax *at_new(const NyxAmdCfg *cfg);
void at_control(Ax *f, uint64_t clear, uint64_t set);

/* Write an entry of the device table; the first word last. */
void at_dte(Ax *f, uint16_t sid, uint64_t w0, uint64_t w1, uint64_t w2,
            uint64_t w3);
uint64_t at_dte_addr(Ax *f, uint16_t sid);

/* Host tables of @mode levels for @sid with @did; returns the root. */
uint64_t at_domain(Ax *f, uint16_t sid, uint16_t did, unsigned mode);

/*
 * Where the entry for @iova in the host table of @level (1 is the page's) is;
 * tables on the way are made, with both rights.
 */
uint64_t at_entry(Ax *f, uint64_t root, unsigned mode, uint64_t iova,
                  unsigned level);
/* A page of 2^@lg2 bytes; encoded sizes are repeated as often as needed. */
void at_map(Ax *f, uint64_t root, unsigned mode, uint64_t iova, uint64_t addr,
            unsigned lg2, unsigned rw);
/* The same page's entry (the first of them) gone. */
void at_unmap(Ax *f, uint64_t root, unsigned mode, uint64_t iova,
              unsigned lg2);

/*
 * Guest tables: @bias is added to an address in them to find it in memory
 * (what the host's tables do).
 */
uint64_t at_guest_entry(Ax *f, uint64_t cr3, unsigned levels, uint64_t gva,
                        unsigned level, uint64_t bias);
/* @bits: those besides P, U/S and the size; 2 is R/W. */
void at_guest_map(Ax *f, uint64_t cr3, unsigned levels, uint64_t gva,
                  uint64_t gpa, unsigned lg2, uint64_t bits, uint64_t bias);

/* The GCR3 entry of a PASID; tables on the way are made. */
uint64_t at_gcr3_entry(Ax *f, uint64_t root, unsigned glx, uint32_t pasid);

/* --- Commands, requests, events ------------------------------------------- */

/* One page; @leaf_only is PDE = 0. */
void at_inv_page(Ax *f, uint16_t did, uint64_t iova, bool leaf_only);
/* All of a domain, GN = 0. */
void at_inv_domain(Ax *f, uint16_t did);

NyxReply at_request(Ax *f, uint16_t sid, const NyxRequest *req);
uint64_t at_dma(Ax *f, unsigned access, uint64_t iova);
uint64_t at_dma_as(Ax *f, uint16_t sid, unsigned access, uint64_t iova);
/* Untranslated, with a PASID. */
NyxReply at_pasid(Ax *f, uint32_t pasid, unsigned access, uint64_t iova);

/* The oldest event; false if there is none. */
bool at_event(Ax *f, uint64_t event[2]);
void at_forget_events(Ax *f);

#endif
