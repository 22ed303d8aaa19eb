/* Pairs. Each choice (operation, shape, storage type, activation ...) is a factor with a few levels. All combinations would be
 * tens of millions; but what goes wrong goes wrong where two choices meet, so cases are taken until each level of each
 * factor has met each level of every other: the next case is the best of some that are drawn by a fixed generator, each
 * begun with a pair that is still missing. A choice that the rest does not allow (lengths without an axis for them) is
 * left out of that case, and pairs that cannot be are left out at all. */
#include "family_cases.h"

#include <stdlib.h>
#include <string.h>

#define DRAWS 24
#define CASES_MAX 2000
#define TYPE_CASES 18
#define LARGE_CASES 5

typedef enum factor {
  OP,
  SHAPE,
  LAYOUT,
  DTYPE,
  ACTIVATION,
  RESIDUAL,
  LENGTHS,
  STRIDES,
  ACCUMULATE,
  PRESENT,
  IN_PLACE,
  RUNNING,
  DATA,
  FACTORS
} factor;

/* Operations: batch, per activation, layer, instance, group, RMS. Activations: ten, and the rectifier with a mask. Strides:
 * dense, gaps, reversed order of axes, a negative distance, x and dy the same for all samples. Accumulated: nothing, dx, dgamma
 * and dbeta, all. Present: all, none that can be missing, two mixtures. In place: not, y = x, y = residual. Running: torch,
 * keras, cumulative. Data: normal, far from 0, constant, sparse. */
enum { OPS = 6, SHAPES = 9, MASKED = 10, REVERSED = 2, NEGATIVE = 3, BROADCAST = 4, LEVELS_MAX = 11 };
static const int levels[FACTORS] = {
    [OP] = OPS,    [SHAPE] = SHAPES, [LAYOUT] = 2,  [DTYPE] = 4,    [ACTIVATION] = 11, [RESIDUAL] = 2, [LENGTHS] = 2,
    [STRIDES] = 5, [ACCUMULATE] = 4, [PRESENT] = 4, [IN_PLACE] = 3, [RUNNING] = 3,     [DATA] = 4,
};

typedef struct shape_row {
  uint32_t rank;
  size_t dims[CLNORM_MAX_RANK]; /* N, C, positions; of LAYER and RMS as they are */
  uint32_t split;               /* GROUP: groups; LAYER, RMS: axis */
} shape_row;

static const shape_row batch_shapes[] = {
    {2, {6, 5}, 0},          {2, {37, 23}, 0},           {3, {4, 3, 7}, 0},
    {3, {5, 19, 49}, 0},     {4, {1, 1, 3, 3}, 0},       {4, {4, 27, 1, 1}, 0},
    {5, {2, 3, 4, 5, 6}, 0}, {6, {2, 3, 2, 3, 2, 2}, 0}, {8, {2, 3, 2, 1, 2, 2, 1, 3}, 0},
};
static const shape_row layer_shapes[] = {
    {1, {37}, 0},
    {2, {15, 3}, 1},
    {2, {7, 1023}, 1},
    {3, {5, 6, 7}, 2},
    {3, {4, 9, 65}, 1},
    {4, {3, 2, 5, 4}, 3},
    {5, {2, 3, 4, 5, 3}, 2},
    {7, {2, 2, 3, 1, 2, 3, 2}, 4},
    {8, {2, 1, 2, 3, 2, 2, 1, 5}, 1},
};
static const shape_row instance_shapes[] = {
    {3, {4, 3, 7}, 0},       {3, {2, 65, 7}, 0},         {4, {4, 8, 10, 10}, 0},
    {4, {4, 1, 9, 9}, 0},    {4, {4, 9, 1, 1}, 0},       {4, {3, 19, 7, 7}, 0},
    {5, {2, 3, 4, 5, 6}, 0}, {6, {2, 3, 2, 3, 2, 2}, 0}, {8, {2, 3, 2, 1, 2, 2, 1, 3}, 0},
};
static const shape_row group_shapes[] = {
    {4, {1, 128, 2, 2}, 1},
    {4, {2, 30, 1, 1}, 2},
    {4, {2, 7, 3, 4}, 7},
    {5, {2, 10, 9, 1, 10}, 5},
    {2, {5, 6}, 3},
    {3, {37, 27, 7}, 9},
    {3, {2, 65, 49}, 5},
    {7, {19, 6, 2, 1, 2, 3, 2}, 2},
    {8, {2, 4, 2, 1, 2, 2, 1, 3}, 2},
};

typedef int choice[FACTORS];

static const shape_row *shape_of(const choice c)
{
  static const shape_row *const shapes[OPS] = {batch_shapes,    batch_shapes, layer_shapes,
                                               instance_shapes, group_shapes, layer_shapes};
  return &shapes[c[OP]][c[SHAPE]];
}

/* ---- From levels to a descriptor --------------------------------------------------------------------------------- */

static void set_shape(clnorm_desc *desc, const choice c)
{
  static const clnorm_op ops[OPS] = {CLNORM_BATCH,    CLNORM_BATCH, CLNORM_LAYER,
                                     CLNORM_INSTANCE, CLNORM_GROUP, CLNORM_RMS};
  const shape_row *row = shape_of(c);
  desc->op = ops[c[OP]];
  desc->flags = c[OP] == 1 ? CLNORM_PER_ACTIVATION : 0;
  desc->layout = c[LAYOUT] == 0 ? CLNORM_CHANNELS_FIRST : CLNORM_CHANNELS_LAST;
  desc->rank = row->rank;
  desc->axis = 1;
  desc->groups = desc->op == CLNORM_GROUP ? row->split : 0;
  memcpy(desc->dims, row->dims, sizeof desc->dims);
  if (desc->op == CLNORM_LAYER || desc->op == CLNORM_RMS) {
    desc->axis = row->split;
  } else if (desc->layout == CLNORM_CHANNELS_LAST) {
    memmove(desc->dims + 1, desc->dims + 2, (desc->rank - 2) * sizeof desc->dims[0]);
    desc->dims[desc->rank - 1] = row->dims[1];
  }
}

static void set_activation(clnorm_desc *desc, const choice c)
{
  const int masked = c[ACTIVATION] == MASKED;
  desc->activation = masked ? CLNORM_ACTIVATION_RELU : (clnorm_activation)c[ACTIVATION];
  desc->flags |= masked ? CLNORM_RELU_MASK : 0;
  desc->flags |= c[RESIDUAL] ? CLNORM_RESIDUAL : 0;
  desc->alpha = desc->activation == CLNORM_ACTIVATION_LEAKY_RELU     ? 0.01
                : desc->activation == CLNORM_ACTIVATION_CLIPPED_RELU ? 1.0
                : desc->activation == CLNORM_ACTIVATION_ELU          ? 1.5
                                                                     : 0.0;
}

/* The longest axis that may have lengths; none: 0. */
static uint32_t length_axis_of(const clnorm_desc *desc)
{
  const int has_channels = desc->op != CLNORM_LAYER && desc->op != CLNORM_RMS;
  const uint32_t channel = desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
  uint32_t best = 0;
  for (uint32_t axis = 1; axis < desc->rank; axis++) {
    if ((!has_channels || axis != channel) && (best == 0 || desc->dims[axis] > desc->dims[best])) {
      best = axis;
    }
  }
  return best;
}

static int is_input(int tensor)
{
  return tensor == CLNORM_TENSOR_X || tensor == CLNORM_TENSOR_DY || tensor == CLNORM_TENSOR_RESIDUAL;
}

/* Dense but for gaps of an element after each axis, another for each tensor; or with the first axis moving fastest. */
static void set_strides(clnorm_desc *desc, const choice c)
{
  for (int tensor = 0; tensor < CLNORM_TENSORS && c[STRIDES] != 0; tensor++) {
    int64_t *strides = desc->strides[tensor];
    int64_t distance = 1 + tensor % 2;
    for (uint32_t step = 0; step < desc->rank; step++) {
      const uint32_t axis = c[STRIDES] == REVERSED ? step : desc->rank - 1 - step;
      strides[axis] = distance;
      distance = distance * (int64_t)desc->dims[axis] + (tensor + (int)step) % 3;
    }
    if (c[STRIDES] == NEGATIVE) {
      const uint32_t axis = (uint32_t)tensor % desc->rank;
      strides[axis] = -strides[axis];
    }
    if (c[STRIDES] == BROADCAST && is_input(tensor) && desc->rank > 1) {
      strides[0] = 0;
    }
  }
}

static void set_conventions(clnorm_desc *desc, const choice c)
{
  desc->epsilon = c[RUNNING] == 1 ? 1e-3 : 1e-5;
  desc->average_factor = c[RUNNING] == 1 ? 0.01 : 0.1;
  desc->averaging = c[RUNNING] == 2 ? CLNORM_AVERAGE_CUMULATIVE : CLNORM_AVERAGE_EXPONENTIAL;
  desc->running_variance = c[RUNNING] == 1 ? CLNORM_VARIANCE_POPULATION : CLNORM_VARIANCE_UNBIASED;
}

static void set_accumulation(clnorm_desc *desc, const choice c)
{
  static const uint32_t flags[] = {0, CLNORM_ACCUMULATE_DX, CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA,
                                   CLNORM_ACCUMULATE_DX | CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA};
  desc->flags |= flags[c[ACCUMULATE]];
}

static unsigned with_of(const choice c)
{
  static const unsigned present[] = {
      TRIAL_ALL, TRIAL_WITH_DX,
      TRIAL_WITH_GAMMA | TRIAL_WITH_RUNNING_VAR | TRIAL_WITH_MEAN | TRIAL_WITH_DBETA | TRIAL_WITH_DRESIDUAL,
      TRIAL_WITH_BETA | TRIAL_WITH_RUNNING_MEAN | TRIAL_WITH_INV_STD | TRIAL_WITH_DGAMMA};
  static const unsigned in_place[] = {0, TRIAL_IN_PLACE, TRIAL_IN_PLACE_RESIDUAL};
  /* An output may not meet an element twice, as inputs that are the same for all samples do. */
  return present[c[PRESENT]] | (c[STRIDES] == BROADCAST ? 0 : in_place[c[IN_PLACE]]);
}

static trial_data data_of(const choice c, size_t index)
{
  static const trial_data kinds[] = {{GENERATE_NORMAL, 0.25, 1.0, 0, 0, 0},
                                     {GENERATE_NORMAL, 50.0, 0.5, 0, 0, 0},
                                     {GENERATE_CONSTANT, 3.0, 0.0, 0, 0, 0},
                                     {GENERATE_SPARSE, 0.1, 1.0, 0, 0, 0}};
  trial_data data = kinds[c[DATA]];
  data.seed = index + 1;
  data.batch_number = 3;
  data.offset = index % 2 == 0 ? 16 : index % 15 + 1;
  return data;
}

/* Float with every activation, the other types without any and with one. A device compiles kernels for each storage type with
 * each activation. */
static int is_quick(const clnorm_desc *desc)
{
  static const clnorm_activation beside[] = {[CLNORM_F16] = CLNORM_ACTIVATION_GELU,
                                             [CLNORM_BF16] = CLNORM_ACTIVATION_TANH,
                                             [CLNORM_F64] = CLNORM_ACTIVATION_SILU};
  return desc->dtype == CLNORM_F32 || desc->activation == CLNORM_ACTIVATION_NONE ||
         desc->activation == beside[desc->dtype];
}

static family_case case_of(const choice c, size_t index)
{
  family_case made = {.with = with_of(c), .data = data_of(c, index)};
  clnorm_desc *desc = &made.desc;
  desc->size = sizeof *desc;
  set_shape(desc, c);
  desc->dtype = (clnorm_dtype)(CLNORM_F32 + c[DTYPE]);
  set_activation(desc, c);
  set_conventions(desc, c);
  set_accumulation(desc, c);
  desc->length_axis = c[LENGTHS] ? length_axis_of(desc) : 0;
  set_strides(desc, c);
  made.quick = is_quick(desc);
  return made;
}

/* ---- All pairs ---------------------------------------------------------------------------------------------------- */

typedef unsigned char pairs[FACTORS][LEVELS_MAX][FACTORS][LEVELS_MAX];

static uint32_t draw(uint64_t *state)
{
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 33);
}

/* Pairs of the choice that were not met yet; with `meet` they are from now on. */
static int count_new(pairs met, const choice c, int meet)
{
  int count = 0;
  for (int a = 0; a < FACTORS; a++) {
    for (int b = a + 1; b < FACTORS; b++) {
      count += !met[a][c[a]][b][c[b]];
      met[a][c[a]][b][c[b]] |= (unsigned char)meet;
    }
  }
  return count;
}

/* Finds the first pair that is missing; 0 if there is none. */
static int find_missing(pairs met, int factors[2], int at[2])
{
  for (int a = 0; a < FACTORS; a++) {
    for (int b = a + 1; b < FACTORS; b++) {
      for (int i = 0; i < levels[a] * levels[b]; i++) {
        if (!met[a][i / levels[b]][b][i % levels[b]]) {
          factors[0] = a, factors[1] = b;
          at[0] = i / levels[b], at[1] = i % levels[b];
          return 1;
        }
      }
    }
  }
  return 0;
}

/* Takes out of a choice what the rest of it does not allow, so that only pairs that meet are counted. */
static void settle(choice c)
{
  const choice shape = {[OP] = c[OP], [SHAPE] = c[SHAPE], [LAYOUT] = c[LAYOUT]};
  const family_case made = case_of(shape, 0);
  if (made.desc.op == CLNORM_LAYER || made.desc.op == CLNORM_RMS) {
    c[LAYOUT] = 0;
  }
  if (length_axis_of(&made.desc) == 0) {
    c[LENGTHS] = 0;
  }
  if (made.desc.rank == 1 && c[STRIDES] == BROADCAST) {
    c[STRIDES] = 0;
  }
  if (c[STRIDES] == BROADCAST || (c[IN_PLACE] == 2 && !c[RESIDUAL])) {
    c[IN_PLACE] = 0;
  }
}

typedef enum chosen { CHOSEN, IMPOSSIBLE, COMPLETE } chosen;

/* The next case: the best of some draws that all have the first missing pair. A pair that none can keep is impossible. */
static chosen choose(pairs met, choice best, uint64_t *state)
{
  int most = 0;
  int factors[2];
  int at[2];
  if (!find_missing(met, factors, at)) {
    return COMPLETE;
  }
  for (int i = 0; i < DRAWS; i++) {
    choice c;
    for (int f = 0; f < FACTORS; f++) {
      c[f] = (int)(draw(state) % (uint32_t)levels[f]);
    }
    c[factors[0]] = at[0];
    c[factors[1]] = at[1];
    settle(c);
    const int kept = c[factors[0]] == at[0] && c[factors[1]] == at[1];
    const int count = kept ? count_new(met, c, 0) : 0;
    if (count > most) {
      most = count;
      memcpy(best, c, sizeof(choice));
    }
  }
  if (most == 0) {
    met[factors[0]][at[0]][factors[1]][at[1]] = 1;
    return IMPOSSIBLE;
  }
  count_new(met, best, 1);
  return CHOSEN;
}

/* ---- The table ----------------------------------------------------------------------------------------------------- */

/* Layer and RMS normalization know none. */
static int layouts_of(int op) { return op == 2 || op == 5 ? 1 : 2; }

static family_case large_case(clnorm_op op, uint32_t rank, const size_t *dims, uint32_t axis)
{
  const choice plain = {0};
  family_case made = case_of(plain, 0);
  made.desc.op = op;
  made.desc.rank = rank;
  memcpy(made.desc.dims, dims, rank * sizeof *dims);
  made.desc.axis = axis;
  made.quick = 0;
  made.large = 1;
  return made;
}

/* Every operation in every type but float, as it is: of the pairs some come only with much else. */
static size_t add_types(family_case *cases, size_t count)
{
  for (int op = 0; op < OPS; op++) {
    for (int type = 1; type < levels[DTYPE]; type++) {
      const choice c = {[OP] = op, [SHAPE] = 2 + (op + type) % 6, [LAYOUT] = type % layouts_of(op), [DTYPE] = type};
      cases[count] = case_of(c, count);
      count++;
    }
  }
  return count;
}

static size_t add_large(family_case *cases, size_t count)
{
  static const size_t wide[2] = {257, 768};
  static const size_t tokens[4] = {6, 2, 128, 1024};
  static const size_t channels[4] = {2, 1023, 7, 7};
  cases[count++] = large_case(CLNORM_LAYER, 2, wide, 1);
  cases[count++] = large_case(CLNORM_LAYER, 4, tokens, 3);
  cases[count++] = large_case(CLNORM_RMS, 2, wide, 1);
  cases[count++] = large_case(CLNORM_RMS, 4, tokens, 3);
  cases[count++] = large_case(CLNORM_INSTANCE, 4, channels, 1);
  return count;
}

size_t family_cases_make(family_case **cases)
{
  pairs *met = calloc(1, sizeof *met);
  uint64_t state = 1;
  size_t count = 0;
  *cases = calloc(CASES_MAX, sizeof **cases);
  if (met == NULL || *cases == NULL) {
    free(met);
    free(*cases);
    return 0;
  }
  for (int op = 0; op < OPS; op++) {
    for (int shape = 0; shape < SHAPES; shape++) {
      for (int layout = 0; layout < layouts_of(op); layout++) {
        const choice plain = {[OP] = op, [SHAPE] = shape, [LAYOUT] = layout};
        (*cases)[count] = case_of(plain, count);
        count++;
      }
    }
  }
  choice next;
  for (chosen got = CHOSEN; count < CASES_MAX - TYPE_CASES - LARGE_CASES && got != COMPLETE;) {
    got = choose(*met, next, &state);
    if (got == CHOSEN) {
      (*cases)[count] = case_of(next, count);
      count++;
    }
  }
  free(met);
  return add_large(*cases, add_types(*cases, count));
}

int family_case_has_pass(const family_case *c, clnorm_pass pass)
{
  const clnorm_desc *desc = &c->desc;
  const uint32_t channel = desc->layout == CLNORM_CHANNELS_LAST ? desc->rank - 1 : 1;
  if (desc->op != CLNORM_BATCH && desc->op != CLNORM_INSTANCE) {
    return pass != CLNORM_BACKWARD_FROZEN;
  }
  uint64_t values = desc->op == CLNORM_BATCH ? desc->dims[0] : 1;
  for (uint32_t axis = 1; axis < desc->rank; axis++) {
    values *= axis == channel || desc->flags & CLNORM_PER_ACTIVATION ? 1 : desc->dims[axis];
  }
  return pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN || values > 1;
}
