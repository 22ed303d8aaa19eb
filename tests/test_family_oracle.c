/* The reference of the family, held against numbers worked out by hand, against central differences of its own forward
 * passes, against the reference of batch normalization, and its bounds against errors of known size. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "family_activation.h"
#include "generate.h"
#include "problem.h"
#include "storage.h"

/* Torch's conventions. */
static clnorm_desc desc_of(clnorm_op op, clnorm_layout layout, uint32_t rank, const size_t *dims)
{
  clnorm_desc desc = {.size = sizeof desc,
                      .op = op,
                      .layout = layout,
                      .dtype = CLNORM_F32,
                      .rank = rank,
                      .epsilon = 1e-5,
                      .average_factor = 0.1,
                      .averaging = CLNORM_AVERAGE_EXPONENTIAL,
                      .running_variance = CLNORM_VARIANCE_UNBIASED,
                      .axis = 1,
                      .groups = 2};
  memcpy(desc.dims, dims, rank * sizeof *dims);
  return desc;
}

static family make(const clnorm_desc *desc, clnorm_pass pass, const family_inputs *in)
{
  family f;
  cr_assert(family_create(&f, desc, pass, in) == 0, "no memory");
  return f;
}

static void assert_near(long double got, long double expected, const char *what, size_t index)
{
  cr_assert(fabsl(got - expected) <= 1e-15L * (1.0L + fabsl(expected)), "%s[%zu]: got %.18Lg, expected %.18Lg", what,
            index, got, expected);
}

static void assert_all_near(const long double *got, const long double *expected, size_t count, const char *what)
{
  for (size_t i = 0; i < count; i++) {
    assert_near(got[i], expected[i], what, i);
  }
}

/* ---- Statistics by hand ---------------------------------------------------------------------------------------- */

/* (N, C, S) = (2, 4, 2). */
static const size_t shape_ncs[3] = {2, 4, 2};
static const double x_ncs[16] = {1, 3, 5, 7, -2, 0, 2, 4, 0, 0, 4, 4, 10, 20, 30, 40};

typedef struct hand_case {
  const char *name;
  clnorm_op op;
  uint32_t axis, flags;
  size_t statistics, parameters;
  long double mean[8], var[8];
  /* Of the elements (n, c, s) = (0, 0, 1), x = 3, and (1, 2, 1), x = 20. */
  size_t statistic[2], parameter[2];
} hand_case;

static const hand_case hand_cases[] = {
    {"batch", CLNORM_BATCH, 1, 0, 4, 4, {1, 5, 7, 19}, {1.5L, 1.5L, 77, 269}, {0, 2}, {0, 2}},
    {"per activation",
     CLNORM_BATCH,
     1,
     CLNORM_PER_ACTIVATION,
     8,
     8,
     {0.5L, 1.5L, 4.5L, 5.5L, 4, 10, 16, 22},
     {0.25L, 2.25L, 0.25L, 2.25L, 36, 100, 196, 324},
     {1, 5},
     {1, 5}},
    {"instance", CLNORM_INSTANCE, 1, 0, 8, 4, {2, 6, -1, 3, 0, 4, 15, 35}, {1, 1, 1, 1, 0, 0, 25, 25}, {0, 6}, {0, 2}},
    {"group", CLNORM_GROUP, 1, 0, 4, 4, {4, 1, 2, 25}, {5, 5, 4, 125}, {0, 3}, {0, 2}},
    {"layer from 1", CLNORM_LAYER, 1, 0, 2, 8, {2.5L, 13.5L}, {7.25L, 196.75L}, {0, 1}, {1, 5}},
    {"layer from 2", CLNORM_LAYER, 2, 0, 8, 2, {2, 6, -1, 3, 0, 4, 15, 35}, {1, 1, 1, 1, 0, 0, 25, 25}, {0, 6}, {1, 1}},
    {"layer from 0", CLNORM_LAYER, 0, 0, 1, 16, {8}, {132.25L}, {0, 0}, {1, 13}},
    {"RMS from 1", CLNORM_RMS, 1, 0, 2, 8, {0}, {13.5L, 379}, {0, 1}, {1, 5}},
    {"RMS from 2", CLNORM_RMS, 2, 0, 8, 2, {0}, {5, 37, 2, 10, 0, 16, 250, 1250}, {0, 6}, {1, 1}},
};

#define HAND_CASES (sizeof hand_cases / sizeof hand_cases[0])

static clnorm_desc hand_desc(const hand_case *c)
{
  clnorm_desc desc = desc_of(c->op, CLNORM_CHANNELS_FIRST, 3, shape_ncs);
  desc.axis = c->axis;
  desc.flags = c->flags;
  desc.epsilon = 0.5;
  return desc;
}

Test(family_oracle, statistics_and_y_are_what_pencil_and_paper_give)
{
  double gamma[16];
  double beta[16];
  for (int p = 0; p < 16; p++) {
    gamma[p] = p + 1;
    beta[p] = 10 * p;
  }
  for (size_t t = 0; t < HAND_CASES; t++) {
    const hand_case *c = &hand_cases[t];
    const clnorm_desc desc = hand_desc(c);
    family f = make(&desc, CLNORM_TRAIN, &(family_inputs){.x = x_ncs, .gamma = gamma, .beta = beta});
    cr_assert(f.shape.elements == 16 && f.shape.statistics == c->statistics && f.shape.parameters == c->parameters,
              "%s", c->name);
    cr_assert((f.result[FAMILY_MEAN] == NULL) == (c->op == CLNORM_RMS));
    assert_all_near(f.mean, c->mean, c->statistics, c->name);
    assert_all_near(f.var, c->var, c->statistics, c->name);
    for (int e = 0; e < 2; e++) {
      const size_t i = e == 0 ? 1 : 13;
      const size_t p = c->parameter[e];
      const size_t k = c->statistic[e];
      const long double r = 1.0L / sqrtl(c->var[k] + 0.5L);
      assert_near(f.result[FAMILY_INV_STD][k], r, c->name, k);
      assert_near(f.result[FAMILY_Y][i], (p + 1) * (x_ncs[i] - c->mean[k]) * r + 10 * p, c->name, i);
    }
    family_destroy(&f);
  }
}

/* (2, 4, 2) with the channels last is (2, 2, 4). */
static size_t last_of(size_t i) { return i / 8 * 8 + i % 2 * 4 + i / 2 % 4; }

Test(family_oracle, channels_last_is_channels_first_in_another_order)
{
  static const clnorm_op ops[] = {CLNORM_BATCH, CLNORM_INSTANCE, CLNORM_GROUP};
  static const size_t last_dims[3] = {2, 2, 4};
  static const double gamma[4] = {2, -1, 3, 0.5};
  double dy[16];
  double x_last[16];
  double dy_last[16];
  for (size_t i = 0; i < 16; i++) {
    dy[i] = (double)(i * i % 7) - 2.0;
    x_last[last_of(i)] = x_ncs[i];
    dy_last[last_of(i)] = dy[i];
  }
  for (int t = 0; t < 3; t++) {
    const clnorm_desc first = desc_of(ops[t], CLNORM_CHANNELS_FIRST, 3, shape_ncs);
    const clnorm_desc last = desc_of(ops[t], CLNORM_CHANNELS_LAST, 3, last_dims);
    family a = make(&first, CLNORM_BACKWARD, &(family_inputs){.x = x_ncs, .dy = dy, .gamma = gamma});
    family b = make(&last, CLNORM_BACKWARD, &(family_inputs){.x = x_last, .dy = dy_last, .gamma = gamma});
    for (size_t i = 0; i < 16; i++) {
      assert_near(b.result[FAMILY_DX][last_of(i)], a.result[FAMILY_DX][i], "dx", i);
    }
    assert_all_near(b.result[FAMILY_DGAMMA], a.result[FAMILY_DGAMMA], 4, "dgamma");
    assert_all_near(b.result[FAMILY_DBETA], a.result[FAMILY_DBETA], 4, "dbeta");
    family_destroy(&a);
    family_destroy(&b);
  }
}

/* x = -1, 1 with epsilon 3: r = 1/2, xh = -1/2, 1/2. gamma 2, 1 and dy 1, 4: h = 2, 4. mean(h) = 3, mean(h*xh) = 1/2. */
Test(family_oracle, gradients_are_what_pencil_and_paper_give)
{
  static const double x[2] = {-1, 1};
  static const double dy[2] = {1, 4};
  static const double gamma[2] = {2, 1};
  static const size_t dims[2] = {1, 2};
  const family_inputs in = {.x = x, .dy = dy, .gamma = gamma};
  for (int rms = 0; rms < 2; rms++) {
    clnorm_desc desc = desc_of(rms ? CLNORM_RMS : CLNORM_LAYER, CLNORM_CHANNELS_FIRST, 2, dims);
    desc.epsilon = 3.0;
    family f = make(&desc, CLNORM_BACKWARD, &in);
    assert_all_near(f.result[FAMILY_DGAMMA], (const long double[]){-0.5L, 2}, 2, "dgamma");
    assert_all_near(f.result[FAMILY_DBETA], (const long double[]){1, 4}, 2, "dbeta");
    assert_all_near(f.result[FAMILY_DX],
                    rms ? (const long double[]){1.125L, 1.875L} : (const long double[]){-0.375L, 0.375L}, 2, "dx");
    family_destroy(&f);
  }
}

/* ---- Activations ------------------------------------------------------------------------------------------------ */

typedef struct known {
  clnorm_activation activation;
  double a, z;
  long double value, slope;
} known;

/* Values of sigmoid, tanh, exp and the normal distribution function from tables. */
static const known known_values[] = {
    {CLNORM_ACTIVATION_NONE, 0, -3, -3, 1},
    {CLNORM_ACTIVATION_RELU, 0, -2, 0, 0},
    {CLNORM_ACTIVATION_RELU, 0, 0, 0, 0},
    {CLNORM_ACTIVATION_RELU, 0, 2, 2, 1},
    {CLNORM_ACTIVATION_LEAKY_RELU, 0.25, -2, -0.5L, 0.25L},
    {CLNORM_ACTIVATION_LEAKY_RELU, 0.25, 0, 0, 0.25L},
    {CLNORM_ACTIVATION_LEAKY_RELU, 0.25, 2, 2, 1},
    {CLNORM_ACTIVATION_CLIPPED_RELU, 6, -1, 0, 0},
    {CLNORM_ACTIVATION_CLIPPED_RELU, 6, 0, 0, 0},
    {CLNORM_ACTIVATION_CLIPPED_RELU, 6, 5, 5, 1},
    {CLNORM_ACTIVATION_CLIPPED_RELU, 6, 6, 6, 1},
    {CLNORM_ACTIVATION_CLIPPED_RELU, 6, 7, 6, 0},
    {CLNORM_ACTIVATION_ELU, 2, 3, 3, 1},
    {CLNORM_ACTIVATION_ELU, 2, 0, 0, 2},
    {CLNORM_ACTIVATION_ELU, 2, -1, -1.264241117657115356809L, 0.735758882342884643191L},
    {CLNORM_ACTIVATION_SIGMOID, 0, 0, 0.5L, 0.25L},
    {CLNORM_ACTIVATION_SIGMOID, 0, 1, 0.731058578630004879251L, 0.196611933241481852537L},
    {CLNORM_ACTIVATION_TANH, 0, 1, 0.761594155955764888119L, 0.419974341614026069394L},
    {CLNORM_ACTIVATION_SILU, 0, 0, 0, 0.5L},
    {CLNORM_ACTIVATION_SILU, 0, 1, 0.731058578630004879251L, 0.927670511871486731788L},
    {CLNORM_ACTIVATION_GELU, 0, 0, 0, 0.5L},
    {CLNORM_ACTIVATION_GELU, 0, 1, 0.841344746068542948585L, 1.083315470587686298383L},
    {CLNORM_ACTIVATION_GELU, 0, -1, -0.158655253931457051415L, -0.083315470587686298383L},
    {CLNORM_ACTIVATION_GELU_TANH, 0, 0, 0, 0.5L},
};

Test(family_oracle, activations_have_the_values_of_tables)
{
  for (size_t t = 0; t < sizeof known_values / sizeof known_values[0]; t++) {
    const known *k = &known_values[t];
    assert_near(family_activate(k->activation, k->a, k->z), k->value, "value", t);
    assert_near(family_derive(k->activation, k->a, k->z), k->slope, "slope", t);
  }
  /* 0.5*(1 + tanh(sqrt(2/pi)*1.044715)) = 0.5*(1 + tanh(0.8335627344...)), to the digits that PyTorch prints. */
  cr_assert(fabsl(family_activate(CLNORM_ACTIVATION_GELU_TANH, 0, 1.0L) - 0.8411919906L) < 1e-10L);
}

static double alpha_of(clnorm_activation activation)
{
  switch (activation) {
    case CLNORM_ACTIVATION_LEAKY_RELU:
      return 0.125;
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      return 0.75;
    case CLNORM_ACTIVATION_ELU:
      return 1.5;
    default:
      return 0.0;
  }
}

Test(family_oracle, derivatives_are_those_of_the_activations)
{
  for (int a = CLNORM_ACTIVATION_NONE; a <= CLNORM_ACTIVATION_GELU_TANH; a++) {
    const clnorm_activation activation = (clnorm_activation)a;
    const double alpha = alpha_of(activation);
    for (long double z = -9.03L; z < 9.0L; z += 0.1L) {
      const long double h = 1e-5L;
      const long double rise = family_activate(activation, alpha, z + h) - family_activate(activation, alpha, z - h);
      cr_assert(fabsl(rise / (2 * h) - family_derive(activation, alpha, z)) < 1e-9L, "%d at %Lg", a, z);
    }
  }
}

/* Far out nothing overflows into NaN. */
Test(family_oracle, activations_have_their_limits)
{
  for (int a = CLNORM_ACTIVATION_NONE; a <= CLNORM_ACTIVATION_GELU_TANH; a++) {
    const clnorm_activation activation = (clnorm_activation)a;
    static const long double far[] = {-1e30L, 1e30L, -INFINITY, INFINITY};
    for (int i = 0; i < 4; i++) {
      cr_assert(!isnan(family_activate(activation, 1.0, far[i])) && !isnan(family_derive(activation, 1.0, far[i])),
                "%d at %Lg", a, far[i]);
    }
    cr_assert(isnan(family_activate(activation, 1.0, NAN)));
  }
}

/* ---- Central differences ----------------------------------------------------------------------------------------- */

#define STEP 1e-5
#define NUMBERS 48

/* (2, 4, 3) or with the channels last (2, 3, 4); of lengths, 3 and 2 positions are there. */
typedef struct difference {
  clnorm_desc desc;
  clnorm_pass forward, backward;
  double x[NUMBERS], dy[NUMBERS], residual[NUMBERS], gamma[NUMBERS], beta[NUMBERS], mean[NUMBERS], var[NUMBERS];
  uint32_t mask[2];
  int32_t lengths[2];
} difference;

static void fill_doubles(double *out, size_t count, uint64_t seed, double mean, double std)
{
  float made[NUMBERS];
  generate_normal(made, count, seed, mean, std);
  for (size_t i = 0; i < count; i++) {
    out[i] = made[i];
  }
}

static family_inputs inputs_of(const difference *d)
{
  return (family_inputs){.x = d->x,
                         .dy = d->dy,
                         .gamma = d->gamma,
                         .beta = d->beta,
                         .residual = d->residual,
                         .running_mean = d->mean,
                         .running_var = d->var,
                         .lengths = d->lengths,
                         .mask = d->mask,
                         .batch_number = 1};
}

static long double loss(const difference *d)
{
  const family_inputs in = inputs_of(d);
  long double sum = 0.0L;
  family f = make(&d->desc, d->forward, &in);
  for (uint64_t i = 0; i < f.shape.elements; i++) {
    sum += (long double)d->dy[i] * f.result[FAMILY_Y][i];
  }
  family_destroy(&f);
  return sum;
}

static void check_slopes(difference *d, double *values, uint64_t count, const long double *gradient, const char *what)
{
  for (uint64_t i = 0; i < count; i++) {
    const double kept = values[i];
    values[i] = kept + STEP;
    const long double up = loss(d);
    const long double step_up = (long double)values[i];
    values[i] = kept - STEP;
    const long double slope = (up - loss(d)) / (step_up - (long double)values[i]);
    values[i] = kept;
    cr_assert(fabsl(slope - gradient[i]) < 2e-7L * (1.0L + fabsl(slope)),
              "op %d layout %d axis %u flags 0x%x activation %d lengths %u pass %d: %s[%llu] is %.12Lg, slope %.12Lg",
              (int)d->desc.op, (int)d->desc.layout, d->desc.axis, d->desc.flags, (int)d->desc.activation,
              d->desc.length_axis, (int)d->backward, what, (unsigned long long)i, gradient[i], slope);
  }
}

static void fill_difference(difference *d)
{
  fill_doubles(d->x, NUMBERS, 1, 0.5, 1.0);
  fill_doubles(d->dy, NUMBERS, 2, 0.5, 1.0);
  fill_doubles(d->residual, NUMBERS, 3, 0.0, 1.0);
  fill_doubles(d->gamma, NUMBERS, 4, 0.0, 1.0);
  fill_doubles(d->beta, NUMBERS, 5, 0.0, 0.5);
  fill_doubles(d->mean, NUMBERS, 6, 0.5, 0.5);
  for (int i = 0; i < NUMBERS; i++) {
    d->var[i] = 0.5 + 0.125 * (i % 5);
  }
  d->lengths[0] = 3, d->lengths[1] = 2;
}

static void set_mask(difference *d)
{
  const family_inputs in = inputs_of(d);
  family f = make(&d->desc, d->forward, &in);
  memset(d->mask, 0, sizeof d->mask);
  for (uint64_t i = 0; i < f.shape.elements; i++) {
    d->mask[i / 32] |= (uint32_t)f.result[FAMILY_MASK][i] << i % 32;
  }
  family_destroy(&f);
}

static void check_difference(difference *d)
{
  if (d->desc.flags & CLNORM_RELU_MASK) {
    set_mask(d);
  }
  const family_inputs in = inputs_of(d);
  family f = make(&d->desc, d->backward, &in);
  check_slopes(d, d->x, f.shape.elements, f.result[FAMILY_DX], "dx");
  check_slopes(d, d->gamma, f.shape.parameters, f.result[FAMILY_DGAMMA], "dgamma");
  check_slopes(d, d->beta, f.shape.parameters, f.result[FAMILY_DBETA], "dbeta");
  if (d->desc.flags & CLNORM_RESIDUAL) {
    check_slopes(d, d->residual, f.shape.elements, f.result[FAMILY_DRESIDUAL], "dresidual");
  }
  family_destroy(&f);
}

static void check_activations(difference *d)
{
  const uint32_t flags = d->desc.flags;
  for (int a = CLNORM_ACTIVATION_NONE; a <= CLNORM_ACTIVATION_GELU_TANH; a++) {
    for (int residual = 0; residual < 2; residual++) {
      for (int mask = 0; mask <= (a == CLNORM_ACTIVATION_RELU); mask++) {
        d->desc.activation = (clnorm_activation)a;
        d->desc.alpha = alpha_of(d->desc.activation);
        d->desc.flags = flags | (residual ? CLNORM_RESIDUAL : 0) | (mask ? CLNORM_RELU_MASK : 0);
        check_difference(d);
      }
    }
  }
}

static void check_op(clnorm_op op, uint32_t axis, uint32_t flags)
{
  static const size_t first[3] = {2, 4, 3};
  static const size_t last[3] = {2, 3, 4};
  for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
    for (int padded = 0; padded < 2; padded++) {
      for (int frozen = 0; frozen <= (op == CLNORM_BATCH || op == CLNORM_INSTANCE); frozen++) {
        difference d;
        fill_difference(&d);
        const int is_last = layout == CLNORM_CHANNELS_LAST;
        d.desc = desc_of(op, (clnorm_layout)layout, 3, is_last ? last : first);
        d.desc.axis = axis;
        d.desc.flags = flags;
        d.desc.length_axis = padded ? (is_last ? 1 : 2) : 0;
        d.forward = frozen ? CLNORM_INFER : CLNORM_TRAIN;
        d.backward = frozen ? CLNORM_BACKWARD_FROZEN : CLNORM_BACKWARD;
        check_activations(&d);
      }
    }
  }
}

Test(family_oracle, gradients_of_batch_are_slopes) { check_op(CLNORM_BATCH, 1, 0); }
Test(family_oracle, gradients_per_activation_are_slopes) { check_op(CLNORM_BATCH, 1, CLNORM_PER_ACTIVATION); }
Test(family_oracle, gradients_of_instance_are_slopes) { check_op(CLNORM_INSTANCE, 1, 0); }
Test(family_oracle, gradients_of_group_are_slopes) { check_op(CLNORM_GROUP, 1, 0); }
Test(family_oracle, gradients_of_layer_are_slopes) { check_op(CLNORM_LAYER, 1, 0); }
Test(family_oracle, gradients_of_layer_over_the_last_axis_are_slopes) { check_op(CLNORM_LAYER, 2, 0); }
Test(family_oracle, gradients_of_rms_are_slopes) { check_op(CLNORM_RMS, 1, 0); }
Test(family_oracle, gradients_of_rms_over_all_axes_are_slopes) { check_op(CLNORM_RMS, 0, 0); }

/* ---- Against the reference of batch normalization ------------------------------------------------------------------ */

static double *widened(const float *from, uint64_t count)
{
  double *to = malloc((count + 1) * sizeof *to);
  cr_assert(to != NULL);
  for (uint64_t i = 0; i < count; i++) {
    to[i] = from[i];
  }
  return to;
}

typedef struct pairing {
  family_quantity quantity;
  oracle_quantity old;
} pairing;

static void compare_references(const family *f, const oracle *o, const pairing *pairs, size_t count)
{
  for (size_t t = 0; t < count; t++) {
    const family_quantity q = pairs[t].quantity;
    for (uint64_t i = 0; i < family_quantity_count(&f->shape, q); i++) {
      long double expected = 0.0L;
      switch (pairs[t].old) {
        case ORACLE_Y:
          expected = oracle_y(o, i);
          break;
        case ORACLE_DX:
          expected = oracle_dx(o, i);
          break;
        case ORACLE_MEAN:
          expected = o->mean[i];
          break;
        case ORACLE_INV_STD:
          expected = o->inv_std[i];
          break;
        case ORACLE_RUNNING_MEAN:
          expected = o->running_mean[i];
          break;
        case ORACLE_RUNNING_VAR:
          expected = o->running_var[i];
          break;
        case ORACLE_DGAMMA:
          expected = o->dgamma[i];
          break;
        default:
          expected = o->dbeta[i];
          break;
      }
      assert_near(f->result[q][i], expected, family_quantity_name(q), (size_t)i);
      const double bound = oracle_bound(o, pairs[t].old, i);
      cr_assert(fabs(family_bound(f, q, i) - bound) <= 1e-6 * bound, "%s[%llu]: bound %.9g, that of batch %.9g",
                family_quantity_name(q), (unsigned long long)i, family_bound(f, q, i), bound);
    }
  }
}

static void check_equal(const problem *p, clnorm_pass pass)
{
  static const pairing train[] = {{FAMILY_Y, ORACLE_Y},
                                  {FAMILY_MEAN, ORACLE_MEAN},
                                  {FAMILY_INV_STD, ORACLE_INV_STD},
                                  {FAMILY_RUNNING_MEAN, ORACLE_RUNNING_MEAN},
                                  {FAMILY_RUNNING_VAR, ORACLE_RUNNING_VAR}};
  static const pairing backward[] = {
      {FAMILY_DX, ORACLE_DX}, {FAMILY_DGAMMA, ORACLE_DGAMMA}, {FAMILY_DBETA, ORACLE_DBETA}};
  double *arrays[] = {widened(p->x, p->counts.elements),
                      widened(p->dy, p->counts.elements),
                      widened(p->gamma, p->counts.statistics),
                      widened(p->beta, p->counts.statistics),
                      widened(p->running_mean, p->counts.statistics),
                      widened(p->running_var, p->counts.statistics)};
  family f = make(&p->desc, pass,
                  &(family_inputs){.x = arrays[0],
                                   .dy = arrays[1],
                                   .gamma = arrays[2],
                                   .beta = arrays[3],
                                   .running_mean = arrays[4],
                                   .running_var = arrays[5]});
  oracle o;
  cr_assert(oracle_create(&o, &p->desc, pass,
                          &(oracle_inputs){.x = p->x,
                                           .dy = p->dy,
                                           .gamma = p->gamma,
                                           .beta = p->beta,
                                           .running_mean = p->running_mean,
                                           .running_var = p->running_var,
                                           .weight = p->desc.average_factor}) == 0);
  if (pass == CLNORM_TRAIN || pass == CLNORM_INFER) {
    compare_references(&f, &o, train, pass == CLNORM_TRAIN ? 5 : 1);
  } else {
    compare_references(&f, &o, backward, 3);
  }
  oracle_destroy(&o);
  family_destroy(&f);
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
    free(arrays[i]);
  }
}

Test(family_oracle, batch_is_what_the_reference_of_batch_normalization_gives)
{
  static const size_t dims[3][5] = {{6, 5}, {3, 4, 7}, {2, 3, 2, 3, 4}};
  static const uint32_t ranks[3] = {2, 3, 5};
  for (int s = 0; s < 3; s++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      for (uint32_t flags = 0; flags <= CLNORM_PER_ACTIVATION; flags++) {
        clnorm_desc desc;
        desc_set(&desc, (clnorm_layout)layout, flags, ranks[s], dims[s]);
        problem *p = problem_make(&desc, GENERATE_NORMAL, 0.5, 1.5, 1);
        for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
          check_equal(p, (clnorm_pass)pass);
        }
        problem_free(p);
      }
    }
  }
}

/* ---- Lengths ------------------------------------------------------------------------------------------------------- */

/* (2, 1, 4): sample 0 has 3 positions, 1, 2, 6; sample 1 has one, 11. Whatever stands in the padding is not read. */
static const size_t padded_dims[3] = {2, 1, 4};
static const double padded_x[8] = {1, 2, 6, NAN, 11, NAN, NAN, NAN};

Test(family_oracle, padding_is_part_of_no_statistic_and_gives_zero)
{
  static const double dy[8] = {1, 2, 3, NAN, 4, NAN, NAN, NAN};
  static const double residual[8] = {0, 0, 0, NAN, 0, NAN, NAN, NAN};
  static const int32_t lengths[2] = {3, 1};
  clnorm_desc desc = desc_of(CLNORM_BATCH, CLNORM_CHANNELS_FIRST, 3, padded_dims);
  desc.length_axis = 2;
  desc.flags = CLNORM_RESIDUAL;
  desc.activation = CLNORM_ACTIVATION_SIGMOID; /* 1/2 at 0, were padding computed */
  const family_inputs in = {.x = padded_x, .dy = dy, .residual = residual, .lengths = lengths};
  family f = make(&desc, CLNORM_TRAIN, &in);
  /* mean (1 + 2 + 6 + 11)/4, variance (16 + 9 + 1 + 36)/4 */
  assert_near(f.result[FAMILY_MEAN][0], 5.0L, "mean", 0);
  assert_near(f.var[0], 15.5L, "var", 0);
  assert_near(f.result[FAMILY_RUNNING_VAR][0], 0.1L * 62.0L / 3.0L, "running_var", 0);
  for (int i = 0; i < 8; i++) {
    cr_assert(isnan(padded_x[i]) ? f.result[FAMILY_Y][i] == 0.0L : f.result[FAMILY_Y][i] > 0.0L);
  }
  family_destroy(&f);
  f = make(&desc, CLNORM_BACKWARD, &in);
  for (int i = 0; i < 8; i++) {
    cr_assert(isfinite(f.result[FAMILY_DX][i]) && (f.result[FAMILY_DX][i] == 0.0L) == isnan(padded_x[i]));
    cr_assert((f.result[FAMILY_DRESIDUAL][i] == 0.0L) == isnan(padded_x[i]));
  }
  cr_assert(isfinite(f.result[FAMILY_DGAMMA][0]) && isfinite(f.result[FAMILY_DBETA][0]));
  family_destroy(&f);
}

/* Less than nothing is nothing, more than all is all. */
Test(family_oracle, lengths_are_clamped_and_empty_statistics_change_nothing)
{
  static const double x[8] = {1, 2, 6, 7, NAN, NAN, NAN, NAN};
  static const int32_t lengths[2] = {9, -3};
  static const double running_mean = 3.0;
  static const double running_var = 2.0;
  clnorm_desc desc = desc_of(CLNORM_INSTANCE, CLNORM_CHANNELS_FIRST, 3, padded_dims);
  desc.length_axis = 2;
  desc.average_factor = 0.25;
  family_inputs in = {.x = x, .lengths = lengths, .running_mean = &running_mean, .running_var = &running_var};
  family f = make(&desc, CLNORM_TRAIN, &in);
  assert_all_near(f.result[FAMILY_MEAN], (const long double[]){4, 0}, 2, "mean");
  assert_all_near(f.var, (const long double[]){6.5L, 0}, 2, "var");
  assert_near(f.result[FAMILY_INV_STD][1], 1.0L / sqrtl(1e-5), "inv_std", 1);
  /* The empty sample is left out of the mean over samples. */
  assert_near(f.result[FAMILY_RUNNING_MEAN][0], 0.75L * 3 + 0.25L * 4, "running_mean", 0);
  assert_near(f.result[FAMILY_RUNNING_VAR][0], 0.75L * 2 + 0.25L * 26 / 3, "running_var", 0);
  family_destroy(&f);

  static const int32_t nothing[2] = {0, 0};
  in.lengths = nothing;
  f = make(&desc, CLNORM_TRAIN, &in);
  cr_assert(f.result[FAMILY_RUNNING_MEAN][0] == 3.0L && f.result[FAMILY_RUNNING_VAR][0] == 2.0L);
  cr_assert(family_bound(&f, FAMILY_RUNNING_VAR, 0) < 1e-30);
  family_destroy(&f);
}

/* One value with lengths: xh = 0, and the unbiased variance of one value is taken as 0. */
Test(family_oracle, one_value_has_no_variance)
{
  static const double x[8] = {7, NAN, NAN, NAN, 9, NAN, NAN, NAN};
  static const int32_t lengths[2] = {1, 1};
  clnorm_desc desc = desc_of(CLNORM_INSTANCE, CLNORM_CHANNELS_FIRST, 3, padded_dims);
  desc.length_axis = 2;
  family f = make(&desc, CLNORM_TRAIN, &(family_inputs){.x = x, .lengths = lengths});
  cr_assert(f.xh[0] == 0.0L && f.xh[4] == 0.0L && f.result[FAMILY_RUNNING_VAR][0] == 0.0L);
  assert_near(f.result[FAMILY_RUNNING_MEAN][0], 0.8L, "running_mean", 0);
  family_destroy(&f);
}

/* ---- Conventions ---------------------------------------------------------------------------------------------------- */

/* Two samples of instance normalization with means 2 and 15, variances 1 and 25 of two values each. */
Test(family_oracle, running_statistics_follow_each_convention)
{
  static const size_t dims[3] = {2, 1, 2};
  static const double x[4] = {1, 3, 10, 20};
  static const double old_mean = 4.0;
  static const double old_var = 2.0;
  static const struct {
    double factor;
    clnorm_variance variance;
    clnorm_averaging averaging;
    long double weight, unbiased;
  } table[] = {
      {0.1, CLNORM_VARIANCE_UNBIASED, CLNORM_AVERAGE_EXPONENTIAL, 0.1L, 2.0L},     /* torch */
      {0.01, CLNORM_VARIANCE_POPULATION, CLNORM_AVERAGE_EXPONENTIAL, 0.01L, 1.0L}, /* keras */
      {0.1, CLNORM_VARIANCE_POPULATION, CLNORM_AVERAGE_EXPONENTIAL, 0.1L, 1.0L},   /* onnx */
      {0.1, CLNORM_VARIANCE_UNBIASED, CLNORM_AVERAGE_CUMULATIVE, 0.25L, 2.0L},     /* the fourth batch */
  };
  for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
    clnorm_desc desc = desc_of(CLNORM_INSTANCE, CLNORM_CHANNELS_FIRST, 3, dims);
    desc.average_factor = table[t].factor;
    desc.running_variance = table[t].variance;
    desc.averaging = table[t].averaging;
    family f = make(&desc, CLNORM_TRAIN,
                    &(family_inputs){.x = x, .running_mean = &old_mean, .running_var = &old_var, .batch_number = 4});
    const long double kept = 1.0L - table[t].weight;
    assert_near(f.result[FAMILY_RUNNING_MEAN][0], kept * 4 + table[t].weight * 8.5L, "running_mean", t);
    assert_near(f.result[FAMILY_RUNNING_VAR][0], kept * 2 + table[t].weight * table[t].unbiased * 13, "running_var", t);
    family_destroy(&f);
  }
}

/* The documentation of ONNX' GroupNormalization and LayerNormalization defines them by reshaping to (N, groups, -1) and to a
 * matrix: groups of one channel are instances, one group is a layer from axis 1, up to where parameters belong. */
Test(family_oracle, groups_of_one_channel_are_instances_and_one_group_is_a_layer)
{
  clnorm_desc group = desc_of(CLNORM_GROUP, CLNORM_CHANNELS_FIRST, 3, shape_ncs);
  const clnorm_desc instance = desc_of(CLNORM_INSTANCE, CLNORM_CHANNELS_FIRST, 3, shape_ncs);
  const clnorm_desc layer = desc_of(CLNORM_LAYER, CLNORM_CHANNELS_FIRST, 3, shape_ncs);
  const family_inputs in = {.x = x_ncs};
  for (int whole = 0; whole < 2; whole++) {
    group.groups = whole ? 1 : 4;
    family a = make(&group, CLNORM_TRAIN, &in);
    family b = make(whole ? &layer : &instance, CLNORM_TRAIN, &in);
    assert_all_near(a.result[FAMILY_Y], b.result[FAMILY_Y], 16, "y");
    family_destroy(&a);
    family_destroy(&b);
  }
}

Test(family_oracle, accumulated_gradients_are_added_to_what_is_there)
{
  static const double dy[16] = {1, 0, 2, 5, -3, 1, 1, 1, 2, 2, -1, 0, 3, 1, 1, 4};
  double before[16];
  for (int i = 0; i < 16; i++) {
    before[i] = 100 + i;
  }
  clnorm_desc desc = desc_of(CLNORM_GROUP, CLNORM_CHANNELS_FIRST, 3, shape_ncs);
  family_inputs in = {.x = x_ncs, .dy = dy, .dx = before, .dgamma = before, .dbeta = before};
  family alone = make(&desc, CLNORM_BACKWARD, &in);
  static const struct {
    uint32_t flag;
    family_quantity quantity;
    size_t count;
  } table[] = {{CLNORM_ACCUMULATE_DX, FAMILY_DX, 16},
               {CLNORM_ACCUMULATE_DGAMMA, FAMILY_DGAMMA, 4},
               {CLNORM_ACCUMULATE_DBETA, FAMILY_DBETA, 4}};
  for (int t = 0; t < 3; t++) {
    desc.flags = table[t].flag;
    family added = make(&desc, CLNORM_BACKWARD, &in);
    for (int u = 0; u < 3; u++) {
      const family_quantity q = table[u].quantity;
      for (size_t i = 0; i < table[u].count; i++) {
        const long double more = t == u ? (long double)before[i] : 0.0L;
        assert_near(added.result[q][i], alone.result[q][i] + more, family_quantity_name(q), i);
        const double rounding = t == u ? 2 * 0x1p-24 * fabs((double)added.result[q][i]) : 0.0;
        cr_assert(fabs(family_bound(&added, q, i) - family_bound(&alone, q, i) - rounding) < 1e-9);
      }
    }
    family_destroy(&added);
  }
  family_destroy(&alone);
}

/* ---- Mask ------------------------------------------------------------------------------------------------------------ */

Test(family_oracle, a_bit_is_set_where_the_stored_y_is_above_zero)
{
  static const size_t dims[2] = {1, 4};
  /* The second is above 0, but no half is so small; frozen statistics make z = x. */
  static const double x[4] = {1, 0x1p-26, -1, 0};
  static const double zero[4] = {0};
  static const double one[4] = {1, 1, 1, 1};
  clnorm_desc desc = desc_of(CLNORM_BATCH, CLNORM_CHANNELS_FIRST, 2, dims);
  desc.activation = CLNORM_ACTIVATION_RELU;
  desc.flags = CLNORM_RELU_MASK;
  desc.epsilon = 1e-30;
  for (int half = 0; half < 2; half++) {
    desc.dtype = half ? CLNORM_F16 : CLNORM_F32;
    family f = make(&desc, CLNORM_INFER, &(family_inputs){.x = x, .running_mean = zero, .running_var = one});
    const long double *mask = f.result[FAMILY_MASK];
    cr_assert(mask[0] == 1.0L && mask[1] == (half ? 0.0L : 1.0L) && mask[2] == 0.0L && mask[3] == 0.0L);
    cr_assert(family_compare(&f, FAMILY_MASK, (const double[]){1, 1, 0, 1}).units == 0.0, "open within the bound");
    cr_assert(family_compare(&f, FAMILY_MASK, (const double[]){0, 1, 0, 0}).units == INFINITY);
    cr_assert(family_compare(&f, FAMILY_MASK, (const double[]){1, 1, 1, 0}).units == INFINITY);
    family_destroy(&f);
  }
}

/* The mask given is the derivative, whatever z is. */
Test(family_oracle, the_mask_alone_decides_the_derivative)
{
  static const double dy[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  static const uint32_t mask = 0xa5c3;
  clnorm_desc desc = desc_of(CLNORM_INSTANCE, CLNORM_CHANNELS_FIRST, 3, shape_ncs);
  desc.activation = CLNORM_ACTIVATION_RELU;
  desc.flags = CLNORM_RELU_MASK | CLNORM_RESIDUAL;
  family f = make(&desc, CLNORM_BACKWARD, &(family_inputs){.x = x_ncs, .dy = dy, .mask = &mask});
  for (int i = 0; i < 16; i++) {
    cr_assert(f.result[FAMILY_DRESIDUAL][i] == (mask >> i & 1u ? dy[i] : 0.0));
    cr_assert(family_bound(&f, FAMILY_DRESIDUAL, (uint64_t)i) < 1e-30);
  }
  family_destroy(&f);
}

/* ---- Bounds ---------------------------------------------------------------------------------------------------------- */

static void assert_bound(const family *f, family_quantity quantity, uint64_t i, double expected)
{
  const double bound = family_bound(f, quantity, i);
  cr_assert(fabs(bound - expected) <= 1e-3 * expected, "%s[%llu]: bound %.6g, expected %.6g",
            family_quantity_name(quantity), (unsigned long long)i, bound, expected);
}

/* x = -1, 1 with epsilon 3: r = 1/2, xh = -1/2, 1/2; gamma 2, 1, beta 10, 0; z = 9, 1/2. */
static family bounded(clnorm_dtype dtype, clnorm_activation activation, clnorm_pass pass, uint32_t flags)
{
  static const double x[2] = {-1, 1};
  static const double dy[2] = {1, 4};
  static const double gamma[2] = {2, 1};
  static const double beta[2] = {10, 0};
  static const double residual[2] = {0, 0};
  static const size_t dims[2] = {1, 2};
  clnorm_desc desc = desc_of(CLNORM_LAYER, CLNORM_CHANNELS_FIRST, 2, dims);
  desc.epsilon = 3.0;
  desc.dtype = dtype;
  desc.activation = activation;
  desc.flags = flags;
  return make(&desc, pass, &(family_inputs){.x = x, .dy = dy, .gamma = gamma, .beta = beta, .residual = residual});
}

Test(family_oracle, every_bound_has_the_size_that_is_derived_for_it)
{
  const double u = 0x1p-24;
  const double z0 = 8 * u * 11 + 2e-6;
  const double z1 = 8 * u * 0.5 + 1e-6;
  family f = bounded(CLNORM_F32, CLNORM_ACTIVATION_NONE, CLNORM_TRAIN, 0);
  assert_bound(&f, FAMILY_Y, 0, z0);
  assert_bound(&f, FAMILY_Y, 1, z1);
  assert_bound(&f, FAMILY_MEAN, 0, 0x1p-40);
  assert_bound(&f, FAMILY_INV_STD, 0, 8 * u);
  family_destroy(&f);

  /* A half next to 9 is 2^-7 away, a bfloat 2^-4. */
  f = bounded(CLNORM_F16, CLNORM_ACTIVATION_NONE, CLNORM_TRAIN, 0);
  assert_bound(&f, FAMILY_Y, 0, z0 + 0x1p-8);
  assert_bound(&f, FAMILY_INV_STD, 0, 8 * u);
  family_destroy(&f);
  f = bounded(CLNORM_BF16, CLNORM_ACTIVATION_RELU, CLNORM_TRAIN, 0);
  assert_bound(&f, FAMILY_Y, 0, z0 + 0x1p-5);
  family_destroy(&f);
  f = bounded(CLNORM_F64, CLNORM_ACTIVATION_NONE, CLNORM_TRAIN, 0);
  assert_bound(&f, FAMILY_Y, 0, z0 * 0x1p-29);
  assert_bound(&f, FAMILY_MEAN, 0, 0x1p-80);
  family_destroy(&f);

  /* tanh'(1/2) = 0.786448, tanh(1/2) = 0.462117. */
  f = bounded(CLNORM_F32, CLNORM_ACTIVATION_TANH, CLNORM_TRAIN, 0);
  assert_bound(&f, FAMILY_Y, 1, 0.786448 * z1 + 16 * u * 0.462117);
  family_destroy(&f);

  /* h = 2, 4; mean(h) = 3; mean(h*xh) = 1/2, mean|h*xh| = 3/2; terms of dgamma -1/2, 2. */
  f = bounded(CLNORM_F32, CLNORM_ACTIVATION_NONE, CLNORM_BACKWARD, 0);
  assert_bound(&f, FAMILY_DX, 1, 0.5 * (8 * u * (4 + 3 + 0.25) + 4 * u * (3 + 0.75)));
  assert_bound(&f, FAMILY_DBETA, 1, 2 * 0x1p-21 + 4 * u * 4);
  assert_bound(&f, FAMILY_DGAMMA, 1, 2 * 0x1p-22 + 4 * u * 2 + 8 * u * 2);
  family_destroy(&f);

  /* tanh'' at 1/2 is -2*0.462117*0.786448 = -0.726862: the derivative moves by it. dy = 4. */
  f = bounded(CLNORM_F32, CLNORM_ACTIVATION_TANH, CLNORM_BACKWARD, CLNORM_RESIDUAL);
  const double error = 4 * (0.726862 * z1 + 16 * u);
  const double term = 0.5 * 4 * 0.786448;
  assert_bound(&f, FAMILY_DRESIDUAL, 1, error + u * 2 * term);
  assert_bound(&f, FAMILY_DBETA, 1, 2 * 0x1p-22 + 4 * u * 2 * term + error);
  assert_bound(&f, FAMILY_DGAMMA, 1, 2 * 0x1p-23 + (4 + 8) * u * term + 0.5 * error);
  family_destroy(&f);
}

/* Where z is nearer to a kink than its bound, both slopes are right, and what is summed may hold either. */
Test(family_oracle, either_slope_is_right_at_a_kink)
{
  static const size_t dims[2] = {2, 2};
  static const double x[4] = {0x1p-30, 2, 3, 4};
  static const double dy[4] = {5, 1, 1, 1};
  static const double zero[2] = {0};
  static const double one[2] = {1, 1};
  clnorm_desc desc = desc_of(CLNORM_BATCH, CLNORM_CHANNELS_FIRST, 2, dims);
  desc.activation = CLNORM_ACTIVATION_RELU;
  desc.flags = CLNORM_RESIDUAL;
  desc.epsilon = 1e-30;
  family f = make(
      &desc, CLNORM_BACKWARD_FROZEN,
      &(family_inputs){.x = x, .dy = dy, .residual = (const double[4]){0}, .running_mean = zero, .running_var = one});
  cr_assert(family_compare(&f, FAMILY_DX, (const double[]){5, 1, 1, 1}).units < 0.1);
  cr_assert(family_compare(&f, FAMILY_DX, (const double[]){0, 1, 1, 1}).units <= 1.0);
  cr_assert(family_compare(&f, FAMILY_DX, (const double[]){0, 0, 1, 1}).units > 1e3);
  cr_assert(family_compare(&f, FAMILY_DRESIDUAL, (const double[]){0, 1, 1, 1}).units <= 1.0);
  cr_assert(family_compare(&f, FAMILY_DBETA, (const double[]){6, 2}).units < 0.1);
  cr_assert(family_compare(&f, FAMILY_DBETA, (const double[]){1, 2}).units <= 1.0);
  cr_assert(family_compare(&f, FAMILY_DBETA, (const double[]){6, 1}).units > 1e3);
  family_destroy(&f);
}

Test(family_oracle, an_error_of_twice_the_bound_counts_as_two)
{
  static const family_quantity quantities[] = {FAMILY_Y,  FAMILY_MEAN,   FAMILY_INV_STD,
                                               FAMILY_DX, FAMILY_DGAMMA, FAMILY_DBETA};
  for (int dtype = CLNORM_F32; dtype <= CLNORM_F64; dtype++) {
    for (size_t t = 0; t < sizeof quantities / sizeof quantities[0]; t++) {
      const family_quantity q = quantities[t];
      family f = bounded((clnorm_dtype)dtype, CLNORM_ACTIVATION_SILU, t < 3 ? CLNORM_TRAIN : CLNORM_BACKWARD, 0);
      double result[2];
      const uint64_t count = family_quantity_count(&f.shape, q);
      for (uint64_t i = 0; i < count; i++) {
        const int is_tensor = q == FAMILY_Y || q == FAMILY_DX;
        const clnorm_dtype type = is_tensor ? f.desc.dtype : storage_number(f.desc.dtype);
        result[i] = storage_round(type, (double)f.result[q][i]);
      }
      cr_assert(family_compare(&f, q, result).units <= 1.0, "%s: the nearest number is wrong", family_quantity_name(q));
      result[count - 1] = (double)(f.result[q][count - 1] - 2.0L * (long double)family_bound(&f, q, count - 1));
      family_error error = family_compare(&f, q, result);
      cr_assert(error.index == count - 1 && error.units > 1.9 && error.units < 2.1, "%s: %g at %llu",
                family_quantity_name(q), error.units, (unsigned long long)error.index);
      result[0] = NAN;
      error = family_compare(&f, q, result);
      cr_assert(error.index == 0 && isinf(error.units) && isinf(error.absolute));
      family_destroy(&f);
    }
  }
}

/* Above 65520 a half is infinite, below it is not, and on the edge it may be. */
Test(family_oracle, what_a_half_cannot_hold_is_infinite)
{
  static const size_t dims[2] = {1, 3};
  static const double x[3] = {65504, 65504, 65504};
  static const double gamma[3] = {1, 2, 1};
  static const double beta[3] = {0, 0, 16};
  static const double zero[3] = {0};
  static const double one[3] = {1, 1, 1};
  clnorm_desc desc = desc_of(CLNORM_BATCH, CLNORM_CHANNELS_FIRST, 2, dims);
  desc.dtype = CLNORM_F16;
  desc.epsilon = 1e-30;
  family f = make(&desc, CLNORM_INFER,
                  &(family_inputs){.x = x, .gamma = gamma, .beta = beta, .running_mean = zero, .running_var = one});
  cr_assert(family_compare(&f, FAMILY_Y, (const double[]){65504, INFINITY, 65504}).units <= 1.0);
  cr_assert(family_compare(&f, FAMILY_Y, (const double[]){65504, INFINITY, INFINITY}).units <= 1.0);
  cr_assert(family_compare(&f, FAMILY_Y, (const double[]){65504, 65504, 65504}).units == INFINITY);
  cr_assert(family_compare(&f, FAMILY_Y, (const double[]){INFINITY, INFINITY, 65504}).units == INFINITY);
  cr_assert(family_compare(&f, FAMILY_Y, (const double[]){65504, -INFINITY, 65504}).units == INFINITY);
  family_destroy(&f);
}

Test(family_oracle, nan_stays_in_its_own_statistic)
{
  static const double x[4] = {1, NAN, 3, 5};
  static const size_t dims[2] = {2, 2};
  const clnorm_desc desc = desc_of(CLNORM_LAYER, CLNORM_CHANNELS_FIRST, 2, dims);
  family f = make(&desc, CLNORM_TRAIN, &(family_inputs){.x = x});
  cr_assert(isnan(f.result[FAMILY_Y][0]) && isfinite(f.result[FAMILY_Y][2]));
  const double right[] = {NAN, INFINITY, storage_round(CLNORM_F32, (double)f.result[FAMILY_Y][2]),
                          storage_round(CLNORM_F32, (double)f.result[FAMILY_Y][3])};
  cr_assert(family_compare(&f, FAMILY_Y, right).units <= 1.0);
  cr_assert(isinf(family_compare(&f, FAMILY_Y, (const double[]){0, NAN, right[2], right[3]}).units));
  family_destroy(&f);
}

/* The mean of 1e6 standard deviations is known to more digits than one long double has. */
Test(family_oracle, far_means_of_doubles_lose_nothing)
{
  static const size_t dims[2] = {1, 3};
  static const double x[3] = {0x1p40, 0x1p40 + 1, 0x1p40 + 3};
  clnorm_desc desc = desc_of(CLNORM_LAYER, CLNORM_CHANNELS_FIRST, 2, dims);
  desc.dtype = CLNORM_F64;
  desc.epsilon = 1e-30;
  family f = make(&desc, CLNORM_TRAIN, &(family_inputs){.x = x});
  /* About 0x1p40: mean 4/3, variance (16 + 1 + 25)/27. */
  const long double r = 1.0L / sqrtl(42.0L / 27.0L);
  for (int i = 0; i < 3; i++) {
    const long double expected = ((long double)(x[i] - 0x1p40) - 4.0L / 3.0L) * r;
    cr_assert(fabsl(f.result[FAMILY_Y][i] - expected) < 0x1p-60L, "%d: %.20Lg, expected %.20Lg", i,
              f.result[FAMILY_Y][i], expected);
  }
  family_destroy(&f);
}

/* Nothing to normalize: gradients of the parameters are 0, or what was there. */
Test(family_oracle, an_empty_batch_has_no_gradients)
{
  static const size_t dims[2] = {0, 3};
  static const double before[3] = {1, 2, 3};
  clnorm_desc desc = desc_of(CLNORM_LAYER, CLNORM_CHANNELS_FIRST, 2, dims);
  desc.flags = CLNORM_ACCUMULATE_DBETA;
  family f = make(&desc, CLNORM_BACKWARD, &(family_inputs){.dbeta = before});
  cr_assert(f.shape.elements == 0 && f.shape.statistics == 0 && f.shape.parameters == 3);
  cr_assert(f.result[FAMILY_DGAMMA][2] == 0.0L && f.result[FAMILY_DBETA][2] == 3.0L);
  cr_assert(family_compare(&f, FAMILY_DX, NULL).units == 0.0);
  family_destroy(&f);
}
