/* SPDX-License-Identifier: MIT */
#include "migration/gate.h"

#include <string.h>

#include "migration/messages.h"

void gate_check(const Nestbed__StreamHello *hello, const struct gate_host *host,
		void (*refuse)(const char *format, ...) __attribute__((format(printf, 1, 2))))
{
	if (hello->version != STREAM_VERSION)
		refuse("stream version %u: this host knows %u", hello->version, STREAM_VERSION);
	if (strcmp(hello->vm, host->name) != 0)
		refuse("it is named '%s': this host waits for '%s'", hello->vm, host->name);
	if (hello->ram_bytes != host->ram_bytes)
		refuse("memory of %llu bytes: this host has %llu for it",
		       (unsigned long long)hello->ram_bytes, (unsigned long long)host->ram_bytes);
	if (hello->vcpus != host->vcpus)
		refuse("%u vCPUs: this host has %u for it", hello->vcpus, host->vcpus);
	if (hello->nested != host->nested)
		refuse("nested virtualization is %s: this host's bundle says %s",
		       hello->nested ? "on" : "off", host->nested ? "on" : "off");
	if (hello->scratch != host->scratch)
		refuse("the scratch device is %s: this host's bundle says %s",
		       hello->scratch ? "there" : "not there", host->scratch ? "on" : "off");
	for (size_t i = 0; i < hello->n_bound; i++)
		refuse("it is bound to %s of its host", hello->bound[i]);
	if (host->bound)
		refuse("this host's bundle binds it to %s", host->bound);
}
