/* Plans are data: every one of them is made here for machines that do not exist, and what its steps would touch is
 * counted element by element. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "expect.h"
#include "problem.h"
#include "variants.h"

static const clnorm__capabilities gpu_large = {CLNORM__ENGINE_CL_LANES, 132, 1, 1024, 49152, UINT64_C(34) << 30, 0, 1};
static const clnorm__capabilities gpu_small = {CLNORM__ENGINE_CL_LANES, 1, 1, 64, 32768, UINT64_C(1) << 30, 0, 0};
static const clnorm__capabilities cpu_wide = {CLNORM__ENGINE_CL_WIDE, 2, 16, 4096, 524288, UINT64_C(1) << 40, 1, 1};

/* A core of a server: two megabytes of second cache, and a part of a socket's last one. */
static const clnorm__capabilities cpu_server = {.engine = CLNORM__ENGINE_CL_WIDE,
                                                .compute_units = 2,
                                                .vector_width = 16,
                                                .max_work_group = 4096,
                                                .max_allocation = UINT64_C(1) << 40,
                                                .has_double = 1,
                                                .sums_in_double = 1,
                                                .cache = UINT64_C(260) << 20,
                                                .second_cache = UINT64_C(2) << 20};

static const clnorm__capabilities *const machines[] = {
    &clnorm__host_capabilities,
    &gpu_large,
    &gpu_small,
    &cpu_wide,
    &(const clnorm__capabilities){CLNORM__ENGINE_CL_LANES, 16, 4, 1, 1024, UINT64_C(1) << 30, 0,
                                  1}, /* work-groups of 1 */
    &(const clnorm__capabilities){CLNORM__ENGINE_CL_LANES, 3, 1, 100, 16384, UINT64_C(1) << 30, 0,
                                  0}, /* no power of 2 */
    &(const clnorm__capabilities){CLNORM__ENGINE_CL_LANES, 8, 1, 1024, 32768, UINT64_C(1) << 30, 0, 0}, /* rusticl's */
    &(const clnorm__capabilities){CLNORM__ENGINE_CL_WIDE, 1, 4, 1, 0, UINT64_C(1) << 30, 0, 0},
    &(const clnorm__capabilities){CLNORM__ENGINE_CL_WIDE, 128, 8, 4096, 524288, UINT64_C(1) << 40, 1, 1},
    &(const clnorm__capabilities){CLNORM__ENGINE_CL_WIDE, 0, 0, 1, 0, UINT64_C(1) << 30, 0, 0}, /* tells nothing */
    &cpu_server,
};

#define MACHINES (sizeof machines / sizeof machines[0])

static const struct {
  uint32_t rank;
  size_t dims[5];
} shapes[] = {
    {2, {2, 1}},
    {2, {7, 3}},
    {2, {130, 1023}},
    {2, {140000, 1}},
    {3, {4, 3, 7}},
    {3, {5, 19, 49}},
    {3, {2, 1023, 7}},
    {3, {1, 2, 65536}},
    {3, {70000, 1, 2}},
    {4, {3, 23, 56, 56}},
    {4, {770, 1, 8, 8}},
    {4, {1, 1, 300, 301}},
    {4, {7, 512, 7, 7}},
    {4, {32, 2, 64, 65}},
    {4, {4, 9, 1, 1}},
    {5, {2, 3, 4, 5, 6}},
    {5, {1, 2, 16, 32, 33}},
    {4, {300, 65, 5, 5}},
    {4, {2, 17, 129, 127}},
    {3, {9, 65, 1}},
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static clnorm_plan make(const clnorm__capabilities *machine, clnorm_layout layout, uint32_t flags, clnorm_pass pass,
                        uint32_t rank, const size_t *dims)
{
  clnorm_desc desc;
  clnorm_plan plan;
  desc_set(&desc, layout, flags, rank, dims);
  expect_success(clnorm__plan_make(&desc, pass, machine, &plan));
  return plan;
}

static void for_each_plan(void (*check)(const clnorm_plan *plan, const clnorm__capabilities *machine))
{
  for (size_t m = 0; m < MACHINES; m++) {
    for (size_t s = 0; s < SHAPES; s++) {
      for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
        for (uint32_t flags = 0; flags <= CLNORM_PER_ACTIVATION; flags++) {
          if (flags != 0 && shapes[s].dims[0] < 2) {
            continue;
          }
          for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
            const clnorm_plan plan =
                make(machines[m], (clnorm_layout)layout, flags, (clnorm_pass)pass, shapes[s].rank, shapes[s].dims);
            check(&plan, machines[m]);
          }
        }
      }
    }
  }
}

/* Short and long runs, values enough to be split, columns beyond one group of vectors. */
static const size_t choice_shapes[][3] = {{40, 3, 7},  {2, 3, 300}, {700, 5, 1},  {150, 37, 1},
                                          {3, 20, 50}, {3, 700, 7}, {150, 3, 20}, {1, 37, 300}};

/* The plan of a choice, if that can compute it. */
static size_t check_choice(const clnorm_desc *desc, clnorm_pass pass, const clnorm__capabilities *machine,
                           const char *choice,
                           void (*check)(const clnorm_plan *plan, const clnorm__capabilities *machine))
{
  clnorm_plan plan;
  const clnorm_status status = clnorm__plan_make_with(desc, pass, choice, machine, &plan);
  cr_assert(status == CLNORM_SUCCESS || status == CLNORM_UNSUPPORTED, "%s: %s", choice, clnorm_last_error());
  if (status == CLNORM_SUCCESS) {
    check(&plan, machine);
  }
  return status == CLNORM_SUCCESS;
}

#define RANDOM_CHOICES 30

/* A value of each parameter that the engine has, from a fixed seed. */
static void random_choice(const char *variant, clnorm__engine engine, char choice[CLNORM__CHOICE_BYTES])
{
  static uint32_t state = 12345;
  const clnorm__tunable *parameter;
  size_t length = (size_t)snprintf(choice, CLNORM__CHOICE_BYTES, "%s", variant);
  for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    state = state * 1664525u + 1013904223u;
    if (clnorm__tunable_is_used(parameter, engine)) {
      const uint64_t value = parameter->values[(state >> 16) % parameter->count];
      length += (size_t)snprintf(choice + length, CLNORM__CHOICE_BYTES - length, " %s=%llu", parameter->name,
                                 (unsigned long long)value);
    }
  }
}

/* Each variant with each value of each parameter that the machine's engine has, and with some values of all. */
static size_t check_choices(const clnorm_desc *desc, clnorm_pass pass, const clnorm__capabilities *machine,
                            void (*check)(const clnorm_plan *plan, const clnorm__capabilities *machine))
{
  size_t made = 0;
  const clnorm__tunable *parameter;
  for (size_t v = 0; clnorm__variant_at(v / 2, CLNORM__ROWS) != NULL; v++) {
    const char *variant = clnorm__variant_at(v / 2, v % 2 == 0 ? CLNORM__ROWS : CLNORM__COLUMNS);
    for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
      for (size_t k = 0; clnorm__tunable_is_used(parameter, machine->engine) && k < parameter->count; k++) {
        char choice[128];
        (void)snprintf(choice, sizeof choice, "%s %s=%llu", variant, parameter->name,
                       (unsigned long long)parameter->values[k]);
        made += check_choice(desc, pass, machine, choice, check);
      }
    }
    for (size_t i = 0; i < RANDOM_CHOICES; i++) {
      char choice[CLNORM__CHOICE_BYTES];
      random_choice(variant, machine->engine, choice);
      made += check_choice(desc, pass, machine, choice, check);
    }
  }
  return made;
}

static void for_each_choice(void (*check)(const clnorm_plan *plan, const clnorm__capabilities *machine))
{
  for (size_t m = 0; m < MACHINES; m++) {
    for (size_t s = 0; s < sizeof choice_shapes / sizeof choice_shapes[0]; s++) {
      for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
        for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
          clnorm_desc desc;
          desc_set(&desc, (clnorm_layout)layout, 0, 3, choice_shapes[s]);
          cr_assert(check_choices(&desc, (clnorm_pass)pass, machines[m], check) > 20);
        }
      }
    }
  }
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Counts for each element how often the step's tasks touch it; for merges, for each statistic. plan.h says which. */
static void touch_rows_of_statistics(const clnorm__geometry *g, const clnorm__step *step, uint64_t t,
                                     unsigned char *seen)
{
  const uint64_t groups = (g->statistics + step->group - 1) / step->group;
  const uint64_t tile = t / groups;
  const int whole = step->role == CLNORM__ROWS_TRAIN || step->role == CLNORM__ROWS_BACKWARD || step->held != 0;
  const uint64_t outer = whole ? 0 : tile % step->outer_tiles * step->outer_tile;
  const uint64_t inner = whole ? 0 : tile / step->outer_tiles * step->inner_tile;
  const uint64_t first = t % groups * step->group;
  for (uint64_t c = first; c < least(first + step->group, g->statistics); c++) {
    for (uint64_t s = outer; s < least(outer + step->outer_tile, g->segments); s++) {
      for (uint64_t j = inner; j < least(inner + step->inner_tile, g->run); j++) {
        seen[c * g->statistic_stride + s * g->segment_stride + j]++;
      }
    }
  }
}

/* Of steps whose tasks own neighbouring statistics. */
static void touch_whole_rows(const clnorm__geometry *g, const clnorm__step *step, uint64_t t, unsigned char *seen)
{
  for (uint64_t c = t * step->outer_tile; c < least((t + 1) * step->outer_tile, g->statistics); c++) {
    for (uint64_t s = 0; s < g->segments; s++) {
      for (uint64_t j = 0; j < g->run; j++) {
        seen[c * g->statistic_stride + s * g->segment_stride + j]++;
      }
    }
  }
}

static void touch_runs(const clnorm__geometry *g, const clnorm__step *step, uint64_t t, unsigned char *seen)
{
  const uint64_t outer = t % step->outer_tiles * step->outer_tile;
  const uint64_t inner = t / step->outer_tiles * step->inner_tile;
  for (uint64_t r = outer; r < least(outer + step->outer_tile, g->segments * g->statistics); r++) {
    for (uint64_t j = inner; j < least(inner + step->inner_tile, g->run); j++) {
      seen[r * g->run + j]++;
    }
  }
}

static void touch_columns(const clnorm__step *step, uint64_t t, unsigned char *seen)
{
  const uint64_t inner = t % step->inner_tiles * step->inner_tile;
  const uint64_t outer = t / step->inner_tiles * step->outer_tile;
  for (uint64_t r = outer; r < least(outer + step->outer_tile, step->rows); r++) {
    for (uint64_t c = inner; c < least(inner + step->inner_tile, step->columns); c++) {
      seen[r * step->columns + c]++;
    }
  }
}

/* A task is a place along the axes that have a stride, and walks all places along the others. */
static void touch_axes(const clnorm__geometry *g, const uint64_t *stride, uint64_t tasks, unsigned char *seen)
{
  for (uint64_t e = 0; e < g->elements; e++) {
    uint64_t rest = e, task = 0;
    int64_t at = 0;
    for (uint64_t a = g->axes.count; a-- > 0;) {
      const uint64_t index = rest % g->axes.extent[a];
      rest /= g->axes.extent[a];
      task += index * stride[a];
      at += (int64_t)index * g->strides[CLNORM_TENSOR_X].of[a];
    }
    seen[at] += task < tasks ? 1 : 0;
  }
}

static uint64_t touch(const clnorm_plan *plan, const clnorm__step *step, unsigned char *seen)
{
  const clnorm__geometry *g = &plan->geometry;
  if (clnorm__role_is_general(step->role)) {
    const int parameters = step->role == CLNORM__GENERAL_PARAMETERS;
    touch_axes(g, parameters ? g->axes.parameter_stride : g->axes.statistic_stride, step->tasks, seen);
    return g->elements;
  }
  for (uint64_t t = 0; t < step->tasks; t++) {
    switch (step->role) {
      case CLNORM__ROWS_TRAIN:
      case CLNORM__ROWS_BACKWARD:
      case CLNORM__ROWS_TRAIN_HELD:
      case CLNORM__ROWS_BACKWARD_HELD:
      case CLNORM__ROWS_STATS:
      case CLNORM__ROWS_GRADIENTS:
      case CLNORM__ROWS_FROZEN:
        touch_rows_of_statistics(g, step, t, seen);
        break;
      case CLNORM__ROWS_TRAIN_FLOW:
      case CLNORM__ROWS_BACKWARD_FLOW:
        touch_whole_rows(g, step, t, seen);
        break;
      case CLNORM__ROWS_APPLY:
      case CLNORM__ROWS_DX:
        if (plan->engine == CLNORM__ENGINE_HOST && g->run > CLNORM__MATRIX_RUN) {
          touch_runs(g, step, t, seen);
        } else {
          touch_rows_of_statistics(g, step, t, seen);
        }
        break;
      case CLNORM__MERGE_STATS:
      case CLNORM__MERGE_GRADIENTS:
        for (uint64_t c = t * step->outer_tile; c < least((t + 1) * step->outer_tile, g->statistics); c++) {
          seen[c]++;
        }
        break;
      default:
        touch_columns(step, t, seen);
        break;
    }
  }
  const int merge = step->role == CLNORM__MERGE_STATS || step->role == CLNORM__MERGE_GRADIENTS;
  return merge ? g->statistics : g->elements;
}

static void check_coverage(const clnorm_plan *plan, const clnorm__capabilities *machine)
{
  unsigned char *seen = malloc(plan->geometry.elements);
  cr_assert(seen != NULL);
  for (int i = 0; i < plan->num_steps; i++) {
    memset(seen, 0, plan->geometry.elements);
    const uint64_t count = touch(plan, &plan->steps[i], seen);
    uint64_t e = 0;
    while (e < count && seen[e] == 1) {
      e++;
    }
    if (e < count) {
      cr_assert_fail("%s %s, engine %d with %u units, step %s: element %llu is touched %d times",
                     desc_text(&plan->desc), pass_text(plan->pass), (int)machine->engine, machine->compute_units,
                     clnorm__role_name(plan->steps[i].role), (unsigned long long)e, seen[e]);
    }
  }
  free(seen);
}

Test(plan, every_step_touches_every_element_exactly_once) { for_each_plan(check_coverage); }

Test(plan, every_step_of_every_choice_touches_every_element_exactly_once) { for_each_choice(check_coverage); }

static int is_power_of_two(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

static void check_limits(const clnorm_plan *plan, const clnorm__capabilities *machine)
{
  cr_assert(plan->num_steps >= 1 && plan->num_steps <= CLNORM__MAX_STEPS);
  for (int i = 0; i < plan->num_steps; i++) {
    const clnorm__step *step = &plan->steps[i];
    cr_assert(step->tasks >= 1);
    cr_assert(
        is_power_of_two(step->local) && step->local <= (machine->max_work_group == 0 ? 1 : machine->max_work_group),
        "%u work-items where the device takes %llu", step->local, (unsigned long long)machine->max_work_group);
    cr_assert(is_power_of_two(step->lanes) && step->local % step->lanes == 0);
    cr_assert(step->width == 1 || step->width == 4 || step->width == 8 || step->width == 16);
  }
}

Test(plan, work_groups_stay_inside_the_device_and_are_powers_of_two)
{
  for_each_plan(check_limits);
  for_each_choice(check_limits);
}

/* Split: a partial result (24 bytes) is made of 64 values or more, coefficients and own statistics (28 bytes) stand for 128
 * values or more. Whole: two floats of own statistics. Five pieces are rounded up to 64 bytes. */
static void check_workspace(const clnorm_plan *plan, const clnorm__capabilities *machine)
{
  (void)machine;
  const uint64_t bytes = plan->geometry.elements * 4;
  const uint64_t most = bytes / 6 + 8 * plan->geometry.statistics + 5 * 64;
  cr_assert(plan->workspace_size <= most, "%s: workspace of %llu bytes for a tensor of %llu", desc_text(&plan->desc),
            (unsigned long long)plan->workspace_size, (unsigned long long)bytes);
  cr_assert(clnorm_plan_workspace_size(plan) == plan->workspace_size);
}

Test(plan, the_workspace_is_never_of_the_tensors_size)
{
  for_each_plan(check_workspace);
  for_each_choice(check_workspace);
}

/* Channels-last samples: tiles end where samples do, and what a column leaves (at most 52 bytes) is less than half of it. */
static void check_matrices(const clnorm__capabilities *machine, clnorm_op op, clnorm_pass pass, size_t positions)
{
  static const size_t batch = 3, channels = 70;
  clnorm_desc desc;
  clnorm_plan plan;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = CLNORM_CHANNELS_LAST;
  desc.rank = 3;
  desc.dims[0] = batch, desc.dims[1] = positions, desc.dims[2] = channels;
  desc.groups = op == CLNORM_GROUP ? 7 : desc.groups;
  desc.activation = CLNORM_ACTIVATION_GELU;
  expect_success(clnorm__plan_make(&desc, pass, machine, &plan));
  cr_assert_str_eq(plan.variant, "columns_samples");
  cr_assert(plan.workspace_size < batch * positions * channels * 4 / 2 + (size_t)5 * 64,
            "%zu positions: workspace of %llu", positions, (unsigned long long)plan.workspace_size);
  for (int i = 0; i < plan.num_steps; i++) {
    const clnorm__step *step = &plan.steps[i];
    if (step->per_sample) {
      const uint64_t each = (positions + step->outer_tile - 1) / step->outer_tile;
      cr_assert(step->outer_tile <= positions && step->outer_tiles == batch * each);
      cr_assert(step->inner_tile * step->inner_tiles >= channels &&
                step->tasks == step->outer_tiles * step->inner_tiles);
    }
    if (step->role == CLNORM__MATRIX_STATS || step->role == CLNORM__MATRIX_GRADIENTS) {
      cr_assert(step->inner_tiles * batch == plan.partials &&
                step->outer_tile * step->tasks >= plan.geometry.statistics);
    }
  }
}

Test(plan, samples_that_are_matrices_are_tiled_one_by_one)
{
  static const clnorm__capabilities gpu = {CLNORM__ENGINE_CL_LANES, 60, 1, 1024, 49152, UINT64_C(1) << 34, 0, 1};
  static const size_t positions[] = {32, 49, 64, 100, 3136, 9001};
  for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
    for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD; pass += CLNORM_BACKWARD - CLNORM_TRAIN) {
      check_matrices(&cpu_wide, CLNORM_INSTANCE, pass, positions[i]);
      check_matrices(&gpu, CLNORM_INSTANCE, pass, positions[i]);
      check_matrices(&cpu_wide, CLNORM_GROUP, pass, positions[i]);
      check_matrices(&gpu, CLNORM_GROUP, pass, positions[i]);
    }
  }
}

/* Whatever choice asks for small tiles. */
Test(plan, a_partial_result_stands_for_64_values_or_more)
{
  static const clnorm__capabilities many = {CLNORM__ENGINE_CL_WIDE, 128, 8, 4096, 524288, UINT64_C(1) << 40, 1, 1};
  static const char choice[] = "rows_split tasks_per_unit=64 min_tile=1024 short_run_group=64";
  clnorm_desc desc;
  clnorm_plan plan;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, (const size_t[]){1500, 3, 20});
  expect_success(clnorm__plan_make_with(&desc, CLNORM_TRAIN, choice, &many, &plan));
  cr_assert(plan.partials > 100 && plan.partials * 64 <= plan.geometry.values, "%llu partial results of %llu values",
            (unsigned long long)plan.partials, (unsigned long long)plan.geometry.values);
  check_workspace(&plan, &many);
}

/* The pieces, by the component counts that plan.h gives. */
static void check_pieces(const clnorm_plan *plan, const clnorm__capabilities *machine)
{
  int merges = 0;
  int own = 0;
  for (int i = 0; i < plan->num_steps; i++) {
    merges += plan->steps[i].role == CLNORM__MERGE_STATS || plan->steps[i].role == CLNORM__MERGE_GRADIENTS;
    own += plan->steps[i].owns_saved;
  }
  const uint64_t statistics = plan->geometry.statistics;
  const uint64_t component = machine->engine == CLNORM__ENGINE_HOST ? 3 * sizeof(double) : 6 * sizeof(float);
  struct {
    uint64_t begin, bytes;
  } pieces[4] = {
      {plan->partials_offset, merges ? component * plan->partials * statistics : 0},
      {plan->coefficients_offset, merges ? 4 * sizeof(float) * statistics : 0},
      {plan->own_mean_offset, own ? sizeof(float) * statistics : 0},
      {plan->own_inv_std_offset, own ? sizeof(float) * statistics : 0},
  };
  for (int i = 0; i < 4; i++) {
    cr_assert(pieces[i].begin % 16 == 0 && pieces[i].begin + pieces[i].bytes <= plan->workspace_size);
    for (int j = 0; j < i; j++) {
      cr_assert(pieces[i].bytes == 0 || pieces[j].bytes == 0 || pieces[i].begin >= pieces[j].begin + pieces[j].bytes ||
                    pieces[j].begin >= pieces[i].begin + pieces[i].bytes,
                "%s %s: pieces %d and %d of the workspace overlap", desc_text(&plan->desc), pass_text(plan->pass), j,
                i);
    }
  }
}

Test(plan, the_pieces_of_the_workspace_lie_inside_it_and_apart)
{
  for_each_plan(check_pieces);
  for_each_choice(check_pieces);
}

static const char *variant_of(const clnorm__capabilities *machine, clnorm_layout layout, clnorm_pass pass,
                              uint32_t rank, const size_t *dims)
{
  return make(machine, layout, 0, pass, rank, dims).variant;
}

#define VARIANT(machine, layout, pass, ...)                                                              \
  variant_of(&(machine), (layout), (pass), (uint32_t)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), \
             (const size_t[]){__VA_ARGS__})

Test(plan, long_rows_choose_split)
{
  cr_assert_str_eq(VARIANT(gpu_large, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 8, 3, 1024, 1024), "rows_split");
  cr_assert_str_eq(VARIANT(gpu_large, CLNORM_CHANNELS_FIRST, CLNORM_BACKWARD, 8, 3, 1024, 1024), "rows_split");
  cr_assert_str_eq(VARIANT(cpu_wide, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 8, 1, 1024, 1024), "rows_split");
  cr_assert_str_eq(VARIANT(clnorm__host_capabilities, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 8, 3, 1024, 1024),
                   "rows_split");
}

Test(plan, many_channels_choose_whole)
{
  cr_assert_str_eq(VARIANT(gpu_large, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 256, 2048, 7, 7), "rows_whole");
  cr_assert_str_eq(VARIANT(gpu_small, CLNORM_CHANNELS_FIRST, CLNORM_BACKWARD, 32, 64, 56, 56), "rows_whole");
  cr_assert_str_eq(VARIANT(cpu_wide, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 32, 64, 56, 56), "rows_whole");
}

Test(plan, little_data_is_one_launch)
{
  for (size_t m = 0; m < MACHINES; m++) {
    const clnorm_plan plan = make(machines[m], CLNORM_CHANNELS_FIRST, 0, CLNORM_TRAIN, 4, (const size_t[]){2, 3, 8, 8});
    cr_assert_str_eq(plan.variant, "rows_whole");
    cr_assert(plan.num_steps == 1 && plan.workspace_size == 0);
  }
}

Test(plan, inference_is_one_step_without_workspace_whatever_the_shape)
{
  for (size_t m = 0; m < MACHINES; m++) {
    for (size_t s = 0; s < SHAPES; s++) {
      for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
        const clnorm_plan plan =
            make(machines[m], (clnorm_layout)layout, 0, CLNORM_INFER, shapes[s].rank, shapes[s].dims);
        cr_assert(plan.num_steps == 1 && plan.workspace_size == 0 && plan.steps[0].from_running);
      }
    }
  }
}

/* Statistics a task of inference. */
static uint32_t inference_group(const clnorm__capabilities *machine, const size_t dims[4])
{
  return make(machine, CLNORM_CHANNELS_FIRST, 0, CLNORM_INFER, 4, dims).steps[0].group;
}

Test(plan, inference_of_a_lone_work_item_walks_neighbours_if_there_are_tasks_enough)
{
  cr_assert(inference_group(&cpu_wide, (const size_t[]){32, 64, 56, 56}) == 64);
  cr_assert(inference_group(&cpu_wide, (const size_t[]){1, 512, 7, 7}) == 64);
  cr_assert(inference_group(&cpu_wide, (const size_t[]){1, 256, 56, 56}) == 16);
  cr_assert(inference_group(&cpu_wide, (const size_t[]){1, 64, 56, 56}) == 1);
  cr_assert(inference_group(&gpu_large, (const size_t[]){32, 64, 56, 56}) == 1);
}

/* Columns that the first step of a training pass walks. */
static uint64_t walked_columns(const clnorm__capabilities *machine, size_t rows, size_t columns)
{
  const clnorm_plan plan = make(machine, CLNORM_CHANNELS_FIRST, 0, CLNORM_TRAIN, 2, (const size_t[]){rows, columns});
  const clnorm__step *step = &plan.steps[0];
  cr_assert(step->role == CLNORM__COLUMNS_STATS && step->rows * step->columns == rows * columns);
  cr_assert(step->folded == (step->columns != columns) && plan.partials * columns == step->outer_tiles * step->columns);
  return step->columns;
}

Test(plan, a_lone_work_item_folds_narrow_matrices_by_a_divisor_of_their_rows)
{
  cr_assert(walked_columns(&cpu_wide, 65536, 1) == 128);
  cr_assert(walked_columns(&cpu_wide, 65536, 3) == 192);
  cr_assert(walked_columns(&cpu_wide, 98304, 3) == 144);
  cr_assert(walked_columns(&cpu_wide, 65536, 16) == 16);
  cr_assert(walked_columns(&cpu_wide, 65536, 27) == 432);
  cr_assert(walked_columns(&cpu_wide, 65537, 3) == 3); /* a prime */
  cr_assert(walked_columns(&cpu_wide, 65536, 65) == 65);
  cr_assert(walked_columns(&gpu_large, 65536, 3) == 3);
}

static int streams(uint64_t cache, uint32_t units, size_t batch)
{
  clnorm__capabilities machine = cpu_wide;
  machine.cache = cache;
  machine.compute_units = units;
  return make(&machine, CLNORM_CHANNELS_FIRST, 0, CLNORM_INFER, 4, (const size_t[]){batch, 512, 7, 7}).steps[0].stream;
}

/* Tensors of 100352 bytes a sample. */
Test(plan, results_go_past_caches_that_they_would_fill)
{
  const uint64_t mega = 1 << 20;
  cr_assert(!streams(32 * mega, 2, 83) && streams(32 * mega, 2, 84));
  cr_assert(!streams(12 * mega, 2, 31) && streams(12 * mega, 2, 32));
  /* More is not believed, and nothing told is taken for as much. */
  cr_assert(!streams(64 * mega, 2, 83) && streams(64 * mega, 2, 84));
  cr_assert(!streams(0, 2, 83) && streams(0, 2, 84));
  /* A socket's, for a few of its cores and for most of them. */
  cr_assert(!streams(260 * mega, 2, 26) && streams(260 * mega, 2, 27));
  cr_assert(!streams(260 * mega, 48, 83) && streams(260 * mega, 48, 84));
  cr_assert(!streams(260 * mega, 0, 83));
  clnorm_plan plan = make(&gpu_large, CLNORM_CHANNELS_FIRST, 0, CLNORM_INFER, 4, (const size_t[]){4096, 512, 7, 7});
  cr_assert(!plan.steps[0].stream);
}

/* Statistics a task of the step that writes, if it sums another one meanwhile; else 0. */
static uint64_t flowing(const clnorm__capabilities *machine, clnorm_pass pass, size_t samples, size_t channels,
                        size_t positions)
{
  const clnorm_plan plan =
      make(machine, CLNORM_CHANNELS_FIRST, 0, pass, 3, (const size_t[]){samples, channels, positions});
  const clnorm__step *step = &plan.steps[plan.num_steps - 1];
  const int flows = step->role == (pass == CLNORM_TRAIN ? CLNORM__ROWS_TRAIN_FLOW : CLNORM__ROWS_BACKWARD_FLOW);
  cr_assert(!flows || step->tasks == (channels + step->outer_tile - 1) / step->outer_tile);
  return flows ? step->outer_tile : 0;
}

Test(plan, statistics_that_stay_in_the_second_cache_are_written_while_the_next_is_summed)
{
  clnorm__capabilities machine = cpu_server;
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 64, 3136) == 8);
  cr_assert(flowing(&machine, CLNORM_BACKWARD, 32, 64, 3136) == 8);
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 261, 3136) == 32);
  /* Of x and dy only one statistic fits. */
  cr_assert(flowing(&machine, CLNORM_TRAIN, 128, 64, 1024) == 8);
  cr_assert(flowing(&machine, CLNORM_BACKWARD, 128, 64, 1024) == 0);
  cr_assert(flowing(&machine, CLNORM_BACKWARD_FROZEN, 32, 64, 3136) == 0);
  /* Short runs, fewer than four statistics a task, and what stays in the caches. */
  cr_assert(flowing(&machine, CLNORM_TRAIN, 64, 512, 49) == 0);
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 31, 3136) == 0 && flowing(&machine, CLNORM_TRAIN, 32, 32, 3136) == 4);
  cr_assert(flowing(&machine, CLNORM_TRAIN, 6, 32, 3136) == 0);
  machine.second_cache = UINT64_C(1) << 20;
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 64, 3136) == 8);
  cr_assert(flowing(&machine, CLNORM_BACKWARD, 32, 64, 3136) == 0);
  machine.second_cache = 0;
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 64, 3136) == 0);
  machine = cpu_server;
  machine.sums_in_double = 0;
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 64, 3136) == 0);
  machine = cpu_server;
  machine.compute_units = 32;
  cr_assert(flowing(&machine, CLNORM_TRAIN, 32, 64, 3136) == 0);
}

Test(plan, rows_that_are_no_whole_vectors_are_one_row_to_a_lone_work_item)
{
  const clnorm_layout last = CLNORM_CHANNELS_LAST;
  cr_assert(make(&cpu_wide, last, 0, CLNORM_INFER, 2, (const size_t[]){512, 65}).steps[0].folded == CLNORM__FOLDED);
  cr_assert(make(&cpu_wide, last, 0, CLNORM_INFER, 2, (const size_t[]){512, 64}).steps[0].folded == CLNORM__UNFOLDED);
  cr_assert(make(&cpu_wide, last, 0, CLNORM_INFER, 2, (const size_t[]){512, 1023}).steps[0].folded == CLNORM__FOLDED);
  /* Where rows are longer than a tile, pieces of them. No tile has a few columns only. */
  static const struct {
    size_t columns;
    clnorm__folding folded;
    uint64_t tiles, tile;
  } wide[] = {{1024, CLNORM__UNFOLDED, 1, 1024}, {1025, CLNORM__FOLDED, 1, 1040},  {1281, CLNORM__PIECES, 2, 1024},
              {1500, CLNORM__PIECES, 2, 1024},   {2049, CLNORM__PIECES, 2, 1040},  {2305, CLNORM__PIECES, 3, 1024},
              {2048, CLNORM__UNFOLDED, 2, 1024}, {10241, CLNORM__PIECES, 10, 1040}};
  for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
    const clnorm__step step =
        make(&cpu_wide, last, 0, CLNORM_INFER, 2, (const size_t[]){512, wide[i].columns}).steps[0];
    cr_expect(step.folded == wide[i].folded && step.inner_tiles == wide[i].tiles && step.inner_tile == wide[i].tile,
              "%zu columns: %d, %llu tiles of %llu", wide[i].columns, (int)step.folded,
              (unsigned long long)step.inner_tiles, (unsigned long long)step.inner_tile);
  }
  cr_assert(make(&gpu_large, last, 0, CLNORM_INFER, 2, (const size_t[]){512, 65}).steps[0].folded == CLNORM__UNFOLDED);
}

Test(plan, columns_are_split_over_their_rows)
{
  cr_assert_str_eq(VARIANT(gpu_large, CLNORM_CHANNELS_LAST, CLNORM_TRAIN, 32, 64, 56, 56), "columns_split");
  cr_assert_str_eq(VARIANT(gpu_large, CLNORM_CHANNELS_FIRST, CLNORM_TRAIN, 32768, 1024), "columns_split");
  const clnorm_plan plan = make(&gpu_large, CLNORM_CHANNELS_LAST, 0, CLNORM_TRAIN, 4, (const size_t[]){32, 64, 56, 56});
  cr_assert(plan.steps[0].tasks >= gpu_large.compute_units, "%llu tasks for %u units",
            (unsigned long long)plan.steps[0].tasks, gpu_large.compute_units);
}

/* How the task that makes a sample's dx has the parameters of a group normalization. */
static clnorm__sharing group_sharing(const clnorm__capabilities *machine, size_t samples, size_t positions,
                                     clnorm_layout layout)
{
  clnorm_desc desc;
  clnorm_plan plan;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_GROUP, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 3;
  desc.layout = layout;
  desc.groups = 4;
  desc.dims[0] = samples;
  desc.dims[layout == CLNORM_CHANNELS_LAST ? 2 : 1] = 32;
  desc.dims[layout == CLNORM_CHANNELS_LAST ? 1 : 2] = positions;
  expect_success(clnorm__plan_make(&desc, CLNORM_BACKWARD, machine, &plan));
  const clnorm__step *step = &plan.steps[0];
  if (step->shared == CLNORM__COPIED) {
    /* Samples enough of each group, and room for all elements of a run in each task. */
    cr_assert(step->outer_tile >= 16 * 4 && step->width <= 8 * positions);
    cr_assert(plan.workspace_size - plan.partials_offset >=
              plan.partials * (4 * 32 + 6 * 8 * positions) * sizeof(float));
  }
  return step->shared;
}

Test(plan, a_lone_work_item_copies_parameters_that_few_elements_of_many_samples_share)
{
  const clnorm_layout first = CLNORM_CHANNELS_FIRST;
  cr_assert(group_sharing(&cpu_wide, 64, 49, first) == CLNORM__COPIED);
  cr_assert(group_sharing(&cpu_wide, 64, 2, first) == CLNORM__COPIED);
  cr_assert(group_sharing(&cpu_wide, 63, 49, first) == CLNORM__SHARED); /* two tasks of 16 samples for each core */
  cr_assert(group_sharing(machines[8], 64, 49, first) == CLNORM__SHARED);
  cr_assert(machines[8]->engine == CLNORM__ENGINE_CL_WIDE && machines[8]->compute_units == 128);
  cr_assert(group_sharing(&cpu_wide, 64, 128, first) == CLNORM__SHARED);
  cr_assert(group_sharing(&cpu_wide, 64, 1, first) == CLNORM__OWN);
  cr_assert(group_sharing(&cpu_wide, 64, 49, CLNORM_CHANNELS_LAST) == CLNORM__OWN); /* columns */
  cr_assert(group_sharing(&gpu_large, 64, 49, first) == CLNORM__SHARED);
  cr_assert(group_sharing(&clnorm__host_capabilities, 64, 49, first) == CLNORM__SHARED);
}

/* Steps whose vectors are all whole; merges have none of the tensors'. */
static int aligned_steps(const clnorm__capabilities *machine, clnorm_layout layout, clnorm_pass pass,
                         const size_t dims[4])
{
  const clnorm_plan plan = make(machine, layout, 0, pass, 4, dims);
  int aligned = 0;
  for (int i = 0; i < plan.num_steps; i++) {
    aligned += plan.steps[i].aligned;
  }
  return aligned;
}

Test(plan, vectors_are_loaded_at_once_where_all_of_them_are_whole)
{
  const clnorm_layout first = CLNORM_CHANNELS_FIRST, last = CLNORM_CHANNELS_LAST;
  cr_assert(aligned_steps(&gpu_large, first, CLNORM_TRAIN, (const size_t[]){32, 64, 56, 56}) == 2);
  cr_assert(aligned_steps(&gpu_small, first, CLNORM_TRAIN, (const size_t[]){32, 64, 56, 56}) == 1);
  cr_assert(aligned_steps(&gpu_large, first, CLNORM_BACKWARD, (const size_t[]){256, 2048, 7, 7}) == 0);
  cr_assert(aligned_steps(&gpu_large, last, CLNORM_BACKWARD, (const size_t[]){256, 2048, 7, 7}) == 3);
  cr_assert(aligned_steps(&gpu_large, last, CLNORM_TRAIN, (const size_t[]){32, 65, 56, 56}) == 0);
  cr_assert(aligned_steps(&gpu_large, first, CLNORM_INFER, (const size_t[]){8, 3, 2, 10}) == 1);
  cr_assert(aligned_steps(&cpu_wide, first, CLNORM_TRAIN, (const size_t[]){32, 64, 56, 56}) == 0);
  cr_assert(aligned_steps(&clnorm__host_capabilities, last, CLNORM_TRAIN, (const size_t[]){32, 64, 56, 56}) == 0);
}

/* ---- data on chip ----------------------------------------------------------------------------------------------- */

/* As NVIDIA's, AMD's and Intel's devices are, and a small one. */
static const clnorm__capabilities nvidia_like = {CLNORM__ENGINE_CL_LANES, 132, 1, 1024, 49152,
                                                 UINT64_C(34) << 30,      1,   0, 1};
static const clnorm__capabilities amd_like = {CLNORM__ENGINE_CL_LANES, 110, 1, 256, 65536, UINT64_C(16) << 30, 1, 0, 1};
static const clnorm__capabilities intel_like = {CLNORM__ENGINE_CL_LANES, 96, 1, 512, 65536, UINT64_C(4) << 30, 0, 0, 1};

/* Every held step has room for all of its statistic, in no more registers and work-items than are allowed, and no power of
 * two fewer vectors would do. */
static void check_held(const clnorm_plan *plan, const clnorm__capabilities *machine)
{
  for (int i = 0; i < plan->num_steps; i++) {
    const clnorm__step *step = &plan->steps[i];
    const uint64_t run = step->shared ? plan->geometry.repeat : plan->geometry.run;
    const uint64_t room = (uint64_t)step->held * step->local * step->width;
    const uint32_t tensors = step->role == CLNORM__SAMPLES_BACKWARD_HELD ? 6
                             : step->role == CLNORM__ROWS_BACKWARD_HELD  ? 2
                                                                         : 1;
    if (step->held == 0) {
      cr_assert(step->role != CLNORM__ROWS_TRAIN_HELD && step->role != CLNORM__ROWS_BACKWARD_HELD &&
                step->role != CLNORM__SAMPLES_FORWARD_HELD && step->role != CLNORM__SAMPLES_BACKWARD_HELD);
      continue;
    }
    cr_assert(machine->engine == CLNORM__ENGINE_CL_LANES && plan->geometry.pattern == CLNORM__ROWS);
    cr_assert(is_power_of_two(step->held) && step->held <= 16 && run % step->width == 0 && !step->from_running);
    cr_assert(room >= plan->geometry.values && (step->held == 1 || room / 2 < plan->geometry.values),
              "%u vectors of %u in each of %u work-items for %llu values", step->held, step->width, step->local,
              (unsigned long long)plan->geometry.values);
    cr_assert((uint64_t)step->held * step->width * tensors <= plan->parameters.held);
  }
}

Test(plan, what_is_held_is_all_of_a_statistic_and_not_more_than_allowed)
{
  for_each_plan(check_held);
  for_each_choice(check_held);
}

typedef struct held_case {
  const clnorm__capabilities *machine;
  clnorm_op op;
  clnorm_pass pass;
  size_t dims[4];
  uint32_t held, width, local; /* of the step that reads x and writes; held 0: nothing of the rest */
} held_case;

static void check_held_case(const held_case *c)
{
  clnorm_desc desc;
  clnorm_plan plan;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, c->op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = c->dims[2] == 0 ? 2 : 4;
  memcpy(desc.dims, c->dims, sizeof c->dims);
  desc.axis = c->op == CLNORM_LAYER || c->op == CLNORM_RMS ? 1 : desc.axis;
  desc.groups = c->op == CLNORM_GROUP ? 32 : desc.groups;
  expect_success(clnorm__plan_make(&desc, c->pass, c->machine, &plan));
  const clnorm__step *step = &plan.steps[0];
  while (step->when == CLNORM__WITHOUT_STATISTICS) {
    step++;
  }
  check_held(&plan, c->machine);
  cr_assert(step->held == c->held, "%s: %u vectors are held, expected %u", desc_text(&desc), step->held, c->held);
  cr_assert(c->held == 0 || (step->width == c->width && step->local == c->local), "%s: %u work-items of width %u",
            desc_text(&desc), step->local, step->width);
}

Test(plan, a_statistic_that_fits_is_held_by_as_few_work_items_as_will_do)
{
  static const held_case cases[] = {
      /* 6272 values: 1568 vectors */
      {&nvidia_like, CLNORM_BATCH, CLNORM_TRAIN, {32, 256, 14, 14}, 8, 4, 256},
      {&nvidia_like, CLNORM_BATCH, CLNORM_BACKWARD, {32, 256, 14, 14}, 4, 4, 512},
      {&intel_like, CLNORM_BATCH, CLNORM_BACKWARD, {32, 256, 14, 14}, 4, 4, 512},
      {&amd_like, CLNORM_BATCH, CLNORM_TRAIN, {32, 256, 14, 14}, 8, 4, 256},
      {&amd_like, CLNORM_BATCH, CLNORM_BACKWARD, {32, 256, 14, 14}, 0, 0, 0},
      /* odd runs: vectors of one */
      {&nvidia_like, CLNORM_BATCH, CLNORM_TRAIN, {64, 512, 7, 7}, 16, 1, 256},
      {&nvidia_like, CLNORM_BATCH, CLNORM_BACKWARD, {64, 512, 7, 7}, 16, 1, 256},
      /* the last that fits, and one row more */
      {&nvidia_like, CLNORM_BATCH, CLNORM_TRAIN, {32, 256, 32, 32}, 8, 4, 1024},
      {&nvidia_like, CLNORM_BATCH, CLNORM_TRAIN, {32, 256, 32, 33}, 0, 0, 0},
      {&nvidia_like, CLNORM_BATCH, CLNORM_BACKWARD_FROZEN, {32, 256, 14, 14}, 0, 0, 0},
      {&nvidia_like, CLNORM_LAYER, CLNORM_TRAIN, {4096, 1024}, 4, 4, 64},
      {&nvidia_like, CLNORM_RMS, CLNORM_BACKWARD, {4096, 1024}, 1, 4, 256},
      {&nvidia_like, CLNORM_LAYER, CLNORM_BACKWARD, {4096, 4096}, 1, 4, 1024},
      {&nvidia_like, CLNORM_LAYER, CLNORM_BACKWARD, {4096, 4100}, 0, 0, 0},
      {&amd_like, CLNORM_RMS, CLNORM_TRAIN, {4096, 8192}, 8, 4, 256},
      {&amd_like, CLNORM_RMS, CLNORM_TRAIN, {4096, 8196}, 0, 0, 0},
      {&nvidia_like, CLNORM_GROUP, CLNORM_TRAIN, {32, 256, 28, 28}, 8, 4, 256},
      {&nvidia_like, CLNORM_INSTANCE, CLNORM_TRAIN, {32, 64, 56, 56}, 8, 4, 128},
      {&nvidia_like, CLNORM_INSTANCE, CLNORM_INFER, {32, 64, 56, 56}, 0, 0, 0},
      {&gpu_small, CLNORM_LAYER, CLNORM_TRAIN, {40, 27}, 1, 1, 32},
      {&cpu_wide, CLNORM_LAYER, CLNORM_TRAIN, {4096, 1024}, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_held_case(&cases[i]);
  }
}

Test(plan, nothing_is_held_where_nothing_may_be)
{
  clnorm_desc desc;
  clnorm_plan plan;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){32, 256, 14, 14});
  expect_success(clnorm__plan_make_with(&desc, CLNORM_TRAIN, "rows_whole held=0", &nvidia_like, &plan));
  cr_assert(plan.steps[0].role == CLNORM__ROWS_TRAIN && plan.steps[0].held == 0 && plan.steps[0].local == 256);
  expect_success(clnorm__plan_make_with(&desc, CLNORM_TRAIN, "rows_whole", &nvidia_like, &plan));
  cr_assert(plan.steps[0].role == CLNORM__ROWS_TRAIN_HELD);
}

Test(plan, few_long_statistics_still_fill_a_large_device)
{
  const clnorm_plan plan =
      make(&gpu_large, CLNORM_CHANNELS_FIRST, 0, CLNORM_TRAIN, 4, (const size_t[]){8, 3, 1024, 1024});
  cr_assert(plan.steps[0].tasks >= gpu_large.compute_units);
}

Test(plan, the_host_plan_does_not_depend_on_the_machine)
{
  clnorm_desc desc;
  clnorm_plan *first = NULL;
  clnorm_plan second;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){8, 3, 256, 256});
  expect_success(clnorm_plan_create(&desc, CLNORM_TRAIN, &first));
  expect_success(clnorm__plan_make(&desc, CLNORM_TRAIN, &clnorm__host_capabilities, &second));
  cr_assert(first->num_steps == second.num_steps && first->partials == second.partials);
  cr_assert(memcmp(first->steps, second.steps, sizeof second.steps) == 0);
  clnorm_plan_destroy(first);
}

Test(plan, it_describes_itself_in_a_sentence)
{
  const clnorm__capabilities gpu = {CLNORM__ENGINE_CL_LANES, 60, 1, 1024, 49152, UINT64_C(1) << 34, 0, 1};
  const clnorm_plan plan = make(&gpu, CLNORM_CHANNELS_FIRST, 0, CLNORM_TRAIN, 4, (const size_t[]){32, 64, 56, 56});
  static const char expected[] = "batch forward-train 32x64x56x56 f32 channels-first: rows_whole, 64 groups of 256";
  char text[128];
  cr_assert(clnorm_plan_describe(&plan, text, sizeof text) == sizeof expected - 1);
  cr_assert_str_eq(text, expected);
  cr_assert_str_eq(clnorm_plan_variant(&plan), "rows_whole");
}

Test(plan, a_description_that_does_not_fit_is_cut_and_its_length_told)
{
  const clnorm_plan plan = make(&cpu_wide, CLNORM_CHANNELS_LAST, CLNORM_PER_ACTIVATION, CLNORM_BACKWARD_FROZEN, 3,
                                (const size_t[]){4, 5, 6});
  char whole[256];
  char text[256];
  const size_t length = clnorm_plan_describe(&plan, whole, sizeof whole);
  cr_assert(length == strlen(whole) && strstr(whole, "backward-frozen 4x6x5 f32 channels-last per-activation") != NULL,
            "%s", whole);
  cr_assert(clnorm_plan_describe(&plan, NULL, 0) == length);
  for (size_t capacity = 1; capacity <= length + 1; capacity++) {
    memset(text, '#', sizeof text);
    cr_assert(clnorm_plan_describe(&plan, text, capacity) == length);
    cr_assert(strlen(text) == capacity - 1 && strncmp(text, whole, capacity - 1) == 0 && text[capacity] == '#');
  }
}

Test(plan, null_is_harmless_to_its_queries)
{
  char text[8] = "xxxxxxx";
  clnorm_plan_destroy(NULL);
  cr_assert(clnorm_plan_workspace_size(NULL) == 0);
  cr_assert_str_eq(clnorm_plan_variant(NULL), "");
  cr_assert(clnorm_plan_describe(NULL, text, sizeof text) == 0);
  cr_assert_str_eq(text, "");
}

Test(plan, a_tensor_above_the_largest_allocation_is_out_of_memory)
{
  clnorm_desc desc;
  clnorm_plan plan;
  clnorm__capabilities machine = gpu_large;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){32, 64, 56, 56});
  machine.max_allocation = UINT64_C(4) * 32 * 64 * 56 * 56;
  expect_success(clnorm__plan_make(&desc, CLNORM_INFER, &machine, &plan));
  machine.max_allocation--;
  expect_failure(clnorm__plan_make(&desc, CLNORM_INFER, &machine, &plan), CLNORM_OUT_OF_MEMORY, "desc.dims", "25690112",
                 "25690111");
}

/* Made without touching memory: the tensor has 2^31 elements and more. */
Test(plan, tensors_beyond_32_bits_have_plans_whose_tiles_add_up)
{
  static const size_t dims[2][4] = {{33, 64, 1024, 1024}, {65536, 65537, 1, 1}};
  for (size_t m = 0; m < MACHINES; m++) {
    for (int s = 0; s < 2; s++) {
      clnorm__capabilities machine = *machines[m];
      machine.max_allocation = UINT64_MAX;
      for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
        const clnorm_plan plan = make(&machine, CLNORM_CHANNELS_FIRST, 0, (clnorm_pass)pass, 4, dims[s]);
        cr_assert(plan.geometry.elements > UINT64_C(1) << 31);
        for (int i = 0; i < plan.num_steps; i++) {
          const clnorm__step *step = &plan.steps[i];
          const uint64_t outer = step->outer_tile * step->outer_tiles;
          cr_assert(outer >= step->outer_tiles && step->tasks >= 1);
          if (step->role == CLNORM__ROWS_APPLY || step->role == CLNORM__ROWS_DX) {
            const uint64_t runs = plan.geometry.segments * plan.geometry.statistics;
            cr_assert(outer >= (plan.engine == CLNORM__ENGINE_HOST ? runs : plan.geometry.segments));
            cr_assert(step->inner_tile * step->inner_tiles >= plan.geometry.run);
          }
        }
      }
    }
  }
}

static int needed_steps(const clnorm_plan *plan, const clnorm__argument *given, size_t count)
{
  clnorm__span spans[CLNORM__ARG_COUNT] = {{0}};
  int needed = 0;
  for (size_t i = 0; i < count; i++) {
    spans[given[i]].present = 1;
  }
  for (int i = 0; i < plan->num_steps; i++) {
    needed += clnorm__step_needed(plan, &plan->steps[i], spans);
  }
  return needed;
}

#define NEEDED(plan, ...)                                        \
  needed_steps(&(plan), (const clnorm__argument[]){__VA_ARGS__}, \
               sizeof((clnorm__argument[]){__VA_ARGS__}) / sizeof(clnorm__argument))

Test(plan, only_the_steps_that_a_call_asks_for_are_run)
{
  const clnorm_plan backward =
      make(&gpu_large, CLNORM_CHANNELS_LAST, 0, CLNORM_BACKWARD, 4, (const size_t[]){32, 64, 56, 56});
  cr_assert(NEEDED(backward, CLNORM__ARG_MEAN, CLNORM__ARG_INV_STD, CLNORM__ARG_DX) == 3);
  cr_assert(NEEDED(backward, CLNORM__ARG_MEAN, CLNORM__ARG_INV_STD, CLNORM__ARG_DBETA) == 2);
  cr_assert(NEEDED(backward, CLNORM__ARG_MEAN, CLNORM__ARG_DX) == 5);
  const clnorm_plan frozen =
      make(&gpu_large, CLNORM_CHANNELS_LAST, 0, CLNORM_BACKWARD_FROZEN, 4, (const size_t[]){32, 64, 56, 56});
  cr_assert(NEEDED(frozen, CLNORM__ARG_DX) == 1);
  cr_assert(NEEDED(frozen, CLNORM__ARG_DX, CLNORM__ARG_DGAMMA) == 2);
  cr_assert(NEEDED(frozen, CLNORM__ARG_DBETA) == 2);
}

/* One statistic an activation, and no activations: there is nothing to count tiles by. */
Test(plan, a_tensor_without_positions_is_no_work)
{
  clnorm_desc desc;
  clnorm_plan plan;
  for (size_t m = 0; m < MACHINES; m++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      desc_set(&desc, (clnorm_layout)layout, CLNORM_PER_ACTIVATION, 3, (const size_t[]){4, 3, 0});
      expect_success(clnorm__plan_make(&desc, CLNORM_INFER, machines[m], &plan));
      expect_success(clnorm__plan_make(&desc, CLNORM_BACKWARD_FROZEN, machines[m], &plan));
      cr_assert(plan.workspace_size == 0 && NEEDED(plan, CLNORM__ARG_DX, CLNORM__ARG_DGAMMA) == 0);
      expect_failure(clnorm__plan_make(&desc, CLNORM_TRAIN, machines[m], &plan), CLNORM_INVALID_SHAPE, "empty");
      expect_failure(clnorm__plan_make(&desc, CLNORM_BACKWARD, machines[m], &plan), CLNORM_INVALID_SHAPE, "empty");
    }
  }
}

/* Where a statistic has two values only, partial results would weigh more than the tensor: such shapes go whole. */
Test(plan, two_values_a_statistic_need_no_partial_results)
{
  clnorm_desc desc;
  clnorm_plan plan;
  const clnorm__capabilities boundless = {.engine = CLNORM__ENGINE_CL_LANES,
                                          .compute_units = 132,
                                          .vector_width = 1,
                                          .max_work_group = 1024,
                                          .local_memory = 49152,
                                          .max_allocation = UINT64_MAX};
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 2, (const size_t[]){2, (size_t)1 << 59});
  expect_success(clnorm__plan_make(&desc, CLNORM_TRAIN, &clnorm__host_capabilities, &plan));
  cr_assert(plan.workspace_size == 0);
  expect_success(clnorm__plan_make(&desc, CLNORM_TRAIN, &boundless, &plan));
  cr_assert(plan.workspace_size == 0);
  /* Backward without saved statistics keeps its own: two floats a statistic. */
  expect_success(clnorm__plan_make(&desc, CLNORM_BACKWARD, &boundless, &plan));
  cr_assert(plan.workspace_size == UINT64_C(2) * sizeof(float) << 59);
}
