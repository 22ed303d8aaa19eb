/* Every pass, layout, rank and presence of the optional arguments, against the reference. The bounds: tolerance.c. */
#include <criterion/criterion.h>

#include "problem.h"

/* (N, C, ...) of each rank. The last one is long enough that a plan splits its statistics over several tasks. */
static const struct {
  uint32_t rank;
  size_t dims[5];
} shapes[] = {
    {2, {6, 5}}, {3, {3, 4, 7}}, {4, {2, 3, 4, 5}}, {5, {2, 3, 2, 3, 4}}, {4, {2, 2, 128, 81}},
};

#define SLOW_STEP 5

static void for_each_shape(clnorm_pass pass, const unsigned *optional, size_t count, unsigned required_one_of)
{
  backend *b = backend_open();
  const int slow = !backend_is_fast(b);
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      for (uint32_t flags = 0; flags <= CLNORM_PER_ACTIVATION; flags++) {
        clnorm_desc desc;
        desc_set(&desc, (clnorm_layout)layout, flags, shapes[s].rank, shapes[s].dims);
        problem *p = problem_make(&desc, GENERATE_NORMAL, 0.5, 1.5, s + 1);
        for (unsigned subset = 0; subset < 1u << count; subset++) {
          /* On a slow device some for each shape, others for the next, and always all. */
          if (slow && (subset + s) % SLOW_STEP != 0 && subset + 1 != 1u << count) {
            continue;
          }
          unsigned with = 0;
          for (size_t i = 0; i < count; i++) {
            with |= subset >> i & 1u ? optional[i] : 0u;
          }
          if (required_one_of == 0 || (with & required_one_of) != 0) {
            problem_check(p, b, pass, with);
          }
        }
        problem_free(p);
      }
    }
  }
  backend_close(b);
}

#define FOR_EACH_SHAPE(pass, required_one_of, ...)                                         \
  do {                                                                                     \
    static const unsigned optional[] = {__VA_ARGS__};                                      \
    for_each_shape(pass, optional, sizeof optional / sizeof optional[0], required_one_of); \
  } while (0)

Test(batch, training_is_right_for_every_rank_layout_and_choice_of_arguments)
{
  FOR_EACH_SHAPE(CLNORM_TRAIN, 0, WITH_GAMMA, WITH_BETA, WITH_RUNNING_MEAN, WITH_RUNNING_VAR, WITH_MEAN, WITH_INV_STD);
}

Test(batch, inference_is_right_for_every_rank_layout_and_choice_of_arguments)
{
  FOR_EACH_SHAPE(CLNORM_INFER, 0, WITH_GAMMA, WITH_BETA);
}

Test(batch, backward_is_right_for_every_rank_layout_and_choice_of_arguments)
{
  FOR_EACH_SHAPE(CLNORM_BACKWARD, WITH_DX | WITH_DGAMMA | WITH_DBETA, WITH_GAMMA, WITH_MEAN, WITH_INV_STD, WITH_DX,
                 WITH_DGAMMA, WITH_DBETA);
}

Test(batch, frozen_backward_is_right_for_every_rank_layout_and_choice_of_arguments)
{
  FOR_EACH_SHAPE(CLNORM_BACKWARD_FROZEN, WITH_DX | WITH_DGAMMA | WITH_DBETA, WITH_GAMMA, WITH_DX, WITH_DGAMMA,
                 WITH_DBETA);
}

/* Vectors are read and written at addresses that fit no vector, and each tensor's differs from the others'. */
Test(batch, tensors_may_begin_at_any_element)
{
  backend *b = backend_open();
  static const size_t offsets[] = {0, 1, 2, 7, 13};
  static const size_t dims[2][4] = {{3, 5, 6, 7}, {2, 2, 128, 81}};
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    backend_set_offset(b, offsets[i]);
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      for (int s = 0; s < 2; s++) {
        clnorm_desc desc;
        desc_set(&desc, (clnorm_layout)layout, 0, 4, dims[s]);
        problem *p = problem_make(&desc, GENERATE_NORMAL, 0.5, 1.5, i + 1);
        for (int pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
          problem_check(p, b, (clnorm_pass)pass, WITH_ALL);
        }
        problem_free(p);
      }
    }
  }
  backend_close(b);
}
