#include "experiments_request.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"

static int find_names(const char *const *words, size_t count, experiments_request *request)
{
  if (count == 0) {
    return complain(EXIT_USAGE, "run: expected the name of an experiment or all (see clnorm-experiments list)");
  }
  if (strcmp(words[0], "all") == 0) {
    return OPTIONS_GO_ON;
  }
  request->only = experiment_find(words[0]);
  return request->only != NULL
             ? OPTIONS_GO_ON
             : complain(EXIT_USAGE, "run: there is no experiment '%s' (see clnorm-experiments list)", words[0]);
}

static int take_seeds(const char *text, experiments_request *request)
{
  uint64_t seeds = 0;
  const char *wrong = text != NULL ? parse_whole(text, 1, 200, &seeds) : NULL;
  request->seeds = (int)seeds;
  return wrong == NULL ? OPTIONS_GO_ON : complain(EXIT_USAGE, "run: --seeds '%s' %s; expected 1 to 200", text, wrong);
}

static int check_texts(const experiments_request *request)
{
  const int code = options_filled("run", "data", request->data, "a folder");
  return code == OPTIONS_GO_ON ? options_filled("run", "out", request->out, "a folder") : code;
}

int request_read(int argc, const char **argv, experiments_request *request)
{
  const char *words[1] = {NULL};
  size_t count = 0;
  char *seeds = NULL;
  const struct poptOption table[] = {
      {"device", 0, POPT_ARG_STRING, &request->device, 1,
       "an OpenCL device: a number of clnorm devices or a part of a name", "D"},
      {"data", 0, POPT_ARG_STRING, &request->data, 2, "a folder with MNIST's IDX files, digits.csv, wine.csv", "DIR"},
      {"seeds", 0, POPT_ARG_STRING, &seeds, 3, "trainings of each kind; without it each experiment's own number", "K"},
      {"quick", 0, POPT_ARG_NONE, &request->quick, 4, "fewer and shorter trainings: two minutes for all", NULL},
      {"out", 0, POPT_ARG_STRING, &request->out, 5, "where the results go; experiments-out if not given", "DIR"},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {
      "clnorm-experiments run", "NAME|all [options]",
      "\nTrains networks with and without normalization and writes, into the folder of --out: NAME.csv with the "
      "numbers of\n"
      "each seed, NAME.gnuplot and, if gnuplot is installed, the picture NAME.svg; for all experiments also "
      "index.html,\n"
      "a page with everything, and results.md, the tables alone. Claim, numbers and verdict are printed. Without "
      "--data,\n"
      "or where a file is not in its folder, data are synthetic, and called so. The same seeds on the same device "
      "give\n"
      "the same numbers.\n"
      "A verdict is a result and no failure: exit code 0, 1 if the device fails, 2 for bad usage or a bad file.\n"};
  int code = options_read(argc, argv, table, &help, words, 1, &count);
  code = code == OPTIONS_GO_ON ? check_texts(request) : code;
  code = code == OPTIONS_GO_ON ? take_seeds(seeds, request) : code;
  code = code == OPTIONS_GO_ON ? find_names(words, count, request) : code;
  free(seeds);
  return code;
}

void request_free(experiments_request *request)
{
  free(request->device);
  free(request->data);
  free(request->out);
}
