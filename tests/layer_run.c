#include "layer_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

layer_run *layer_run_open(void)
{
  const char *selector = getenv("CLNORM_DEVICE");
  layer_run *r = calloc(1, sizeof *r);
  cr_assert(r != NULL);
  if (selector != NULL && strcmp(selector, "cpu") != 0) {
#ifdef CLNORM_TEST_OPENCL
    r->cl = layer_run_cl_open();
#else
    cr_assert_fail("CLNORM_DEVICE=%s, but these tests were built without OpenCL", selector);
#endif
  }
  return r;
}

void layer_run_close(layer_run *r)
{
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    layer_run_cl_close(r->cl);
  }
#endif
  free(r);
}

/* ---- the calls on either backend --------------------------------------------------------------------------------- */

static clnorm_status create(const layer_run *r, const clnorm_desc *desc, clnorm_layer **layer)
{
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    return layer_run_cl_create(r->cl, desc, layer);
  }
#endif
  (void)r;
  return clnorm_layer_create(desc, layer);
}

static clnorm_output output_of(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_output){NULL, 0} : (clnorm_output){b->memory + b->start, b->count};
}

static clnorm_input input_of(const trial_buffer *b)
{
  const clnorm_output output = output_of(b);
  return (clnorm_input){output.data, output.count};
}

static clnorm_status forward(const layer_run *r, clnorm_layer *layer, const layer_call *call)
{
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    return layer_run_cl_forward(r->cl, layer, call);
  }
#endif
  (void)r;
  return clnorm_layer_forward(layer, call->batch, input_of(call->x), output_of(call->y));
}

static clnorm_status backward(const layer_run *r, clnorm_layer *layer, const layer_call *call)
{
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    return layer_run_cl_backward(r->cl, layer, call);
  }
#endif
  (void)r;
  return clnorm_layer_backward(layer, call->batch, input_of(call->x), input_of(call->dy), output_of(call->dx));
}

/* ---- values ---------------------------------------------------------------------------------------------------------- */

static const struct {
  clnorm_layer_value value;
  trial_slot slot;
} values[] = {
    {CLNORM_VALUE_GAMMA, TRIAL_GAMMA},
    {CLNORM_VALUE_BETA, TRIAL_BETA},
    {CLNORM_VALUE_RUNNING_MEAN, TRIAL_RUNNING_MEAN},
    {CLNORM_VALUE_RUNNING_VAR, TRIAL_RUNNING_VAR},
    {CLNORM_VALUE_MEAN, TRIAL_MEAN},
    {CLNORM_VALUE_INV_STD, TRIAL_INV_STD},
    {CLNORM_VALUE_DGAMMA, TRIAL_DGAMMA},
    {CLNORM_VALUE_DBETA, TRIAL_DBETA},
};

static float *floats(const trial_buffer *b) { return (float *)(void *)(b->memory + b->start); }

/* Writes the values from `first` to `last` that are given. */
static clnorm_status write_values(clnorm_layer *layer, const trial_buffer *b, clnorm_layer_value first,
                                  clnorm_layer_value last)
{
  clnorm_status status = CLNORM_SUCCESS;
  for (size_t i = 0; i < sizeof values / sizeof values[0] && status == CLNORM_SUCCESS; i++) {
    const trial_buffer *from = &b[values[i].slot];
    if (values[i].value >= first && values[i].value <= last && from->memory != NULL) {
      status = clnorm_layer_write(layer, values[i].value, floats(from), from->count);
    }
  }
  return status;
}

/* Reads those that the pass is to have written. */
static clnorm_status read_values(clnorm_layer *layer, const trial_buffer *b, clnorm_layer_value first,
                                 clnorm_layer_value last)
{
  clnorm_status status = CLNORM_SUCCESS;
  for (size_t i = 0; i < sizeof values / sizeof values[0] && status == CLNORM_SUCCESS; i++) {
    const trial_buffer *to = &b[values[i].slot];
    if (values[i].value >= first && values[i].value <= last && to->memory != NULL) {
      cr_assert(clnorm_layer_value_count(layer, values[i].value) == to->count, "value %d has %zu, expected %zu",
                (int)values[i].value, clnorm_layer_value_count(layer, values[i].value), to->count);
      status = clnorm_layer_read(layer, values[i].value, floats(to), to->count);
    }
  }
  return status;
}

/* ---- passes ------------------------------------------------------------------------------------------------------------ */

/* A forward pass whose y nobody sees. */
static clnorm_status forward_unseen(const layer_run *r, clnorm_layer *layer, size_t batch, const trial_buffer *x)
{
  trial_buffer y = *x;
  y.memory = aligned_alloc(64, (x->bytes + 64) / 64 * 64);
  y.shared = -1;
  cr_assert(y.memory != NULL);
  const clnorm_status status = forward(r, layer, &(layer_call){batch, x, &y, NULL, NULL});
  free(y.memory);
  return status;
}

/* The running statistics are as they would be without. */
static clnorm_status train_before(const layer_run *r, clnorm_layer *layer, size_t first, const trial_buffer *x)
{
  trial_buffer part = *x;
  part.count = 0; /* of the samples that are there, `first` */
  const clnorm_status status = forward_unseen(r, layer, first, &part);
  return status == CLNORM_SUCCESS ? clnorm_layer_reset_statistics(layer) : status;
}

static clnorm_status run_forward(const layer_run *r, clnorm_layer *layer, size_t batch, clnorm_pass pass,
                                 const trial_buffer *b)
{
  clnorm_status status = clnorm_layer_set_mode(layer, pass == CLNORM_TRAIN ? CLNORM_MODE_TRAIN : CLNORM_MODE_INFER);
  if (status == CLNORM_SUCCESS) {
    status = forward(r, layer, &(layer_call){batch, &b[TRIAL_X], &b[TRIAL_Y], NULL, NULL});
  }
  return status == CLNORM_SUCCESS && pass == CLNORM_TRAIN
             ? read_values(layer, b, CLNORM_VALUE_RUNNING_MEAN, CLNORM_VALUE_INV_STD)
             : status;
}

static clnorm_status run_backward(const layer_run *r, clnorm_layer *layer, size_t batch, clnorm_pass pass,
                                  const trial_buffer *b)
{
  const int in_train = pass == CLNORM_BACKWARD && !r->frozen;
  clnorm_status status = clnorm_layer_set_mode(layer, in_train ? CLNORM_MODE_TRAIN : CLNORM_MODE_FROZEN);
  if (status == CLNORM_SUCCESS && in_train) {
    status = forward_unseen(r, layer, batch, &b[TRIAL_X]);
    /* The trial's own, so that what is compared began with the same numbers. */
    status = status == CLNORM_SUCCESS ? write_values(layer, b, CLNORM_VALUE_MEAN, CLNORM_VALUE_INV_STD) : status;
  }
  if (status == CLNORM_SUCCESS) {
    status = clnorm_layer_set_trainable(layer, b[TRIAL_DGAMMA].memory != NULL, b[TRIAL_DBETA].memory != NULL);
  }
  if (status == CLNORM_SUCCESS) {
    status = backward(r, layer, &(layer_call){batch, &b[TRIAL_X], NULL, &b[TRIAL_DY], &b[TRIAL_DX]});
  }
  return status == CLNORM_SUCCESS ? read_values(layer, b, CLNORM_VALUE_DGAMMA, CLNORM_VALUE_DBETA) : status;
}

int layer_run_pass(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer buffers[TRIAL_SLOTS],
                   uint64_t batch_number)
{
  const layer_run *r = context;
  const int is_forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  clnorm_layer *layer = NULL;
  clnorm_status status = create(r, desc, &layer);
  if (status == CLNORM_SUCCESS && r->first != 0) {
    status = train_before(r, layer, r->first, &buffers[TRIAL_X]);
  }
  if (status == CLNORM_SUCCESS) {
    status = write_values(layer, buffers, CLNORM_VALUE_GAMMA, CLNORM_VALUE_RUNNING_VAR);
  }
  if (status == CLNORM_SUCCESS && batch_number != 0) {
    status = clnorm_layer_set_batches(layer, batch_number - 1);
  }
  if (status == CLNORM_SUCCESS) {
    status = is_forward ? run_forward(r, layer, desc->dims[0], pass, buffers)
                        : run_backward(r, layer, desc->dims[0], pass, buffers);
  }
  clnorm_layer_destroy(layer);
  return status;
}
