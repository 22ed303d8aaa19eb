/* Options that say what is measured, for the subcommands that measure: lists of passes, shapes and layouts, a suite. Each
 * function returns OPTIONS_GO_ON, or EXIT_USAGE after a line on stderr that begins with the command's name. Lists are written
 * into; NULL: the option was not given. */
#ifndef CLNORM_TOOLS_SHAPE_OPTIONS_H
#define CLNORM_TOOLS_SHAPE_OPTIONS_H

#include <group.h>

#define BENCH_SHAPES 64

typedef struct bench_shape {
  uint32_t rank;
  size_t dims[5];
} bench_shape;

/* Takes the next item of a list off *text; NULL at the end. */
char *list_next(char **text, char separator);

/* *suites: CASES_BENCH_..., the quick suite if there is neither; left alone if there are shapes.
 *   family   1: the suite of that name may be chosen */
int choose_suite(const char *command, const char *suite, const char *shape, int family, unsigned *suites);

/* Not given: all passes, of the quick suite those that most users run. `passes` has room for GROUP_PASSES. */
int choose_passes(const char *command, char *list, unsigned suites, clnorm_pass *passes, size_t *count);

/* *layouts: CASES_FIRST, CASES_LAST. */
int choose_layouts(const char *command, char *list, unsigned *layouts);

/* `shapes` has room for BENCH_SHAPES. */
int choose_shapes(const char *command, char *list, bench_shape *shapes, size_t *count);

#endif
