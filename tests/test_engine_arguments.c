/* What tools/engine.c takes to a device and back beyond what `clnorm run` asks of it: strides with what lies between the
 * elements, masks, types of two bytes, memory as it is. Values by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine_device.h"
#include "guarded.h"
#include "message.h"

/* 1/sqrt(var + epsilon) for a variance of 1 and of 4 with an epsilon of 1e-5. */
#define INV_1 0.999995
#define INV_4 0.49999937

#define NEAR(value, expected)                                                                                 \
  cr_assert(fabs((double)(value) - (expected)) <= 2e-6, "%s is %.9g, expected %.9g", #value, (double)(value), \
            (double)(expected))

static clnorm_desc make_desc(clnorm_op op, size_t n, size_t c)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, op, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 2;
  desc.dims[0] = n;
  desc.dims[1] = c;
  return desc;
}

static void run(const clnorm_desc *desc, clnorm_pass pass, const clnorm_args *args)
{
  device_choice choice;
  engine *e = NULL;
  cr_assert(device_choose(NULL, &choice) == EXIT_OK && engine_open(&choice, &e) == EXIT_OK);
  const clnorm_status status = engine_run(e, desc, pass, args, NULL);
  cr_assert(status == CLNORM_SUCCESS, "%s: %s", choice.name, engine_error(e));
  engine_close(e);
}

Test(engine_arguments, strided_tensors_are_read_and_written_where_they_lie)
{
  clnorm_desc desc = make_desc(CLNORM_BATCH, 2, 1);
  const float x[4] = {1, 99, 99, 3};
  float y[3] = {77, 77, 77};
  clnorm_args args = {.size = sizeof args, .x = {x, 0}, .y = {&y[2], 0}};
  desc.strides[CLNORM_TENSOR_X][0] = 3;
  desc.strides[CLNORM_TENSOR_X][1] = 1;
  desc.strides[CLNORM_TENSOR_Y][0] = -2;
  desc.strides[CLNORM_TENSOR_Y][1] = 1;
  run(&desc, CLNORM_TRAIN, &args);
  NEAR(y[2], -INV_1);
  NEAR(y[0], INV_1);
  cr_assert(y[1] == 77);
}

Test(engine_arguments, mask_comes_back_and_is_read)
{
  clnorm_desc desc = make_desc(CLNORM_LAYER, 1, 4);
  const float x[4] = {1, 1, 5, 5};
  const float residual[4] = {0, 2, 0, -2};
  float y[4] = {77, 77, 77, 77};
  uint32_t mask = 0;
  clnorm_args args = {.size = sizeof args, .x = {x, 4}, .y = {y, 4}, .residual = {residual, 4}, .mask = {&mask, 1}};
  desc.activation = CLNORM_ACTIVATION_RELU;
  desc.flags = CLNORM_RESIDUAL | CLNORM_RELU_MASK;
  run(&desc, CLNORM_TRAIN, &args);
  /* z is -1, 1, 1, -1, but for epsilon. */
  cr_assert(y[0] == 0 && y[3] == 0);
  NEAR(y[1], 2 - 2 * INV_4);
  NEAR(y[2], 2 * INV_4);
  cr_assert(mask == 6, "the mask is 0x%x", (unsigned)mask);

  const float dy[4] = {1, 2, 3, 4};
  float dresidual[4] = {77, 77, 77, 77};
  float dgamma[4] = {77, 77, 77, 77};
  clnorm_args back = {.size = sizeof back,
                      .x = {x, 4},
                      .dy = {dy, 4},
                      .mask = {&mask, 1},
                      .dresidual = {dresidual, 4},
                      .dgamma = {dgamma, 4}};
  run(&desc, CLNORM_BACKWARD, &back);
  cr_assert(dresidual[0] == 0 && dresidual[1] == 2 && dresidual[2] == 3 && dresidual[3] == 0);
  cr_assert(dgamma[0] == 0 && dgamma[3] == 0);
  NEAR(dgamma[1], 2 * -2 * INV_4);
  NEAR(dgamma[2], 3 * 2 * INV_4);
  cr_assert(mask == 6);
}

/* Arrays that end where nobody may read: as many bytes as the type says, and none more. */
Test(engine_arguments, elements_of_two_bytes_lie_side_by_side)
{
  const uint16_t values[4] = {0x3c00, 0x4200, 0x4200, 0x3c00}; /* 1 3 3 1 */
  const float gamma[2] = {2, 4};
  clnorm_desc desc = make_desc(CLNORM_GROUP, 2, 2);
  guarded x = guarded_make(sizeof values, GUARDED_END);
  guarded y = guarded_make(sizeof values, GUARDED_END);
  guarded mean = guarded_make(2 * sizeof(float), GUARDED_END);
  clnorm_args args = {
      .size = sizeof args, .x = {x.data, 4}, .y = {y.data, 4}, .gamma = {gamma, 2}, .mean = {mean.data, 2}};
  const uint16_t *got = y.data;
  memcpy(x.data, values, sizeof values);
  desc.dtype = CLNORM_F16;
  desc.groups = 1;
  run(&desc, CLNORM_TRAIN, &args);
  /* -2 4, 2 -4 less what epsilon takes, which f16 rounds away; 0xc000 is -2, 0x4400 is 4. */
  cr_assert(got[0] == 0xc000 && got[1] == 0x4400, "0x%x 0x%x", got[0], got[1]);
  cr_assert(got[2] == 0x4000 && got[3] == 0xc400, "0x%x 0x%x", got[2], got[3]);
  cr_assert(((const float *)mean.data)[0] == 2 && ((const float *)mean.data)[1] == 2);
  guarded_free(&x);
  guarded_free(&y);
  guarded_free(&mean);
}

static clnorm_status run_within(const clnorm_desc *desc, const clnorm_args *args, const engine_span *spans,
                                size_t count, engine_report *report)
{
  device_choice choice;
  engine *e = NULL;
  cr_assert(device_choose(NULL, &choice) == EXIT_OK && engine_open(&choice, &e) == EXIT_OK);
  const clnorm_status status = engine_run_within(e, desc, CLNORM_TRAIN, args, spans, count, report);
  engine_close(e);
  return status;
}

Test(engine_arguments, arguments_of_one_span_stay_what_they_are_to_each_other)
{
  const clnorm_desc desc = make_desc(CLNORM_LAYER, 1, 2);
  float memory[10] = {77, 1, 3, 77, 77, 77, 2, 4, 77, 77}; /* x at 1, y at 4, gamma at 6, mean at 8 */
  const engine_span span = {memory, sizeof memory};
  clnorm_args args = {.size = sizeof args,
                      .x = {&memory[1], 2},
                      .y = {&memory[4], 2},
                      .gamma = {&memory[6], 2},
                      .mean = {&memory[8], 1}};
  engine_report report;
  cr_assert(run_within(&desc, &args, &span, 1, &report) == CLNORM_SUCCESS);
  NEAR(memory[4], -2 * INV_1);
  NEAR(memory[5], 4 * INV_1);
  cr_assert(memory[8] == 2 && !report.overrun);
  cr_assert(memory[0] == 77 && memory[1] == 1 && memory[2] == 3 && memory[3] == 77 && memory[9] == 77);
  /* Buffers of their own would not overlap. */
  args.y.data = &memory[2];
  cr_assert(run_within(&desc, &args, &span, 1, &report) == CLNORM_OVERLAP);
  cr_assert(memory[2] == 3);
}

Test(engine_arguments, strides_count_from_the_element_in_a_span)
{
  clnorm_desc desc = make_desc(CLNORM_BATCH, 2, 1);
  float memory[8] = {77, 1, 99, 3, 77, 77, 77, 77}; /* x at 3 and, backwards, at 1; y at 5 and 7 */
  const engine_span spans[2] = {{memory, 4 * sizeof *memory}, {&memory[4], 4 * sizeof *memory}};
  const clnorm_args args = {.size = sizeof args, .x = {&memory[3], 0}, .y = {&memory[5], 0}};
  engine_report report;
  desc.strides[CLNORM_TENSOR_X][0] = -2;
  desc.strides[CLNORM_TENSOR_X][1] = 1;
  desc.strides[CLNORM_TENSOR_Y][0] = 2;
  desc.strides[CLNORM_TENSOR_Y][1] = 1;
  cr_assert(run_within(&desc, &args, spans, 2, &report) == CLNORM_SUCCESS);
  NEAR(memory[5], INV_1);
  NEAR(memory[7], -INV_1);
  cr_assert(memory[4] == 77 && memory[6] == 77 && memory[0] == 77 && memory[2] == 99);
}

Test(engine_arguments, whatever_changes_around_the_workspace_is_seen)
{
  char error[ENGINE_ERROR_BYTES];
  const size_t bytes = 20;
  static const struct {
    size_t byte;
    int intact;
  } writes[] = {{0, 0}, {ENGINE_GUARD - 1, 0}, {ENGINE_GUARD, 1}, {ENGINE_GUARD + 19, 1}, {ENGINE_GUARD + 20, 0}};
  for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
    unsigned char *guarded = engine_guarded(bytes, error);
    float first;
    cr_assert(guarded != NULL && (uintptr_t)guarded % 64 == 0 && engine_is_intact(guarded, bytes));
    memcpy(&first, guarded + ENGINE_GUARD, sizeof first);
    cr_assert(isnan(first));
    guarded[writes[i].byte] ^= 1;
    cr_assert(engine_is_intact(guarded, bytes) == writes[i].intact, "byte %zu", writes[i].byte);
    free(guarded);
  }
}
