/* SPDX-License-Identifier: MIT */
#include "experiments/cpu_models.h"

#include <string.h>

#include "experiments/text.h"

const struct cpu_model cpu_models[] = {
	{"corei7_skylake_x",          "EPT, VPID, unrestricted guest, VMCS shadowing, PML, TSC scaling"},
	{"tigerlake",                 "EPT, VPID, unrestricted guest, VMCS shadowing, PML, TSC scaling"},
	{"corei7_icelake_u",          "EPT, VPID, unrestricted guest, VMCS shadowing, PML, TSC scaling"},
	{"corei3_cnl",                "EPT, VPID, unrestricted guest, VMCS shadowing, PML"             },
	{"broadwell_ult",             "EPT, VPID, unrestricted guest, VMCS shadowing"                  },
	{"corei7_haswell_4770",       "EPT, VPID, unrestricted guest, VMCS shadowing"                  },
	{"corei7_ivy_bridge_3770k",   "EPT, VPID, unrestricted guest"                                  },
	{"corei7_sandy_bridge_2600k", "EPT, VPID, unrestricted guest"                                  },
	{"corei5_arrandale_m520",     "EPT, VPID, unrestricted guest"                                  },
	{"corei5_lynnfield_750",      "EPT, VPID"						      },
	{"core2_penryn_t9600",        "no EPT, no VPID"						},
	{"bx_generic",                NULL							     },
	{"p4_prescott_celeron_336",   NULL							     },
	{"atom_n270",                 NULL							     },
	{"core_duo_t2400_yonah",      NULL							     },
	{"athlon64_clawhammer",       NULL							     },
	{"athlon64_venice",           NULL							     },
	{"turion64_tyler",            NULL							     },
	{"phenom_8650_toliman",       NULL							     },
	{"zambezi",                   NULL							     },
	{"trinity_apu",               NULL							     },
	{"ryzen",		     NULL							     },
};

const size_t cpu_model_count = sizeof(cpu_models) / sizeof(cpu_models[0]);

const struct cpu_model *cpu_model_find(const char *name)
{
	for (size_t i = 0; i < cpu_model_count; i++)
		if (!strcmp(cpu_models[i].name, name))
			return &cpu_models[i];
	return NULL;
}

char *cpu_model_unknown(const char *name)
{
	struct text t = {0};

	text_addf(&t, "no CPU model '%s'; with VT-x there are", name);
	for (size_t i = 0; i < cpu_model_count; i++)
		if (cpu_models[i].vtx)
			text_addf(&t, "%s %s", i ? "," : "", cpu_models[i].name);
	return t.data;
}

char *cpu_model_lacks(const char *name)
{
	return cpu_model_find(name) ? NULL : cpu_model_unknown(name);
}
