/* Reading of a subcommand's options with popt, strictly: an option that is unknown, given twice or without its value is
 * one line on stderr and EXIT_USAGE. */
#ifndef CLNORM_TOOLS_OPTIONS_H
#define CLNORM_TOOLS_OPTIONS_H

#include <popt.h>
#include <stddef.h>

/* The last row but one of every table. */
#define OPTIONS_HELP                                                                      \
  {                                                                                       \
    "help", 'h', POPT_ARG_NONE, NULL, OPTIONS_HELP_VALUE, "print this help and end", NULL \
  }
#define OPTIONS_HELP_VALUE 63
#define OPTIONS_MAX 62

/* What options_read says when the command is to go on. */
#define OPTIONS_GO_ON (-1)

typedef struct options_help {
  const char *name;  /* "clnorm run" */
  const char *usage; /* "OP PASS --x FILE [options]" */
  const char *more;  /* printed under the table */
} options_help;

/* Reads all options of the table; each row's `val` is a number from 1 to 62 of its own, its `arg` is filled (a
 * POPT_ARG_STRING with memory to be freed). Words that are no options go to `words`, which stays valid as long as argv.
 * Returns OPTIONS_GO_ON, or the exit code to leave with. */
int options_read(int argc, const char **argv, const struct poptOption *table, const options_help *help,
                 const char **words, size_t capacity, size_t *count);

/* A value that was given ("" is one) has to be something: OPTIONS_GO_ON, or EXIT_USAGE after "COMMAND: --OPTION is empty; expected
 * WHAT". NULL: not given. */
int options_filled(const char *command, const char *option, const char *value, const char *what);

#endif
