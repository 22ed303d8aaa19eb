/* oneDNN's batch and layer normalization on the CPU, through its C API of version 2. */
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
  dnnl_memory_desc_t tensor, parameters, statistics;
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

/* ---- which primitive ---------------------------------------------------------------------------------------- */

static int refuse_foreign(const clnorm_desc *desc, runner_error *error)
{
  static const char *const lacks[] = {[CLNORM_INSTANCE] = "instance", [CLNORM_GROUP] = "group", [CLNORM_RMS] = "RMS"};
  if (desc->op == CLNORM_INSTANCE || desc->op == CLNORM_GROUP || desc->op == CLNORM_RMS) {
    const dnnl_version_t *version = dnnl_version();
    return runner_fail(error, CLNORM_UNSUPPORTED, "oneDNN %d.%d has no %s normalization", version->major,
                       version->minor, lacks[desc->op]);
  }
  if (desc->dtype != CLNORM_F32) {
    return runner_fail(error, CLNORM_UNSUPPORTED, "it is measured with f32 only");
  }
  if (desc->activation != CLNORM_ACTIVATION_NONE || (desc->flags & CLNORM_RESIDUAL) != 0) {
    return runner_fail(error, CLNORM_UNSUPPORTED, "it is measured without activation and residual");
  }
  return 0;
}

/* oneDNN states dimensions as (N, C, ...) whatever the memory's order. */
static int describe_batch(onednn *o, const clnorm_desc *desc, runner_error *error)
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
  TRY(dnnl_memory_desc_init_by_tag(&o->parameters, 1, channels, dnnl_f32, dnnl_a));
  o->statistics = o->parameters;
  return 0;
}

/* oneDNN normalizes over the last dimension: what the others are does not matter. */
static int describe_layer(onednn *o, const workload *w, runner_error *error)
{
  const dnnl_dims_t dims = {(dnnl_dim_t)w->counts.statistics, (dnnl_dim_t)w->counts.parameters};
  const dnnl_dims_t rows = {dims[0]};
  const dnnl_dims_t columns = {dims[1]};
  TRY(dnnl_memory_desc_init_by_tag(&o->tensor, 2, dims, dnnl_f32, dnnl_ab));
  TRY(dnnl_memory_desc_init_by_tag(&o->parameters, 1, columns, dnnl_f32, dnnl_a));
  TRY(dnnl_memory_desc_init_by_tag(&o->statistics, 1, rows, dnnl_f32, dnnl_a));
  return 0;
}

/* dnnl_batch_normalization_desc_t and dnnl_layer_normalization_desc_t, whichever it is. */
typedef union operation {
  dnnl_batch_normalization_desc_t batch;
  dnnl_layer_normalization_desc_t layer;
} operation;

static int make_forward(onednn *o, const workload *w, clnorm_pass pass, unsigned flags, runner_error *error)
{
  const dnnl_prop_kind_t kind = pass == CLNORM_INFER ? dnnl_forward_inference : dnnl_forward_training;
  const float epsilon = (float)w->desc.epsilon;
  operation desc;
  if (w->desc.op == CLNORM_LAYER) {
    TRY(dnnl_layer_normalization_forward_desc_init(&desc.layer, kind, &o->tensor, &o->statistics, epsilon, flags));
  } else {
    TRY(dnnl_batch_normalization_forward_desc_init(&desc.batch, kind, &o->tensor, epsilon, flags));
  }
  TRY(dnnl_primitive_desc_create(&o->forward, &desc, NULL, o->engine, NULL));
  return 0;
}

static int make_backward(onednn *o, const workload *w, unsigned flags, runner_error *error)
{
  const float epsilon = (float)w->desc.epsilon;
  operation desc;
  if (w->desc.op == CLNORM_LAYER) {
    TRY(dnnl_layer_normalization_backward_desc_init(&desc.layer, dnnl_backward, &o->tensor, &o->tensor, &o->statistics,
                                                    epsilon, flags));
  } else {
    TRY(dnnl_batch_normalization_backward_desc_init(&desc.batch, dnnl_backward, &o->tensor, &o->tensor, epsilon,
                                                    flags));
  }
  TRY(dnnl_primitive_desc_create(&o->backward, &desc, NULL, o->engine, o->forward));
  return 0;
}

/* infer and backward-frozen with running statistics; those of layer normalization are always x's own. */
static int uses_running(const workload *w, clnorm_pass pass)
{
  return w->desc.op == CLNORM_BATCH && (pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN);
}

static int make_primitive(onednn *o, const workload *w, clnorm_pass pass, runner_error *error)
{
  const unsigned flags = dnnl_use_scale | dnnl_use_shift | (uses_running(w, pass) ? dnnl_use_global_stats : 0u);
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  if (make_forward(o, w, pass, flags, error) != 0 || (!forward && make_backward(o, w, flags, error) != 0)) {
    return -1;
  }
  TRY(dnnl_primitive_create(&o->primitive, forward ? o->forward : o->backward));
  return 0;
}

/* ---- its arguments ------------------------------------------------------------------------------------------ */

static int add(onednn *o, int argument, const dnnl_memory_desc_t *desc, void *array, runner_error *error)
{
  dnnl_memory_t memory = NULL;
  TRY(dnnl_memory_create(&memory, desc, o->engine, array));
  o->args[o->used++] = (dnnl_exec_arg_t){argument, memory};
  return 0;
}

static int make_arguments(onednn *o, workload *w, clnorm_pass pass, runner_error *error)
{
  const int running = uses_running(w, pass);
  const int train = pass == CLNORM_TRAIN;
  float *const mean = train ? w->out.mean : running ? w->running_mean : w->mean;
  float *const var = train ? w->out.inv_std : running ? w->running_var : w->var; /* any array serves for train's */
  int failed = 0;
  failed |= add(o, DNNL_ARG_SRC, &o->tensor, w->x, error);
  if (pass != CLNORM_INFER || running) {
    failed |= add(o, DNNL_ARG_MEAN, &o->statistics, mean, error);
    failed |= add(o, DNNL_ARG_VARIANCE, &o->statistics, var, error);
  }
  failed |= add(o, DNNL_ARG_SCALE, &o->parameters, w->gamma, error);
  failed |= add(o, DNNL_ARG_SHIFT, &o->parameters, w->beta, error);
  if (train || pass == CLNORM_INFER) {
    return failed | add(o, DNNL_ARG_DST, &o->tensor, w->out.tensor, error);
  }
  failed |= add(o, DNNL_ARG_DIFF_DST, &o->tensor, w->dy, error);
  failed |= add(o, DNNL_ARG_DIFF_SRC, &o->tensor, w->out.tensor, error);
  failed |= add(o, DNNL_ARG_DIFF_SCALE, &o->parameters, w->out.dgamma, error);
  return failed | add(o, DNNL_ARG_DIFF_SHIFT, &o->parameters, w->out.dbeta, error);
}

static int prepare(onednn *o, workload *w, clnorm_pass pass, runner_error *error)
{
  if (refuse_foreign(&w->desc, error) != 0) {
    return -1;
  }
  TRY(dnnl_engine_create(&o->engine, dnnl_cpu, 0));
  TRY(dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags));
  const int described = w->desc.op == CLNORM_LAYER ? describe_layer(o, w, error) : describe_batch(o, &w->desc, error);
  return described != 0 || make_primitive(o, w, pass, error) != 0 || make_arguments(o, w, pass, error) != 0 ? -1 : 0;
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
