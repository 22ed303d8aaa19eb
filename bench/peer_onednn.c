/* oneDNN's batch normalization on the CPU, through its C API of version 2. */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>

#include "peers.h"

#define MAX_ARGUMENTS 10

/* The first call of oneDNN that fails ends the attempt. */
#define TRY(call)                                                                                             \
  do {                                                                                                        \
    const dnnl_status_t try_status = (call);                                                                  \
    if (try_status != dnnl_success) {                                                                         \
      return runner_fail(error, try_status == dnnl_unimplemented ? CLNORM_UNSUPPORTED : CLNORM_OUT_OF_MEMORY, \
                         "%s failed with the oneDNN status %d", #call, (int)try_status);                      \
    }                                                                                                         \
  } while (0)

typedef struct onednn {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t forward, backward; /* forward is also the hint that backward asks for */
  dnnl_primitive_t primitive;
  dnnl_memory_desc_t tensor, channels;
  dnnl_exec_arg_t args[MAX_ARGUMENTS];
  int used;
} onednn;

static void close_onednn(void *self)
{
  onednn *o = self;
  for (int i = 0; i < o->used; i++) {
    (void)dnnl_memory_destroy(o->args[i].memory);
  }
  if (o->primitive != NULL) {
    (void)dnnl_primitive_destroy(o->primitive);
  }
  if (o->backward != NULL) {
    (void)dnnl_primitive_desc_destroy(o->backward);
  }
  if (o->forward != NULL) {
    (void)dnnl_primitive_desc_destroy(o->forward);
  }
  if (o->stream != NULL) {
    (void)dnnl_stream_destroy(o->stream);
  }
  if (o->engine != NULL) {
    (void)dnnl_engine_destroy(o->engine);
  }
  free(o);
}

static int run_onednn(void *self, size_t times)
{
  const onednn *o = self;
  for (size_t i = 0; i < times; i++) {
    if (dnnl_primitive_execute(o->primitive, o->stream, o->used, o->args) != dnnl_success) {
      return -1;
    }
  }
  return dnnl_stream_wait(o->stream) == dnnl_success ? 0 : -1;
}

/* oneDNN states dimensions as (N, C, ...) whatever the memory's order. */
static int describe(onednn *o, const clnorm_desc *desc, runner_error *error)
{
  static const dnnl_format_tag_t first[] = {dnnl_nc, dnnl_ncw, dnnl_nchw, dnnl_ncdhw};
  static const dnnl_format_tag_t last[] = {dnnl_nc, dnnl_nwc, dnnl_nhwc, dnnl_ndhwc};
  const int rank = (int)desc->rank;
  const int is_last = desc->layout == CLNORM_CHANNELS_LAST;
  dnnl_dims_t dims = {(dnnl_dim_t)desc->dims[0], (dnnl_dim_t)desc->dims[is_last ? rank - 1 : 1]};
  if (rank < 2 || rank > 5) {
    return runner_fail(error, CLNORM_UNSUPPORTED, "oneDNN has no layout of rank %d", rank);
  }
  for (int axis = 2; axis < rank; axis++) {
    dims[axis] = (dnnl_dim_t)desc->dims[is_last ? axis - 1 : axis];
  }
  TRY(dnnl_memory_desc_init_by_tag(&o->tensor, rank, dims, dnnl_f32, is_last ? last[rank - 2] : first[rank - 2]));
  const dnnl_dims_t channels = {dims[1]};
  TRY(dnnl_memory_desc_init_by_tag(&o->channels, 1, channels, dnnl_f32, dnnl_a));
  return 0;
}

static int make_primitive(onednn *o, const workload *w, clnorm_pass pass, runner_error *error)
{
  const int global = pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN;
  const unsigned flags = dnnl_use_scale | dnnl_use_shift | (global ? dnnl_use_global_stats : 0u);
  const int infer = pass == CLNORM_INFER;
  const float epsilon = (float)w->desc.epsilon;
  dnnl_batch_normalization_desc_t desc;
  TRY(dnnl_batch_normalization_forward_desc_init(&desc, infer ? dnnl_forward_inference : dnnl_forward_training,
                                                 &o->tensor, epsilon, flags));
  TRY(dnnl_primitive_desc_create(&o->forward, &desc, NULL, o->engine, NULL));
  if (pass == CLNORM_TRAIN || infer) {
    TRY(dnnl_primitive_create(&o->primitive, o->forward));
    return 0;
  }
  TRY(dnnl_batch_normalization_backward_desc_init(&desc, dnnl_backward, &o->tensor, &o->tensor, epsilon, flags));
  TRY(dnnl_primitive_desc_create(&o->backward, &desc, NULL, o->engine, o->forward));
  TRY(dnnl_primitive_create(&o->primitive, o->backward));
  return 0;
}

static int add(onednn *o, int argument, const dnnl_memory_desc_t *desc, float *array, runner_error *error)
{
  dnnl_memory_t memory = NULL;
  TRY(dnnl_memory_create(&memory, desc, o->engine, array));
  o->args[o->used++] = (dnnl_exec_arg_t){argument, memory};
  return 0;
}

static int make_arguments(onednn *o, workload *w, clnorm_pass pass, runner_error *error)
{
  const int global = pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN;
  const int train = pass == CLNORM_TRAIN;
  float *const mean = train ? w->out.mean : global ? w->running_mean : w->mean;
  float *const var = train ? w->out.inv_std : global ? w->running_var : w->var; /* any array serves for train's */
  int failed = 0;
  failed |= add(o, DNNL_ARG_SRC, &o->tensor, w->x, error);
  failed |= add(o, DNNL_ARG_MEAN, &o->channels, mean, error);
  failed |= add(o, DNNL_ARG_VARIANCE, &o->channels, var, error);
  failed |= add(o, DNNL_ARG_SCALE, &o->channels, w->gamma, error);
  failed |= add(o, DNNL_ARG_SHIFT, &o->channels, w->beta, error);
  if (train || pass == CLNORM_INFER) {
    return failed | add(o, DNNL_ARG_DST, &o->tensor, w->out.tensor, error);
  }
  failed |= add(o, DNNL_ARG_DIFF_DST, &o->tensor, w->dy, error);
  failed |= add(o, DNNL_ARG_DIFF_SRC, &o->tensor, w->out.tensor, error);
  failed |= add(o, DNNL_ARG_DIFF_SCALE, &o->channels, w->out.dgamma, error);
  return failed | add(o, DNNL_ARG_DIFF_SHIFT, &o->channels, w->out.dbeta, error);
}

static int prepare(onednn *o, workload *w, clnorm_pass pass, runner_error *error)
{
  TRY(dnnl_engine_create(&o->engine, dnnl_cpu, 0));
  TRY(dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags));
  return describe(o, &w->desc, error) != 0 || make_primitive(o, w, pass, error) != 0 ||
                 make_arguments(o, w, pass, error) != 0
             ? -1
             : 0;
}

int peer_open_onednn(runner *r, workload *w, clnorm_pass pass, runner_error *error)
{
  onednn *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return runner_fail(error, CLNORM_OUT_OF_MEMORY, "not enough memory");
  }
  if (prepare(made, w, pass, error) != 0) {
    close_onednn(made);
    return -1;
  }
  const dnnl_version_t *version = dnnl_version();
  *r = (runner){.self = made, .run = run_onednn, .close = close_onednn};
  (void)snprintf(r->name, sizeof r->name, "onednn-%d.%d", version->major, version->minor);
  return 0;
}
