/* Trials themselves: a library that does wrong is found out, whatever it does wrong; and the table of cases has every pair that it
 * claims. The library that is tampered with is clnorm's CPU backend. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family_cases.h"
#include "family_run.h"
#include "storage_type.h"

/* Instances with gaps, a residual and a mask. */
static clnorm_desc make_desc(void)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_INSTANCE, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 3;
  desc.dims[0] = 2, desc.dims[1] = 3, desc.dims[2] = 5;
  desc.activation = CLNORM_ACTIVATION_RELU;
  desc.flags = CLNORM_RESIDUAL | CLNORM_RELU_MASK;
  for (int tensor = 0; tensor < CLNORM_TENSORS; tensor++) {
    desc.strides[tensor][0] = 40, desc.strides[tensor][1] = 12, desc.strides[tensor][2] = 2;
  }
  return desc;
}

/* What is done to one argument after the pass. */
typedef enum tampering { NOTHING, FIRST_ELEMENT, GAP, BEFORE, AFTER, FAIL } tampering;

typedef struct tampered {
  family_run *run;
  trial_slot slot;
  tampering how;
} tampered;

static int run_and_tamper(void *context, const clnorm_desc *desc, clnorm_pass pass,
                          const trial_buffer buffers[TRIAL_SLOTS], uint64_t batch_number)
{
  const tampered *t = context;
  const trial_buffer *b = &buffers[t->slot];
  const int status = family_run_pass(t->run, desc, pass, buffers, batch_number);
  switch (t->how) {
    case FIRST_ELEMENT:
      b->memory[b->start + b->element - 1] ^= 0x10;
      break;
    case GAP:
      b->memory[b->start + b->element] ^= 1;
      break;
    case BEFORE:
      b->memory[b->start - 1] ^= 1;
      break;
    case AFTER:
      b->memory[b->bytes - 1] ^= 1;
      break;
    case FAIL:
      return CLNORM_OUT_OF_MEMORY;
    case NOTHING:
      break;
  }
  return status;
}

static trial_result run_tampered(clnorm_pass pass, trial_slot slot, tampering how)
{
  const clnorm_desc desc = make_desc();
  tampered t = {family_run_open(), slot, how};
  trial_result result;
  trial *made = trial_create(&desc, &(trial_data){.std = 1.0, .seed = 1, .offset = 16});
  cr_assert(made != NULL);
  const int right = trial_check(made, pass, TRIAL_ALL, run_and_tamper, &t, &result);
  cr_assert(right == (result.problem[0] == '\0'));
  trial_destroy(made);
  family_run_close(t.run);
  return result;
}

static void assert_found(clnorm_pass pass, trial_slot slot, tampering how)
{
  const trial_result result = run_tampered(pass, slot, how);
  cr_assert(strstr(result.problem, trial_slot_name(slot)) != NULL, "%s, tampering %d: \"%s\"", trial_slot_name(slot),
            (int)how, result.problem);
}

Test(trial, what_is_right_has_no_problem)
{
  for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    const trial_result result = run_tampered((clnorm_pass)pass, TRIAL_X, NOTHING);
    cr_assert_str_empty(result.problem, "%s", result.problem);
    cr_assert(result.worst.units > 0.0 && result.worst.units <= 1.0);
  }
}

Test(trial, a_wrong_result_is_found)
{
  static const trial_slot forward[] = {TRIAL_Y,    TRIAL_RUNNING_MEAN, TRIAL_RUNNING_VAR,
                                       TRIAL_MEAN, TRIAL_INV_STD,      TRIAL_MASK};
  static const trial_slot backward[] = {TRIAL_DX, TRIAL_DRESIDUAL, TRIAL_DGAMMA, TRIAL_DBETA};
  for (size_t i = 0; i < sizeof forward / sizeof forward[0]; i++) {
    assert_found(CLNORM_TRAIN, forward[i], FIRST_ELEMENT);
  }
  for (size_t i = 0; i < sizeof backward / sizeof backward[0]; i++) {
    assert_found(CLNORM_BACKWARD, backward[i], FIRST_ELEMENT);
  }
}

Test(trial, a_changed_input_is_found)
{
  static const trial_slot inputs[] = {TRIAL_X, TRIAL_DY, TRIAL_GAMMA, TRIAL_MEAN, TRIAL_INV_STD, TRIAL_MASK};
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    assert_found(CLNORM_BACKWARD, inputs[i], FIRST_ELEMENT);
  }
  assert_found(CLNORM_TRAIN, TRIAL_RESIDUAL, FIRST_ELEMENT);
  assert_found(CLNORM_INFER, TRIAL_RUNNING_VAR, FIRST_ELEMENT);
}

Test(trial, a_write_beside_an_element_is_found)
{
  static const tampering beside[] = {GAP, BEFORE, AFTER};
  for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
    assert_found(CLNORM_TRAIN, TRIAL_Y, beside[i]);
    assert_found(CLNORM_BACKWARD, TRIAL_DX, beside[i]);
    assert_found(CLNORM_BACKWARD, TRIAL_DRESIDUAL, beside[i]);
  }
  assert_found(CLNORM_TRAIN, TRIAL_MEAN, BEFORE);
  assert_found(CLNORM_TRAIN, TRIAL_MASK, AFTER);
}

Test(trial, a_failing_status_is_found)
{
  const trial_result result = run_tampered(CLNORM_TRAIN, TRIAL_X, FAIL);
  cr_assert(result.status == CLNORM_OUT_OF_MEMORY && strstr(result.problem, "status 8") != NULL, "%s", result.problem);
}

/* Writes nothing at all. */
static int do_nothing(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer buffers[TRIAL_SLOTS],
                      uint64_t batch_number)
{
  (void)context, (void)desc, (void)pass, (void)buffers, (void)batch_number;
  return CLNORM_SUCCESS;
}

Test(trial, nothing_written_is_found_in_every_case_of_the_table)
{
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  for (size_t i = 0; i < count; i++) {
    if (cases[i].large) {
      continue;
    }
    trial *made = trial_create(&cases[i].desc, &cases[i].data);
    trial_result result;
    cr_assert(made != NULL);
    cr_assert(!trial_check(made, CLNORM_INFER, cases[i].with & ~(TRIAL_IN_PLACE | TRIAL_IN_PLACE_RESIDUAL), do_nothing,
                           NULL, &result));
    trial_destroy(made);
  }
  free(cases);
}

/* ---- The table ------------------------------------------------------------------------------------------------- */

enum { KINDS = 9, LEVELS = 11 };

/* What can be seen of a case from outside. */
static void levels_of(const family_case *c, int *level)
{
  const clnorm_desc *desc = &c->desc;
  const uint32_t sums = CLNORM_ACCUMULATE_DGAMMA | CLNORM_ACCUMULATE_DBETA;
  level[0] = (int)desc->op - 1 + (desc->flags & CLNORM_PER_ACTIVATION ? 5 : 0);
  level[1] = (int)desc->dtype - 1;
  level[2] = desc->flags & CLNORM_RELU_MASK ? 10 : (int)desc->activation;
  level[3] = desc->flags & CLNORM_RESIDUAL ? 1 : 0;
  level[4] = desc->length_axis != 0;
  level[5] = desc->strides[CLNORM_TENSOR_X][desc->rank - 1] != 0;
  level[6] = (desc->flags & CLNORM_ACCUMULATE_DX ? 1 : 0) + (desc->flags & sums ? 2 : 0);
  level[7] = c->with & TRIAL_IN_PLACE ? 1 : c->with & TRIAL_IN_PLACE_RESIDUAL ? 2 : 0;
  level[8] = desc->layout == CLNORM_CHANNELS_LAST;
}

/* Layer and RMS normalization know no layout; y = residual needs a residual. */
static int is_impossible(int a, int i, int b, int j)
{
  return (a == 0 && (i + 1 == CLNORM_LAYER || i + 1 == CLNORM_RMS) && b == 8 && j == 1) ||
         (a == 3 && i == 0 && b == 7 && j == 2);
}

Test(trial, the_table_has_all_pairs)
{
  static const int levels[KINDS] = {6, 4, LEVELS, 2, 2, 2, 4, 3, 2};
  static unsigned char met[KINDS][LEVELS][KINDS][LEVELS];
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  cr_assert(count > 100 && count < 600, "%zu cases", count);
  for (size_t i = 0; i < count; i++) {
    int level[KINDS];
    levels_of(&cases[i], level);
    for (int a = 0; a < KINDS; a++) {
      for (int b = 0; b < KINDS; b++) {
        met[a][level[a]][b][level[b]] = 1;
      }
    }
  }
  free(cases);
  for (int a = 0; a < KINDS; a++) {
    for (int b = a + 1; b < KINDS; b++) {
      for (int i = 0; i < levels[a] * levels[b]; i++) {
        cr_assert(met[a][i / levels[b]][b][i % levels[b]] || is_impossible(a, i / levels[b], b, i % levels[b]),
                  "no case has level %d of %d with level %d of %d", i / levels[b], a, i % levels[b], b);
      }
    }
  }
}

/* Whoever has little time still meets everything once. */
Test(trial, the_quick_part_has_every_operation_in_every_type_and_every_activation)
{
  unsigned char types[6][5] = {{0}};
  unsigned char activations[2][10] = {{0}}; /* of other types, of float */
  unsigned char masked = 0;
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  for (size_t i = 0; i < count; i++) {
    const clnorm_desc *desc = &cases[i].desc;
    if (cases[i].quick) {
      cr_assert(!cases[i].large);
      types[desc->op][desc->dtype] = 1;
      activations[desc->dtype == CLNORM_F32][desc->activation] = 1;
      masked |= (desc->flags & CLNORM_RELU_MASK) != 0;
    }
  }
  free(cases);
  cr_assert(masked);
  for (int op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    for (int type = CLNORM_F32; type <= CLNORM_F64; type++) {
      cr_assert(types[op][type], "operation %d never meets type %d", op, type);
    }
  }
  for (int activation = 0; activation < 10; activation++) {
    cr_assert(activations[1][activation], "activation %d is not met", activation);
  }
}

Test(trial, every_case_of_the_table_is_a_valid_descriptor)
{
  family_case *cases;
  const size_t count = family_cases_make(&cases);
  for (size_t i = 0; i < count; i++) {
    char text[200];
    clnorm_counts counts;
    family_shape shape;
    const clnorm_status status = clnorm_desc_counts(&cases[i].desc, &counts);
    cr_assert(status == CLNORM_SUCCESS, "%s: %s", trial_describe(&cases[i].desc, text, sizeof text),
              clnorm_last_error());
    int32_t lengths[64] = {0};
    cr_assert(cases[i].desc.dims[0] <= 64 || cases[i].desc.length_axis == 0);
    cr_assert(family_shape_create(&shape, &cases[i].desc, lengths) == 0);
    cr_assert(shape.elements == counts.elements && shape.statistics == counts.statistics &&
              shape.parameters == counts.parameters && shape.words == counts.mask_words);
    family_shape_destroy(&shape);
  }
  free(cases);
}

Test(trial, a_description_names_what_was_asked_for)
{
  char text[200];
  const clnorm_desc desc = make_desc();
  cr_assert_str_eq(trial_describe(&desc, text, sizeof text),
                   "instance 2x3x5 channels-first f32 relu residual mask strides");
}
