/* What `clnorm bench` measures and what it calls that: kinds, their least traffic, their names, the rows of suites. */
#include <criterion/criterion.h>
#include <string.h>

#include "record.h"
#include "suite.h"

static const clnorm_pass every_pass[] = {CLNORM_INFER, CLNORM_TRAIN, CLNORM_BACKWARD, CLNORM_BACKWARD_FROZEN};

static norm_kind kind_of(clnorm_op op, clnorm_dtype dtype, clnorm_activation activation, int residual)
{
  norm_kind kind = norm_plain;
  kind.op = op;
  kind.groups = op == CLNORM_GROUP ? 8 : 0;
  kind.dtype = dtype;
  kind.activation = activation;
  kind.residual = residual;
  return kind;
}

Test(suite, least_traffic_counts_what_is_read_and_written)
{
  norm_kind kind = norm_plain;
  cr_expect(norm_tensors_moved(&kind, CLNORM_TRAIN) == 2 && norm_tensors_moved(&kind, CLNORM_BACKWARD) == 3);
  kind.activation = CLNORM_ACTIVATION_GELU;
  cr_expect(norm_tensors_moved(&kind, CLNORM_INFER) == 2 && norm_tensors_moved(&kind, CLNORM_BACKWARD_FROZEN) == 3);
  /* x, residual, y; x, dy, residual, dx, dresidual. */
  kind.residual = 1;
  cr_expect(norm_tensors_moved(&kind, CLNORM_INFER) == 3 && norm_tensors_moved(&kind, CLNORM_TRAIN) == 3);
  cr_expect(norm_tensors_moved(&kind, CLNORM_BACKWARD) == 5);
  /* Nothing to derive, so the residual is not read. */
  kind.activation = CLNORM_ACTIVATION_NONE;
  cr_expect(norm_tensors_moved(&kind, CLNORM_BACKWARD) == 4);
}

static void expect_name(norm_kind kind, clnorm_layout layout, uint32_t rank, int whole, const char *expected)
{
  const bench_record record = {.kind = kind, .layout = layout, .rank = rank, .dims = {2, 3, rank > 2 ? 4 : 0}};
  char text[160];
  (void)record_case_text(&record, whole, text, sizeof text);
  cr_expect(strcmp(text, expected) == 0, "'%s', expected '%s'", text, expected);
}

Test(suite, names_tell_kinds_apart_and_leave_out_what_is_usual)
{
  norm_kind kind = norm_plain;
  expect_name(kind, CLNORM_CHANNELS_LAST, 3, 0, "2x3x4 last");
  expect_name(kind, CLNORM_CHANNELS_FIRST, 3, 1, "2x3x4 channels-first");
  expect_name(kind, CLNORM_CHANNELS_FIRST, 2, 0, "2x3");
  expect_name(kind_of(CLNORM_GROUP, CLNORM_BF16, CLNORM_ACTIVATION_RELU, 1), CLNORM_CHANNELS_FIRST, 3, 0,
              "group(8) 2x3x4 first bf16 relu residual");
  expect_name(kind_of(CLNORM_INSTANCE, CLNORM_F64, CLNORM_ACTIVATION_NONE, 0), CLNORM_CHANNELS_LAST, 3, 0,
              "instance 2x3x4 last f64");
  kind = kind_of(CLNORM_LAYER, CLNORM_F16, CLNORM_ACTIVATION_ELU, 0);
  kind.alpha = 0.5;
  expect_name(kind, CLNORM_CHANNELS_FIRST, 3, 0, "layer 2x3x4 f16 elu:0.5");
  kind = kind_of(CLNORM_RMS, CLNORM_F32, CLNORM_ACTIVATION_NONE, 1);
  kind.axis = 2;
  expect_name(kind, CLNORM_CHANNELS_FIRST, 3, 1, "rms(2) 2x3x4 residual");
}

Test(suite, a_heading_lists_operations_and_types)
{
  bench_record records[3] = {{.kind = norm_plain}, {.kind = norm_plain}, {.kind = norm_plain}};
  char text[128];
  cr_expect(strcmp(record_kinds_text(records, 3, text, sizeof text), "batch normalization, float32") == 0, "%s", text);
  cr_expect(strcmp(record_kinds_note(records, 3), "") == 0);
  records[2].kind = kind_of(CLNORM_LAYER, CLNORM_F16, CLNORM_ACTIVATION_NONE, 0);
  cr_expect(strcmp(record_kinds_text(records, 3, text, sizeof text), "batch and layer normalization; f32, f16") == 0,
            "%s", text);
  records[1].kind = kind_of(CLNORM_RMS, CLNORM_F64, CLNORM_ACTIVATION_NONE, 0);
  (void)record_kinds_text(records, 3, text, sizeof text);
  cr_expect(strcmp(text, "batch, layer and rms normalization; f32, f16, f64") == 0, "%s", text);
  cr_expect(strstr(record_kinds_note(records, 3), "residual") != NULL);
}

Test(suite, a_shape_is_added_in_every_layout_that_makes_a_difference)
{
  static const struct {
    clnorm_op op;
    uint32_t rank;
    size_t cases;
  } expected[] = {{CLNORM_BATCH, 4, 2}, {CLNORM_BATCH, 2, 1}, {CLNORM_INSTANCE, 3, 2},
                  {CLNORM_GROUP, 5, 2}, {CLNORM_LAYER, 4, 1}, {CLNORM_RMS, 2, 1}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    bench_suite suite = {0};
    const suite_plan plan = {.kind = kind_of(expected[i].op, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0),
                             .layouts = CASES_BOTH,
                             .passes = every_pass,
                             .pass_count = 4};
    cr_assert(suite_add(&suite, &plan, expected[i].rank, (const size_t[]){2, 16, 3, 4, 5}) == 0);
    cr_expect(suite.count == expected[i].cases, "op %d: %zu", expected[i].op, suite.count);
    /* In no layout: the shape is the memory's. */
    if (expected[i].op == CLNORM_LAYER) {
      clnorm_desc desc;
      cr_assert(suite_describe(&suite.cases[0], &desc) == CLNORM_SUCCESS);
      cr_expect(desc.dims[1] == 16 && desc.dims[3] == 4 && desc.axis == 1);
    }
    suite_free(&suite);
  }
}

Test(suite, without_running_statistics_infer_and_frozen_are_only_measured_if_asked_for)
{
  for (clnorm_op op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    for (int chosen = 0; chosen <= 1; chosen++) {
      bench_suite suite = {0};
      const int all = chosen || op == CLNORM_BATCH || op == CLNORM_INSTANCE;
      const suite_plan plan = {.kind = kind_of(op, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0),
                               .layouts = CASES_FIRST,
                               .passes = every_pass,
                               .pass_count = 4,
                               .chosen = chosen};
      cr_assert(suite_add(&suite, &plan, 2, (const size_t[]){4, 16}) == 0);
      cr_expect(suite.cases[0].pass_count == (all ? 4 : 2), "op %d", op);
      cr_expect(all || (suite.cases[0].passes[0] == CLNORM_TRAIN && suite.cases[0].passes[1] == CLNORM_BACKWARD));
      suite_free(&suite);
    }
  }
}

static int wants_bf16(void *context, const norm_kind *kind)
{
  (void)context;
  return kind->dtype == CLNORM_BF16;
}

Test(suite, the_family_has_valid_rows_of_every_operation_each_once)
{
  bench_suite suite = {0};
  size_t of[CLNORM_RMS + 1] = {0};
  const suite_plan plan = {.layouts = CASES_BOTH, .passes = every_pass, .pass_count = 3};
  cr_assert(suite_add_family(&suite, &plan, NULL, NULL) == 0);
  for (size_t i = 0; i < suite.count; i++) {
    const bench_case *c = &suite.cases[i];
    clnorm_desc desc;
    clnorm_counts counts;
    cr_assert(suite_describe(c, &desc) == CLNORM_SUCCESS);
    cr_assert(clnorm_desc_counts(&desc, &counts) == CLNORM_SUCCESS, "row %zu: %s", i, clnorm_last_error());
    const norm_kind back = norm_kind_of(&desc);
    cr_expect(norm_kind_same(&back, &c->kind), "row %zu is described as another kind", i);
    of[c->kind.op]++;
    for (size_t j = 0; j < i; j++) {
      const bench_case *d = &suite.cases[j];
      cr_expect(!(norm_kind_same(&c->kind, &d->kind) && c->layout == d->layout &&
                  memcmp(c->dims, d->dims, sizeof c->dims) == 0),
                "rows %zu and %zu are the same", i, j);
    }
  }
  for (clnorm_op op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    cr_expect(of[op] >= 2, "op %d has %zu rows", op, of[op]);
  }
  suite_free(&suite);
  cr_assert(suite_add_family(&suite, &plan, wants_bf16, NULL) == 0);
  cr_expect(suite.count == 7, "%zu rows of bf16", suite.count);
  suite_free(&suite);
}
