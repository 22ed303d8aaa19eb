/* Elements as they are stored, one at a time: any type to double and back, rounded to nearest even. A half type's value goes
 * through float, in which the other backend computes. */
#ifndef CLNORM_SRC_CPU_STORAGE_H
#define CLNORM_SRC_CPU_STORAGE_H

#include <stdint.h>
#include <string.h>

#include "clnorm/clnorm.h"

static inline float clnorm__float_of_bits(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t clnorm__bits_of_float(float value)
{
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float clnorm__float_of_f16(uint16_t half)
{
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = half & 0x7fffu;
  if (rest >= 0x7c00u) {
    return clnorm__float_of_bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  }
  /* As a float of the smaller exponent, made right by a multiplication that is exact: denormals come out by themselves. */
  const float scaled = clnorm__float_of_bits(rest << 13) * 0x1p112f;
  return clnorm__float_of_bits(sign | clnorm__bits_of_float(scaled));
}

static inline uint16_t clnorm__f16_of_float(float value)
{
  const uint32_t bits = clnorm__bits_of_float(value), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) {
    return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x3ffu));
  }
  if (rest >= 0x477ff000u) {
    return (uint16_t)(sign | 0x7c00u); /* from 65520 on: the nearest is infinity */
  }
  if (rest < 0x38800000u) {
    /* Below the normal numbers: the addition rounds to a multiple of 2^-24, which then is the fraction. */
    const float rounded = clnorm__float_of_bits(rest) + 0.5f;
    return (uint16_t)(sign | (clnorm__bits_of_float(rounded) - 0x3f000000u));
  }
  const uint32_t odd = rest >> 13 & 1u;
  return (uint16_t)(sign | (rest - 0x38000000u + 0xfffu + odd) >> 13);
}

static inline float clnorm__float_of_bf16(uint16_t half) { return clnorm__float_of_bits((uint32_t)half << 16); }

static inline uint16_t clnorm__bf16_of_float(float value)
{
  const uint32_t bits = clnorm__bits_of_float(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return (uint16_t)(bits >> 16 | 0x40u);
  }
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline double clnorm__load(clnorm_dtype dtype, const void *base, int64_t i)
{
  switch (dtype) {
    case CLNORM_F32:
      return ((const float *)base)[i];
    case CLNORM_F16:
      return clnorm__float_of_f16(((const uint16_t *)base)[i]);
    case CLNORM_BF16:
      return clnorm__float_of_bf16(((const uint16_t *)base)[i]);
    case CLNORM_F64:
      break;
  }
  return ((const double *)base)[i];
}

static inline void clnorm__store(clnorm_dtype dtype, void *base, int64_t i, double value)
{
  switch (dtype) {
    case CLNORM_F32:
      ((float *)base)[i] = (float)value;
      return;
    case CLNORM_F16:
      ((uint16_t *)base)[i] = clnorm__f16_of_float((float)value);
      return;
    case CLNORM_BF16:
      ((uint16_t *)base)[i] = clnorm__bf16_of_float((float)value);
      return;
    case CLNORM_F64:
      break;
  }
  ((double *)base)[i] = value;
}

#endif
