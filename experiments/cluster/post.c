/* SPDX-License-Identifier: MIT */
#include "experiments/cluster/post.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/text.h"

/* A message under way to another rank. */
struct sending {
	MPI_Request request;
	void *data;
	struct sending *next;
};

/* One to oneself. */
struct own {
	struct post_message message;
	struct own *next;
};

static struct {
	int rank, ranks;
	struct sending *sending;
	struct own *first, **last;
} post;

void post_open(int *argc, char ***argv)
{
	MPI_Init(argc, argv); /* an error of MPI's ends every rank: its standard handler */
	MPI_Comm_rank(MPI_COMM_WORLD, &post.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &post.ranks);
	post.last = &post.first;
}

unsigned post_rank(void)
{
	return (unsigned)post.rank;
}

unsigned post_ranks(void)
{
	return (unsigned)post.ranks;
}

static void *copy_of(const void *data, size_t size)
{
	uint8_t *copy = zalloc(size + 1);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

static void send_to_self(enum post_kind kind, const void *data, size_t size)
{
	struct own *o = zalloc(sizeof(*o));

	o->message = (struct post_message){(unsigned)post.rank, kind, copy_of(data, size), size};
	*post.last = o;
	post.last = &o->next;
}

void post_send(unsigned to, enum post_kind kind, const void *data, size_t size)
{
	struct sending *s;

	if (size > INT_MAX)
		abort(); /* files go by pieces */
	if (to == (unsigned)post.rank) {
		send_to_self(kind, data, size);
		return;
	}
	s = zalloc(sizeof(*s));
	s->data = copy_of(data, size);
	s->next = post.sending;
	post.sending = s;
	MPI_Isend(s->data, (int)size, MPI_BYTE, (int)to, (int)kind, MPI_COMM_WORLD, &s->request);
}

static void drop_sent(void)
{
	for (struct sending **at = &post.sending; *at;) {
		struct sending *s = *at;
		int done;

		MPI_Test(&s->request, &done, MPI_STATUS_IGNORE);
		if (!done) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s->data);
		free(s);
	}
}

unsigned post_unsent(void)
{
	unsigned count = 0;

	drop_sent();
	for (const struct sending *s = post.sending; s; s = s->next)
		count++;
	return count;
}

static bool take_own(struct post_message *message)
{
	struct own *o = post.first;

	if (!o)
		return false;
	*message = o->message;
	post.first = o->next;
	if (!post.first)
		post.last = &post.first;
	free(o);
	return true;
}

bool post_take(struct post_message *message)
{
	MPI_Status status;
	int come, size;

	drop_sent();
	if (take_own(message))
		return true;
	MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &come, &status);
	if (!come)
		return false;
	MPI_Get_count(&status, MPI_BYTE, &size);
	*message = (struct post_message){
		.from = (unsigned)status.MPI_SOURCE,
		.kind = (enum post_kind)status.MPI_TAG,
		.data = zalloc((size_t)size + 1),
		.size = (size_t)size,
	};
	MPI_Recv(message->data, size, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	return true;
}

static void drop_come(void)
{
	struct post_message m;

	while (post_take(&m))
		free(m.data);
}

void post_close(void)
{
	MPI_Request all;
	int done = 0;

	while (post_unsent())
		drop_come();
	MPI_Ibarrier(MPI_COMM_WORLD, &all);
	while (!done) {
		drop_come();
		MPI_Test(&all, &done, MPI_STATUS_IGNORE);
	}
	MPI_Finalize();
}

void post_abort(int status)
{
	MPI_Abort(MPI_COMM_WORLD, status);
	exit(status);
}
