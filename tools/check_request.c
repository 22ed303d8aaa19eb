#include "check_request.h"

#include <stdlib.h>

#include "message.h"
#include "options.h"
#include "shape_options.h"
#include "words.h"

#define ALL_OPS \
  (1u << CLNORM_BATCH | 1u << CLNORM_LAYER | 1u << CLNORM_INSTANCE | 1u << CLNORM_GROUP | 1u << CLNORM_RMS)
#define ALL_TYPES (1u << CLNORM_F32 | 1u << CLNORM_F16 | 1u << CLNORM_BF16 | 1u << CLNORM_F64)

static int check_texts(const check_request *request)
{
  const int code = options_filled("check", "json", request->json, "a file");
  return code == OPTIONS_GO_ON ? options_filled("check", "data", request->data, "a folder") : code;
}

/* NULL: not given, all. */
static int choose_ops(char *list, unsigned *ops)
{
  *ops = list == NULL ? ALL_OPS : 0;
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    clnorm_op op = CLNORM_BATCH;
    if (op_find(item, &op) != 0) {
      return complain(EXIT_USAGE, "check: --op '%s' is unknown; expected " WORDS_OPS, item);
    }
    *ops |= 1u << op;
  }
  return OPTIONS_GO_ON;
}

static int choose_types(char *list, unsigned *types)
{
  *types = list == NULL ? ALL_TYPES : 0;
  for (char *item = list_next(&list, ','); item != NULL; item = list_next(&list, ',')) {
    clnorm_dtype type = CLNORM_F32;
    if (type_find(item, &type) != 0) {
      return complain(EXIT_USAGE, "check: --dtype '%s' is unknown; expected " WORDS_TYPES, item);
    }
    *types |= 1u << type;
  }
  return OPTIONS_GO_ON;
}

/* The digits are a case of batch normalization in float. */
static int check_data(const check_request *request)
{
  const int used = (request->ops >> CLNORM_BATCH & 1u) != 0 && (request->types >> CLNORM_F32 & 1u) != 0;
  return request->data == NULL || used ? OPTIONS_GO_ON
                                       : complain(EXIT_USAGE, "check: --data is for batch in f32, which is left out");
}

int check_request_read(int argc, const char **argv, check_request *request)
{
  char *ops = NULL;
  char *types = NULL;
  size_t words = 0;
  const struct poptOption table[] = {
      {"device", 0, POPT_ARG_STRING, &request->device, 1, "what to check: see clnorm devices; all: every one", "D"},
      {"quick", 0, POPT_ARG_NONE, &request->quick, 2, "fewer and smaller shapes: seconds instead of minutes", NULL},
      {"op", 0, POPT_ARG_STRING, &ops, 3, "only these: " WORDS_OPS, "LIST"},
      {"dtype", 0, POPT_ARG_STRING, &types, 4, "only these: " WORDS_TYPES, "LIST"},
      {"json", 0, POPT_ARG_STRING, &request->json, 5, "one JSON record a line, for each pass and case", "FILE"},
      {"data", 0, POPT_ARG_STRING, &request->data, 6, "a folder with MNIST's IDX files: one more case", "DIR"},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {
      "clnorm check", "[--device D] [options]",
      "\nRuns batch, layer, instance, group and RMS normalization, every pass, and compares every result with a "
      "reference\n"
      "in long double. First batch normalization in float32 over many shapes and both layouts, with its optional\n"
      "arguments present and absent and in place; then the whole family: every storage type, activation, residual,\n"
      "lengths, strides, accumulation, in cases that have every pair of these, where memory around and between the\n"
      "elements must stay as it is. worst/bound is the largest error in units of its bound: up to 1 passes. Lists "
      "have\n"
      "commas: --op layer,rms. A device without double cannot do f64: unsupported, which is no pass.\n"
      "Exit code 1 if anything fails, or if nothing could be run.\n"};
  int code = options_read(argc, argv, table, &help, NULL, 0, &words);
  code = code == OPTIONS_GO_ON ? check_texts(request) : code;
  code = code == OPTIONS_GO_ON ? choose_ops(ops, &request->ops) : code;
  code = code == OPTIONS_GO_ON ? choose_types(types, &request->types) : code;
  code = code == OPTIONS_GO_ON ? check_data(request) : code;
  free(ops);
  free(types);
  return code;
}

void check_request_free(check_request *request)
{
  free(request->device);
  free(request->json);
  free(request->data);
}
