# SPDX-License-Identifier: MIT
# A CD image from which GRUB boots L0 on a real computer (docs/hardware.md).
ISO_BOOT ?= --nested --memory=256M l1hv --module=exits

iso: all ## Make build/nestbed.iso: GRUB, L0 and what ISO_BOOT tells nestbed boot
	$(Q)experiments/iso/make-iso $(BUILD) $(BUILD)/nestbed.iso $(ISO_BOOT)
.PHONY: iso
