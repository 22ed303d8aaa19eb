#include "run_options.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"

/* What each pass does with each input: R required, o optional, . not used. One character a pass, in the order of
 * clnorm_pass. */
static const struct {
  const char *name;
  const char *use;
} inputs[RUN_INPUTS] = {
    [RUN_X] = {"x", "RRRR"},
    [RUN_DY] = {"dy", "..RR"},
    [RUN_GAMMA] = {"gamma", "oooo"},
    [RUN_BETA] = {"beta", "oo.."},
    [RUN_MEAN] = {"mean", "..o."},
    [RUN_INV_STD] = {"inv-std", "..o."},
    [RUN_RUNNING_MEAN] = {"running-mean", "oR.R"},
    [RUN_RUNNING_VAR] = {"running-var", "oR.R"},
};

static const struct {
  const char *name;
  clnorm_pass pass;
} passes[] = {
    {"train", CLNORM_TRAIN},
    {"infer", CLNORM_INFER},
    {"backward", CLNORM_BACKWARD},
    {"backward-frozen", CLNORM_BACKWARD_FROZEN},
};

#define PASSES (sizeof passes / sizeof passes[0])

static const char more_help[] =
    "\nOP: batch. PASS and its files ([ ] optional):\n"
    "  train            --x [--gamma --beta --running-mean --running-var]\n"
    "                   writes y, mean, inv_std, running_mean, running_var\n"
    "  infer            --x --running-mean --running-var [--gamma --beta]      writes y\n"
    "  backward         --x --dy [--gamma --mean --inv-std]                    writes dx, dgamma, dbeta\n"
    "  backward-frozen  --x --dy --running-mean --running-var [--gamma]        writes dx, dgamma, dbeta\n"
    "Where there is no file, gamma is 1 and beta 0; in train the running statistics start at 0 and 1; backward\n"
    "computes mean and inv_std from x again.\n"
    "\nFILE: NumPy .npy (f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8, little-endian, C order) or IDX (such as MNIST's digits),\n"
    "either may be gzipped; values become float32. x is (N, C, ...) or, with --layout channels-last, (N, ..., C): the\n"
    "shape is the file's, so digits of (N, 28, 28) have 28 channels, and with --flatten 784.\n"
    "DIR receives one float32 .npy file a result, all of them or none; without --out nothing is written.\n"
    "D: a number of `clnorm devices`, a part of a device's or platform's name, or cpu; without it $CLNORM_DEVICE, "
    "else\n"
    "the first GPU, else the first OpenCL device, else cpu.\n";

const char *run_input_name(run_input input) { return inputs[input].name; }

const char *run_pass_name(clnorm_pass pass) { return passes[pass - CLNORM_TRAIN].name; }

/* The texts of options that become numbers or choices. */
typedef struct raw_options {
  char *layout, *epsilon, *average_factor, *running_variance, *preset, *dtype, *activation;
  int per_activation;
} raw_options;

static int fail(const char *option, const char *value, const char *why)
{
  return complain(EXIT_USAGE, "run: %s '%s' %s", option, value, why);
}

static int choose_pass(const char *const words[2], size_t count, run_options *options)
{
  if (count == 0 || strcmp(words[0], "batch") != 0) {
    return count == 0 ? complain(EXIT_USAGE, "run: expected OP and PASS, such as: clnorm run batch train --x FILE")
                      : complain(EXIT_USAGE, "run: unknown operation '%s'; expected batch", words[0]);
  }
  for (size_t i = 0; count == 2 && i < PASSES; i++) {
    if (strcmp(words[1], passes[i].name) == 0) {
      options->pass = passes[i].pass;
      return OPTIONS_GO_ON;
    }
  }
  return complain(EXIT_USAGE, "run: %s '%s'; expected train, infer, backward or backward-frozen",
                  count == 2 ? "unknown pass" : "no pass after", count == 2 ? words[1] : words[0]);
}

static int choose_conventions(const raw_options *raw, clnorm_desc *desc)
{
  static const struct {
    const char *name;
    clnorm_preset preset;
  } presets[] = {{"torch", CLNORM_PRESET_TORCH}, {"keras", CLNORM_PRESET_KERAS}, {"onnx", CLNORM_PRESET_ONNX}};
  clnorm_preset preset = CLNORM_PRESET_TORCH;
  if (raw->preset != NULL) {
    size_t i = 0;
    while (i < 3 && strcmp(raw->preset, presets[i].name) != 0) {
      i++;
    }
    if (i == 3) {
      return fail("--preset", raw->preset, "is unknown; expected torch, keras or onnx");
    }
    preset = presets[i].preset;
  }
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, CLNORM_BATCH, preset);
  return status == CLNORM_SUCCESS ? OPTIONS_GO_ON : complain_status((int)status, "run");
}

static int choose_layout_and_type(const raw_options *raw, clnorm_desc *desc)
{
  if (raw->layout != NULL) {
    if (strcmp(raw->layout, "channels-last") == 0) {
      desc->layout = CLNORM_CHANNELS_LAST;
    } else if (strcmp(raw->layout, "channels-first") != 0) {
      return fail("--layout", raw->layout, "is unknown; expected channels-first or channels-last");
    }
  }
  if (raw->per_activation) {
    desc->flags |= CLNORM_PER_ACTIVATION;
  }
  const int code = options_accept_only("run", "dtype", raw->dtype, "f32", "stores tensors as float32 only");
  return code == OPTIONS_GO_ON
             ? options_accept_only("run", "activation", raw->activation, "none", "fuses no activation")
             : code;
}

static int choose_numbers(const raw_options *raw, clnorm_desc *desc)
{
  const char *why = NULL;
  if (raw->running_variance != NULL) {
    if (strcmp(raw->running_variance, "unbiased") == 0) {
      desc->running_variance = CLNORM_VARIANCE_UNBIASED;
    } else if (strcmp(raw->running_variance, "population") == 0) {
      desc->running_variance = CLNORM_VARIANCE_POPULATION;
    } else {
      return fail("--running-variance", raw->running_variance, "is unknown; expected unbiased or population");
    }
  }
  if (raw->epsilon != NULL && (why = parse_decimal(raw->epsilon, FLT_MIN, FLT_MAX, &desc->epsilon)) != NULL) {
    return complain(EXIT_USAGE, "run: --eps '%s' %s; expected a positive normal float", raw->epsilon, why);
  }
  if (raw->average_factor != NULL && (why = parse_decimal(raw->average_factor, 0, 1, &desc->average_factor)) != NULL) {
    return complain(EXIT_USAGE, "run: --average-factor '%s' %s; expected a number from 0 to 1", raw->average_factor,
                    why);
  }
  return OPTIONS_GO_ON;
}

static int check_files(const run_options *options)
{
  const char *pass = run_pass_name(options->pass);
  for (int input = 0; input < RUN_INPUTS; input++) {
    const char use = inputs[input].use[options->pass - CLNORM_TRAIN];
    const char *file = options->files[input];
    if (file == NULL && use == 'R') {
      return complain(EXIT_USAGE, "run: batch %s requires --%s FILE", pass, inputs[input].name);
    }
    if (file != NULL && use == '.') {
      return complain(EXIT_USAGE, "run: batch %s does not use --%s", pass, inputs[input].name);
    }
    if (file != NULL && file[0] == '\0') {
      return complain(EXIT_USAGE, "run: --%s is empty; expected a file", inputs[input].name);
    }
  }
  if (options->out != NULL && options->out[0] == '\0') {
    return complain(EXIT_USAGE, "run: --out is empty; expected a folder");
  }
  if (options->device != NULL && options->device[0] == '\0') {
    return complain(EXIT_USAGE, "run: --device is empty; expected a number, a part of a name, or cpu");
  }
  return OPTIONS_GO_ON;
}

static int read_all(int argc, const char **argv, run_options *options, raw_options *raw)
{
  const char *words[2] = {NULL, NULL};
  size_t count = 0;
  char **files = options->files;
  const struct poptOption table[] = {
      {"x", 0, POPT_ARG_STRING, &files[RUN_X], 1, "the input", "FILE"},
      {"dy", 0, POPT_ARG_STRING, &files[RUN_DY], 2, "the gradient of y, of x's shape", "FILE"},
      {"gamma", 0, POPT_ARG_STRING, &files[RUN_GAMMA], 3, "the scale, one value a channel", "FILE"},
      {"beta", 0, POPT_ARG_STRING, &files[RUN_BETA], 4, "the shift, one value a channel", "FILE"},
      {"mean", 0, POPT_ARG_STRING, &files[RUN_MEAN], 5, "the mean that train wrote", "FILE"},
      {"inv-std", 0, POPT_ARG_STRING, &files[RUN_INV_STD], 6, "the inv_std that train wrote", "FILE"},
      {"running-mean", 0, POPT_ARG_STRING, &files[RUN_RUNNING_MEAN], 7, "the running mean", "FILE"},
      {"running-var", 0, POPT_ARG_STRING, &files[RUN_RUNNING_VAR], 8, "the running variance", "FILE"},
      {"layout", 0, POPT_ARG_STRING, &raw->layout, 9, "channels-first (default) or channels-last", "LAYOUT"},
      {"flatten", 0, POPT_ARG_NONE, &options->flatten, 10, "take x and dy as (N, everything else)", NULL},
      {"per-activation", 0, POPT_ARG_NONE, &raw->per_activation, 11, "one statistic for each activation", NULL},
      {"preset", 0, POPT_ARG_STRING, &raw->preset, 12, "torch (default), keras or onnx: the three below", "NAME"},
      {"eps", 0, POPT_ARG_STRING, &raw->epsilon, 13, "added to the variance", "E"},
      {"average-factor", 0, POPT_ARG_STRING, &raw->average_factor, 14, "weight of the new value, 0 to 1", "F"},
      {"running-variance", 0, POPT_ARG_STRING, &raw->running_variance, 15, "unbiased or population", "KIND"},
      {"dtype", 0, POPT_ARG_STRING, &raw->dtype, 16, "type on the device: f32", "TYPE"},
      {"device", 0, POPT_ARG_STRING, &options->device, 17, "where to run", "D"},
      {"out", 0, POPT_ARG_STRING, &options->out, 18, "write the results there; made if it is missing", "DIR"},
      {"activation", 0, POPT_ARG_STRING, &raw->activation, 20, "applied to y: none", "NAME"},
      {"explain", 0, POPT_ARG_NONE, &options->explain, 19, "print the steps of the formulas", NULL},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {"clnorm run", "OP PASS --x FILE [options]", more_help};
  int code = options_read(argc, argv, table, &help, words, 2, &count);
  code = code == OPTIONS_GO_ON ? choose_pass(words, count, options) : code;
  code = code == OPTIONS_GO_ON ? choose_conventions(raw, &options->desc) : code;
  code = code == OPTIONS_GO_ON ? choose_layout_and_type(raw, &options->desc) : code;
  code = code == OPTIONS_GO_ON ? choose_numbers(raw, &options->desc) : code;
  return code == OPTIONS_GO_ON ? check_files(options) : code;
}

int run_options_read(int argc, const char **argv, run_options *options)
{
  raw_options raw = {0};
  *options = (run_options){0};
  const int code = read_all(argc, argv, options, &raw);
  free(raw.layout);
  free(raw.epsilon);
  free(raw.average_factor);
  free(raw.running_variance);
  free(raw.preset);
  free(raw.dtype);
  free(raw.activation);
  return code;
}

void run_options_free(run_options *options)
{
  for (int input = 0; input < RUN_INPUTS; input++) {
    free(options->files[input]);
  }
  free(options->device);
  free(options->out);
  *options = (run_options){0};
}
