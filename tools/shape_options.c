#include "shape_options.h"

#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"

char *list_next(char **text, char separator)
{
  char *item = *text;
  if (item == NULL) {
    return NULL;
  }
  char *end = strchr(item, separator);
  if (end != NULL) {
    *end = '\0';
    end++;
  }
  *text = end;
  return item;
}

int choose_suite(const char *command, const char *suite, const char *shape, int family, unsigned *suites)
{
  static const struct {
    const char *name;
    unsigned bit;
  } known[] = {{"quick", CASES_BENCH_QUICK},
               {"full", CASES_BENCH_FULL},
               {"large", CASES_BENCH_LARGE},
               {"sizes", CASES_BENCH_SIZES},
               {"family", CASES_BENCH_FAMILY}};
  if (suite != NULL && shape != NULL) {
    return complain(EXIT_USAGE, "%s: --suite and --shape exclude each other", command);
  }
  if (shape != NULL) {
    return OPTIONS_GO_ON;
  }
  const size_t count = sizeof known / sizeof known[0] - (family ? 0 : 1);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(suite != NULL ? suite : "quick", known[i].name) == 0) {
      *suites = known[i].bit;
      return OPTIONS_GO_ON;
    }
  }
  return complain(EXIT_USAGE, "%s: --suite '%s' is unknown; expected quick, full, large%s", command, suite,
                  family ? ", sizes or family" : " or sizes");
}

static int add_pass(const char *command, const char *name, clnorm_pass *passes, size_t *count)
{
  for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    if (strcmp(name, record_pass_name(pass)) == 0) {
      for (size_t i = 0; i < *count; i++) {
        if (passes[i] == pass) {
          return complain(EXIT_USAGE, "%s: --pass names '%s' twice", command, name);
        }
      }
      passes[(*count)++] = pass;
      return OPTIONS_GO_ON;
    }
  }
  return complain(EXIT_USAGE, "%s: --pass '%s' is unknown; expected train, infer, backward or backward-frozen", command,
                  name);
}

int choose_passes(const char *command, char *list, unsigned suites, clnorm_pass *passes, size_t *count)
{
  char quick[] = "infer,train,backward";
  char all[] = "infer,train,backward,backward-frozen";
  if (list == NULL) {
    list = suites == CASES_BENCH_QUICK ? quick : all;
  }
  int code = OPTIONS_GO_ON;
  for (char *item = list_next(&list, ','); item != NULL && code == OPTIONS_GO_ON; item = list_next(&list, ',')) {
    code = add_pass(command, item, passes, count);
  }
  return code;
}

int choose_layouts(const char *command, char *list, unsigned *layouts)
{
  *layouts = list == NULL ? CASES_BOTH : 0;
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    if (strcmp(item, "channels-first") == 0) {
      *layouts |= CASES_FIRST;
    } else if (strcmp(item, "channels-last") == 0) {
      *layouts |= CASES_LAST;
    } else {
      return complain(EXIT_USAGE, "%s: --layout '%s' is unknown; expected channels-first or channels-last", command,
                      item);
    }
  }
  return OPTIONS_GO_ON;
}

static int add_shape(const char *command, char *text, char separator, bench_shape *shapes, size_t *count)
{
  bench_shape *shape = &shapes[*count];
  uint64_t elements = 1;
  if (*count == BENCH_SHAPES) {
    return complain(EXIT_USAGE, "%s: --shape lists more than %d shapes", command, BENCH_SHAPES);
  }
  for (char *item = list_next(&text, separator); item != NULL; item = list_next(&text, separator)) {
    uint64_t value = 0;
    const char *why = parse_whole(item, 1, UINT32_MAX, &value);
    if (why != NULL) {
      return complain(EXIT_USAGE, "%s: --shape: dimension '%s' %s; expected a whole number from 1", command, item, why);
    }
    if (shape->rank == 5) {
      return complain(EXIT_USAGE, "%s: --shape has more than 5 dimensions; expected N,C and up to 3 positions",
                      command);
    }
    if (value > SIZE_MAX / sizeof(float) / elements) {
      return complain(EXIT_USAGE, "%s: --shape: the bytes of a tensor overflow", command);
    }
    elements *= value;
    shape->dims[shape->rank++] = (size_t)value;
  }
  if (shape->rank < 2) {
    return complain(EXIT_USAGE, "%s: --shape has 1 dimension; expected N,C and up to 3 positions", command);
  }
  (*count)++;
  return OPTIONS_GO_ON;
}

int choose_shapes(const char *command, char *list, bench_shape *shapes, size_t *count)
{
  int code = OPTIONS_GO_ON;
  for (char *part = list_next(&list, ';'); part != NULL && code == OPTIONS_GO_ON; part = list_next(&list, ';')) {
    if (strchr(part, 'x') == NULL) {
      code = add_shape(command, part, ',', shapes, count);
      continue;
    }
    for (char *item = list_next(&part, ','); item != NULL && code == OPTIONS_GO_ON; item = list_next(&part, ',')) {
      code = add_shape(command, item, 'x', shapes, count);
    }
  }
  return code;
}
