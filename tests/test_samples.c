/* The CPU backend's samples (layer, RMS, instance and group normalization) where the table of the family does not reach: each
 * instruction set, storage type and kind of activation, many lengths of rows and numbers of them, data far from 0, streaming
 * stores on small tensors, guard pages, numbers of threads. Everything against the reference of the family, with its bounds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clnorm/tuning.h"
#include "cpu_call.h"
#include "guarded.h"
#include "trial.h"

/* Many tasks of little data, written through the cache and past it. */
#define SMALL_TASKS "serial_below=0 min_tile=1024 apply_tile=1024 tasks_per_unit=64"
static const char *const choices[] = {SMALL_TASKS, SMALL_TASKS " stream_eighths=0"};

static const int thread_counts[] = {1, 2, 3, 7, 0};
#define THREAD_COUNTS (sizeof thread_counts / sizeof thread_counts[0])

/* How a trial is run. */
typedef struct way {
  const char *choice; /* NULL: the library chooses */
  const clnorm__cpu_set *set;
  int guarded; /* every argument lies against a page that nobody may touch */
  guarded_side side;
  size_t pad;   /* guarded: floats of memory before each argument */
  size_t other; /* index of the number of threads that is compared with one thread; 0: all of them are */
} way;

/* ---- running ---------------------------------------------------------------------------------------------------- */

static clnorm_input input_of(void *const data[TRIAL_SLOTS], const trial_buffer *buffers, trial_slot slot)
{
  return (clnorm_input){data[slot], data[slot] == NULL ? 0 : buffers[slot].count};
}

static clnorm_output output_of(void *const data[TRIAL_SLOTS], const trial_buffer *buffers, trial_slot slot)
{
  return (clnorm_output){data[slot], data[slot] == NULL ? 0 : buffers[slot].count};
}

static clnorm_status execute(const clnorm_plan *plan, const way *w, const trial_buffer *b, void *const d[TRIAL_SLOTS],
                             void *workspace, int threads)
{
  const clnorm_args args = {
      .size = sizeof args,
      .x = input_of(d, b, TRIAL_X),
      .dy = input_of(d, b, TRIAL_DY),
      .gamma = input_of(d, b, TRIAL_GAMMA),
      .beta = input_of(d, b, TRIAL_BETA),
      .residual = input_of(d, b, TRIAL_RESIDUAL),
      .dresidual = output_of(d, b, TRIAL_DRESIDUAL),
      .y = output_of(d, b, TRIAL_Y),
      .dx = output_of(d, b, TRIAL_DX),
      .dgamma = output_of(d, b, TRIAL_DGAMMA),
      .dbeta = output_of(d, b, TRIAL_DBETA),
      .running_mean = output_of(d, b, TRIAL_RUNNING_MEAN),
      .running_var = output_of(d, b, TRIAL_RUNNING_VAR),
      .mean = output_of(d, b, TRIAL_MEAN),
      .inv_std = output_of(d, b, TRIAL_INV_STD),
      .workspace = {workspace, clnorm_plan_workspace_size(plan)},
      .batch_number = 1,
      .threads = threads,
  };
  return clnorm__cpu_execute(plan, &args, w->set);
}

/* The slot whose memory a slot's argument has. */
static int owner_of(const trial_buffer *buffers, int slot)
{
  return buffers[slot].shared >= 0 ? buffers[slot].shared : slot;
}

static clnorm_status run_guarded(const clnorm_plan *plan, const way *w, const trial_buffer *b)
{
  const size_t pad = w->pad * sizeof(float);
  void *data[TRIAL_SLOTS];
  guarded memory[TRIAL_SLOTS], workspace = guarded_make(clnorm_plan_workspace_size(plan), w->side);
  for (int s = 0; s < TRIAL_SLOTS; s++) {
    const int own = b[s].memory != NULL && owner_of(b, s) == s;
    memory[s] = guarded_make(own ? pad + b[s].count * b[s].element : 0, w->side);
    if (own) {
      memcpy((char *)memory[s].data + pad, b[s].memory + b[s].start, b[s].count * b[s].element);
    }
  }
  for (int s = 0; s < TRIAL_SLOTS; s++) {
    char *of = memory[owner_of(b, s)].data;
    data[s] = of == NULL ? NULL : of + pad;
  }
  const clnorm_status status = execute(plan, w, b, data, workspace.data, 2);
  for (int s = 0; s < TRIAL_SLOTS; s++) {
    if (memory[s].data != NULL) {
      memcpy(b[s].memory + b[s].start, (char *)memory[s].data + pad, b[s].count * b[s].element);
    }
    guarded_free(&memory[s]);
  }
  guarded_free(&workspace);
  return status;
}

/* A copy of all arguments' memory, one after the other. */
static size_t copy_all(const trial_buffer *b, unsigned char *to, int back)
{
  size_t at = 0;
  for (int s = 0; s < TRIAL_SLOTS; s++) {
    if (b[s].memory == NULL || owner_of(b, s) != s) {
      continue;
    }
    if (to != NULL && back) {
      memcpy(b[s].memory, to + at, b[s].bytes);
    } else if (to != NULL) {
      memcpy(to + at, b[s].memory, b[s].bytes);
    }
    at += b[s].bytes;
  }
  return at;
}

/* With every number of threads, from the same arguments; fails the test if a bit differs. */
static clnorm_status run_with_threads(const clnorm_plan *plan, const way *w, const trial_buffer *b)
{
  const size_t bytes = copy_all(b, NULL, 0), room = clnorm_plan_workspace_size(plan);
  unsigned char *before = malloc(bytes), *first = malloc(bytes), *again = malloc(bytes);
  unsigned char *workspace = aligned_alloc(64, (room + 127) / 64 * 64);
  void *data[TRIAL_SLOTS];
  clnorm_status status = CLNORM_SUCCESS;
  cr_assert(before != NULL && first != NULL && again != NULL && workspace != NULL);
  for (int s = 0; s < TRIAL_SLOTS; s++) {
    const trial_buffer *of = &b[owner_of(b, s)];
    data[s] = of->memory == NULL ? NULL : of->memory + of->start;
  }
  copy_all(b, before, 0);
  for (size_t t = 0; t < THREAD_COUNTS && status == CLNORM_SUCCESS; t++) {
    if (w->other != 0 && t != 0 && t != w->other) {
      continue;
    }
    copy_all(b, before, 1);
    memset(workspace, 0xff, room);
    status = execute(plan, w, b, data, room == 0 ? NULL : workspace, thread_counts[t]);
    copy_all(b, t == 0 ? first : again, 0);
    cr_assert(t == 0 || memcmp(first, again, bytes) == 0, "%d threads give other bits", thread_counts[t]);
  }
  free(before);
  free(first);
  free(again);
  free(workspace);
  return status;
}

static int is_last(const clnorm_desc *desc)
{
  return desc->layout == CLNORM_CHANNELS_LAST && (desc->op == CLNORM_INSTANCE || desc->op == CLNORM_GROUP);
}

static int run(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer buffers[TRIAL_SLOTS],
               uint64_t batch_number)
{
  const way *w = context;
  clnorm_plan *plan = NULL;
  const char *variant = is_last(desc) ? "columns_samples" : "rows_samples";
  char choice[256];
  (void)snprintf(choice, sizeof choice, "%s %s", variant, w->choice == NULL ? "" : w->choice);
  clnorm_status status = clnorm_plan_create_with(desc, pass, w->choice == NULL ? CLNORM_BUILT_IN : choice, &plan);
  (void)batch_number;
  if (status == CLNORM_SUCCESS) {
    cr_assert_str_eq(clnorm_plan_variant(plan), variant);
    status = w->guarded ? run_guarded(plan, w, buffers) : run_with_threads(plan, w, buffers);
    clnorm_plan_destroy(plan);
  }
  return status;
}

/* ---- checking --------------------------------------------------------------------------------------------------- */

static clnorm_desc layer(clnorm_op op, size_t rows, size_t columns)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 2;
  desc.dims[0] = rows;
  desc.dims[1] = columns;
  desc.axis = 1;
  return desc;
}

static clnorm_desc channels(clnorm_op op, size_t n, size_t c, size_t positions, uint32_t groups)
{
  clnorm_desc desc = layer(op, n, c);
  desc.rank = 3;
  desc.dims[2] = positions;
  desc.axis = 0;
  desc.groups = groups;
  desc.layout = CLNORM_CHANNELS_FIRST;
  return desc;
}

/* The same, channels-last. */
static clnorm_desc last(const clnorm_desc *first)
{
  clnorm_desc desc = *first;
  desc.layout = CLNORM_CHANNELS_LAST;
  desc.dims[1] = first->dims[2];
  desc.dims[2] = first->dims[1];
  return desc;
}

/* Everything but floats with nothing fused: types, straight lines and curves, with a residual and without. */
static const struct {
  clnorm_dtype dtype;
  clnorm_activation activation;
  double alpha;
  int residual;
} kinds[] = {
    {CLNORM_F16, CLNORM_ACTIVATION_NONE, 0.0, 0},       {CLNORM_BF16, CLNORM_ACTIVATION_NONE, 0.0, 0},
    {CLNORM_F32, CLNORM_ACTIVATION_RELU, 0.0, 0},       {CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 1},
    {CLNORM_F16, CLNORM_ACTIVATION_SILU, 0.0, 0},       {CLNORM_F32, CLNORM_ACTIVATION_GELU, 0.0, 1},
    {CLNORM_BF16, CLNORM_ACTIVATION_RELU, 0.0, 1},      {CLNORM_F32, CLNORM_ACTIVATION_TANH, 0.0, 0},
    {CLNORM_F16, CLNORM_ACTIVATION_NONE, 0.0, 1},       {CLNORM_F32, CLNORM_ACTIVATION_LEAKY_RELU, 0.01, 1},
    {CLNORM_BF16, CLNORM_ACTIVATION_GELU_TANH, 0.0, 0}, {CLNORM_F16, CLNORM_ACTIVATION_CLIPPED_RELU, 1.0, 0},
    {CLNORM_BF16, CLNORM_ACTIVATION_ELU, 1.5, 1},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static clnorm_desc of_kind(const clnorm_desc *plain, size_t k)
{
  clnorm_desc desc = *plain;
  desc.dtype = kinds[k % KINDS].dtype;
  desc.activation = kinds[k % KINDS].activation;
  desc.alpha = kinds[k % KINDS].alpha;
  desc.flags = kinds[k % KINDS].residual ? CLNORM_RESIDUAL : 0;
  return desc;
}

static int has_pass(const clnorm_desc *desc, clnorm_pass pass)
{
  if (desc->op != CLNORM_INSTANCE) {
    return pass != CLNORM_BACKWARD_FROZEN;
  }
  return desc->dims[is_last(desc) ? 1 : 2] > 1 || pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN;
}

static trial *open_trial(const clnorm_desc *desc, const trial_data *data)
{
  trial *made = trial_create(desc, data);
  cr_assert(made != NULL, "no memory");
  return made;
}

/* One trial for all ways: so the reference is computed once. */
static void check_with(trial *made, const clnorm_desc *desc, way *w, unsigned with)
{
  const unsigned gradients = TRIAL_WITH_DX | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA;
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
    const unsigned outputs = gradients | (desc->flags & CLNORM_RESIDUAL ? TRIAL_WITH_DRESIDUAL : 0u);
    trial_result result;
    if (has_pass(desc, (clnorm_pass)pass) && (forward || (with & outputs) != 0)) {
      cr_assert(trial_check(made, (clnorm_pass)pass, with, run, w, &result), "%s, %s: %s %s", w->set->name,
                w->choice == NULL ? "as chosen" : w->choice, result.problem,
                result.status == CLNORM_SUCCESS ? "" : clnorm_last_error());
    }
  }
}

static const trial_data normal = {
    .kind = GENERATE_NORMAL, .mean = 0.25, .std = 1.0, .seed = 1, .batch_number = 1, .offset = 16};

/* All arguments, each instruction set, stores through the cache and past it. */
static void check(const clnorm_desc *desc, const trial_data *data, unsigned with)
{
  way w = {.choice = NULL};
  trial *made = open_trial(desc, data);
  for (size_t k = 0; (w.set = clnorm__cpu_set_at(k)) != NULL; k++) {
    for (size_t c = 0; c < sizeof choices / sizeof choices[0]; c++) {
      w.choice = choices[c];
      check_with(made, desc, &w, with);
    }
  }
  trial_destroy(made);
}

/* Each instruction set with one of the two, in turn: where it is about something else. */
static void check_briefly(const clnorm_desc *desc, const trial_data *data, unsigned with, size_t turn)
{
  way w = {.choice = NULL};
  trial *made = open_trial(desc, data);
  for (size_t k = 0; (w.set = clnorm__cpu_set_at(k)) != NULL; k++) {
    w.choice = choices[(k + turn) % 2];
    w.other = 1 + (k + turn) % (THREAD_COUNTS - 1);
    check_with(made, desc, &w, with);
  }
  trial_destroy(made);
}

/* Shorter than vectors and longer, odd, whole vectors, more than are measured together, longer than what is joined. */
static const size_t lengths[] = {1, 2, 3, 7, 15, 16, 17, 27, 31, 33, 49, 64, 255, 768, 1023, 1024, 4097};
static const size_t counts[] = {1, 2, 3, 5, 17, 67, 300};

#define MOST_ELEMENTS 60000

static void check_lengths(clnorm_op op)
{
  for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
      if (lengths[l] * counts[c] <= MOST_ELEMENTS) {
        const clnorm_desc desc = layer(op, counts[c], lengths[l]);
        trial_data data = normal;
        data.seed = l * 100 + c;
        data.offset = c % 2 == 0 ? 16 : l + 1;
        check(&desc, &data, TRIAL_ALL);
        const clnorm_desc other = of_kind(&desc, l * 7 + c);
        check_briefly(&other, &data, TRIAL_ALL, c);
      }
    }
  }
}

Test(samples, layers_of_any_length_are_right) { check_lengths(CLNORM_LAYER); }
Test(samples, rms_of_any_length_is_right) { check_lengths(CLNORM_RMS); }

/* N, C, positions, groups: a parameter an element and a run, short runs and long ones, more channels than are kept at a time,
 * samples of several parameters in one task and in many. */
typedef struct shape {
  size_t n, c, positions;
  uint32_t groups;
} shape;

static const shape shapes[] = {{3, 5, 1, 1},    {7, 12, 1, 4},  {67, 30, 1, 3}, {2, 4, 7, 2},    {5, 6, 49, 3},
                               {2, 600, 2, 1},  {2, 600, 9, 2}, {3, 33, 17, 3}, {2, 8, 255, 4},  {40, 16, 16, 2},
                               {2, 2, 4097, 1}, {1, 1, 3, 1},   {9, 1, 50, 1},  {1, 64, 300, 16}};

static clnorm_desc shaped(clnorm_op op, const shape *s)
{
  return channels(op, s->n, s->c, s->positions, op == CLNORM_GROUP ? s->groups : 0);
}

static void check_shapes(clnorm_op op, int is_last)
{
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const clnorm_desc first = shaped(op, &shapes[i]), desc = is_last ? last(&first) : first;
    trial_data data = normal;
    data.seed += i;
    data.offset = i % 2 == 0 ? 16 : i + 1;
    check(&desc, &data, TRIAL_ALL);
    for (size_t k = 0; k < 4; k++) {
      const clnorm_desc other = of_kind(&desc, 4 * i + k);
      check_briefly(&other, &data, TRIAL_ALL, i + k);
    }
  }
}

Test(samples, groups_of_any_shape_are_right) { check_shapes(CLNORM_GROUP, 0); }
Test(samples, instances_of_any_shape_are_right) { check_shapes(CLNORM_INSTANCE, 0); }
Test(samples, groups_of_last_channels_are_right) { check_shapes(CLNORM_GROUP, 1); }
Test(samples, instances_of_last_channels_are_right) { check_shapes(CLNORM_INSTANCE, 1); }

/* Means of up to a million standard deviations, sizes far from 1. */
Test(samples, data_of_any_size_keep_their_digits)
{
  static const double sizes[][2] = {{1e4, 1.0},  {-1e6, 1.0}, {3e3, 3e-3},   {0.0, 1e-10},
                                    {0.0, 1e10}, {0.0, 1e25}, {1e-20, 1e-26}};
  static const generate_kind kinds[] = {GENERATE_NORMAL, GENERATE_CONSTANT, GENERATE_SPARSE};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (size_t k = 0; k < 3; k++) {
      const trial_data data = {kinds[k], sizes[i][0], sizes[i][1], i, 1, 16};
      const clnorm_desc descs[] = {layer(CLNORM_LAYER, 40, 65), layer(CLNORM_LAYER, 3, 4099), layer(CLNORM_RMS, 40, 65),
                                   channels(CLNORM_GROUP, 4, 6, 49, 2), channels(CLNORM_INSTANCE, 4, 6, 81, 0)};
      for (size_t d = 0; d < sizeof descs / sizeof descs[0]; d++) {
        check_briefly(&descs[d], &data, TRIAL_ALL, d);
        check_briefly(&descs[d], &data, TRIAL_ALL & ~(TRIAL_WITH_MEAN | TRIAL_WITH_INV_STD), d + 1);
        if (descs[d].op == CLNORM_GROUP || descs[d].op == CLNORM_INSTANCE) {
          const clnorm_desc columns = last(&descs[d]);
          check_briefly(&columns, &data, TRIAL_ALL, d + 1);
        }
        /* Floats, since halves of such data are mostly infinite or 0. */
        const clnorm_desc fused = of_kind(&descs[d], 5 + 2 * ((i + d) % 2));
        if (k == i % 3) {
          check_briefly(&fused, &data, TRIAL_ALL, d + k);
        }
      }
    }
  }
}

Test(samples, arguments_may_be_absent_and_outputs_inputs)
{
  static const unsigned withs[] = {TRIAL_WITH_DX,
                                   TRIAL_WITH_DGAMMA,
                                   TRIAL_WITH_DBETA | TRIAL_WITH_GAMMA | TRIAL_WITH_BETA,
                                   TRIAL_ALL & ~TRIAL_WITH_GAMMA,
                                   TRIAL_ALL & ~TRIAL_WITH_BETA,
                                   TRIAL_ALL & ~TRIAL_WITH_MEAN,
                                   TRIAL_ALL & ~TRIAL_WITH_INV_STD,
                                   TRIAL_ALL & ~TRIAL_WITH_RUNNING_MEAN,
                                   TRIAL_ALL & ~(TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA),
                                   TRIAL_ALL & ~TRIAL_WITH_DX,
                                   TRIAL_ALL & ~TRIAL_WITH_DRESIDUAL,
                                   TRIAL_ALL | TRIAL_IN_PLACE,
                                   TRIAL_ALL | TRIAL_IN_PLACE_RESIDUAL};
  static const size_t some[][2] = {{19, 27}, {35, 300}, {6, 4099}};
  for (size_t i = 0; i < sizeof withs / sizeof withs[0]; i++) {
    for (size_t k = 0; k < 3; k++) {
      const clnorm_desc layers = layer(CLNORM_LAYER, some[k][0], some[k][1]);
      const clnorm_desc rms = layer(CLNORM_RMS, some[k][0], some[k][1]);
      check_briefly(&layers, &normal, withs[i], i);
      check_briefly(&rms, &normal, withs[i], i + 1);
      const clnorm_desc other = of_kind((i + k) % 2 == 0 ? &layers : &rms, 3 * i + k);
      check_briefly(&other, &normal, withs[i], i + k);
    }
    for (size_t k = i % 4; k < sizeof shapes / sizeof shapes[0]; k += 4) {
      const clnorm_desc group = shaped(CLNORM_GROUP, &shapes[k]), instance = shaped(CLNORM_INSTANCE, &shapes[k]);
      check_briefly(&group, &normal, withs[i], i);
      check_briefly(&instance, &normal, withs[i], i + 1);
      const clnorm_desc other = of_kind(k % 4 < 2 ? &group : &instance, 3 * i + k);
      const clnorm_desc plain_last = last(k % 4 < 2 ? &instance : &group), fused_last = last(&other);
      check_briefly(&other, &normal, withs[i], i + 1);
      check_briefly(&plain_last, &normal, withs[i], i);
      check_briefly(&fused_last, &normal, withs[i], i + 1);
    }
  }
}

/* Of all ways that arguments can lie, each `step`-th. */
static void check_guarded(const clnorm_desc *desc, size_t step)
{
  size_t count = 0;
  trial *made = open_trial(desc, &normal);
  for (int side = GUARDED_END; side <= GUARDED_START; side++) {
    for (size_t pad = 0; pad <= 5; pad += 5) {
      way w = {.guarded = 1, .side = (guarded_side)side, .pad = pad};
      for (size_t k = 0; (w.set = clnorm__cpu_set_at(k)) != NULL; k++) {
        for (size_t c = 0; c < 2; c++) {
          w.choice = choices[c];
          for (size_t in_place = 0; in_place < 2; in_place++) {
            if (count++ % step == 0) {
              check_with(made, desc, &w, TRIAL_ALL | (in_place ? TRIAL_IN_PLACE : 0u));
            }
          }
        }
      }
    }
  }
  trial_destroy(made);
}

Test(samples, no_pass_leaves_its_arrays)
{
  guarded_explain("samples");
  for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
    const clnorm_desc desc = layer(l % 2 == 0 ? CLNORM_LAYER : CLNORM_RMS, 5, lengths[l]), other = of_kind(&desc, l);
    check_guarded(&desc, 1);
    check_guarded(&other, 7);
  }
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const clnorm_desc group = shaped(CLNORM_GROUP, &shapes[i]), instance = shaped(CLNORM_INSTANCE, &shapes[i]);
    const clnorm_desc others[] = {of_kind(&group, i), of_kind(&instance, i + 6)};
    check_guarded(&group, 3);
    check_guarded(&instance, 3);
    const clnorm_desc lasts[] = {last(&others[0]), last(&others[1])};
    check_guarded(&others[0], 7);
    check_guarded(&others[1], 7);
    check_guarded(&lasts[0], 7);
    check_guarded(&lasts[1], 7);
  }
}

/* ---- other samples ---------------------------------------------------------------------------------------------- */

enum { ROWS = 40, COLUMNS = 67, ELEMENTS = ROWS * COLUMNS, SPOILT = 17 };

static void run_layer(clnorm_pass pass, const float *x, float *out)
{
  static const float dy[ELEMENTS] = {1.0f, -2.0f, 0.5f};
  const clnorm_desc desc = layer(CLNORM_LAYER, ROWS, COLUMNS);
  clnorm_plan *plan = NULL;
  cr_assert(clnorm_plan_create(&desc, pass, &plan) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  const size_t bytes = clnorm_plan_workspace_size(plan);
  void *workspace = aligned_alloc(64, bytes + 64 - bytes % 64);
  clnorm_args args = {.size = sizeof args, .x = {x, ELEMENTS}, .workspace = {workspace, bytes}};
  if (pass == CLNORM_TRAIN) {
    args.y = (clnorm_output){out, ELEMENTS};
  } else {
    args.dy = (clnorm_input){dy, ELEMENTS};
    args.dx = (clnorm_output){out, ELEMENTS};
  }
  cr_assert(clnorm_execute(plan, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  free(workspace);
  clnorm_plan_destroy(plan);
}

Test(samples, nan_and_infinity_stay_inside_their_own_sample)
{
  static const float poisons[] = {NAN, INFINITY, -INFINITY, 1e25f};
  static float x[ELEMENTS], clean[ELEMENTS], out[ELEMENTS];
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD; pass += CLNORM_BACKWARD - CLNORM_TRAIN) {
    generate_normal(x, ELEMENTS, 1, 3.0, 1.0);
    run_layer((clnorm_pass)pass, x, clean);
    for (size_t p = 0; p < 4; p++) {
      x[SPOILT * COLUMNS + 30] = poisons[p];
      run_layer((clnorm_pass)pass, x, out);
      for (size_t i = 0; i < ELEMENTS; i++) {
        if (i / COLUMNS != SPOILT) {
          cr_assert(memcmp(&out[i], &clean[i], sizeof out[i]) == 0, "%g: element %zu", (double)poisons[p], i);
        } else if (!isfinite(poisons[p])) {
          cr_assert(isnan(out[i]), "%g: element %zu of its sample is %g", (double)poisons[p], i, (double)out[i]);
        }
      }
    }
  }
}

/* Constants whose multiples float does not hold, too. */
Test(samples, a_constant_sample_gives_exactly_beta)
{
  static const float constants[] = {0.0f, 0.1f, -1e-3f, 1e6f / 3.0f, 3.3e15f};
  static float x[ELEMENTS], y[ELEMENTS];
  for (size_t k = 0; k < sizeof constants / sizeof constants[0]; k++) {
    for (size_t i = 0; i < ELEMENTS; i++) {
      x[i] = constants[k];
    }
    run_layer(CLNORM_TRAIN, x, y);
    for (size_t i = 0; i < ELEMENTS; i++) {
      cr_assert(y[i] == 0.0f, "constant %g: y[%zu] is %g", (double)constants[k], i, (double)y[i]);
    }
  }
}

Test(samples, are_what_the_library_chooses)
{
  way w = {.choice = NULL, .set = clnorm__cpu_set_best()};
  const clnorm_desc descs[] = {layer(CLNORM_LAYER, 40, 65), layer(CLNORM_RMS, 40, 65),
                               channels(CLNORM_GROUP, 4, 6, 49, 2), channels(CLNORM_INSTANCE, 4, 6, 81, 0)};
  for (size_t d = 0; d < sizeof descs / sizeof descs[0]; d++) {
    const clnorm_desc kinds_of[] = {descs[d], of_kind(&descs[d], 3 * d), d < 2 ? descs[d] : last(&descs[d])};
    for (size_t k = 0; k < 3; k++) {
      trial *made = open_trial(&kinds_of[k], &normal);
      check_with(made, &kinds_of[k], &w, TRIAL_ALL);
      trial_destroy(made);
    }
  }
}
