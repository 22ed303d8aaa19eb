/* The loops of the CPU backend, of each instruction set that this processor has: every storage type, where tensors begin, how long
 * runs and rows are, in place and not, through the cache and past it, against the reference of the family. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clnorm/tuning.h"
#include "cpu_call.h"
#include "storage_type.h"
#include "trial.h"

/* How a trial is run. */
typedef struct way {
  const clnorm__cpu_set *set;
  const char *variant; /* without rows_ and columns_; NULL: as built in */
  const char *parameters;
  int threads;
  char taken[32]; /* the variant */
} way;

static clnorm_input in(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_input){NULL, 0} : (clnorm_input){b->memory + b->start, b->count};
}

static clnorm_output out(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_output){NULL, 0} : (clnorm_output){b->memory + b->start, b->count};
}

static clnorm_status make_plan(const way *w, const clnorm_desc *desc, clnorm_pass pass, clnorm_plan **plan)
{
  static const char *const patterns[] = {"rows", "columns"};
  char choice[96];
  clnorm_status status = CLNORM_UNSUPPORTED;
  if (w->variant == NULL) {
    return clnorm_plan_create_with(desc, pass, CLNORM_BUILT_IN, plan);
  }
  for (int i = 0; i < 2 && status == CLNORM_UNSUPPORTED; i++) {
    (void)snprintf(choice, sizeof choice, "%s_%s%s", patterns[i], pass == CLNORM_INFER ? "apply" : w->variant,
                   w->parameters);
    status = clnorm_plan_create_with(desc, pass, choice, plan);
  }
  return status;
}

static int run(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer *b, uint64_t batch_number)
{
  way *w = context;
  clnorm_plan *plan = NULL;
  clnorm_status status = make_plan(w, desc, pass, &plan);
  if (status != CLNORM_SUCCESS) {
    return status;
  }
  (void)snprintf(w->taken, sizeof w->taken, "%s", clnorm_plan_variant(plan));
  const size_t bytes = clnorm_plan_workspace_size(plan);
  unsigned char *workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
  cr_assert(workspace != NULL);
  memset(workspace, 0xff, bytes);
  const clnorm_args args = {
      .size = sizeof args,
      .x = in(&b[TRIAL_X]),
      .dy = in(&b[TRIAL_DY]),
      .gamma = in(&b[TRIAL_GAMMA]),
      .beta = in(&b[TRIAL_BETA]),
      .y = out(&b[TRIAL_Y]),
      .dx = out(&b[TRIAL_DX]),
      .dgamma = out(&b[TRIAL_DGAMMA]),
      .dbeta = out(&b[TRIAL_DBETA]),
      .running_mean = out(&b[TRIAL_RUNNING_MEAN]),
      .running_var = out(&b[TRIAL_RUNNING_VAR]),
      .mean = out(&b[TRIAL_MEAN]),
      .inv_std = out(&b[TRIAL_INV_STD]),
      .workspace = {bytes == 0 ? NULL : workspace, bytes},
      .batch_number = batch_number,
      .threads = w->threads,
      .residual = in(&b[TRIAL_RESIDUAL]),
      .dresidual = out(&b[TRIAL_DRESIDUAL]),
  };
  status = clnorm__cpu_execute(plan, &args, w->set);
  free(workspace);
  clnorm_plan_destroy(plan);
  return status;
}

typedef struct shape {
  clnorm_layout layout;
  uint32_t rank;
  size_t dims[4]; /* N, C, positions; C is put where the layout has it */
} shape;

/* Runs and rows of one element, of less than a vector, of vectors with and without a rest, of matrices that are folded, of more
 * columns than are taken at once; few statistics and many. */
static const shape shapes[] = {
    {CLNORM_CHANNELS_FIRST, 3, {7, 5, 3}},    {CLNORM_CHANNELS_FIRST, 3, {4, 3, 65}},
    {CLNORM_CHANNELS_FIRST, 3, {3, 17, 97}},  {CLNORM_CHANNELS_FIRST, 4, {2, 35, 7, 7}},
    {CLNORM_CHANNELS_FIRST, 3, {2, 2, 3011}}, {CLNORM_CHANNELS_FIRST, 3, {5, 33, 128}},
    {CLNORM_CHANNELS_LAST, 2, {129, 1}},      {CLNORM_CHANNELS_LAST, 2, {150, 3}},
    {CLNORM_CHANNELS_LAST, 2, {131, 33}},     {CLNORM_CHANNELS_LAST, 3, {4, 61, 40}},
    {CLNORM_CHANNELS_LAST, 2, {130, 1100}},   {CLNORM_CHANNELS_LAST, 3, {6, 16, 200}},
    {CLNORM_CHANNELS_FIRST, 3, {2, 5, 333}},
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static clnorm_desc desc_of(const shape *s, clnorm_dtype dtype)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = s->layout;
  desc.dtype = dtype;
  desc.rank = s->rank;
  for (uint32_t axis = 0; axis < s->rank; axis++) {
    desc.dims[axis] = s->dims[axis];
  }
  if (s->layout == CLNORM_CHANNELS_LAST) {
    desc.dims[1] = s->rank == 2 ? s->dims[1] : s->dims[2];
    desc.dims[s->rank - 1] = s->dims[1];
  }
  return desc;
}

static void check(trial *t, const clnorm_desc *desc, way *w, clnorm_pass pass, unsigned with)
{
  trial_result result;
  char text[128];
  w->taken[0] = '\0';
  if (!trial_check(t, pass, with, run, w, &result)) {
    /* What cannot be split. */
    cr_assert(w->variant != NULL && strcmp(w->variant, "split") == 0 && result.status == CLNORM_UNSUPPORTED,
              "%s, %s, %s%s: %s %s", trial_describe(desc, text, sizeof text), w->set->name, w->taken, w->parameters,
              result.problem, clnorm_last_error());
    return;
  }
  cr_assert(strstr(w->taken, "general") == NULL, "%s: %s", trial_describe(desc, text, sizeof text), w->taken);
}

/* Every pass of the descriptor by every set, with the same numbers: so the reference is computed once. */
static void check_passes(const clnorm_desc *desc, double mean, double std, uint64_t seed)
{
  static const struct {
    const char *variant, *parameters;
    unsigned with;
  } ways[] = {
      {"whole", "", TRIAL_ALL | TRIAL_IN_PLACE},
      {"whole", " stream_eighths=0", TRIAL_ALL},
      {"split", " min_tile=1024 serial_below=0", TRIAL_ALL},
      {"split", " stream_eighths=0", TRIAL_WITH_BETA | TRIAL_WITH_DX | TRIAL_WITH_MEAN},
      /* Only of use with a residual. */
      {"whole", "", TRIAL_WITH_DRESIDUAL | TRIAL_WITH_DGAMMA | TRIAL_WITH_GAMMA},
      {"split", "", TRIAL_ALL | TRIAL_IN_PLACE_RESIDUAL},
  };
  const size_t count = sizeof ways / sizeof ways[0] - (desc->flags & CLNORM_RESIDUAL ? 0 : 2);
  const clnorm__cpu_set *set;
  /* Of 2 and 4 bytes: each tensor begins somewhere else in a vector. */
  trial *t = trial_create(desc, &(trial_data){.mean = mean, .std = std, .seed = seed, .offset = seed % 2 == 0 ? 0 : 3});
  cr_assert(t != NULL);
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    for (size_t i = 0; i < count; i++) {
      for (size_t s = 0; (set = clnorm__cpu_set_at(s)) != NULL; s++) {
        way w = {set, ways[i].variant, ways[i].parameters, 2, ""};
        check(t, desc, &w, (clnorm_pass)pass, ways[i].with);
      }
    }
  }
  trial_destroy(t);
}

static double alpha_of(clnorm_activation activation)
{
  return activation == CLNORM_ACTIVATION_CLIPPED_RELU ? 0.7 : activation == CLNORM_ACTIVATION_ELU ? 1.3 : 0.1;
}

/* Every shape near 0 and far from it; fused, each activation in turn, each with and without a residual. */
static void check_type(clnorm_dtype dtype, int fused)
{
  for (size_t i = 0; i < 2 * SHAPES; i++) {
    clnorm_desc desc = desc_of(&shapes[i % SHAPES], dtype);
    if (fused) {
      desc.activation = (clnorm_activation)(i % (CLNORM_ACTIVATION_GELU_TANH + 1));
      desc.alpha = alpha_of(desc.activation);
      desc.flags |= i / (CLNORM_ACTIVATION_GELU_TANH + 1) % 2 == 0 ? CLNORM_RESIDUAL : 0;
    }
    check_passes(&desc, i % 2 == i / SHAPES ? 0.3 : 100.0, 1.0, i);
  }
}

Test(cpu_sets, floats_are_normalized_by_every_instruction_set) { check_type(CLNORM_F32, 0); }
Test(cpu_sets, halves_are_normalized_by_every_instruction_set) { check_type(CLNORM_F16, 0); }
Test(cpu_sets, bfloats_are_normalized_by_every_instruction_set) { check_type(CLNORM_BF16, 0); }
Test(cpu_sets, activations_of_floats_are_computed_by_every_instruction_set) { check_type(CLNORM_F32, 1); }
Test(cpu_sets, activations_of_halves_are_computed_by_every_instruction_set) { check_type(CLNORM_F16, 1); }
Test(cpu_sets, activations_of_bfloats_are_computed_by_every_instruction_set) { check_type(CLNORM_BF16, 1); }

/* ---- every half, to the bit --------------------------------------------------------------------------------------- */

#define HALVES 65536

/* (N, C) of all halves through y = (x - 0) * (1 / sqrt(var + epsilon)) + 0 with a variance that makes it one. */
static void check_identity(const clnorm__cpu_set *set, clnorm_dtype dtype, clnorm_layout layout, size_t channels)
{
  clnorm_plan *plan;
  uint16_t *x = malloc(HALVES * sizeof *x), *y = malloc(HALVES * sizeof *y);
  float *zeros = calloc(channels, sizeof *zeros), *var = malloc(channels * sizeof *var);
  const shape s = {layout, 3, {1, channels, HALVES / channels}};
  clnorm_desc desc = desc_of(&s, dtype);
  cr_assert(x != NULL && y != NULL && zeros != NULL && var != NULL);
  desc.epsilon = 0.5;
  for (size_t i = 0; i < HALVES; i++) {
    x[i] = (uint16_t)i;
  }
  for (size_t c = 0; c < channels; c++) {
    var[c] = 0.5f;
  }
  cr_assert(clnorm_plan_create(&desc, CLNORM_INFER, &plan) == CLNORM_SUCCESS);
  const clnorm_args args = {.size = sizeof args,
                            .x = {x, 0},
                            .y = {y, 0},
                            .running_mean = {zeros, 0},
                            .running_var = {var, 0},
                            .beta = {NULL, 0}};
  cr_assert(clnorm__cpu_execute(plan, &args, set) == CLNORM_SUCCESS);
  for (size_t i = 0; i < HALVES; i++) {
    const double value = storage_decode(dtype, x[i]);
    /* The addition of 0 makes 0 of -0. */
    cr_assert(isnan(value)   ? isnan(storage_decode(dtype, y[i]))
              : value == 0.0 ? (y[i] & 0x7fffu) == 0
                             : y[i] == x[i],
              "%s, %s: 0x%04x became 0x%04x", storage_name(dtype), set->name, x[i], y[i]);
  }
  clnorm_plan_destroy(plan);
  free(x), free(y), free(zeros), free(var);
}

Test(cpu_sets, every_half_passes_through_an_identity)
{
  const clnorm__cpu_set *set;
  for (size_t s = 0; (set = clnorm__cpu_set_at(s)) != NULL; s++) {
    for (int dtype = CLNORM_F16; dtype <= CLNORM_BF16; dtype++) {
      check_identity(set, (clnorm_dtype)dtype, CLNORM_CHANNELS_FIRST, 4);    /* runs */
      check_identity(set, (clnorm_dtype)dtype, CLNORM_CHANNELS_FIRST, 4096); /* runs as columns */
      check_identity(set, (clnorm_dtype)dtype, CLNORM_CHANNELS_LAST, 64);    /* columns */
    }
  }
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

/* A trial's run that keeps the bytes of every argument, and from the second on compares. */
typedef struct keeper {
  way way;
  unsigned char *bytes[TRIAL_SLOTS];
  int runs;
} keeper;

static int run_and_compare(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer *b,
                           uint64_t batch_number)
{
  keeper *k = context;
  const int status = run(&k->way, desc, pass, b, batch_number);
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    if (b[slot].memory == NULL) {
      continue;
    }
    if (k->runs == 0) {
      k->bytes[slot] = malloc(b[slot].bytes);
      cr_assert(k->bytes[slot] != NULL);
      memcpy(k->bytes[slot], b[slot].memory, b[slot].bytes);
    } else {
      cr_assert(memcmp(k->bytes[slot], b[slot].memory, b[slot].bytes) == 0, "%s by %d threads differs",
                trial_slot_name((trial_slot)slot), k->way.threads);
    }
  }
  k->runs++;
  return status;
}

static void check_threads(const clnorm_desc *desc)
{
  trial *t = trial_create(desc, &(trial_data){.mean = 0.5, .std = 2.0, .seed = 9});
  cr_assert(t != NULL);
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    keeper k = {.way = {.set = clnorm__cpu_set_best(), .parameters = ""}};
    trial_result result;
    for (k.way.threads = 1; k.way.threads <= 5; k.way.threads++) {
      cr_assert(trial_check(t, (clnorm_pass)pass, TRIAL_ALL, run_and_compare, &k, &result), "%s", result.problem);
    }
    for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
      free(k.bytes[slot]);
    }
  }
  trial_destroy(t);
}

Test(cpu_sets, results_do_not_depend_on_the_number_of_threads)
{
  static const shape large[] = {{CLNORM_CHANNELS_FIRST, 3, {2, 5, 20011}}, {CLNORM_CHANNELS_LAST, 2, {4001, 37}}};
  for (int dtype = CLNORM_F16; dtype <= CLNORM_BF16; dtype++) {
    for (int i = 0; i < 2; i++) {
      const clnorm_desc desc = desc_of(&large[i], (clnorm_dtype)dtype);
      check_threads(&desc);
    }
  }
}
