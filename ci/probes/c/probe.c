/* Answers orders until the session ends: `keep TEXT` and `kept`, with the files of the C library. The bindings to weft:app are made by
 * wit-bindgen of wit/. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe.h"

#define FILE_NAME "/data/kept"
#define LONGEST 1024

static int keep(const char *text, size_t length)
{
	FILE *file = fopen(FILE_NAME ".new", "w");
	if (file == NULL)
		return -1;
	size_t written = fwrite(text, 1, length, file);
	if (fclose(file) != 0 || written != length)
		return -1;
	return rename(FILE_NAME ".new", FILE_NAME);
}

/* The length of what was kept, or -1. */
static int kept(char *text)
{
	FILE *file = fopen(FILE_NAME, "r");
	if (file == NULL)
		return -1;
	size_t length = fread(text, 1, LONGEST, file);
	fclose(file);
	return (int)length;
}

static void obey(const char *order, size_t length, char *answer, size_t size)
{
	static const char KEEP[] = "keep ";
	char text[LONGEST];
	int count = 0;

	errno = 0;
	if (length > strlen(KEEP) && memcmp(order, KEEP, strlen(KEEP)) == 0)
		count = keep(order + strlen(KEEP), length - strlen(KEEP));
	else if (length == strlen("kept") && memcmp(order, "kept", length) == 0)
		count = kept(text);
	else {
		snprintf(answer, size, "error no such order");
		return;
	}
	if (count < 0)
		snprintf(answer, size, "error %s", strerror(errno));
	else
		snprintf(answer, size, "ok %.*s", count, text);
}

int main(void)
{
	weft_app_ipc_own_pollable_t messages = weft_app_ipc_subscribe();

	weft_app_notify_ready();
	for (;;) {
		probe_string_t order, reply, reason;

		while (weft_app_ipc_recv(&order)) {
			char answer[LONGEST + 16];

			obey((const char *)order.ptr, order.len, answer, sizeof answer);
			probe_string_free(&order);
			probe_string_set(&reply, answer);
			if (!weft_app_ipc_send(&reply, &reason)) {
				fprintf(stderr, "an answer is lost: %.*s\n", (int)reason.len, (const char *)reason.ptr);
				probe_string_free(&reason);
			}
		}
		wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(messages));
	}
}
