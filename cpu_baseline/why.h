/* SPDX-License-Identifier: MIT */
/* Reasons that many rows of the table share. */
#ifndef CPU_BASELINE_WHY_H
#define CPU_BASELINE_WHY_H

#define WHY_INSN    "instructions that raise #UD on a host without them"
#define WHY_CR      "a control-register bit that raises #GP on a host without it"
#define WHY_MSR     "an MSR, or bits of one, that raise #GP on a host without them"
#define WHY_PAGING  "a paging-structure entry that faults on a host without it"
#define WHY_STATE   "XSETBV, or a write to IA32_XSS, raises #GP on a host without the state component"
#define WHY_ENTRY   "VM entry fails on a host without it: SDM \"Checks on VMX Controls\""
#define WHY_USE     "a guest that relies on it goes wrong on a host without it"
#define WHY_SPEED   "a promise about speed, which a host without it does not keep"
#define WHY_NOT     "says that a host is not affected; untrue as soon as one is"
#define WHY_WEAK    "tells of a weakness or of what clears it; if one host needs it, the guest must know"
#define WHY_X87     "tells of a value that is no longer kept; if one host does not, the guest must know"
#define WHY_MUST    "a bit that one host demands must be set on all"
#define WHY_COUNT   "no more than the host with the fewest has"
#define WHY_LEVEL   "what lies beyond the host with the least is not there on all"
#define WHY_VENDOR  "meaning of leaves and MSRs hangs on the vendor"
#define WHY_LAYOUT  "a guest moves with its XSAVE area as it lies in memory: SDM \"XSAVE Area\""
#define WHY_TILE    "a guest's tile code is laid out for one palette"
#define WHY_TSC     "a guest reckons time by it; a host that scales the TSC may differ"
#define WHY_OS      "mirrors a bit of the guest's CR4"
#define WHY_SHAPE   "the VM's own shape, whatever the host's is"
#define WHY_CACHE   "describes one host's caches; no guest fails without"
#define WHY_TEXT    "describes one host; no guest fails without"
#define WHY_MONITOR "told if it holds on all hosts; a guest that is told nothing assumes nothing"
#define WHY_SERIAL  "tells one processor from all others"
#define WHY_POWER   "power and heat of one host are not the guest's to see or steer"
#define WHY_RDT     "shares of one host's caches and memory bandwidth are the host's to give"
#define WHY_SGX     "enclaves are bound to one processor's keys and memory"
#define WHY_KEYS    "memory encryption keys are one host's"
#define WHY_SMM     "for a monitor in SMM, which no guest is"
#define WHY_VMCS    "whoever runs the guest has a VMCS format of its own"

#endif
