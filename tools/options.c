#include "options.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* "run" of "clnorm run": complain() says the rest. */
static const char *short_name(const options_help *help)
{
  const char *space = strchr(help->name, ' ');
  return space != NULL ? space + 1 : help->name;
}

static int print_help(poptContext context, const options_help *help)
{
  poptSetOtherOptionHelp(context, help->usage);
  poptPrintHelp(context, stdout, 0);
  (void)printf("%s", help->more);
  return EXIT_OK;
}

/* Words have to outlive popt's context: they are looked up in argv, which holds the same text. */
static int keep_words(poptContext context, int argc, const char **argv, const char *name, const char **words,
                      size_t capacity, size_t *count)
{
  *count = 0;
  for (const char *word = poptGetArg(context); word != NULL; word = poptGetArg(context)) {
    if (*count == capacity) {
      return complain(EXIT_USAGE, "%s: unexpected argument '%s'", name, word);
    }
    for (int i = 1; i < argc; i++) {
      if (strcmp(argv[i], word) == 0) {
        words[*count] = argv[i];
      }
    }
    (*count)++;
  }
  return OPTIONS_GO_ON;
}

/* popt would lose the memory of a value that is given twice, so values come one by one. */
static void take_values(const struct poptOption *from, struct poptOption *to, size_t rows)
{
  for (size_t i = 0; i < rows; i++) {
    to[i] = from[i];
    if (to[i].argInfo == POPT_ARG_STRING) {
      to[i].arg = NULL;
    }
  }
}

static void store_value(poptContext context, const struct poptOption *table, int option)
{
  for (; table->longName != NULL; table++) {
    if (table->val == option && table->argInfo == POPT_ARG_STRING) {
      char **value = table->arg;
      free(*value);
      *value = poptGetOptArg(context);
    }
  }
}

int options_read(int argc, const char **argv, const struct poptOption *table, const options_help *help,
                 const char **words, size_t capacity, size_t *count)
{
  uint64_t seen = 0;
  int code = OPTIONS_GO_ON;
  struct poptOption rows[OPTIONS_MAX + 2];
  size_t used = 0;
  while (table[used].longName != NULL) {
    used++;
  }
  take_values(table, rows, used + 1);
  argv[0] = help->name; /* popt's "Usage: " begins with it */
  poptContext context = poptGetContext(help->name, argc, argv, rows, POPT_CONTEXT_NO_EXEC);
  if (context == NULL) {
    return complain(EXIT_DEVICE, "not enough memory");
  }
  int option = poptGetNextOpt(context);
  for (; option > 0 && code == OPTIONS_GO_ON; option = poptGetNextOpt(context)) {
    if (option == OPTIONS_HELP_VALUE) {
      code = print_help(context, help);
    } else if (seen >> option & 1) {
      code = complain(EXIT_USAGE, "%s: %s is given twice", short_name(help), poptBadOption(context, 0));
    }
    store_value(context, table, option);
    seen |= (uint64_t)1 << option;
  }
  if (code == OPTIONS_GO_ON && option < -1) {
    code = complain(EXIT_USAGE, "%s: %s: %s (see %s --help)", short_name(help),
                    poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(option), help->name);
  }
  if (code == OPTIONS_GO_ON) {
    code = keep_words(context, argc, argv, short_name(help), words, capacity, count);
  }
  poptFreeContext(context);
  return code;
}

int options_filled(const char *command, const char *option, const char *value, const char *what)
{
  return value == NULL || value[0] != '\0'
             ? OPTIONS_GO_ON
             : complain(EXIT_USAGE, "%s: --%s is empty; expected %s", command, option, what);
}
