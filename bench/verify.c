#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "norm_kind.h"
#include "verify_batch.h"
#include "verify_family.h"

static int is_plain(const clnorm_desc *desc)
{
  const norm_kind kind = norm_kind_of(desc);
  return norm_kind_same(&kind, &norm_plain);
}

int verifier_create(verifier *v, const workload *w, clnorm_pass pass)
{
  *v = (verifier){.pass = pass, .w = w};
  if (is_plain(&w->desc)) {
    v->batch = verify_batch_create(w, pass, &v->checked, &v->checkable);
  } else {
    v->family = verify_family_create(w, pass, &v->checked, &v->checkable);
  }
  return v->batch != NULL || v->family != NULL ? 0 : -1;
}

double verifier_bytes(const clnorm_desc *desc, const clnorm_counts *counts)
{
  return is_plain(desc) ? 0.0 : verify_family_bytes(desc, counts);
}

void verifier_destroy(verifier *v)
{
  verify_batch_destroy(v->batch);
  verify_family_destroy(v->family);
  *v = (verifier){0};
}

static int is_finite_half(const uint16_t *at, uint16_t infinity) { return (*at & infinity) != infinity; }

static int is_finite(clnorm_dtype dtype, const void *array, size_t i)
{
  switch (dtype) {
    case CLNORM_F16:
      return is_finite_half((const uint16_t *)array + i, 0x7c00);
    case CLNORM_BF16:
      return is_finite_half((const uint16_t *)array + i, 0x7f80);
    case CLNORM_F64:
      return isfinite(((const double *)array)[i]);
    case CLNORM_F32:
      break;
  }
  return isfinite(((const float *)array)[i]);
}

/* The inputs are finite, so every result has to be. */
static int find_unwritten(const workload *w, const char *name, const void *tensor, verdict *result)
{
  for (size_t i = 0; i < w->counts.elements; i++) {
    if (!is_finite(w->desc.dtype, tensor, i)) {
      result->max_err = INFINITY;
      (void)snprintf(result->reason, sizeof result->reason, "element %zu of %zu of %s is no finite number", i,
                     w->counts.elements, name);
      return 1;
    }
  }
  return 0;
}

void verifier_check(const verifier *v, verdict *result)
{
  const workload_arguments has = workload_arguments_of(&v->w->desc, v->pass);
  *result = (verdict){0};
  if (find_unwritten(v->w, has.forward ? "y" : "dx", v->w->out.tensor, result) ||
      (has.dresidual && find_unwritten(v->w, "dresidual", v->w->out.dresidual, result))) {
    return;
  }
  result->ok = 1;
  if (v->batch != NULL) {
    verify_batch_check(v->batch, result);
  } else {
    verify_family_check(v->family, result);
  }
}

int verifier_resembles(const verifier *v)
{
  return v->batch != NULL ? verify_batch_resembles(v->batch) : verify_family_resembles(v->family);
}
