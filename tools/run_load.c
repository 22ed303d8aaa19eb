/* The files of a run, and whether they fit each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "run_data.h"
#include "storage_type.h"

#define SHAPE_TEXT 200

static int is_tensor(run_input i) { return i == RUN_X || i == RUN_DY || i == RUN_RESIDUAL; }

static void flatten(array *a)
{
  for (; a->rank > 2; a->rank--) {
    a->dims[1] *= a->dims[a->rank - 1];
    a->dims[a->rank - 1] = 0;
  }
}

static int load_inputs(const run_options *options, run_data *data)
{
  file_error error;
  for (int i = 0; i < RUN_INPUTS; i++) {
    /* A double holds every length that there can be. */
    const clnorm_dtype type = is_tensor((run_input)i) ? options->desc.dtype
                              : i == RUN_LENGTHS      ? CLNORM_F64
                                                      : storage_number(options->desc.dtype);
    if (options->files[i] == NULL) {
      continue;
    }
    if (array_load(&data->in[i], type, options->files[i], &error) != 0) {
      return complain(EXIT_USAGE, "run: --%s %s", run_input_name((run_input)i), error.text);
    }
    if (options->flatten && is_tensor((run_input)i)) {
      flatten(&data->in[i]);
    }
  }
  return EXIT_OK;
}

/* 0: there is none. */
static uint32_t default_length_axis(const clnorm_desc *desc)
{
  const int channels = run_channel_axis(desc);
  if (channels < 0) {
    return 1;
  }
  return desc->rank - (channels == (int)desc->rank - 1 ? 2 : 1);
}

static int choose_length_axis(const run_options *options, run_data *data)
{
  clnorm_desc *desc = &data->desc;
  if (options->files[RUN_LENGTHS] == NULL) {
    return EXIT_OK;
  }
  desc->length_axis = options->length_axis != 0 ? options->length_axis : default_length_axis(desc);
  if (desc->length_axis == 0 || desc->length_axis >= desc->rank || (int)desc->length_axis == run_channel_axis(desc)) {
    char shape[SHAPE_TEXT];
    array_shape_text(&data->in[RUN_X], shape, sizeof shape);
    return options->length_axis != 0
               ? complain(EXIT_USAGE, "run: --length-axis %u: x of shape %s has no such axis, or it is C",
                          (unsigned)options->length_axis, shape)
               : complain(EXIT_USAGE, "run: --lengths: x of shape %s has no axis for them", shape);
  }
  return EXIT_OK;
}

static int describe(const run_options *options, run_data *data)
{
  const array *x = &data->in[RUN_X];
  clnorm_plan *plan = NULL;
  char shape[SHAPE_TEXT];
  data->pass = options->pass;
  data->desc = options->desc;
  data->desc.rank = (uint32_t)x->rank;
  memcpy(data->desc.dims, x->dims, sizeof x->dims);
  const int code = choose_length_axis(options, data);
  if (code != EXIT_OK) {
    return code;
  }
  clnorm_status status = clnorm_desc_counts(&data->desc, &data->counts);
  if (status == CLNORM_SUCCESS) {
    /* Whether the shape allows the pass is told before any device is touched. */
    status = clnorm_plan_create(&data->desc, data->pass, &plan);
    clnorm_plan_destroy(plan);
  }
  if (status == CLNORM_SUCCESS) {
    return EXIT_OK;
  }
  const int code_of = status == CLNORM_UNSUPPORTED || status == CLNORM_OUT_OF_MEMORY ? EXIT_DEVICE : EXIT_USAGE;
  return complain(code_of, "run: --x %s of shape %s: %s (%s)", options->files[RUN_X],
                  array_shape_text(x, shape, sizeof shape), clnorm_last_error(), clnorm_status_name(status));
}

static size_t values_of(const run_data *data, run_input i)
{
  switch (i) {
    case RUN_LENGTHS:
      return data->desc.dims[0];
    case RUN_MEAN:
    case RUN_INV_STD:
      return data->counts.statistics;
    default:
      return data->counts.parameters;
  }
}

static int check_shapes(const run_options *options, const run_data *data)
{
  char shape[SHAPE_TEXT];
  char expected[SHAPE_TEXT];
  const array *x = &data->in[RUN_X];
  for (int i = RUN_DY; i < RUN_INPUTS; i++) {
    const array *a = &data->in[i];
    if (a->data == NULL) {
      continue;
    }
    if (is_tensor((run_input)i)) {
      if (a->rank != x->rank || memcmp(a->dims, x->dims, sizeof x->dims) != 0) {
        return complain(EXIT_USAGE, "run: --%s %s has the shape %s; expected that of x, %s",
                        run_input_name((run_input)i), options->files[i], array_shape_text(a, shape, sizeof shape),
                        array_shape_text(x, expected, sizeof expected));
      }
    } else if (a->count != values_of(data, (run_input)i)) {
      return complain(EXIT_USAGE, "run: --%s %s has %zu values; expected %zu for x of shape %s",
                      run_input_name((run_input)i), options->files[i], a->count, values_of(data, (run_input)i),
                      array_shape_text(x, shape, sizeof shape));
    }
  }
  return EXIT_OK;
}

static int take_lengths(const run_options *options, run_data *data)
{
  const array *lengths = &data->in[RUN_LENGTHS];
  if (lengths->data == NULL) {
    return EXIT_OK;
  }
  const size_t most = data->desc.dims[data->desc.length_axis];
  data->lengths = malloc((lengths->count != 0 ? lengths->count : 1) * sizeof *data->lengths);
  if (data->lengths == NULL) {
    return complain(EXIT_DEVICE, "run: not enough memory");
  }
  for (size_t i = 0; i < lengths->count; i++) {
    const double length = array_get(lengths, i);
    if (!(length >= 0 && length <= (double)most && length <= INT32_MAX && length == floor(length))) {
      return complain(EXIT_USAGE, "run: --lengths %s: value %zu is %g; expected a whole number from 0 to %zu",
                      options->files[RUN_LENGTHS], i, length, most);
    }
    data->lengths[i] = (int32_t)length;
  }
  return EXIT_OK;
}

int run_load(const run_options *options, run_data *data)
{
  int code = load_inputs(options, data);
  code = code == EXIT_OK ? describe(options, data) : code;
  code = code == EXIT_OK ? check_shapes(options, data) : code;
  return code == EXIT_OK ? take_lengths(options, data) : code;
}
