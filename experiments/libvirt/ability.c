/* SPDX-License-Identifier: MIT */
#include "experiments/libvirt/ability.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

#include "experiments/text.h"

/* Whether an XPath expression that is a condition holds in a document; no document: it does not. */
static bool holds(const char *xml, const char *condition)
{
	xmlDocPtr doc = xml ? xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
					    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
			    : NULL;
	xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
	xmlXPathObjectPtr result =
		context ? xmlXPathEvalExpression((const xmlChar *)condition, context) : NULL;
	const bool is = result && xmlXPathCastToBoolean(result);

	xmlXPathFreeObject(result);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return is;
}

#define GUEST "/capabilities/guest/arch[@name='x86_64']"

/* What must hold, in this order; the first that does not is told. */
struct rule {
	bool of_domain; /* else of the computer's capabilities */
	const char *condition;
	const char *lack;
};

/* clang-format off */
static const struct rule for_qemu[] = {
	{false, GUEST "/domain[@type='qemu']",
	 "there is no QEMU for x86-64 there: apt-get install qemu-system-x86"},
};
static const struct rule for_vmx[] = {
	{false, "not(/capabilities/host/cpu/vendor[.='AMD' or .='Hygon'])",
	 "its processor is AMD's: L0 needs Intel's VT-x"},
	{false, "/capabilities/host/cpu/feature[@name='vmx']",
	 "its processor shows no VT-x: switch it on in the firmware; if that computer is a VM itself, its own host must let it nest"},
	{false, GUEST "/domain[@type='kvm']",
	 "its KVM can't be used: is kvm_intel loaded (modprobe kvm_intel), and may the daemon open /dev/kvm? "
	 "Or VT-x is off in the firmware: dmesg says so"},
	{true, "/domainCapabilities/cpu/mode[@name='host-passthrough' and @supported='yes']",
	 "it passes no processor through to a guest, which KVM must"},
	{true, "/domainCapabilities/cpu/mode[@name='host-model']/feature[@name='vmx' and @policy='require']",
	 "its KVM gives guests no VT-x: modprobe -r kvm_intel; modprobe kvm_intel nested=1 "
	 "(for good: echo 'options kvm_intel nested=1' >/etc/modprobe.d/kvm_intel.conf)"},
};
/* clang-format on */

static char *first_lack(const struct ability *a, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct rule *r = &rules[i];

		if (r->of_domain && !a->domain)
			return text_format("its QEMU can't use KVM: %s",
					   a->domain_error ? a->domain_error : "no reason is given");
		if (!holds(r->of_domain ? a->domain : a->capabilities, r->condition))
			return text_copy(r->lack);
	}
	return NULL;
}

char *ability_lacks_qemu(const struct ability *a)
{
	return first_lack(a, for_qemu, sizeof(for_qemu) / sizeof(for_qemu[0]));
}

char *ability_lacks_vmx(const struct ability *a)
{
	char *lack = ability_lacks_qemu(a);

	return lack ? lack : first_lack(a, for_vmx, sizeof(for_vmx) / sizeof(for_vmx[0]));
}

bool ability_relabels(const struct ability *a)
{
	return holds(a->capabilities, "/capabilities/host/secmodel/model[.='dac']");
}
