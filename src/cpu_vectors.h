/* Vectors of the instruction set that a file is compiled for. No header for others: what is in it differs from file to file. */
#ifndef CLNORM_SRC_CPU_VECTORS_H
#define CLNORM_SRC_CPU_VECTORS_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* D doubles and W floats fill one register. */
#if defined(__AVX512F__)
#define D 8
#elif defined(__AVX__)
#define D 4
#else
#define D 2
#endif
#define W (2 * D)

typedef double vd __attribute__((vector_size(8 * D)));
typedef float vf __attribute__((vector_size(4 * W)));
typedef int64_t vm __attribute__((vector_size(8 * D)));
typedef int32_t vi __attribute__((vector_size(4 * W)));

/* Half of a vector of floats: what becomes one of doubles. Taken out of a whole one it costs as much as the conversion. */
typedef float vn __attribute__((vector_size(4 * D)));

static inline vn load_n(const float *p)
{
  vn v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline vd wide_of(vn v)
{
#if defined(__AVX512F__)
  return (vd)_mm512_cvtps_pd((__m256)v);
#elif defined(__AVX__)
  return (vd)_mm256_cvtps_pd((__m128)v);
#else
  return __builtin_convertvector(v, vd);
#endif
}

/* D floats as doubles. GCC 12 takes a generic conversion apart, so the instruction is named where there is one. */
static inline vd load_wide(const float *p)
{
#if defined(__AVX512F__)
  return (vd)_mm512_cvtps_pd(_mm256_loadu_ps(p));
#elif defined(__AVX__)
  return (vd)_mm256_cvtps_pd(_mm_loadu_ps(p));
#else
  return __builtin_convertvector(load_n(p), vd);
#endif
}

static inline vd load_d(const double *p)
{
  vd v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store_d(double *p, vd v) { memcpy(p, &v, sizeof v); }

static inline vf load_f(const float *p)
{
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store_f(float *p, vf v) { memcpy(p, &v, sizeof v); }

/* D of W floats as doubles. */
static inline vd lower_half(vf v)
{
#if defined(__AVX512F__)
  return (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
#elif defined(__AVX__)
  return (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v));
#else
  float few[W];
  store_f(few, v);
  return load_wide(few);
#endif
}

static inline vd upper_half(vf v)
{
#if defined(__AVX512F__)
  return (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1));
#elif defined(__AVX__)
  return (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1));
#else
  float few[W];
  store_f(few, v);
  return load_wide(few + D);
#endif
}

/* Subtracting 0 keeps the sign of a zero, adding it would not. */
static inline vd all_d(double value) { return value - (vd){0}; }
static inline vf all_f(float value) { return value - (vf){0}; }

/* 0, 1, 2, ... */
static inline vf lane_index(void)
{
  static const float index[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return load_f(index);
}

/* Lanes of a where p < q, else (where one is no number, too) of b. */
static inline vf if_less(vf p, vf q, vf a, vf b)
{
#if defined(__AVX512F__)
  return (vf)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)p, (__m512)q, _CMP_LT_OQ), (__m512)b, (__m512)a);
#elif defined(__AVX__)
  return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, _mm256_cmp_ps((__m256)p, (__m256)q, _CMP_LT_OQ));
#else
  const vi mask = p < q;
  return (vf)((mask & (vi)a) | (~mask & (vi)b));
#endif
}

/* The same where p <= q. */
static inline vf if_at_most(vf p, vf q, vf a, vf b)
{
#if defined(__AVX512F__)
  return (vf)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)p, (__m512)q, _CMP_LE_OQ), (__m512)b, (__m512)a);
#elif defined(__AVX__)
  return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, _mm256_cmp_ps((__m256)p, (__m256)q, _CMP_LE_OQ));
#else
  const vi mask = p <= q;
  return (vf)((mask & (vi)a) | (~mask & (vi)b));
#endif
}

static inline vf absolute_f(vf v) { return (vf)((vi)v & 0x7fffffff); }

#endif
