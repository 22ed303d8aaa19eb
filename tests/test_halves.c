/* The half types to the bit. With gamma 0, y is beta, rounded once: so every float can be sent through a device's rounding. And
 * without an activation dresidual is dy: so every element is read and written. Bounds would forgive a wrong direction. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "family_run.h"
#include "storage.h"

static const clnorm_dtype halves[] = {CLNORM_F16, CLNORM_BF16};

typedef struct memory {
  unsigned char *bytes;
  trial_buffer buffer;
} memory;

static memory make_memory(size_t count, size_t element)
{
  memory m = {aligned_alloc(64, (count * element + 64) / 64 * 64), {NULL, 0, 0, 0, 0, 0}};
  cr_assert(m.bytes != NULL);
  memset(m.bytes, 0, count * element);
  m.buffer = (trial_buffer){m.bytes, count * element, 0, element, count, -1};
  return m;
}

static clnorm_desc make_desc(clnorm_dtype dtype, size_t channels)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.dtype = dtype;
  desc.rank = 2;
  desc.dims[0] = 1, desc.dims[1] = channels;
  return desc;
}

static void run(const clnorm_desc *desc, clnorm_pass pass, const trial_buffer *buffers)
{
  family_run *r = family_run_open();
  const int status = family_run_pass(r, desc, pass, buffers, 1);
  cr_assert(status == CLNORM_SUCCESS, "%s", clnorm_last_error());
  family_run_close(r);
}

/* Flushed denormals are zeros. */
static int is_same(clnorm_dtype dtype, double value, uint64_t got)
{
  if (isnan(value)) {
    return isnan(storage_decode(dtype, got));
  }
  const int flushed = fabs(value) < FLT_MIN && storage_decode(dtype, got) == 0.0;
  return got == storage_encode(dtype, value) || flushed;
}

static uint64_t bits_at(const memory *m, size_t i)
{
  uint16_t bits;
  memcpy(&bits, m->bytes + 2 * i, sizeof bits);
  return bits;
}

/* Of each half: itself, the middle to the next one, and the floats beside that. Rounds by itself beyond the largest. */
static float float_near(clnorm_dtype dtype, size_t i)
{
  const uint64_t half = i / 4 % 65536;
  const double here = storage_decode(dtype, half);
  if (!isfinite(here) || i % 4 == 0) {
    return (float)here;
  }
  const float middle = (float)(here + (signbit(here) ? -0.5 : 0.5) * storage_ulp(dtype, here));
  return i % 4 == 1 ? middle : nextafterf(middle, i % 4 == 2 ? -INFINITY : INFINITY);
}

static void check_rounding(clnorm_dtype dtype)
{
  const size_t step = getenv("CLNORM_TEST_SLOW") == NULL ? 1 : 7;
  const size_t count = 4 * 65536 / step;
  memory x = make_memory(count, 2);
  memory y = make_memory(count, 2);
  memory gamma = make_memory(count, 4);
  memory beta = make_memory(count, 4);
  memory mean = make_memory(count, 4);
  memory var = make_memory(count, 4);
  for (size_t i = 0; i < count; i++) {
    storage_store(CLNORM_F32, beta.bytes, (int64_t)i, float_near(dtype, i * step));
    storage_store(CLNORM_F32, var.bytes, (int64_t)i, 1.0);
  }
  const trial_buffer buffers[TRIAL_SLOTS] = {[TRIAL_X] = x.buffer,
                                             [TRIAL_Y] = y.buffer,
                                             [TRIAL_GAMMA] = gamma.buffer,
                                             [TRIAL_BETA] = beta.buffer,
                                             [TRIAL_RUNNING_MEAN] = mean.buffer,
                                             [TRIAL_RUNNING_VAR] = var.buffer,
                                             [TRIAL_DY] = {.shared = -1},
                                             [TRIAL_RESIDUAL] = {.shared = -1},
                                             [TRIAL_LENGTHS] = {.shared = -1},
                                             [TRIAL_DX] = {.shared = -1},
                                             [TRIAL_DGAMMA] = {.shared = -1},
                                             [TRIAL_DBETA] = {.shared = -1},
                                             [TRIAL_DRESIDUAL] = {.shared = -1},
                                             [TRIAL_MEAN] = {.shared = -1},
                                             [TRIAL_INV_STD] = {.shared = -1},
                                             [TRIAL_MASK] = {.shared = -1}};
  const clnorm_desc desc = make_desc(dtype, count);
  run(&desc, CLNORM_INFER, buffers);
  for (size_t i = 0; i < count; i++) {
    /* 0 * xh is +0: a beta of -0 becomes +0. */
    const double value = (double)float_near(dtype, i * step) + 0.0;
    cr_assert(is_same(dtype, value, bits_at(&y, i)), "%s: %a became 0x%llx, expected 0x%llx", storage_name(dtype),
              value, (unsigned long long)bits_at(&y, i), (unsigned long long)storage_encode(dtype, value));
  }
  memory *all[] = {&x, &y, &gamma, &beta, &mean, &var};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    free(all[i]->bytes);
  }
}

static void check_copies(clnorm_dtype dtype)
{
  const size_t count = 65536;
  memory x = make_memory(count, 2);
  memory dy = make_memory(count, 2);
  memory dresidual = make_memory(count, 2);
  memory dbeta = make_memory(count, 4);
  memory mean = make_memory(count, 4);
  memory var = make_memory(count, 4);
  for (size_t i = 0; i < count; i++) {
    const uint16_t bits = (uint16_t)i;
    memcpy(dy.bytes + 2 * i, &bits, sizeof bits);
    storage_store(CLNORM_F32, var.bytes, (int64_t)i, 1.0);
  }
  const trial_buffer buffers[TRIAL_SLOTS] = {[TRIAL_X] = x.buffer,
                                             [TRIAL_DY] = dy.buffer,
                                             [TRIAL_DRESIDUAL] = dresidual.buffer,
                                             [TRIAL_DBETA] = dbeta.buffer,
                                             [TRIAL_RUNNING_MEAN] = mean.buffer,
                                             [TRIAL_RUNNING_VAR] = var.buffer,
                                             [TRIAL_Y] = {.shared = -1},
                                             [TRIAL_RESIDUAL] = {.shared = -1},
                                             [TRIAL_LENGTHS] = {.shared = -1},
                                             [TRIAL_DX] = {.shared = -1},
                                             [TRIAL_DGAMMA] = {.shared = -1},
                                             [TRIAL_GAMMA] = {.shared = -1},
                                             [TRIAL_BETA] = {.shared = -1},
                                             [TRIAL_MEAN] = {.shared = -1},
                                             [TRIAL_INV_STD] = {.shared = -1},
                                             [TRIAL_MASK] = {.shared = -1}};
  clnorm_desc desc = make_desc(dtype, count);
  desc.flags = CLNORM_RESIDUAL;
  run(&desc, CLNORM_BACKWARD_FROZEN, buffers);
  for (size_t i = 0; i < count; i++) {
    const double value = storage_decode(dtype, i);
    const double sum = storage_load(CLNORM_F32, dbeta.bytes, (int64_t)i);
    cr_assert(is_same(dtype, value, bits_at(&dresidual, i)), "%s: 0x%zx became 0x%llx", storage_name(dtype), i,
              (unsigned long long)bits_at(&dresidual, i));
    cr_assert(isnan(value) ? isnan(sum) : sum == value || (fabs(value) < FLT_MIN && sum == 0.0),
              "%s: 0x%zx was read as %a", storage_name(dtype), i, sum);
  }
  memory *all[] = {&x, &dy, &dresidual, &dbeta, &mean, &var};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    free(all[i]->bytes);
  }
}

Test(halves, every_result_is_rounded_to_nearest_even)
{
  for (int t = 0; t < 2; t++) {
    check_rounding(halves[t]);
  }
}

Test(halves, every_element_is_read_and_written_as_it_is)
{
  for (int t = 0; t < 2; t++) {
    check_copies(halves[t]);
  }
}
