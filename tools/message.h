/* What a command says on stderr: one line a failure, whatever bytes a file name or a driver's text holds. */
#ifndef CLNORM_TOOLS_MESSAGE_H
#define CLNORM_TOOLS_MESSAGE_H

/* Exit codes: the contract with scripts. */
enum { EXIT_OK = 0, EXIT_DEVICE = 1, EXIT_USAGE = 2 };

/* The name at the head of each complaint, "clnorm" unless told. Kept by reference. */
void message_program(const char *name);

/* Prints "clnorm: ..." as one line on stderr and returns `code`. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for clnorm_last_error() after a library call: `what` was being done, the status decides the exit code (a
 * user's argument: EXIT_USAGE; the device: EXIT_DEVICE). */
int complain_status(int status, const char *what);

/* Prints a line on stderr that is no failure. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 1 if stderr is a terminal: then a line of progress may be shown and written over. */
int progress_shown(void);
void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);

#endif
