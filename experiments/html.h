/* SPDX-License-Identifier: MIT */
/* Text into HTML: whatever it holds stays text. Pure. */
#ifndef EXPERIMENTS_HTML_H
#define EXPERIMENTS_HTML_H

#include "experiments/text.h"

/* As text and as a quoted attribute's value; what is no UTF-8, and control characters, become U+FFFD. */
void html_text(struct text *out, const char *s);
/* Markup in which each "%s" is replaced by the next string as text; nothing else is known. */
void html_addf(struct text *out, const char *markup, ...);

/*
 * A gnuplot drawing as part of a page: its ids and what names them get `prefix`, its own titles go, `label`
 * says what it shows. 0, or -EINVAL with *why (malloc'd): anything but a closed drawing of known elements,
 * without scripts and without references to elsewhere.
 */
__attribute__((warn_unused_result)) int svg_inline(struct text *out, const char *svg, const char *prefix,
						   const char *label, char **why);

#endif
