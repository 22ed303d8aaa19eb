/* Elements as they are stored: D or W of them from memory and back, rounded to nearest even. A part of cpu_sweeps.h, which
 * includes it. SWEEPS_F16 and SWEEPS_BF16 choose the half types, without them elements are floats. What one element is:
 * cpu_storage.h. */

#if defined(SWEEPS_F16) || defined(SWEEPS_BF16)

typedef uint16_t element;

/* W halves, and as many words. */
typedef uint16_t vh __attribute__((vector_size(2 * W)));
typedef uint32_t vu __attribute__((vector_size(4 * W)));
typedef uint32_t vw __attribute__((vector_size(4 * D)));

static inline vh load_halves(const element *p)
{
  vh v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store_halves(element *p, vh v) { memcpy(p, &v, sizeof v); }

static inline void stream_halves(element *p, vh v)
{
#if defined(__AVX512F__)
  _mm256_stream_si256((__m256i *)p, (__m256i)v);
#elif defined(__AVX__)
  _mm_stream_si128((__m128i *)p, (__m128i)v);
#elif defined(__SSE2__) && defined(__x86_64__)
  long long bits;
  memcpy(&bits, &v, sizeof bits);
  _mm_stream_si64((long long *)(void *)p, bits);
#else
  store_halves(p, v);
#endif
}

/* Lanes of a where the mask is set, else of b. */
static inline vu choose(vi mask, vu a, vu b) { return ((vu)mask & a) | (~(vu)mask & b); }

#if defined(SWEEPS_F16)

static inline float float_of(element half) { return clnorm__float_of_f16(half); }
static inline element half_of(float value) { return clnorm__f16_of_float(value); }

#if defined(__F16C__)

static inline vf floats_of(vh halves)
{
#if defined(__AVX512F__)
  return (vf)_mm512_cvtph_ps((__m256i)halves);
#else
  return (vf)_mm256_cvtph_ps((__m128i)halves);
#endif
}

static inline vh halves_of(vf v)
{
#if defined(__AVX512F__)
  return (vh)_mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT);
#else
  return (vh)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT);
#endif
}

#else

/* The steps of cpu_storage.h, all of them for every lane. */
static inline vf floats_of(vh halves)
{
  const vu half = __builtin_convertvector(halves, vu), rest = half & 0x7fffu;
  const vf scaled = (vf)(rest << 13) * 0x1p112f;
  const vu special = (vu)((vi)rest > 0x7bff) & 0x7f800000u;
  return (vf)((vu)scaled | special | (half & 0x8000u) << 16);
}

static inline vh halves_of(vf v)
{
  const vu bits = (vu)v, sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
  const vu normal = (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1u)) >> 13;
  const vu denormal = (vu)((vf)rest + 0.5f) - 0x3f000000u;
  const vu nan = 0x7e00u | (rest >> 13 & 0x3ffu), infinite = (rest & 0u) | 0x7c00u;
  vu half = choose((vi)rest < 0x38800000, denormal, normal);
  half = choose((vi)rest >= 0x477ff000, infinite, half);
  half = choose((vi)rest > 0x7f800000, nan, half);
  return __builtin_convertvector(half | sign, vh);
}

#endif
#else

static inline float float_of(element half) { return clnorm__float_of_bf16(half); }
static inline element half_of(float value) { return clnorm__bf16_of_float(value); }

#if defined(__AVX512F__)
/* Half i becomes the upper half of word i, by one instruction instead of two: 0.75 of the time of a copy within the cache. */
static inline __m512i upper_halves(void)
{
  return _mm512_set_epi32(15 << 16, 14 << 16, 13 << 16, 12 << 16, 11 << 16, 10 << 16, 9 << 16, 8 << 16, 7 << 16,
                          6 << 16, 5 << 16, 4 << 16, 3 << 16, 2 << 16, 1 << 16, 0);
}

/* The other way. */
static inline __m512i from_upper_halves(void)
{
  return _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 31 << 16 | 29, 27 << 16 | 25, 23 << 16 | 21, 19 << 16 | 17,
                          15 << 16 | 13, 11 << 16 | 9, 7 << 16 | 5, 3 << 16 | 1);
}
#endif

static inline vf floats_of(vh halves)
{
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_permutexvar_epi16(0xaaaaaaaau, upper_halves(), _mm512_castsi256_si512((__m256i)halves));
#elif defined(__AVX2__)
  return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32((__m128i)halves), 16);
#else
  return (vf)(__builtin_convertvector(halves, vu) << 16);
#endif
}

static inline vh halves_of(vf v)
{
#if defined(__AVX512F__)
  /* Masks take two instructions less than words do, 0.85 of the time. A NaN, quiet as arithmetic leaves it, is cut off: rounding
   * might make a zero of it. */
  const __m512i bits = (__m512i)v;
  const __mmask16 is_number = _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_ORD_Q);
  const __mmask16 is_odd = _mm512_mask_test_epi32_mask(is_number, bits, _mm512_set1_epi32(0x10000));
  const __m512i even = _mm512_mask_add_epi32(bits, is_number, bits, _mm512_set1_epi32(0x7fff));
  const __m512i half = _mm512_mask_sub_epi32(even, is_odd, even, _mm512_set1_epi32(-1));
  return (vh)_mm512_castsi512_si256(_mm512_permutexvar_epi16(from_upper_halves(), half));
#else
  const vu bits = (vu)v, rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  const vu half = choose((vi)(v != v), bits | 0x400000u, rounded) >> 16;
#if defined(__AVX2__)
  const __m128i low = _mm256_castsi256_si128((__m256i)half), high = _mm256_extracti128_si256((__m256i)half, 1);
  return (vh)_mm_packus_epi32(low, high);
#else
  return __builtin_convertvector(half, vh);
#endif
#endif
}

#endif

static inline vf load_e(const element *p) { return floats_of(load_halves(p)); }

/* D halves as floats. */
static inline vn load_few(const element *p)
{
#if defined(__AVX__)
#if defined(__AVX512F__)
  const __m128i few = _mm_loadu_si128((const __m128i *)(const void *)p);
#else
  const __m128i few = _mm_loadl_epi64((const __m128i *)(const void *)p);
#endif
#if defined(SWEEPS_F16) && defined(__AVX512F__)
  return (vn)_mm256_cvtph_ps(few);
#elif defined(SWEEPS_F16)
  return (vn)_mm_cvtph_ps(few);
#elif defined(__AVX512F__)
  const __m256i upper = _mm512_castsi512_si256(upper_halves());
  return (vn)_mm256_maskz_permutexvar_epi16(0xaaaau, upper, _mm256_castsi128_si256(few));
#else
  return (vn)_mm_slli_epi32(_mm_cvtepu16_epi32(few), 16);
#endif
#else
  vh few = {0};
  float wide[W];
  memcpy(&few, p, D * sizeof *p);
  store_f(wide, floats_of(few));
  return load_n(wide);
#endif
}

static inline vd load_wide_e(const element *p) { return wide_of(load_few(p)); }
static inline float load_one(const element *p) { return float_of(*p); }

/* W elements for sums, in an order that is the type's own. bf16: words shifted and masked, where taking halves apart waits for one
 * of the two units: 0.85 of the time. */
static inline void load_both(const element *p, vd *a, vd *b)
{
#if defined(SWEEPS_BF16) && defined(__AVX2__)
  vw words;
  memcpy(&words, p, sizeof words);
  *a = wide_of((vn)(words << 16)), *b = wide_of((vn)(words & 0xffff0000u));
#else
  *a = load_wide_e(p), *b = load_wide_e(p + D);
#endif
}

/* W elements as doubles, of which the floats are at hand. */
static inline void widen(const element *p, vf v, vd *a, vd *b)
{
  (void)p;
  *a = lower_half(v), *b = upper_half(v);
}

#define MOMENTS_ABOUT_0 1
static inline vd about(vd x, vd shift)
{
  (void)shift;
  return x;
}

static inline void store_one(element *p, float value) { *p = half_of(value); }
static inline void store_e(element *p, vf v) { store_halves(p, halves_of(v)); }
static inline void stream_e(element *p, vf v) { stream_halves(p, halves_of(v)); }

#else

typedef float element;

static inline vf load_e(const element *p) { return load_f(p); }
static inline vn load_few(const element *p) { return load_n(p); }
static inline vd load_wide_e(const element *p) { return load_wide(p); }
static inline float load_one(const element *p) { return *p; }

static inline void load_both(const element *p, vd *a, vd *b) { *a = load_wide(p), *b = load_wide(p + D); }

/* Converted from memory they need not be taken out of the vector. */
static inline void widen(const element *p, vf v, vd *a, vd *b)
{
  (void)v;
  load_both(p, a, b);
}

#define MOMENTS_ABOUT_0 0
static inline vd about(vd x, vd shift) { return x - shift; }

static inline void store_one(element *p, float value) { *p = value; }
static inline void store_e(element *p, vf v) { store_f(p, v); }

static inline void stream_e(element *p, vf v)
{
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX__)
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__SSE2__)
  _mm_stream_ps(p, (__m128)v);
#else
  store_f(p, v);
#endif
}

#endif
