/* The recurrent cell h' = tanh(norm(x * Wx) + norm(h * Wh) + b), and its gradients through time (Cooijmans et al. 2017).
 *
 * It uses clnorm's plans and not its layer: one gamma serves all steps, but each step has statistics of its own, which are
 * rows of larger tensors. Sequences that have ended are clnorm's padding: at step t a sample has the length 1 or 0 of an
 * axis that is one long. */
#include <string.h>

#include "net_layers.h"

/* Passes times batch sizes times masked or not, of which plans are kept. */
#define PLANS 24

typedef struct cell_plan {
  size_t samples;
  int masked;
  clnorm_pass pass;
  clnorm_cl_plan *plan;
} cell_plan;

/* One of the two normalizations. */
typedef struct cell_norm {
  net_tensor product;                   /* (steps, N, units): x * Wx, or h * Wh */
  net_tensor mean, inv_std;             /* (steps, statistics) of the last training */
  net_tensor running_mean, running_var; /* (steps with statistics of their own, units) */
} cell_norm;

typedef struct recurrent {
  net_layer layer;
  net_recurrent_options options;
  cell_norm norms[2];                           /* of x * Wx and of h * Wh */
  net_tensor h;                                 /* (steps + 1, N, units), from h = 0 on */
  net_tensor dz;                                /* (steps, N, units): in front of tanh */
  net_tensor normalized[2], dproduct;           /* (N, units), of one step */
  net_tensor dh, dgamma;                        /* (N, units), (units) */
  net_tensor lengths, whole, active, workspace; /* (N), (N), (steps, N), bytes */
  cell_plan plans[PLANS];
  size_t plan_count;
} recurrent;

enum { WX, WH, BIAS, GAMMAS }; /* of layer->parameters; GAMMAS and the one behind it: of the norms */

/* ---- plans ---------------------------------------------------------------------------------------------------------- */

static clnorm_status describe(const recurrent *self, size_t samples, int masked, clnorm_desc *desc)
{
  const clnorm_status status = clnorm_desc_init(desc, sizeof *desc, self->options.op, CLNORM_PRESET_TORCH);
  desc->rank = masked ? 3 : 2;
  desc->dims[0] = samples;
  desc->dims[1] = self->options.units;
  desc->dims[2] = 1;
  desc->length_axis = masked ? 2 : 0;
  return status;
}

static void forget_plans(recurrent *self)
{
  for (size_t i = 0; i < self->plan_count; i++) {
    clnorm_cl_plan_destroy(self->plans[i].plan);
  }
  self->plan_count = 0;
}

static const clnorm_cl_plan *plan_of(recurrent *self, clnorm_pass pass)
{
  net_device *device = self->layer.device;
  const size_t samples = self->layer.x.shape[0];
  const int masked = self->lengths.memory != NULL;
  cell_plan made = {samples, masked, pass, NULL};
  clnorm_desc desc;
  for (size_t i = 0; i < self->plan_count; i++) {
    const cell_plan *p = &self->plans[i];
    if (p->samples == samples && p->masked == masked && p->pass == pass) {
      return p->plan;
    }
  }
  if (self->plan_count == PLANS) {
    forget_plans(self);
  }
  if (!net_check(device, describe(self, samples, masked, &desc), "desc_init") ||
      !net_check(device, clnorm_cl_plan_create(device->cl, &desc, pass, &made.plan), "plan_create")) {
    return NULL;
  }
  const size_t words = (clnorm_plan_workspace_size(clnorm_cl_plan_data(made.plan)) + 3) / 4;
  net_tensor_reserve(&self->workspace, device, 1, &words);
  self->plans[self->plan_count++] = made;
  return made.plan;
}

static clnorm_buffer row(const net_tensor *tensor, size_t index)
{
  const net_tensor view = net_tensor_rows(tensor, index, 1);
  return view.memory == NULL ? (clnorm_buffer){0} : net_tensor_buffer(&view);
}

/* One pass of one of the normalizations at step t; the caller has put in what only its pass takes. */
static void normalize(recurrent *self, int which, size_t t, clnorm_pass pass, clnorm_cl_args args)
{
  const cell_norm *norm = &self->norms[which];
  const clnorm_cl_plan *plan = plan_of(self, pass);
  const size_t own = self->options.statistics;
  if (plan == NULL || !net_device_ok(self->layer.device)) {
    return;
  }
  args.size = sizeof args;
  args.x = row(&norm->product, t);
  args.gamma = net_tensor_buffer(&self->layer.parameters[GAMMAS + which].value);
  if (self->options.op == CLNORM_BATCH && pass != CLNORM_BACKWARD) {
    args.running_mean = row(&norm->running_mean, t < own ? t : own - 1);
    args.running_var = row(&norm->running_var, t < own ? t : own - 1);
  }
  if (pass != CLNORM_INFER) {
    args.mean = row(&norm->mean, t);
    args.inv_std = row(&norm->inv_std, t);
  }
  if (self->lengths.memory != NULL) {
    args.lengths = row(&self->active, t);
  }
  args.workspace = (clnorm_buffer){self->workspace.memory, 0, 0};
  net_check(self->layer.device, clnorm_cl_enqueue(plan, self->layer.device->queue, &args, 0, NULL, NULL), "enqueue");
}

/* ---- forward --------------------------------------------------------------------------------------------------------- */

static void reserve(recurrent *self)
{
  net_device *device = self->layer.device;
  const size_t samples = self->layer.x.shape[0];
  const size_t units = self->options.units;
  const size_t steps = self->options.steps;
  const size_t statistics = self->options.op == CLNORM_LAYER ? samples : units;
  const size_t batch[] = {samples, units};
  for (int i = 0; i < 2; i++) {
    net_tensor_reserve(&self->norms[i].product, device, 3, (size_t[]){steps, samples, units});
    net_tensor_reserve(&self->norms[i].mean, device, 2, (size_t[]){steps, statistics});
    net_tensor_reserve(&self->norms[i].inv_std, device, 2, (size_t[]){steps, statistics});
    net_tensor_reserve(&self->normalized[i], device, 2, batch);
  }
  net_tensor_reserve(&self->h, device, 3, (size_t[]){steps + 1, samples, units});
  net_tensor_reserve(&self->dz, device, 3, (size_t[]){steps, samples, units});
  net_tensor_reserve(&self->dproduct, device, 2, batch);
  net_tensor_reserve(&self->dh, device, 2, batch);
  net_tensor_reserve(&self->active, device, 2, (size_t[]){steps, samples});
  net_tensor_reserve(&self->whole, device, 1, &samples);
  net_tensor_reserve(&self->layer.y, device, 2, batch);
}

/* active, and h = 0 at the start. */
static void begin(recurrent *self)
{
  net_device *device = self->layer.device;
  const size_t samples = self->layer.x.shape[0];
  net_tensor first = net_tensor_rows(&self->h, 0, 1);
  NET_LAUNCH(device, "net_fill_int", samples, net_t(&self->whole), net_u(self->options.steps));
  NET_LAUNCH(device, "net_recurrent_active", self->active.count,
             net_t(self->lengths.memory != NULL ? &self->lengths : &self->whole), net_t(&self->active), net_u(samples));
  net_tensor_fill(&first, 0.0);
}

static void step(recurrent *self, size_t t, net_mode mode)
{
  net_layer *layer = &self->layer;
  const net_recurrent_options *o = &self->options;
  const size_t samples = layer->x.shape[0];
  const net_tensor active = net_tensor_rows(&self->active, t, 1);
  const net_tensor h = net_tensor_rows(&self->h, t, 1);
  const net_tensor next = net_tensor_rows(&self->h, t + 1, 1);
  net_tensor terms[2];
  net_gemm(samples, o->units, o->inputs, (net_factor){&layer->x, t * o->inputs, o->steps * o->inputs, 0},
           (net_factor){&layer->parameters[WX].value, 0, o->units, 0}, 0.0, &self->norms[0].product,
           t * samples * o->units, o->units);
  net_gemm(samples, o->units, o->units, (net_factor){&h, 0, o->units, 0},
           (net_factor){&layer->parameters[WH].value, 0, o->units, 0}, 0.0, &self->norms[1].product,
           t * samples * o->units, o->units);
  for (int i = 0; i < 2; i++) {
    terms[i] = net_tensor_rows(&self->norms[i].product, t, 1);
    if (o->op != 0) {
      normalize(self, i, t, mode == NET_TRAIN ? CLNORM_TRAIN : CLNORM_INFER,
                (clnorm_cl_args){.y = net_tensor_buffer(&self->normalized[i])});
      terms[i] = net_tensor_rows(&self->normalized[i], 0, samples);
    }
  }
  NET_LAUNCH(layer->device, "net_recurrent_step", samples * o->units, net_t(&terms[0]), net_t(&terms[1]),
             net_t(&layer->parameters[BIAS].value), net_t(&h), net_t(&active), net_t(&next), net_u(o->units));
}

static void forward(net_layer *layer, net_mode mode)
{
  recurrent *self = (recurrent *)layer;
  const size_t samples = layer->x.shape[0];
  const net_recurrent_options *o = &self->options;
  if (net_tensor_width(&layer->x) != o->steps * o->inputs ||
      (self->lengths.memory != NULL && self->lengths.count != samples)) {
    net_device_fail(layer->device,
                    "recurrent: expected %zu x %zu elements and a length a sample, got %zu and %zu of %zu", o->steps,
                    o->inputs, net_tensor_width(&layer->x), self->lengths.count, samples);
    return;
  }
  reserve(self);
  begin(self);
  for (size_t t = 0; t < o->steps && net_device_ok(layer->device); t++) {
    step(self, t, mode);
  }
  const net_tensor last = net_tensor_rows(&self->h, o->steps, 1);
  net_tensor_copy(&last, &layer->y);
}

/* ---- backward --------------------------------------------------------------------------------------------------------- */

/* The gradient at a product, from dz: into dproduct, or dz itself where nothing is normalized. */
static const net_tensor *product_gradient(recurrent *self, int which, size_t t, const net_tensor *dz)
{
  net_tensor *sum = &self->layer.parameters[GAMMAS + which].gradient;
  if (self->options.op == 0) {
    return dz;
  }
  normalize(self, which, t, CLNORM_BACKWARD,
            (clnorm_cl_args){.dy = net_tensor_buffer(dz),
                             .dx = net_tensor_buffer(&self->dproduct),
                             .dgamma = net_tensor_buffer(&self->dgamma)});
  net_tensor_add(&self->dgamma, sum);
  return &self->dproduct;
}

/* From dh behind step t to dh in front of it. Weights' gradients are sums over the steps, of which the last comes first. */
static void step_backward(recurrent *self, size_t t, int wants_dx)
{
  net_layer *layer = &self->layer;
  const net_recurrent_options *o = &self->options;
  const size_t samples = layer->x.shape[0];
  const double beta = t + 1 == o->steps ? 0.0 : 1.0;
  const net_tensor active = net_tensor_rows(&self->active, t, 1);
  const net_tensor h = net_tensor_rows(&self->h, t, 1);
  const net_tensor next = net_tensor_rows(&self->h, t + 1, 1);
  const net_tensor dz = net_tensor_rows(&self->dz, t, 1);
  NET_LAUNCH(layer->device, "net_recurrent_step_backward", samples * o->units, net_t(&next), net_t(&self->dh),
             net_t(&active), net_t(&dz), net_t(&self->dh), net_u(o->units));
  const net_factor input = {product_gradient(self, 0, t, &dz), 0, o->units, 0};
  net_gemm(o->inputs, o->units, samples, (net_factor){&layer->x, t * o->inputs, o->steps * o->inputs, 1}, input, beta,
           &layer->parameters[WX].gradient, 0, o->units);
  if (wants_dx) {
    net_gemm(samples, o->inputs, o->units, input, (net_factor){&layer->parameters[WX].value, 0, o->units, 1}, 0.0,
             &layer->dx, t * o->inputs, o->steps * o->inputs);
  }
  const net_factor hidden = {product_gradient(self, 1, t, &dz), 0, o->units, 0};
  net_gemm(o->units, o->units, samples, (net_factor){&h, 0, o->units, 1}, hidden, beta, &layer->parameters[WH].gradient,
           0, o->units);
  net_gemm(samples, o->units, o->units, hidden, (net_factor){&layer->parameters[WH].value, 0, o->units, 1}, 1.0,
           &self->dh, 0, o->units);
}

static void backward(net_layer *layer, const net_tensor *dy, int wants_dx)
{
  recurrent *self = (recurrent *)layer;
  const size_t steps = self->options.steps;
  for (size_t i = GAMMAS; i < layer->parameter_count; i++) {
    net_tensor_fill(&layer->parameters[i].gradient, 0.0);
  }
  net_tensor_copy(dy, &self->dh);
  for (size_t t = steps; t > 0 && net_device_ok(layer->device); t--) {
    step_backward(self, t - 1, wants_dx);
  }
  NET_LAUNCH(layer->device, "net_bias_gradient", self->options.units, net_t(&self->dz),
             net_t(&layer->parameters[BIAS].gradient), net_u(steps * layer->x.shape[0]), net_u(1));
}

/* ---- making ------------------------------------------------------------------------------------------------------------ */

static void free_own(net_layer *layer)
{
  recurrent *self = (recurrent *)layer;
  net_tensor *tensors[] = {&self->h,  &self->dz,     &self->normalized[0], &self->normalized[1], &self->dproduct,
                           &self->dh, &self->dgamma, &self->whole,         &self->active,        &self->workspace};
  for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
    net_tensor_free(tensors[i]);
  }
  for (int i = 0; i < 2; i++) {
    net_tensor_free(&self->norms[i].product);
    net_tensor_free(&self->norms[i].mean);
    net_tensor_free(&self->norms[i].inv_std);
    net_tensor_free(&self->norms[i].running_mean);
    net_tensor_free(&self->norms[i].running_var);
  }
  forget_plans(self);
}

static const net_layer_class recurrent_class = {"recurrent", forward, backward, free_own};

static void add_parameters(recurrent *self)
{
  const net_recurrent_options *o = &self->options;
  net_layer *layer = &self->layer;
  net_parameter *wx = net_layer_add(layer, "input weight", 2, (size_t[]){o->inputs, o->units});
  net_parameter *wh = net_layer_add(layer, "hidden weight", 2, (size_t[]){o->units, o->units});
  net_init_fill(&wx->value, o->input, o->inputs, o->units);
  net_init_fill(&wh->value, o->hidden, o->units, o->units);
  net_layer_add(layer, "bias", 1, &o->units);
  for (int i = 0; i < 2 && o->op != 0; i++) {
    net_parameter *gamma = net_layer_add(layer, i == 0 ? "input gamma" : "hidden gamma", 1, &o->units);
    net_tensor_fill(&gamma->value, o->gamma);
    self->norms[i].running_mean = net_matrix(layer->device, o->statistics, o->units);
    self->norms[i].running_var = net_matrix(layer->device, o->statistics, o->units);
    net_tensor_fill(&self->norms[i].running_var, 1.0);
  }
  self->dgamma = net_vector(layer->device, o->units);
}

net_layer *net_recurrent(net_device *device, net_recurrent_options options)
{
  if (options.inputs == 0 || options.units == 0 || options.steps == 0 ||
      (options.op != 0 && options.op != CLNORM_BATCH && options.op != CLNORM_LAYER)) {
    net_device_fail(device, "recurrent: expected inputs, units, steps, and no, batch or layer normalization");
    return NULL;
  }
  recurrent *self = net_layer_make(device, &recurrent_class, sizeof *self);
  if (self == NULL) {
    return NULL;
  }
  options.gamma = options.gamma == 0.0 ? 1.0 : options.gamma;
  options.statistics =
      options.statistics == 0 || options.statistics > options.steps ? options.steps : options.statistics;
  self->options = options;
  add_parameters(self);
  return &self->layer;
}

void net_recurrent_set_lengths(net_layer *layer, const net_tensor *lengths)
{
  recurrent *self = (recurrent *)layer;
  if (layer == NULL || layer->class != &recurrent_class) {
    return;
  }
  memset(&self->lengths, 0, sizeof self->lengths);
  if (lengths != NULL) {
    self->lengths = net_tensor_part(lengths, 0, lengths->count);
  }
}
