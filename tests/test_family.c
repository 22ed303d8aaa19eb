/* The whole family on a device, against the reference: the shapes of the table with every argument, then every pair of what
 * descriptors and calls can ask for (oracle/family_cases.c), each in every pass that it has. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clnorm/tuning.h"
#include "family_cases.h"
#include "family_run.h"
#ifdef CLNORM_TEST_OPENCL
#include "context.h"
#endif

#define FAILURES_SHOWN 12

typedef struct tally {
  size_t runs, failures;
  size_t without_double; /* passes that a device without double refused */
  double worst;
} tally;

/* A device that has no double says so, of tensors of double and of nothing else. */
static int is_refused(const family_case *c, const trial_result *result)
{
  return result->status == CLNORM_UNSUPPORTED && c->desc.dtype == CLNORM_F64 &&
         strstr(clnorm_last_error(), "double") != NULL;
}

static void check_pass(tally *t, trial *made, const family_case *c, clnorm_pass pass, family_run *r)
{
  trial_result result;
  if (trial_check(made, pass, c->with, family_run_pass, r, &result)) {
    t->runs++;
    t->worst = result.worst.units > t->worst ? result.worst.units : t->worst;
  } else if (is_refused(c, &result)) {
    t->without_double++;
  } else {
    t->failures++;
    if (t->failures <= FAILURES_SHOWN) {
      (void)fprintf(stderr, "%s (%s)%s%s\n", result.problem, r->variant, result.status == 0 ? "" : ": ",
                    result.status == 0 ? "" : clnorm_last_error());
    }
  }
}

static int has_output(const family_case *c, clnorm_pass pass)
{
  const unsigned gradients = TRIAL_WITH_DX | TRIAL_WITH_DGAMMA | TRIAL_WITH_DBETA;
  return pass == CLNORM_TRAIN || pass == CLNORM_INFER || (c->with & gradients) != 0;
}

static void check_case(tally *t, const family_case *c, family_run *r)
{
  trial *made = trial_create(&c->desc, &c->data);
  cr_assert(made != NULL, "no memory");
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    if (family_case_has_pass(c, (clnorm_pass)pass) && has_output(c, (clnorm_pass)pass)) {
      check_pass(t, made, c, (clnorm_pass)pass, r);
    }
  }
  trial_destroy(made);
}

static void finish(const tally *t)
{
  (void)printf("%zu passes, worst %.2f of its bound\n", t->runs, t->worst);
  if (t->without_double != 0) {
    (void)printf("%zu passes skipped: the device has no double\n", t->without_double);
  }
  cr_assert(t->failures == 0, "%zu of %zu passes are wrong", t->failures, t->failures + t->runs);
  cr_assert(t->runs > 0, "nothing was run");
}

/* Cases `first`, first + step, ... of one dtype, large ones or the others. */
static void check_table(clnorm_dtype dtype, int large)
{
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  const size_t step = getenv("CLNORM_TEST_SLOW") == NULL ? 1 : 7;
  tally t = {0};
  family_run *r = family_run_open();
  cr_assert(count > 0, "no memory");
  for (size_t i = 0, taken = 0; i < count; i++) {
    if (cases[i].desc.dtype == dtype && cases[i].large == large && taken++ % step == 0) {
      check_case(&t, &cases[i], r);
    }
  }
  family_run_close(r);
  free(cases);
  if (dtype == CLNORM_F64 && t.runs == 0 && t.failures == 0 && t.without_double > 0) {
    cr_skip_test("%zu passes: the device has no double", t.without_double);
  }
  finish(&t);
}

Test(family, tensors_of_float_are_normalized_as_the_reference_does) { check_table(CLNORM_F32, 0); }
Test(family, tensors_of_half_are_normalized_as_the_reference_does) { check_table(CLNORM_F16, 0); }
Test(family, tensors_of_bfloat_are_normalized_as_the_reference_does) { check_table(CLNORM_BF16, 0); }
Test(family, tensors_of_double_are_normalized_as_the_reference_does) { check_table(CLNORM_F64, 0); }

Test(family, large_tensors_are_normalized_as_the_reference_does)
{
  if (getenv("CLNORM_TEST_SLOW") != NULL) {
    cr_skip_test("large tensors: the device is slow");
  }
  check_table(CLNORM_F32, 1);
}

/* What fast variants compute is computed by the general one too. */
Test(family, the_general_variant_computes_batch_normalization)
{
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  tally t = {0};
  family_run *r = family_run_open();
  r->forced = "general";
  for (size_t i = 0; i < count; i++) {
    const clnorm_desc *desc = &cases[i].desc;
    const int plain = desc->flags == 0 && desc->activation == 0 && desc->strides[0][0] == 0 && desc->length_axis == 0;
    if (desc->op == CLNORM_BATCH && desc->dtype == CLNORM_F32 && plain) {
      check_case(&t, &cases[i], r);
      cr_assert(strstr(r->variant, "_general") != NULL, "%s", r->variant);
    }
  }
  family_run_close(r);
  free(cases);
  finish(&t);
}

/* Results go past the caches where the device can do that, and a single core takes samples enough together to copy parameters. */
static void force_past_the_caches(family_run *r)
{
  r->forced = "samples stream_eighths=0";
#ifdef CLNORM_TEST_OPENCL
  if (r->cl != NULL) {
    clnorm_cl *cl = family_run_get_cl(r);
    cl->capabilities.compute_units = 1;
    if (cl->capabilities.engine == CLNORM__ENGINE_CL_LANES) {
      r->forced = "samples";
    }
  }
#endif
}

/* A case of three axes; groups of GROUP: 2. */
static family_case case_of(clnorm_op op, int last, size_t n, size_t channels, size_t positions, const trial_data *data)
{
  family_case c = {.data = *data, .with = TRIAL_ALL};
  cr_assert(clnorm_desc_init(&c.desc, sizeof c.desc, op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  c.desc.layout = last ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
  c.desc.rank = 3;
  c.desc.groups = op == CLNORM_GROUP ? 2 : 0;
  c.desc.dims[0] = n;
  c.desc.dims[last ? 2 : 1] = channels;
  c.desc.dims[last ? 1 : 2] = positions;
  return c;
}

/* Runs that begin and end inside of vectors are written as one row, whose ends are not whole. */
Test(family, odd_runs_are_written_past_the_caches)
{
  static const struct {
    clnorm_op op;
    clnorm_activation activation;
    uint32_t flags;
    size_t n, channels, positions;
    double mean;
  } rows[] = {{CLNORM_INSTANCE, CLNORM_ACTIVATION_NONE, 0, 5, 23, 49, 0.5},
              {CLNORM_INSTANCE, CLNORM_ACTIVATION_NONE, 0, 7, 5, 3, 3.0}, /* shorter than any vector */
              {CLNORM_INSTANCE, CLNORM_ACTIVATION_NONE, 0, 3, 21, 50, 1e5},
              {CLNORM_GROUP, CLNORM_ACTIVATION_SIGMOID, CLNORM_RESIDUAL, 3, 38, 27, 0.5},
              {CLNORM_GROUP, CLNORM_ACTIVATION_NONE, 0, 37, 6, 7, 0.5}, /* parameters are copied */
              {CLNORM_LAYER, CLNORM_ACTIVATION_NONE, 0, 7, 23, 5, 0.5}};
  tally t = {0};
  family_run *r = family_run_open();
  force_past_the_caches(r);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    /* Each tensor begins at another place of a vector, but where there are two results: both go past the caches, or none. */
    const size_t offset = rows[i].flags & CLNORM_RESIDUAL ? 16 : 5;
    const trial_data data = {GENERATE_NORMAL, rows[i].mean, 1.0, 3, 1, offset};
    family_case c = case_of(rows[i].op, 0, rows[i].n, rows[i].channels, rows[i].positions, &data);
    c.desc.activation = rows[i].activation;
    c.desc.flags |= rows[i].flags;
    for (unsigned in_place = 0; in_place <= 1; in_place++) {
      c.with = TRIAL_ALL | (in_place ? TRIAL_IN_PLACE : 0u);
      check_case(&t, &c, r);
    }
  }
  family_run_close(r);
  finish(&t);
}

static const trial_data added_data = {GENERATE_NORMAL, 0.5, 1.0, 3, 1, 5};

/* Gradients of parameters that are added up are made by fast variants, each place that makes them. */
Test(family, gradients_are_added_by_every_variant)
{
  static const struct {
    clnorm_op op;
    int last;
    size_t n, channels, positions;
    const char *forced;
  } rows[] = {{CLNORM_BATCH, 0, 5, 23, 49, "whole"},   {CLNORM_BATCH, 0, 7, 3, 700, "split"},
              {CLNORM_BATCH, 1, 3, 37, 20, "whole"},   {CLNORM_BATCH, 1, 3, 1037, 60, "split"},
              {CLNORM_GROUP, 0, 37, 6, 7, "samples"},  {CLNORM_GROUP, 1, 9, 44, 40, "samples"},
              {CLNORM_LAYER, 0, 70, 23, 5, "samples"}, {CLNORM_INSTANCE, 0, 5, 23, 49, "samples"}};
  static const uint32_t flags[] = {CLNORM_ACCUMULATE_DGAMMA, CLNORM_ACCUMULATE_DBETA,
                                   CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA};
  tally t = {0};
  family_run *r = family_run_open();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    family_case c = case_of(rows[i].op, rows[i].last, rows[i].n, rows[i].channels, rows[i].positions, &added_data);
    c.desc.flags = flags[i % (sizeof flags / sizeof flags[0])];
    r->forced = rows[i].forced;
    trial *made = trial_create(&c.desc, &c.data);
    cr_assert(made != NULL, "no memory");
    for (clnorm_pass pass = CLNORM_BACKWARD; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
      if (family_case_has_pass(&c, pass)) {
        check_pass(&t, made, &c, pass, r);
        cr_assert(strstr(r->variant, "_general") == NULL, "%s", r->variant);
      }
    }
    trial_destroy(made);
  }
  family_run_close(r);
  finish(&t);
}

/* Frozen statistics of no elements: what is not added to is written all the same. */
Test(family, gradients_over_nothing_are_0_or_what_was_there)
{
  static const uint32_t flags[] = {0, CLNORM_ACCUMULATE_DGAMMA, CLNORM_ACCUMULATE_DBETA};
  tally t = {0};
  family_run *r = family_run_open();
  for (size_t i = 0; i < 2 * (sizeof flags / sizeof flags[0]); i++) {
    family_case c = case_of(CLNORM_BATCH, i % 2 != 0, 0, 21, 23, &added_data);
    c.desc.flags = flags[i / 2];
    trial *made = trial_create(&c.desc, &c.data);
    cr_assert(made != NULL, "no memory");
    check_pass(&t, made, &c, CLNORM_BACKWARD_FROZEN, r);
    trial_destroy(made);
  }
  family_run_close(r);
  finish(&t);
}
