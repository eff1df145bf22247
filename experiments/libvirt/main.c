/* SPDX-License-Identifier: MIT */
/*
 * libvirt-run: one machine of nestbed as a transient libvirt domain. Its debug console is standard output.
 * The domain ends with this process, however that ends.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "experiments/cli.h"
#include "experiments/libvirt.h"
#include "experiments/libvirt/connection.h"
#include "experiments/libvirt/domain_xml.h"
#include "experiments/libvirt/folder.h"
#include "experiments/libvirt/relay.h"
#include "experiments/text.h"
#include "nestbed/boot.h"

enum {
	OPT_PROBE = 256,
	OPT_URI,
	OPT_TCG,
	OPT_NAME,
	OPT_CPU,
	OPT_PIN,
	OPT_OTHERS,
	OPT_MEMORY,
	OPT_CPUS,
	OPT_CMDLINE,
	OPT_MODULE,
	OPT_WORDS,
	OPT_COM1,
	OPT_NIC,
	OPT_XML
};

/* clang-format off */
static const struct argp_option options[] = {
	{"uri",     OPT_URI,     "URI",   0, "The libvirt connection", 0},
	{"tcg",     OPT_TCG,     0,       0, "QEMU emulates the processor; else KVM with VT-x for the guest", 0},
	{"probe",   OPT_PROBE,   0,       0, "Say what runs machines there, or what lacks (exit status 4), and start nothing", 0},
	{"name",    OPT_NAME,    "NAME",  0, "The domain's name", 0},
	{"cpu",     OPT_CPU,     "MODEL", 0, "libvirt's CPU model (default " DOMAIN_CPU_HOST ")", 0},
	{"pin",     OPT_PIN,     "SET",   0, "Processors of the computer for the domain's, such as 2,4-5", 0},
	{"others",  OPT_OTHERS,  "SET",   0, "With --pin: those for QEMU's other threads (default: the same)", 0},
	{"memory",  OPT_MEMORY,  "BYTES", 0, "RAM", 0},
	{"cpus",    OPT_CPUS,    "N",     0, "Processors", 0},
	{"cmdline", OPT_CMDLINE, "WORDS", 0, "The kernel's name and its command line", 0},
	{"module",  OPT_MODULE,  "FILE",  0, "A multiboot module. Repeatable", 0},
	{"words",   OPT_WORDS,   "WORDS", 0, "The last module's name and its command line", 0},
	{"com1",    OPT_COM1,    "FILE",  0, "Write to FILE what the machine writes to COM1", 0},
	{"nic",     OPT_NIC,     "MAC,PORT,PEER", 0, "An e1000 on a UDP port of the loopback, and the port of its peer", 0},
	{"xml",     OPT_XML,     "FILE",  0, "Write the domain's XML to FILE", 0},
	{0},
};
/* clang-format on */

struct module {
	const char *file, *words;
};

struct arguments {
	const char *uri, *words, *kernel, *com1, *xml;
	bool probe;
	struct domain domain;
	struct domain_nic nic;
	struct module module[NB_BOOT_MODULES_MAX];
	unsigned module_count;
};

static uint64_t number(const char *arg, uint64_t most, const struct argp_state *state)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(arg, &end, 10);
	if (errno || end == arg || *end || !n || n > most)
		argp_error(state, "'%s' is not a number from 1 to %" PRIu64, arg, most);
	return n;
}

static void parse_nic(struct arguments *a, const char *arg, const struct argp_state *state)
{
	uint8_t *m = a->nic.mac;
	int end = 0;

	if (sscanf(arg, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx,%" SCNu16 ",%" SCNu16 "%n", &m[0], &m[1], &m[2],
		   &m[3], &m[4], &m[5], &a->nic.port, &a->nic.peer, &end) != 8 ||
	    arg[end])
		argp_error(state, "'%s' is not MAC,PORT,PEER", arg);
	a->domain.nic = &a->nic;
}

static error_t parse_module(struct arguments *a, int key, const char *arg, const struct argp_state *state)
{
	if (key == OPT_MODULE) {
		if (a->module_count == NB_BOOT_MODULES_MAX)
			argp_error(state, "at most %u modules", NB_BOOT_MODULES_MAX);
		a->module[a->module_count++] = (struct module){arg, "module"};
		return 0;
	}
	if (!a->module_count)
		argp_error(state, "--words stands behind a --module");
	a->module[a->module_count - 1].words = arg;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	const struct {
		int key;
		const char **to;
	} strings[] = {
		{OPT_URI,      &a->uri          },
		{OPT_NAME,     &a->domain.name  },
		{OPT_CPU,      &a->domain.cpu   },
		{OPT_PIN,      &a->domain.pin   },
		{OPT_OTHERS,   &a->domain.others},
		{OPT_CMDLINE,  &a->words        },
		{OPT_COM1,     &a->com1         },
		{OPT_XML,      &a->xml          },
		{ARGP_KEY_ARG, &a->kernel       },
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (strings[i].key == key) {
			*strings[i].to = arg;
			return 0;
		}
	switch (key) {
	case OPT_PROBE:
		a->probe = true;
		return 0;
	case OPT_TCG:
		a->domain.kvm = false;
		return 0;
	case OPT_MEMORY:
		a->domain.memory = number(arg, 1ull << 40, state);
		return 0;
	case OPT_CPUS:
		a->domain.cpus = (unsigned)number(arg, 255, state);
		return 0;
	case OPT_MODULE:
	case OPT_WORDS:
		return parse_module(a, key, arg, state);
	case OPT_NIC:
		parse_nic(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!a->probe && !a->kernel)
			argp_error(state, "which KERNEL?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The first of some words, as a file's name; *rest is what stands behind it. */
static char *first_word(const char *words, const char **rest)
{
	const size_t n = strcspn(words, " ");
	char *name = n ? text_format("%.*s", (int)n, words) : text_copy("kernel");

	for (char *p = name; *p; p++)
		*p = *p == '/' ? '_' : *p;
	*rest = words + n + (words[n] == ' ');
	return name;
}

/* The files into the folder, their names into the domain. QEMU puts each file's name before its words. */
static int place_files(struct arguments *a, struct folder *f, struct text *initrd, char **why)
{
	char *name = first_word(a->words, &a->domain.cmdline);
	char *path = folder_copy(f, 0, name, a->kernel, why);

	free(name);
	a->domain.kernel = path;
	for (unsigned i = 0; path && i < a->module_count; i++) {
		const char *rest;

		name = first_word(a->module[i].words, &rest);
		path = folder_copy(f, i + 1, name, a->module[i].file, why);
		free(name);
		if (path && domain_module(initrd, path, rest)) {
			*why = text_format(
				"%s: QEMU takes no blank in the name of a module's file; set TMPDIR", path);
			return -1;
		}
		free(path);
	}
	a->domain.initrd = initrd->data;
	return path ? 0 : -1;
}

static int write_xml(const char *path, const struct text *xml, char **why)
{
	FILE *f = path ? fopen(path, "we") : NULL;

	if (!path || (f && fwrite(xml->data, 1, xml->size, f) == xml->size && !fclose(f)))
		return 0;
	*why = text_format("%s: %s", path, strerror(errno));
	return -1;
}

static void close_all(int socket[FOLDER_SOCKETS])
{
	for (int i = 0; i < FOLDER_SOCKETS; i++) {
		if (socket[i] >= 0)
			close(socket[i]);
		socket[i] = -1;
	}
}

/* QEMU's, which made the connection; 0: not known. */
static pid_t other_end(int socket)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	return socket >= 0 && !getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? peer.pid : 0;
}

/* Whoever destroyed a transient domain before has undefined it too. */
static bool is_gone(void)
{
	const int code = virGetLastErrorCode();

	return code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID;
}

/*
 * Ends it, if it is there still. The sockets go first: nobody reads them from now on, and QEMU would wait in
 * a write() to them where it does not look whether it shall end. False: it is left; *why says how to end it.
 */
static bool destroy(virDomainPtr domain, int socket[FOLDER_SOCKETS], char **why)
{
	const pid_t qemu = other_end(socket[FOLDER_CONSOLE]);
	char *before = *why, *by_hand;

	close_all(socket);
	if (!virDomainDestroy(domain) || is_gone())
		return true;
	by_hand = qemu ? text_format(", or kill %ld", (long)qemu) : text_copy("");
	*why = text_format("%s%sthe domain %s could not be destroyed, its QEMU may run still: %s. To end it: "
			   "virsh destroy %s%s",
			   before ? before : "", before ? "\n" : "", virDomainGetName(domain),
			   connection_error(), virDomainGetName(domain), by_hand);
	free(by_hand);
	free(before);
	return false;
}

/* Started, but executing nothing yet, and with its sockets connected. */
static virDomainPtr create(struct arguments *a, struct connection *c, struct folder *f,
			   int socket[FOLDER_SOCKETS], char **why)
{
	const unsigned flags =
		VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_VALIDATE;
	struct domain *d = &a->domain;
	virDomainPtr made = NULL;
	struct text xml = {0}, initrd = {0};

	d->console = f->socket_path[FOLDER_CONSOLE];
	d->shutdown = f->socket_path[FOLDER_SHUTDOWN];
	d->com1 = f->socket_path[FOLDER_COM1];
	d->unlabelled = c->relabels;
	if (!place_files(a, f, &initrd, why) && !domain_xml(&xml, d, why) && !write_xml(a->xml, &xml, why)) {
		relay_abandon(f);
		made = virDomainCreateXML(c->libvirt, xml.data, flags);
		relay_abandon(NULL);
		if (!made)
			*why = text_format("libvirt can't start the domain: %s", connection_error());
	}
	if (made && folder_accept(f, socket)) {
		*why = text_copy("QEMU did not connect to the machine's consoles");
		(void)destroy(made, socket, why);
		virDomainFree(made);
		made = NULL;
	}
	free((char *)d->kernel);
	d->kernel = NULL;
	text_free(&xml);
	text_free(&initrd);
	return made;
}

/* Lets it run to its end; an exit status. */
static int watch(virDomainPtr domain, int socket[FOLDER_SOCKETS], const char *com1_path, char **why)
{
	FILE *com1 = com1_path ? fopen(com1_path, "we") : NULL;
	enum relay_end end = RELAY_TOLD;

	if (!relay_signal()) {
		if (virDomainResume(domain)) {
			*why = text_format("libvirt can't let the domain run: %s", connection_error());
			end = RELAY_GONE;
		} else {
			end = relay(socket, com1 ? fileno(com1) : -1);
			if (end == RELAY_GONE)
				*why = text_copy("the domain ended, and not by the shutdown port: a triple "
						 "fault, or QEMU was ended");
		}
	}
	if (com1)
		(void)fclose(com1);
	if (!destroy(domain, socket, why))
		return LIBVIRT_RUN_LEFT;
	return end == RELAY_SHUT_DOWN ? CLI_OK : CLI_FAILED;
}

static int run(struct arguments *a, struct connection *c, char **why)
{
	int socket[FOLDER_SOCKETS] = {-1, -1, -1};
	int status = CLI_FAILED;
	struct folder folder;
	virDomainPtr domain = NULL;

	relay_signals();
	if (!folder_make(&folder, why))
		domain = create(a, c, &folder, socket, why);
	folder_remove(&folder); /* QEMU has read and opened what it needs */
	if (domain) {
		status = watch(domain, socket, a->com1, why);
		virDomainFree(domain);
	}
	close_all(socket);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "KERNEL",
		.doc = "Runs a multiboot-1 kernel as a transient libvirt domain; its debug console is "
		       "standard "
		       "output. A part of nestbed, which starts it.",
	};
	struct arguments a = {
		.uri = "qemu:///system",
		.words = "kernel",
		.domain = {.name = "nestbed",
			   .kvm = true,
			   .cpu = DOMAIN_CPU_HOST,
			   .memory = CLI_DEFAULT_MEMORY,
			   .cpus = 1},
	};
	struct connection connection;
	char *why = NULL;
	int status = CLI_REFUSED;

	/* nestbed's children die with it at once; this one destroys the domain first. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	argp_err_exit_status = CLI_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!connection_open(&connection, a.uri, a.domain.kvm, &why)) {
		if (a.probe)
			printf("%s\n", connection.version);
		status = a.probe ? CLI_OK : run(&a, &connection, &why);
		connection_close(&connection);
	}
	if (why)
		fprintf(stderr, "%s\n", why);
	free(why);
	return status;
}
