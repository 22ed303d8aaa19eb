/* Handwritten digits of MNIST, as (N, 784) and as (N, 28, 28) channels-first: many pixels are 0 in every image, others in
 * all but one, as no generator makes them. Where the files are not there, generated digits of that kind take their place;
 * the test says which it used. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef CLNORM_TEST_ZLIB
#include <zlib.h>
#endif

#include "problem.h"

#define SIDE 28
#define PIXELS (SIDE * SIDE)
#define GENERATED 500
#define SLOW_DIGITS 300

typedef struct digits {
  float *pixels;
  size_t count;
} digits;

#ifdef CLNORM_TEST_ZLIB
static size_t big_endian(const unsigned char *bytes)
{
  return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | (size_t)bytes[3];
}

/* An IDX file: 0, 0, type 8 (bytes), rank 3, three sizes, the pixels. */
static digits read_digits(const char *folder)
{
  digits made = {NULL, 0};
  char path[1024];
  unsigned char header[16];
  (void)snprintf(path, sizeof path, "%s/train-images-idx3-ubyte.gz", folder);
  gzFile file = gzopen(path, "rb");
  if (file == NULL) {
    return made;
  }
  if (gzread(file, header, sizeof header) == (int)sizeof header && memcmp(header, "\0\0\10\3", 4) == 0 &&
      big_endian(header + 8) == SIDE && big_endian(header + 12) == SIDE) {
    const size_t count = big_endian(header + 4);
    unsigned char *bytes = malloc(count * PIXELS);
    cr_assert(bytes != NULL);
    cr_assert(gzread(file, bytes, (unsigned)(count * PIXELS)) == (int)(count * PIXELS), "%s is truncated", path);
    made = (digits){new_floats(count * PIXELS), count};
    for (size_t i = 0; i < count * PIXELS; i++) {
      made.pixels[i] = (float)bytes[i];
    }
    free(bytes);
    (void)fprintf(stderr, "real_digits: %zu digits from %s\n", count, path);
  }
  (void)gzclose(file);
  return made;
}
#endif

/* Strokes of whole numbers from 0 to 255 in the middle of an empty image. */
static digits make_digits(void)
{
  const digits made = {new_floats((size_t)GENERATED * PIXELS), GENERATED};
  generate_uniform(made.pixels, (size_t)GENERATED * PIXELS, 9, -400.0, 256.0);
  for (size_t i = 0; i < (size_t)GENERATED * PIXELS; i++) {
    const size_t row = i % PIXELS / SIDE;
    const size_t column = i % SIDE;
    const int border = row < 4 || row >= SIDE - 4 || column < 4 || column >= SIDE - 4;
    made.pixels[i] = border || made.pixels[i] < 0.0f ? 0.0f : (float)(int)made.pixels[i];
  }
  (void)fprintf(stderr, "real_digits: no MNIST files, so %d generated digits\n", GENERATED);
  return made;
}

static digits open_digits(const backend *b)
{
  digits made = {NULL, 0};
#ifdef CLNORM_TEST_ZLIB
  const char *folder = getenv("CLNORM_TEST_DATA");
  if (folder != NULL) {
    made = read_digits(folder);
  }
#endif
  if (made.count == 0) {
    made = make_digits();
  }
  if (!backend_is_fast(b) && made.count > SLOW_DIGITS) {
    made.count = SLOW_DIGITS;
  }
  return made;
}

static void normalize(uint32_t rank, const size_t *rest)
{
  backend *b = backend_open();
  const digits real = open_digits(b);
  clnorm_desc desc;
  const size_t dims[3] = {real.count, rest[0], rest[1]};
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, rank, dims);
  problem *p = problem_make(&desc, GENERATE_CONSTANT, 30.0, 70.0, 1);
  memcpy(p->x, real.pixels, p->counts.elements * sizeof(float));
  for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    problem_check(p, b, pass, WITH_ALL);
  }
  problem_check(p, b, CLNORM_BACKWARD, WITH_ALL & ~(WITH_MEAN | WITH_INV_STD));
  free(real.pixels);
  problem_free(p);
  backend_close(b);
}

Test(real_digits, each_pixel_is_a_channel) { normalize(2, (const size_t[]){PIXELS, 0}); }

Test(real_digits, each_row_of_the_image_is_a_channel) { normalize(3, (const size_t[]){SIDE, SIDE}); }

/* A pixel that is 0 in every image has variance 0: y is exactly beta there. */
Test(real_digits, pixels_that_are_always_empty_become_beta)
{
  backend *b = backend_open();
  const digits real = open_digits(b);
  clnorm_desc desc;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 2, (const size_t[]){real.count, PIXELS});
  problem *p = problem_make(&desc, GENERATE_CONSTANT, 30.0, 70.0, 1);
  memcpy(p->x, real.pixels, p->counts.elements * sizeof(float));
  problem_check(p, b, CLNORM_TRAIN, WITH_ALL);
  size_t empty = 0;
  for (size_t c = 0; c < PIXELS; c++) {
    size_t inked = 0;
    for (size_t n = 0; n < real.count; n++) {
      inked += real.pixels[n * PIXELS + c] != 0.0f;
    }
    for (size_t n = 0; inked == 0 && n < real.count; n++) {
      cr_assert(p->y[n * PIXELS + c] == p->beta[c]);
    }
    empty += inked == 0;
  }
  cr_assert(empty > 0);
  free(real.pixels);
  problem_free(p);
  backend_close(b);
}
