/* SPDX-License-Identifier: MIT */
#include "experiments/peers/kvm/vmm/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "experiments/text.h"

#define NAME_MOST 256u /* bytes of a name, as KVM says; far less today */

static const char *const wanted[2] = {"exits", "irq_exits"};

static bool read_at(int fd, void *to, size_t n, uint64_t at)
{
	return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

/* How many of those that are wanted there are. */
static unsigned find(struct stats_file *f, const struct kvm_stats_header *h)
{
	const size_t size = sizeof(struct kvm_stats_desc) + h->name_size;
	struct kvm_stats_desc *d = zalloc(size + 1);
	unsigned found = 0;

	for (uint32_t i = 0; i < h->num_desc; i++) {
		if (!read_at(f->fd, d, size, h->desc_offset + (uint64_t)i * size))
			break;
		for (unsigned k = 0; k < 2; k++) {
			if (strcmp(d->name, wanted[k]) != 0 || d->size != 1)
				continue;
			f->at[k] = h->data_offset + (uint64_t)d->offset;
			found++;
		}
	}
	free(d);
	return found;
}

int stats_open(struct vm *vm)
{
	struct stats_file *f = &vm->stats_file;
	struct kvm_stats_header h;

	if (!vm_extension(vm, KVM_CAP_BINARY_STATS_FD))
		return -ENOENT;
	f->fd = ioctl(vm->vcpu, KVM_GET_STATS_FD, 0);
	if (f->fd < 0)
		return -errno;
	if (read_at(f->fd, &h, sizeof(h), 0) && h.name_size <= NAME_MOST && find(f, &h) == 2)
		return 0;
	close(f->fd);
	f->fd = -1;
	return -ENOENT;
}

void stats_read(const struct vm *vm, struct stats *s)
{
	const struct stats_file *f = &vm->stats_file;

	*s = (struct stats){0};
	if (f->fd < 0 || !read_at(f->fd, &s->exits, sizeof(s->exits), f->at[0]) ||
	    !read_at(f->fd, &s->irq_exits, sizeof(s->irq_exits), f->at[1]))
		*s = (struct stats){0};
}
