/* SPDX-License-Identifier: MIT */
/* The domain that libvirt gets, read by libxml2; and what a connection's capabilities are said to lack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "experiments/libvirt/ability.h"
#include "experiments/libvirt/domain_xml.h"

#define HARD "/tmp/a&b <c> \"d\" 'e'\t,f"

static const struct domain_nic nic = {
	{0x52, 0x54, 0, 0x4e, 0x42, 1},
        40000, 40001
};

static struct domain plain(void)
{
	return (struct domain){
		.name = "nestbed-1-l0",
		.kvm = true,
		.cpu = DOMAIN_CPU_HOST,
		.memory = 256u << 20,
		.cpus = 1,
		.kernel = "/tmp/kernel",
		.cmdline = "",
		.console = "/tmp/console",
		.shutdown = "/tmp/shutdown",
		.com1 = "/tmp/com1",
	};
}

/* The string value of an XPath expression; malloc'd. */
static char *value(const struct domain *d, const char *path)
{
	struct text xml = {0};
	xmlXPathContextPtr context;
	xmlXPathObjectPtr result;
	xmlDocPtr doc;
	char *why, *got;

	assert_int_equal(domain_xml(&xml, d, &why), 0);
	doc = xmlReadMemory(xml.data, (int)xml.size, NULL, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	context = xmlXPathNewContext(doc);
	result = xmlXPathEvalExpression((const xmlChar *)path, context);
	assert_non_null(result);
	got = (char *)xmlXPathCastToString(result);
	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	text_free(&xml);
	return got;
}

static void expect(const struct domain *d, const char *path, const char *wanted)
{
	char *got = value(d, path);

	if (strcmp(got, wanted) != 0)
		fail_msg("%s is '%s', not '%s'", path, got, wanted);
	free(got);
}

#define DEBUG_CONSOLE(io)                                                                                    \
	"//serial[address/@iobase='" io                                                                      \
	"' and target/@type='isa-debug' and target/model/@name='isa-debugcon']"

static void a_domain_has_what_was_asked_for(void **state)
{
	struct domain d = plain();

	(void)state;
	expect(&d, "/domain/@type", "kvm");
	expect(&d, "/domain/name", "nestbed-1-l0");
	expect(&d, "/domain/memory[@unit='b']", "268435456");
	expect(&d, "/domain/os/kernel", "/tmp/kernel");
	expect(&d, "count(/domain/os/initrd | /domain/os/cmdline | //interface | //seclabel | //@cpuset)",
	       "0");
	expect(&d, DEBUG_CONSOLE("0xe9") "/source[@mode='connect']/@path", "/tmp/console");
	expect(&d, DEBUG_CONSOLE("0x8900") "/source[@mode='connect']/@path", "/tmp/shutdown");
	expect(&d, "//serial[target/@type='isa-serial']/source/@path", "/tmp/com1");
	expect(&d, "//on_reboot", "destroy");
	d.nic = &nic;
	d.pin = "2-3";
	d.unlabelled = true;
	expect(&d, "//interface[@type='udp' and model/@type='e1000']/mac/@address", "52:54:00:4e:42:01");
	expect(&d, "//interface/source[@address='127.0.0.1']/@port", "40001");
	expect(&d, "//interface/source/local[@address='127.0.0.1']/@port", "40000");
	d.cpus = 2;
	expect(&d, "count(/domain/cputune/vcpupin[@cpuset='2-3'])", "2");
	expect(&d, "/domain/cputune/vcpupin[2]/@vcpu", "1");
	expect(&d, "/domain/cputune/emulatorpin/@cpuset", "2-3");
	d.others = "0-1";
	expect(&d, "/domain/cputune/vcpupin[1]/@cpuset", "2-3");
	expect(&d, "/domain/cputune/emulatorpin/@cpuset", "0-1");
	expect(&d, "/domain/seclabel[@type='none']/@model", "dac");
}

/* Under KVM there is no machine without VT-x, whichever processor is asked for; QEMU's own never has it. */
static void vmx_is_required_of_kvm(void **state)
{
	struct domain d = plain();

	(void)state;
	expect(&d, "/domain/cpu[@mode='host-passthrough']/feature[@name='vmx']/@policy", "require");
	d.cpu = "Haswell";
	expect(&d, "/domain/cpu[@mode='custom']/model[@fallback='forbid']", "Haswell");
	expect(&d, "/domain/cpu/feature[@name='vmx']/@policy", "require");
	d.kvm = false;
	expect(&d, "/domain/@type", "qemu");
	expect(&d, "count(//feature[@name='vmx'])", "0");
	d.cpu = DOMAIN_CPU_HOST;
	expect(&d, "/domain/cpu/@mode", "maximum");
}

static void strings_come_back_as_they_went(void **state)
{
	struct domain d = plain();

	(void)state;
	d.kernel = d.initrd = d.cmdline = d.console = d.shutdown = d.com1 = d.name = d.pin = HARD;
	d.cpu = HARD;
	expect(&d, "/domain/name", HARD);
	expect(&d, "/domain/cputune/vcpupin/@cpuset", HARD);
	expect(&d, "/domain/os/kernel", HARD);
	expect(&d, "/domain/os/initrd", HARD);
	expect(&d, "/domain/os/cmdline", HARD);
	expect(&d, "/domain/cpu/model", HARD);
	expect(&d, DEBUG_CONSOLE("0xe9") "/source/@path", HARD);
	expect(&d, DEBUG_CONSOLE("0x8900") "/source/@path", HARD);
	expect(&d, "//serial[target/@type='isa-serial']/source/@path", HARD);
}

static void what_xml_cannot_hold_is_refused(void **state)
{
	struct domain d = plain();
	struct text xml = {0};
	char *why = NULL;

	(void)state;
	d.cmdline = "a\x01z";
	assert_int_equal(domain_xml(&xml, &d, &why), -EINVAL);
	assert_non_null(strstr(why, "control character"));
	assert_int_equal(xml.size, 0);
	free(why);
}

static void modules_as_qemu_reads_them(void **state)
{
	struct text initrd = {0};

	(void)state;
	assert_int_equal(domain_module(&initrd, "/t/1/bundle", ""), 0);
	assert_string_equal(initrd.data, "/t/1/bundle");
	assert_int_equal(domain_module(&initrd, "/t,x/2/hello", "a=1,2 b"), 0);
	assert_string_equal(initrd.data, "/t/1/bundle,/t,,x/2/hello a=1,,2 b");
	assert_int_equal(domain_module(&initrd, "/t x/3", ""), -EINVAL);
	assert_string_equal(initrd.data, "/t/1/bundle,/t,,x/2/hello a=1,,2 b");
	text_free(&initrd);
}

/* ---- capabilities ---- */

#define CAPS(vendor, feature, domains)                                                                       \
	"<capabilities><host><cpu><arch>x86_64</arch><model>kvm64</model><vendor>" vendor "</vendor>"        \
	"<feature name='" feature "'/></cpu><secmodel><model>none</model></secmodel></host>"                 \
	"<guest><arch name='i686'><domain type='qemu'/><domain type='kvm'/></arch></guest>"                  \
	"<guest><arch name='x86_64'>" domains "</arch></guest></capabilities>"
#define BOTH "<domain type='qemu'/><domain type='kvm'/>"
#define DOMAIN(passthrough, policy, feature)                                                                 \
	"<domainCapabilities><cpu><mode name='host-passthrough' supported='" passthrough "'/>"               \
	"<mode name='host-model' supported='yes'><feature policy='" policy "' name='" feature "'/></mode>"   \
	"<mode name='custom'><feature policy='require' name='vmx'/></mode></cpu></domainCapabilities>"
#define GOOD CAPS("Intel", "vmx", BOTH)

static void what_lacks(void **state)
{
	static const struct {
		const char *name;
		struct ability ability;
		const char *lack; /* words of it; NULL: nothing lacks */
	} rows[] = {
		{"all is there",        {GOOD, DOMAIN("yes", "require", "vmx"), NULL},                      NULL                 },
		{"no nesting",          {GOOD, DOMAIN("yes", "require", "ss"), NULL},                       "kvm_intel nested=1" },
		{"nesting is disabled", {GOOD, DOMAIN("yes", "disable", "vmx"), NULL},                      "kvm_intel nested=1" },
		{"no passthrough",      {GOOD, DOMAIN("no", "require", "vmx"), NULL},                       "passes no processor"},
		{"an error of QEMU's",
		 {GOOD, NULL, "the accel is not supported"},
		 "can't use KVM: the accel is not supported"								     },
		{"no KVM",              {CAPS("Intel", "vmx", "<domain type='qemu'/>"), NULL, "no"},        "modprobe kvm_intel" },
		{"VT-x locked off",
		 {CAPS("Intel", "vmx", "<domain type='qemu'/>"), NULL, "no"},
		 "off in the firmware"											   },
		{"no VT-x",             {CAPS("Intel", "ss", BOTH), DOMAIN("yes", "require", "vmx"), NULL}, "firmware"           },
		{"AMD",                 {CAPS("AMD", "svm", BOTH), DOMAIN("yes", "require", "svm"), NULL},  "AMD's"              },
		{"Hygon",               {CAPS("Hygon", "svm", BOTH), NULL, "no"},                           "AMD's"              },
		{"no QEMU",             {CAPS("Intel", "vmx", ""), NULL, "no"},                             "qemu-system-x86"    },
		{"no XML",              {"<capabilities", NULL, "no"},                                      "qemu-system-x86"    },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *lack = ability_lacks_vmx(&rows[i].ability);

		if (!lack != !rows[i].lack || (lack && !strstr(lack, rows[i].lack)))
			fail_msg("%s: '%s'", rows[i].name, lack ? lack : "nothing lacks");
		free(lack);
	}
}

static void an_emulated_machine_needs_qemu_alone(void **state)
{
	const struct ability amd = {CAPS("AMD", "svm", "<domain type='qemu'/>"), NULL, NULL};
	const struct ability none = {CAPS("Intel", "vmx", ""), NULL, NULL};
	char *lack;

	(void)state;
	assert_null(ability_lacks_qemu(&amd));
	lack = ability_lacks_qemu(&none);
	assert_non_null(lack);
	free(lack);
}

static void who_relabels(void **state)
{
	const struct ability system = {"<capabilities><host><secmodel><model>apparmor</model></secmodel>"
				       "<secmodel><model>dac</model></secmodel></host></capabilities>",
				       NULL, NULL};
	const struct ability session = {GOOD, NULL, NULL};

	(void)state;
	assert_true(ability_relabels(&system));
	assert_false(ability_relabels(&session));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_has_what_was_asked_for),
		cmocka_unit_test(vmx_is_required_of_kvm),
		cmocka_unit_test(strings_come_back_as_they_went),
		cmocka_unit_test(what_xml_cannot_hold_is_refused),
		cmocka_unit_test(modules_as_qemu_reads_them),
		cmocka_unit_test(what_lacks),
		cmocka_unit_test(an_emulated_machine_needs_qemu_alone),
		cmocka_unit_test(who_relabels),
	};
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);

	xmlCleanupParser();
	return failed;
}
