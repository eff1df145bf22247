/* SPDX-License-Identifier: MIT */
#include "experiments/cli.h"

const char nestbed_version[] = NESTBED_VERSION;
const char nestbed_compiler[] =
#ifdef __clang__
	"clang " __clang_version__;
#else
	"gcc " __VERSION__;
#endif
