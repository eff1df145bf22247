/* SPDX-License-Identifier: MIT */
/* Key `passthrough`: I/O ports of the machine that a VM reaches, and those that are L0's own. */
#include <errno.h>

#include "bundle/config_impl.h"
#include "nestbed/ports.h"

#define PORTS 0x10000u

static const struct {
	uint32_t first, last;
	const char *refusal;
} own_ports[] = {
	{0x20,             0x21,                 "ports of the PIC, which is L0's: "                      },
	{0xA0,             0xA1,                 "ports of the PIC, which is L0's: "                      },
	{0x4D0,            0x4D1,                "ports of the PIC, which is L0's: "                      },
	{0x60,             0x64,                 "ports by which the machine can be reset: "              },
	{0x92,             0x92,                 "ports by which the machine can be reset: "              },
	{0xCF8,            0xCFF,                "ports of the PCI configuration, which is L0's: "        },
	{0x3F8,            0x3FF,                "ports of COM1, to which L0 writes: "                    },
	{NB_PORT_CONSOLE,  NB_PORT_CONSOLE,      "ports of the debug console, to which L0 writes: "       },
	{NB_PORT_MARK,     NB_PORT_MARK + 3,     "ports that L0 serves itself (include/nestbed/ports.h): "},
	{NB_PORT_DOORBELL, NB_PORT_DOORBELL + 3, "ports that L0 serves itself (include/nestbed/ports.h): "},
	{NB_PORT_SHUTDOWN, NB_PORT_SHUTDOWN,     "ports by which the machine is ended: "                  },
	{0xF4,             0xF4,                 "ports by which the machine is ended: "                  },
};

int config_set_ports(struct parser *p, struct span value)
{
	struct span rest = value;
	const struct span first_word = span_word(&rest);
	uint64_t first, count;

	if (!span_number(first_word, &first) || !span_number(rest, &count) || first >= PORTS || !count ||
	    count > PORTS - first)
		return -EDOM;
	for (size_t i = 0; i < sizeof(own_ports) / sizeof(own_ports[0]); i++)
		if (first <= own_ports[i].last && first + count > own_ports[i].first)
			return config_fail(p, own_ports[i].refusal, value, "");
	p->vm->port_first = (uint32_t)first;
	p->vm->port_count = (uint32_t)count;
	return 0;
}
