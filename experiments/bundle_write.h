/* SPDX-License-Identifier: MIT */
/* Makes a boot bundle (include/nestbed/bundle.h): configuration text and images in one blob. */
#ifndef EXPERIMENTS_BUNDLE_WRITE_H
#define EXPERIMENTS_BUNDLE_WRITE_H

#include "experiments/machine.h"
#include "nestbed/bundle.h"

struct bundle_image {
	const char *name;
	struct blob bytes;
};

/*
 * malloc'd into *bundle. 0 or negative errno: -E2BIG (too many images), -ENAMETOOLONG, -EEXIST (a name
 * twice, "config" among them), -EINVAL (a name with blanks, or none), -ENOMEM; *bad is then the image, or
 * `count` when it is none of them.
 */
__attribute__((warn_unused_result)) int bundle_write(const char *config, const struct bundle_image *images,
						     unsigned count, struct blob *bundle, unsigned *bad);

#endif
