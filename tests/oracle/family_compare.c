/* What a stored number may be: anything that the type rounds a number within the bound of the arithmetic to. For the half types
 * that is half an ulp more on both sides; float and double results are rounded by the arithmetic itself, which the bound
 * counts. */
#include <math.h>

#include "family.h"
#include "storage.h"

static clnorm_dtype type_of(const family *f, family_quantity quantity)
{
  switch (quantity) {
    case FAMILY_Y:
    case FAMILY_DX:
    case FAMILY_DRESIDUAL:
      return f->desc.dtype;
    default:
      return storage_number(f->desc.dtype);
  }
}

static int is_half(clnorm_dtype dtype) { return dtype == CLNORM_F16 || dtype == CLNORM_BF16; }

double family_bound(const family *f, family_quantity quantity, uint64_t index)
{
  const clnorm_dtype type = type_of(f, quantity);
  const double arithmetic = f->bound[quantity][index];
  const double largest = fabs((double)f->result[quantity][index]) + arithmetic;
  return arithmetic + (is_half(type) ? 0.5 * storage_ulp(type, largest) : 0.0);
}

/* |got - expected| in bounds. */
static double units_of(const family *f, family_quantity quantity, uint64_t i, double got)
{
  const long double expected = f->result[quantity][i];
  const clnorm_dtype type = type_of(f, quantity);
  const double bound = f->bound[quantity][i];
  if (!isfinite(expected)) {
    return isfinite(got) ? INFINITY : 0.0;
  }
  const double low = storage_round(type, (double)(expected - bound));
  const double high = storage_round(type, (double)(expected + bound));
  if (isnan(got) || (isinf(low) && low != got && low == high)) {
    return INFINITY;
  }
  if (isinf(got)) {
    return got == low || got == high ? 0.0 : INFINITY;
  }
  const double error = (double)fabsl((long double)got - expected);
  if (quantity == FAMILY_MASK) {
    return error <= bound ? 0.0 : INFINITY;
  }
  return error == 0.0 ? 0.0 : error / family_bound(f, quantity, i);
}

family_error family_compare(const family *f, family_quantity quantity, const double *result)
{
  family_error worst = {.units = -1.0}; /* negative: nothing taken yet */
  double absolute = 0.0;
  for (uint64_t i = 0; i < family_quantity_count(&f->shape, quantity); i++) {
    const double expected = (double)f->result[quantity][i];
    const double units = units_of(f, quantity, i, result[i]);
    const double error = units == 0.0 ? 0.0 : fabs(result[i] - expected);
    absolute = fmax(absolute, isnan(error) ? INFINITY : error);
    if (units > worst.units) {
      worst = (family_error){units, 0.0, i, expected, result[i], family_bound(f, quantity, i)};
    }
  }
  worst.units = fmax(worst.units, 0.0);
  worst.absolute = absolute;
  return worst;
}
