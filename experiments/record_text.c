/* SPDX-License-Identifier: MIT */
/* Walks messages by protobuf-c's descriptors, so that a new field of record.proto shows without a line here.
 */
#include "experiments/record_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Without quotes a reader could still tell where the value ends. */
static bool plain(const char *s)
{
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || strchr("\"\\{}", *s))
			return false;
	return true;
}

static void add_quoted(struct text *out, const char *s, size_t n)
{
	text_addf(out, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			text_addf(out, "\\%c", c);
		else if (c == '\n')
			text_addf(out, "\\n");
		else if (isprint(c))
			text_add(out, &s[i], 1);
		else
			text_addf(out, "\\x%02x", c);
	}
	text_addf(out, "\"");
}

static void add_string(struct text *out, const char *s)
{
	if (*s && plain(s))
		text_addf(out, "%s", s);
	else
		add_quoted(out, s, strlen(s));
}

static const char *enum_name(const ProtobufCFieldDescriptor *f, int value)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, value);

	return v ? v->name : "?";
}

/* Addresses and register contents read better in hexadecimal. */
static bool hexadecimal(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	bool wide = m->descriptor == &nestbed__register__descriptor ||
		    m->descriptor == &nestbed__capability__descriptor;

	return (wide && !strcmp(f->name, "value")) || !strcmp(f->name, "check") ||
	       !strcmp(f->name, "signature") || !strcmp(f->name, "error_code");
}

static void add_fields(struct text *out, const ProtobufCMessage *m);

static void add_value(struct text *out, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
		      const void *at)
{
	const ProtobufCBinaryData *bytes = at;
	uint64_t number;

	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
		add_string(out, *(char *const *)at);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		add_quoted(out, (const char *)bytes->data, bytes->len);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		text_addf(out, "{");
		add_fields(out, *(ProtobufCMessage *const *)at);
		text_addf(out, "}");
		return;
	case PROTOBUF_C_TYPE_ENUM:
		text_addf(out, "%s", enum_name(f, *(const int *)at));
		return;
	case PROTOBUF_C_TYPE_BOOL:
		text_addf(out, "%s", *(const protobuf_c_boolean *)at ? "true" : "false");
		return;
	case PROTOBUF_C_TYPE_UINT64:
		number = *(const uint64_t *)at;
		break;
	default: /* record.proto has no other numbers than uint32 and uint64 */
		number = *(const uint32_t *)at;
		break;
	}
	text_addf(out, hexadecimal(m, f) ? "0x%" PRIx64 : "%" PRIu64, number);
}

static size_t value_size(const ProtobufCFieldDescriptor *f)
{
	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_UINT64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		return sizeof(uint32_t);
	}
}

static const void *member(const ProtobufCMessage *m, unsigned offset)
{
	return (const char *)m + offset;
}

/* How many values a field has (0: leave it out), and where the first lies. */
static size_t values(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const void **at)
{
	*at = member(m, f->offset);
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		*at = *(void *const *)*at;
		return *(const size_t *)member(m, f->quantifier_offset);
	}
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)member(m, f->quantifier_offset) == f->id;
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return *(char *const *)*at && **(char *const *)*at;
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)*at != NULL;
	if (f->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)*at != 0;
	return 1;
}

static void add_fields(struct text *out, const ProtobufCMessage *m)
{
	const char *gap = "";

	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const void *at;
		size_t n = values(m, f, &at);

		for (size_t k = 0; k < n; k++) {
			text_addf(out, "%s%s=", gap, f->name);
			add_value(out, m, f, (const char *)at + k * value_size(f));
			gap = " ";
		}
	}
}

void message_text(struct text *out, const ProtobufCMessage *message)
{
	add_fields(out, message);
}

/* The record's body and the name of its kind; NULL for a record of a kind that is not known here. */
static const ProtobufCMessage *body(const Nestbed__Record *record, const char **kind)
{
	const ProtobufCMessageDescriptor *d = record->base.descriptor;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const void *at;

		if (values(&record->base, &d->fields[i], &at)) {
			*kind = d->fields[i].name;
			return *(ProtobufCMessage *const *)at;
		}
	}
	*kind = "unknown";
	return NULL;
}

void record_text(struct text *out, const Nestbed__Record *record)
{
	const char *kind;
	const ProtobufCMessage *m = body(record, &kind);

	text_addf(out, "%s", kind);
	if (m && m->descriptor->n_fields) {
		text_addf(out, " ");
		add_fields(out, m);
	}
}

/* Bytes that are no UTF-8 become '?'. */
static json_t *json_text(const char *s, size_t n)
{
	json_t *j = json_stringn(s, n);
	char *copy;

	if (j)
		return j;
	copy = zalloc(n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	j = json_stringn(copy, n);
	free(copy);
	return j;
}

static void json_fields(json_t *object, const ProtobufCMessage *m);

static json_t *json_value(const ProtobufCFieldDescriptor *f, const void *at)
{
	const ProtobufCBinaryData *bytes = at;
	json_t *inner;

	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return json_text(*(char *const *)at, strlen(*(char *const *)at));
	case PROTOBUF_C_TYPE_BYTES:
		return json_text((const char *)bytes->data, bytes->len);
	case PROTOBUF_C_TYPE_MESSAGE:
		inner = json_object();
		json_fields(inner, *(ProtobufCMessage *const *)at);
		return inner;
	case PROTOBUF_C_TYPE_ENUM:
		return json_string(enum_name(f, *(const int *)at));
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_UINT64: /* above 2^63 as the signed number of the same bits */
		return json_integer((json_int_t) * (const uint64_t *)at);
	default:
		return json_integer(*(const uint32_t *)at);
	}
}

static void json_fields(json_t *object, const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
		const void *at;
		size_t n = values(m, f, &at);
		json_t *list;

		if (!repeated) {
			if (n)
				json_object_set_new(object, f->name, json_value(f, at));
			continue;
		}
		list = json_array();
		for (size_t k = 0; k < n; k++)
			json_array_append_new(list, json_value(f, (const char *)at + k * value_size(f)));
		json_object_set_new(object, f->name, list);
	}
}

json_t *record_json(const Nestbed__Record *record)
{
	const char *kind;
	const ProtobufCMessage *m = body(record, &kind);
	json_t *object = json_object();

	json_object_set_new(object, "record", json_string(kind));
	if (m)
		json_fields(object, m);
	return object;
}
