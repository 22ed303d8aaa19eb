#include "run_options.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "numbers.h"
#include "options.h"
#include "words.h"

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
    "\nOP: batch, layer, instance, group or rms. PASS and its files ([ ] optional):\n"
    "  train            --x [--gamma --beta --running-mean --running-var]\n"
    "                   writes y, mean, inv_std, running_mean, running_var\n"
    "  infer            --x --running-mean --running-var [--gamma --beta]      writes y\n"
    "  backward         --x --dy [--gamma --mean --inv-std]                    writes dx, dgamma, dbeta\n"
    "  backward-frozen  --x --dy --running-mean --running-var [--gamma]        writes dx, dgamma, dbeta\n"
    "Running statistics are for batch and instance; the others have none: infer gives the y of train, and there is no\n"
    "backward-frozen. rms has no mean. Every pass takes --residual and --lengths. A backward pass with a residual "
    "writes\n"
    "dresidual too; with an activation give it the --beta and --residual of the forward pass.\n"
    "Where there is no file, gamma is 1 and beta 0; in train the running statistics start at 0 and 1; backward\n"
    "computes mean and inv_std from x again.\n"
    "\nShapes. x is (N, C, ...) or, with --layout channels-last, (N, ..., C): the shape is the file's, so digits of\n"
    "(N, 28, 28) have 28 channels, and with --flatten 784. gamma, beta and the running statistics have a value for "
    "each\n"
    "channel; --per-activation: for each element of x without N. mean and inv_std are as many in batch, (N, C) in\n"
    "instance, (N, G) in group.\n"
    "layer and rms normalize over the axes from K to the last, whatever the layout: gamma and beta have the shape of\n"
    "these, mean and inv_std that of the axes before.\n"
    "--lengths is (N), whole numbers: of sample n only that many positions along the length axis count, the others "
    "are\n"
    "padding: in no statistic, and 0 in y, dx and dresidual.\n"
    "\nACT: y = ACT(gamma*xh + beta + residual), of none, relu, leaky-relu[:0.01], clipped-relu[:6], elu[:1], "
    "sigmoid,\n"
    "tanh, silu, gelu and gelu-tanh; the number, here the default, is the slope below 0, the upper bound, the scale.\n"
    "TYPE: x, y, dy, dx and residuals are stored on the device as f32, f16, bf16 or f64. The rest is float, for f64\n"
    "double. Not every device has f64: see clnorm devices.\n"
    "\nFILE: NumPy .npy (f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8, little-endian, C order) or IDX (such as MNIST's digits),\n"
    "either may be gzipped; values are rounded to the type on the device. DIR receives a .npy file a result, all of\n"
    "them or none, float32 (f8 for f64); without --out nothing is written.\n"
    "D: a number of `clnorm devices`, a part of a device's or platform's name, or cpu; without it $CLNORM_DEVICE, "
    "else\n"
    "the first GPU, else the first OpenCL device, else cpu.\n";

const char *run_pass_name(clnorm_pass pass) { return passes[pass - CLNORM_TRAIN].name; }

/* The texts of options that become numbers or choices. */
typedef struct raw_options {
  char *layout, *epsilon, *average_factor, *running_variance, *preset, *dtype, *activation;
  char *groups, *axis, *length_axis;
  int per_activation;
} raw_options;

static int fail(const char *option, const char *value, const char *why)
{
  return complain(EXIT_USAGE, "run: %s '%s' %s", option, value, why);
}

static int choose_pass(const char *const words[2], size_t count, run_options *options)
{
  clnorm_desc *desc = &options->desc;
  if (count == 0) {
    return complain(EXIT_USAGE, "run: expected OP and PASS, such as: clnorm run batch train --x FILE");
  }
  if (op_find(words[0], &desc->op) != 0) {
    return complain(EXIT_USAGE, "run: unknown operation '%s'; expected " WORDS_OPS, words[0]);
  }
  size_t i = 0;
  while (count == 2 && i < PASSES && strcmp(words[1], passes[i].name) != 0) {
    i++;
  }
  if (count != 2 || i == PASSES) {
    return complain(EXIT_USAGE, "run: %s '%s'; expected train, infer, backward or backward-frozen",
                    count == 2 ? "unknown pass" : "no pass after", count == 2 ? words[1] : words[0]);
  }
  options->pass = passes[i].pass;
  if (options->pass == CLNORM_BACKWARD_FROZEN && !run_has_running(desc->op)) {
    return complain(EXIT_USAGE, "run: %s has no running statistics and so no backward-frozen; expected backward",
                    words[0]);
  }
  return OPTIONS_GO_ON;
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
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, desc->op, preset);
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
  if (raw->dtype != NULL && type_find(raw->dtype, &desc->dtype) != 0) {
    return fail("--dtype", raw->dtype, "is unknown; expected " WORDS_TYPES);
  }
  return OPTIONS_GO_ON;
}

/* NAME or NAME:ALPHA. */
static int choose_activation(const raw_options *raw, clnorm_desc *desc)
{
  char name[24] = "none";
  const char *alpha = NULL;
  if (raw->activation != NULL) {
    alpha = strchr(raw->activation, ':');
    const size_t length = alpha != NULL ? (size_t)(alpha - raw->activation) : strlen(raw->activation);
    /* A name that is cut is none of those that there are. */
    (void)snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name), raw->activation);
  }
  if (activation_find(name, &desc->activation) != 0) {
    return fail("--activation", raw->activation, "is unknown; expected " WORDS_ACTIVATIONS);
  }
  const int takes_alpha = activation_alpha(desc->activation, &desc->alpha);
  if (alpha == NULL) {
    return OPTIONS_GO_ON;
  }
  if (!takes_alpha) {
    return complain(EXIT_USAGE, "run: --activation '%s': %s takes no number", raw->activation, name);
  }
  const int positive = desc->activation == CLNORM_ACTIVATION_CLIPPED_RELU;
  const char *why = parse_decimal(alpha + 1, positive ? (double)FLT_MIN : -(double)FLT_MAX, FLT_MAX, &desc->alpha);
  return why == NULL ? OPTIONS_GO_ON
                     : complain(EXIT_USAGE, "run: --activation '%s': '%s' %s; expected a %snumber", raw->activation,
                                alpha + 1, why, positive ? "positive " : "");
}

/* A whole number that only some operations have. */
static int choose_whole(const char *option, const char *text, uint64_t least, uint64_t most, uint32_t *value)
{
  uint64_t parsed = 0;
  const char *why = text != NULL ? parse_whole(text, least, most, &parsed) : NULL;
  if (why != NULL) {
    return complain(EXIT_USAGE, "run: %s '%s' %s; expected a whole number from %llu to %llu", option, text, why,
                    (unsigned long long)least, (unsigned long long)most);
  }
  *value = text != NULL ? (uint32_t)parsed : *value;
  return OPTIONS_GO_ON;
}

static int choose_axes(const raw_options *raw, run_options *options)
{
  clnorm_desc *desc = &options->desc;
  const char *op = op_name(desc->op);
  const int has_axis = desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS;
  if (desc->op == CLNORM_GROUP && raw->groups == NULL) {
    return complain(EXIT_USAGE, "run: group requires --groups G");
  }
  if (raw->groups != NULL && desc->op != CLNORM_GROUP) {
    return complain(EXIT_USAGE, "run: %s does not use --groups", op);
  }
  if (raw->axis != NULL && !has_axis) {
    return complain(EXIT_USAGE, "run: %s does not use --axis", op);
  }
  if (raw->per_activation && desc->op != CLNORM_BATCH) {
    return complain(EXIT_USAGE, "run: %s does not use --per-activation", op);
  }
  if (raw->length_axis != NULL && options->files[RUN_LENGTHS] == NULL) {
    return complain(EXIT_USAGE, "run: --length-axis is of no use without --lengths");
  }
  desc->flags |= raw->per_activation ? CLNORM_PER_ACTIVATION : 0;
  desc->flags |= options->files[RUN_RESIDUAL] != NULL ? CLNORM_RESIDUAL : 0;
  int code = choose_whole("--groups", raw->groups, 1, UINT32_MAX, &desc->groups);
  code = code == OPTIONS_GO_ON ? choose_whole("--axis", raw->axis, 0, CLNORM_MAX_RANK - 1, &desc->axis) : code;
  return code == OPTIONS_GO_ON
             ? choose_whole("--length-axis", raw->length_axis, 1, CLNORM_MAX_RANK - 1, &options->length_axis)
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

static int check_places(const run_options *options)
{
  const int code = options_filled("run", "out", options->out, "a folder");
  return code == OPTIONS_GO_ON ? options_filled("run", "device", options->device, "a number, a part of a name, or cpu")
                               : code;
}

static int read_all(int argc, const char **argv, run_options *options, raw_options *raw)
{
  const char *words[2] = {NULL, NULL};
  size_t count = 0;
  char **files = options->files;
  const struct poptOption table[] = {
      {"x", 0, POPT_ARG_STRING, &files[RUN_X], 1, "the input", "FILE"},
      {"dy", 0, POPT_ARG_STRING, &files[RUN_DY], 2, "the gradient of y, of x's shape", "FILE"},
      {"residual", 0, POPT_ARG_STRING, &files[RUN_RESIDUAL], 21, "added before the activation, of x's shape", "FILE"},
      {"lengths", 0, POPT_ARG_STRING, &files[RUN_LENGTHS], 22, "how much of each sample is no padding", "FILE"},
      {"length-axis", 0, POPT_ARG_STRING, &raw->length_axis, 23,
       "that they are along; default: the last one that is not C, in layer and rms 1", "K"},
      {"gamma", 0, POPT_ARG_STRING, &files[RUN_GAMMA], 3, "the scale", "FILE"},
      {"beta", 0, POPT_ARG_STRING, &files[RUN_BETA], 4, "the shift", "FILE"},
      {"mean", 0, POPT_ARG_STRING, &files[RUN_MEAN], 5, "the mean that train wrote", "FILE"},
      {"inv-std", 0, POPT_ARG_STRING, &files[RUN_INV_STD], 6, "the inv_std that train wrote", "FILE"},
      {"running-mean", 0, POPT_ARG_STRING, &files[RUN_RUNNING_MEAN], 7, "the running mean", "FILE"},
      {"running-var", 0, POPT_ARG_STRING, &files[RUN_RUNNING_VAR], 8, "the running variance", "FILE"},
      {"layout", 0, POPT_ARG_STRING, &raw->layout, 9, "channels-first (default) or channels-last", "LAYOUT"},
      {"flatten", 0, POPT_ARG_NONE, &options->flatten, 10, "take tensors as (N, everything else)", NULL},
      {"groups", 0, POPT_ARG_STRING, &raw->groups, 24, "group: of how many groups C is made", "G"},
      {"axis", 0, POPT_ARG_STRING, &raw->axis, 25, "layer, rms: the first that is normalized over; default: 1", "K"},
      {"per-activation", 0, POPT_ARG_NONE, &raw->per_activation, 11, "batch: one statistic for each activation", NULL},
      {"preset", 0, POPT_ARG_STRING, &raw->preset, 12, "torch (default), keras or onnx: the three below", "NAME"},
      {"eps", 0, POPT_ARG_STRING, &raw->epsilon, 13, "added to the variance", "E"},
      {"average-factor", 0, POPT_ARG_STRING, &raw->average_factor, 14, "weight of the new value, 0 to 1", "F"},
      {"running-variance", 0, POPT_ARG_STRING, &raw->running_variance, 15, "unbiased or population", "KIND"},
      {"activation", 0, POPT_ARG_STRING, &raw->activation, 20, "applied to y, see below", "ACT[:NUMBER]"},
      {"dtype", 0, POPT_ARG_STRING, &raw->dtype, 16, "type on the device: f32 (default), f16, bf16, f64", "TYPE"},
      {"device", 0, POPT_ARG_STRING, &options->device, 17, "where to run", "D"},
      {"out", 0, POPT_ARG_STRING, &options->out, 18, "write the results there; made if it is missing", "DIR"},
      {"explain", 0, POPT_ARG_NONE, &options->explain, 19, "print the steps of the formulas", NULL},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {"clnorm run", "OP PASS --x FILE [options]", more_help};
  int code = options_read(argc, argv, table, &help, words, 2, &count);
  code = code == OPTIONS_GO_ON ? choose_pass(words, count, options) : code;
  code = code == OPTIONS_GO_ON ? choose_conventions(raw, &options->desc) : code;
  code = code == OPTIONS_GO_ON ? choose_layout_and_type(raw, &options->desc) : code;
  code = code == OPTIONS_GO_ON ? choose_activation(raw, &options->desc) : code;
  code = code == OPTIONS_GO_ON ? choose_axes(raw, options) : code;
  code = code == OPTIONS_GO_ON ? choose_numbers(raw, &options->desc) : code;
  code = code == OPTIONS_GO_ON ? run_check_inputs(options) : code;
  return code == OPTIONS_GO_ON ? check_places(options) : code;
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
  free(raw.groups);
  free(raw.axis);
  free(raw.length_axis);
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
