/* What a device's fast variants fuse: batch normalization of half types, with activations and a residual, over the shapes that
 * their walks distinguish, against the reference; and the activations of every half number. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family_activation.h"
#include "family_run.h"
#include "storage_type.h"

#define ACTIVATIONS 10
#define UNIT 0x1p-24

static double alpha_of(clnorm_activation activation)
{
  return activation == CLNORM_ACTIVATION_LEAKY_RELU     ? 0.01
         : activation == CLNORM_ACTIVATION_CLIPPED_RELU ? 1.0
         : activation == CLNORM_ACTIVATION_ELU          ? 1.5
                                                        : 0.0;
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

/* (N, C, S): short runs that lie flat beside each other, ends of runs of each length, long ones, statistics that are split, and
 * in the other layout few and many rows, narrow and wide, each with an edge. */
static const size_t shapes[][3] = {{3, 5, 49},  {18, 19, 49}, {2, 3, 37},   {4, 3, 7},    {40, 34, 8},  {2, 2, 9001},
                                   {3, 6, 196}, {130, 37, 1}, {300, 70, 1}, {37, 290, 1}, {4112, 3, 1}, {37, 1301, 1}};

/* Without rows_ and columns_; NULL: what is built in. */
static const char *const variants[] = {
    NULL, "whole", "split", "whole stream_eighths=0", "split stream_eighths=0", "apply stream_eighths=0"};

static const unsigned presence[] = {TRIAL_ALL,
                                    TRIAL_ALL | TRIAL_IN_PLACE,
                                    TRIAL_ALL | TRIAL_IN_PLACE_RESIDUAL,
                                    TRIAL_ALL & ~(TRIAL_WITH_MEAN | TRIAL_WITH_INV_STD),
                                    TRIAL_ALL & ~(TRIAL_WITH_INV_STD | TRIAL_WITH_DRESIDUAL),
                                    TRIAL_ALL & ~(TRIAL_WITH_MEAN | TRIAL_WITH_DX | TRIAL_WITH_DGAMMA),
                                    (TRIAL_ALL & ~(TRIAL_WITH_BETA | TRIAL_WITH_DBETA)) | TRIAL_IN_PLACE,
                                    TRIAL_ALL & ~(TRIAL_WITH_GAMMA | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA)};

/* Means that a float has, and some that it has not. */
static const trial_data data[] = {{GENERATE_NORMAL, 0.25, 1.0, 1, 3, 0},
                                  {GENERATE_NORMAL, 50.0, 0.5, 2, 3, 0},
                                  {GENERATE_NORMAL, 3000.0, 1.5, 3, 3, 0}};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static clnorm_desc desc_of(size_t shape, int last, size_t index)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.layout = last ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
  desc.rank = 3;
  desc.dims[0] = shapes[shape][0];
  desc.dims[last ? 2 : 1] = shapes[shape][1];
  desc.dims[last ? 1 : 2] = shapes[shape][2];
  /* Out of step with the shapes, and with the other layout. */
  desc.activation = (clnorm_activation)((index + 3 * (index / COUNT(shapes)) + 5 * (size_t)last) % ACTIVATIONS);
  desc.alpha = alpha_of(desc.activation);
  desc.flags = (index + index / COUNT(shapes) + (size_t)last) % 2 ? CLNORM_RESIDUAL : 0;
  desc.dtype = (clnorm_dtype)(CLNORM_F32 + (index / 4 + index / COUNT(shapes)) % 3);
  return desc;
}

/* Bytes of a statistic that can be split: two partial results' least. */
#define SPLIT_BYTES 512

/* Whether the variant is one for the pass; if it is, it has to be taken. */
static int is_for(const char *variant, clnorm_pass pass, size_t bytes)
{
  if (variant == NULL) {
    return 1;
  }
  if (strncmp(variant, "split", 5) == 0) {
    return pass != CLNORM_INFER && bytes >= SPLIT_BYTES;
  }
  return (pass == CLNORM_INFER) == (strncmp(variant, "apply", 5) == 0);
}

typedef struct tally {
  size_t runs, failures;
  size_t without_streams; /* passes that an engine without streaming stores refused */
} tally;

static void check_trial(tally *t, family_run *r, size_t shape, int last, size_t index)
{
  const clnorm_desc desc = desc_of(shape, last, index);
  trial_data drawn = data[index % (desc.dtype == CLNORM_F32 ? 3 : 2)];
  drawn.seed += index;
  drawn.offset = index % 16; /* of each tensor another, but of every 16th */
  const size_t bytes = shapes[shape][0] * shapes[shape][2] * (desc.dtype == CLNORM_F32 ? 4 : 2);
  trial *made = trial_create(&desc, &drawn);
  cr_assert(made != NULL, "no memory");
  for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    trial_result result;
    if (!is_for(r->forced, pass, bytes)) {
      continue;
    }
    if (!trial_check(made, pass, presence[index % COUNT(presence)], family_run_pass, r, &result)) {
      /* Only engines of wide vectors have streaming stores. */
      if (result.status == CLNORM_INVALID_ARGUMENT && strstr(clnorm_last_error(), "stream_eighths") != NULL) {
        t->without_streams++;
        continue;
      }
      t->failures++;
      (void)fprintf(stderr, "%s (%s, forced %s): %s\n", result.problem, r->variant,
                    r->forced == NULL ? "none" : r->forced, clnorm_last_error());
    } else {
      t->runs++;
      cr_assert(r->cl == NULL || strstr(r->variant, "_general") == NULL, "%s", r->variant);
    }
  }
  trial_destroy(made);
}

/* Each variant over each shape, with what is fused and stored taking turns. */
static void check_layout(int last)
{
  /* Some: steps that meet each shape, variant, type and activation, on a slow device all but a few. */
  const size_t step = getenv("CLNORM_TEST_SLOW") == NULL ? 7 : 13;
  family_run *r = family_run_open();
  tally t = {0};
  size_t index = 0;
  for (size_t v = 0; v < COUNT(variants); v++) {
    for (size_t shape = 0; shape < COUNT(shapes); shape++, index++) {
      /* The CPU backend's variants are others. */
      if (index % step == 0 && (r->cl != NULL || v == 0)) {
        r->forced = variants[v];
        check_trial(&t, r, shape, last, index);
      }
    }
  }
  family_run_close(r);
  (void)printf("%zu passes, %zu skipped: the engine has no streaming stores\n", t.runs, t.without_streams);
  cr_assert(t.failures == 0, "%zu of %zu passes are wrong", t.failures, t.failures + t.runs);
  cr_assert(t.runs > 0, "nothing was run");
}

Test(fused, rows_are_normalized_as_the_reference_does) { check_layout(0); }
Test(fused, columns_are_normalized_as_the_reference_does) { check_layout(1); }

/* Means of about 4 standard deviations: for z some statistics' floats say enough and their neighbours' do not, and vectors of
 * merges have both. */
static void check_mixed_means(int last)
{
  const trial_data drawn = {GENERATE_NORMAL, 4.0, 1.0, 11, 3, 5};
  clnorm_desc desc = desc_of(0, last, 0);
  desc.dims[0] = 2;
  desc.dims[last ? 2 : 1] = 37;
  desc.dims[last ? 1 : 2] = 300;
  desc.activation = CLNORM_ACTIVATION_TANH;
  family_run *r = family_run_open();
  trial *made = trial_create(&desc, &drawn);
  trial_result result;
  cr_assert(made != NULL, "no memory");
  r->forced = r->cl != NULL ? "split" : NULL;
  cr_expect(trial_check(made, CLNORM_BACKWARD, TRIAL_ALL, family_run_pass, r, &result), "%s (%s)", result.problem,
            r->variant);
  trial_destroy(made);
  family_run_close(r);
}

Test(fused, rows_of_mixed_means_are_normalized_as_the_reference_does) { check_mixed_means(0); }
Test(fused, columns_of_mixed_means_are_normalized_as_the_reference_does) { check_mixed_means(1); }

/* ---- samples ---------------------------------------------------------------------------------------------------- */

/* (N, C, S): runs of one element's, a vector's and several vectors' length, each with an end; more samples than go together. */
static const size_t sample_shapes[][3] = {{9, 6, 49}, {3, 4, 1031}, {2, 6, 7}, {13, 8, 16}, {5, 2, 3001}, {4, 38, 27}};

/* The same with channels last: narrow and wide matrices, with edges, of one tile and of several. */
static const size_t matrix_shapes[][3] = {{3, 6, 70},    {2, 40, 333},  {5, 96, 64},
                                          {1, 34, 1031}, {4, 150, 128}, {2, 1301, 40}};

/* axis 2: the last axis alone, with a gamma for each place; 1: from C on. */
static const struct {
  clnorm_op op;
  uint32_t axis, groups;
  int last;
} members[] = {{CLNORM_LAYER, 2, 0, 0},    {CLNORM_INSTANCE, 0, 0, 0}, {CLNORM_GROUP, 0, 2, 0},
               {CLNORM_RMS, 2, 0, 0},      {CLNORM_LAYER, 1, 0, 0},    {CLNORM_INSTANCE, 0, 0, 1},
               {CLNORM_INSTANCE, 0, 0, 1}, {CLNORM_GROUP, 0, 2, 1},    {CLNORM_GROUP, 0, 1, 1}};

static clnorm_desc sample_desc(size_t shape, size_t member, size_t index)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, members[member].op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  const int last = members[member].last;
  const size_t *dims = last ? matrix_shapes[shape] : sample_shapes[shape];
  desc.rank = 3;
  desc.layout = last ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
  desc.dims[0] = dims[0];
  desc.dims[last ? 2 : 1] = dims[1];
  desc.dims[last ? 1 : 2] = dims[2];
  desc.axis = members[member].axis != 0 ? members[member].axis : desc.axis;
  desc.groups = members[member].groups != 0 ? members[member].groups : desc.groups;
  desc.activation = (clnorm_activation)((index + index / COUNT(sample_shapes)) % ACTIVATIONS);
  desc.alpha = alpha_of(desc.activation);
  desc.flags = (index / 3) % 2 ? CLNORM_RESIDUAL : 0;
  desc.dtype = (clnorm_dtype)(CLNORM_F32 + (index / 2) % 3);
  return desc;
}

static void check_sample(tally *t, family_run *r, const clnorm_desc *desc, size_t index)
{
  const int has_running = desc->op == CLNORM_INSTANCE;
  trial_data drawn = data[index % (desc->dtype == CLNORM_F32 ? 3 : 2)];
  drawn.seed += index;
  drawn.offset = index % 16;
  trial *made = trial_create(desc, &drawn);
  cr_assert(made != NULL, "no memory");
  for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    trial_result result;
    if (!has_running && (pass == CLNORM_INFER || pass == CLNORM_BACKWARD_FROZEN)) {
      continue;
    }
    if (!trial_check(made, pass, presence[(index + index / 8) % COUNT(presence)], family_run_pass, r, &result)) {
      t->failures++;
      (void)fprintf(stderr, "%s (%s): %s\n", result.problem, r->variant, clnorm_last_error());
    } else {
      t->runs++;
      cr_assert(r->cl == NULL || strstr(r->variant, "_samples") != NULL, "%s", r->variant);
    }
  }
  trial_destroy(made);
}

Test(fused, samples_are_normalized_as_the_reference_does)
{
  const size_t step = getenv("CLNORM_TEST_SLOW") == NULL ? 4 : 13;
  family_run *r = family_run_open();
  tally t = {0};
  size_t index = 0;
  for (size_t member = 0; member < COUNT(members); member++) {
    for (size_t shape = 0; shape < COUNT(sample_shapes); shape++, index++) {
      if (index % step == 0) {
        const clnorm_desc desc = sample_desc(shape, member, index);
        check_sample(&t, r, &desc, index);
      }
    }
  }
  family_run_close(r);
  cr_assert(t.failures == 0, "%zu of %zu passes are wrong", t.failures, t.failures + t.runs);
  cr_assert(t.runs > 0, "nothing was run");
}

/* ---- every half number ------------------------------------------------------------------------------------------- */

#define HALVES 65536

typedef struct halves {
  float x[HALVES], dy[HALVES], result[HALVES], mean[1], var[1];
} halves;

static trial_buffer buffer_of(float *values, size_t count)
{
  return (trial_buffer){(unsigned char *)values, count * sizeof *values, 0, sizeof *values, count, -1};
}

/* One channel with mean 0 and inv_std 1: z is x. */
static void run_halves(halves *h, const clnorm_desc *desc, clnorm_pass pass)
{
  trial_buffer buffers[TRIAL_SLOTS];
  family_run *r = family_run_open();
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    buffers[slot] = (trial_buffer){NULL, 0, 0, 0, 0, -1};
  }
  buffers[TRIAL_X] = buffer_of(h->x, HALVES);
  buffers[TRIAL_RUNNING_MEAN] = buffer_of(h->mean, 1);
  buffers[TRIAL_RUNNING_VAR] = buffer_of(h->var, 1);
  if (pass == CLNORM_INFER) {
    buffers[TRIAL_Y] = buffer_of(h->result, HALVES);
  } else {
    buffers[TRIAL_DY] = buffer_of(h->dy, HALVES);
    buffers[TRIAL_DX] = buffer_of(h->result, HALVES);
  }
  const int status = family_run_pass(r, desc, pass, buffers, 1);
  cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  family_run_close(r);
}

/* What a sigmoid or a density below the normal numbers is flushed to may be multiplied by z. */
static double flushed(double z) { return FLT_MIN * fmax(1.0, fabs(z)); }

static int is_within(double got, long double expected, double bound)
{
  if (isnan(expected) || isinf(expected)) {
    return isnan(expected) ? isnan(got) : got == (double)expected;
  }
  return fabsl((long double)got - expected) <= (long double)bound;
}

static void check_halves(clnorm_activation activation)
{
  static halves h;
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 3;
  desc.dims[0] = desc.dims[1] = 1, desc.dims[2] = HALVES;
  desc.activation = activation;
  desc.alpha = alpha_of(activation);
  desc.epsilon = 0x1p-10;
  h.mean[0] = 0.0f;
  h.var[0] = 1.0f - 0x1p-10f;
  for (size_t i = 0; i < HALVES; i++) {
    h.x[i] = (float)storage_decode(CLNORM_F16, i);
    h.dy[i] = 1.0f;
  }
  for (int backward = 0; backward < 2; backward++) {
    run_halves(&h, &desc, backward ? CLNORM_BACKWARD_FROZEN : CLNORM_INFER);
    for (size_t i = 0; i < HALVES; i++) {
      const long double z = (long double)h.x[i];
      const long double expected =
          backward ? family_derive(activation, desc.alpha, z) : family_activate(activation, desc.alpha, z);
      const double own = backward ? family_derivative_bound(activation, desc.alpha, z, 0.0, UNIT)
                                  : family_activation_bound(activation, desc.alpha, z, 0.0, UNIT);
      /* What is nothing at infinity has nothing to round. */
      const double bound = isinf(h.x[i]) && expected == 0.0L ? 0.0 : own + flushed((double)z);
      /* The derivative of relu and its like may tell a NaN from 1 or not. */
      cr_assert((backward && isnan(h.x[i])) || is_within((double)h.result[i], expected, bound),
                "activation %d, %s at %a: %a, expected %La within %a", (int)activation,
                backward ? "derivative" : "value", (double)h.x[i], (double)h.result[i], expected, bound);
    }
  }
}

Test(fused, activations_of_every_half_are_within_their_bounds)
{
  for (int activation = 1; activation < ACTIVATIONS; activation++) {
    check_halves((clnorm_activation)activation);
  }
}
