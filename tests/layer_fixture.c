#include "layer_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void layer_fixture_open(layer_fixture *f, const clnorm_desc *desc)
{
  const char *selector = getenv("CLNORM_DEVICE");
  memset(f, 0, sizeof *f);
  f->desc = *desc;
  f->on_cpu = selector == NULL || strcmp(selector, "cpu") == 0;
  if (!f->on_cpu) {
#ifdef CLNORM_TEST_OPENCL
    layer_fixture_cl_open(f, selector);
#else
    cr_assert_fail("CLNORM_DEVICE=%s, but these tests were built without OpenCL", selector);
#endif
  }
  cr_assert(layer_fixture_make(f, desc, &f->layer) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}

void layer_fixture_close(layer_fixture *f)
{
  clnorm_layer_destroy(f->layer);
#ifdef CLNORM_TEST_OPENCL
  if (!f->on_cpu) {
    layer_fixture_cl_close(f);
  }
#endif
}

clnorm_status layer_fixture_make(const layer_fixture *f, const clnorm_desc *desc, clnorm_layer **layer)
{
#ifdef CLNORM_TEST_OPENCL
  if (!f->on_cpu) {
    return clnorm_cl_layer_create(f->cl, f->queue, desc, layer);
  }
#endif
  (void)f;
  return clnorm_layer_create(desc, layer);
}

static size_t elements_of(layer_fixture *f, size_t batch)
{
  clnorm_counts counts;
  f->desc.dims[0] = batch;
  cr_assert(clnorm_desc_counts(&f->desc, &counts) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  return counts.elements;
}

/* A copy with one more element, so that none is empty. */
static float *copy_of(const float *from, size_t elements)
{
  float *copy = malloc((elements + 1) * sizeof *copy);
  cr_assert(copy != NULL);
  for (size_t i = 0; i < elements; i++) {
    copy[i] = from == NULL ? NAN : from[i];
  }
  return copy;
}

clnorm_status layer_fixture_forward(layer_fixture *f, size_t batch, const float *x, float *y)
{
  const size_t elements = elements_of(f, batch);
#ifdef CLNORM_TEST_OPENCL
  if (!f->on_cpu) {
    return layer_fixture_cl_forward(f, batch, x, y, elements);
  }
#endif
  float *in = copy_of(x, elements);
  float *out = y == x ? in : copy_of(NULL, elements);
  const clnorm_status status =
      clnorm_layer_forward(f->layer, batch, (clnorm_input){in, elements}, (clnorm_output){out, elements});
  memcpy(y, out, elements * sizeof *y);
  if (out != in) {
    free(out);
  }
  free(in);
  return status;
}

clnorm_status layer_fixture_backward(layer_fixture *f, size_t batch, const float *x, const float *dy, float *dx)
{
  const size_t elements = elements_of(f, batch);
#ifdef CLNORM_TEST_OPENCL
  if (!f->on_cpu) {
    return layer_fixture_cl_backward(f, batch, x, dy, dx, elements);
  }
#endif
  float *in = copy_of(x, elements);
  float *gradient = copy_of(dy, elements);
  float *out = dx == NULL ? NULL : (dx == dy ? gradient : copy_of(NULL, elements));
  const clnorm_status status =
      clnorm_layer_backward(f->layer, batch, (clnorm_input){in, elements}, (clnorm_input){gradient, elements},
                            (clnorm_output){out, out == NULL ? 0 : elements});
  if (dx != NULL) {
    memcpy(dx, out, elements * sizeof *dx);
  }
  if (out != gradient) {
    free(out);
  }
  free(gradient);
  free(in);
  return status;
}

void layer_fixture_read(const layer_fixture *f, clnorm_layer_value value, float *to, size_t count)
{
  cr_assert(clnorm_layer_read(f->layer, value, to, count) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}

void layer_fixture_write(const layer_fixture *f, clnorm_layer_value value, const float *from, size_t count)
{
  cr_assert(clnorm_layer_write(f->layer, value, from, count) == CLNORM_SUCCESS, "%s", clnorm_last_error());
}
