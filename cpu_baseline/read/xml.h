/* SPDX-License-Identifier: MIT */
/* XML for the readers, by libxml2: no network, no files, no DTD. */
#ifndef CPU_BASELINE_READ_XML_H
#define CPU_BASELINE_READ_XML_H

#include <libxml/tree.h>

#include "cpu_baseline/read/reader.h"

/* The rest of the text as a document, to be freed with xmlFreeDoc; NULL, with the error: it is not
 * well-formed. */
__attribute__((warn_unused_result)) xmlDoc *xml_parse(struct reader *r);

bool xml_named(const xmlNode *node, const char *name);
unsigned xml_line(const xmlNode *node);

/*
 * The element's first child element, or the next element behind it; NULL: none. Text between elements that is
 * not blank is an error, *status then.
 */
xmlNode *xml_first(struct reader *r, const xmlNode *node, int *status);
xmlNode *xml_next(struct reader *r, const xmlNode *node, int *status);

/* An attribute to take: where to, and whether it must be there. */
struct xml_attribute {
	const char *name;
	bool required;
	const char **value; /* NULL where it is not there; lives as long as the document */
};
/* Takes these attributes of an element; one that is not among them, or lacks, is an error. */
__attribute__((warn_unused_result)) int
xml_attributes(struct reader *r, const xmlNode *node, const struct xml_attribute *attributes, unsigned count);
/* One attribute, whatever others there are; NULL: it is not there. */
const char *xml_attribute(const xmlNode *node, const char *name);

/* An attribute's value as a hexadecimal number behind 0x, of at most 32 bits. */
__attribute__((warn_unused_result)) int xml_hex(struct reader *r, const xmlNode *node, const char *name,
						const char *text, uint32_t *value);

/* The element's text without blanks around it, if it holds nothing else; else empty. */
struct piece xml_text(const xmlNode *node);

/* By root element. */
typedef int xml_reader_fn(struct reader *r, const xmlNode *root);
xml_reader_fn cpudata_read, cpu_element_read, capabilities_read, domain_capabilities_read;

#endif
