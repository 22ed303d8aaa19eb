/* Activations and their derivatives in double. Formulas: clnorm_activation in clnorm.h; GELU: Hendrycks and Gimpel 2016; ELU:
 * Clevert, Unterthiner and Hochreiter 2015. */
#ifndef CLNORM_SRC_CPU_ACTIVATION_H
#define CLNORM_SRC_CPU_ACTIVATION_H

#include <math.h>

#include "clnorm/clnorm.h"

#define CLNORM__SQRT_HALF 0.70710678118654752440
#define CLNORM__SQRT_2_BY_PI 0.79788456080286535588
#define CLNORM__INV_SQRT_2_PI 0.39894228040143267794
#define CLNORM__GELU_CUBIC 0.044715

/* Neither side overflows. */
static inline double clnorm__sigmoid(double z)
{
  const double e = exp(-fabs(z));
  return z >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

/* (1 + tanh(u)) / 2 = sigmoid(2u) loses nothing where tanh is near -1. */
static inline double clnorm__gelu_tanh_gate(double z)
{
  return clnorm__sigmoid(2.0 * CLNORM__SQRT_2_BY_PI * (z + CLNORM__GELU_CUBIC * z * z * z));
}

static inline double clnorm__activate(clnorm_activation activation, double z, double alpha)
{
  switch (activation) {
    case CLNORM_ACTIVATION_NONE:
      break;
    case CLNORM_ACTIVATION_RELU:
      return z <= 0.0 ? 0.0 : z; /* a NaN stays one */
    case CLNORM_ACTIVATION_LEAKY_RELU:
      return z <= 0.0 ? alpha * z : z;
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      return z <= 0.0 ? 0.0 : (z > alpha ? alpha : z);
    case CLNORM_ACTIVATION_ELU:
      return z <= 0.0 ? alpha * expm1(z) : z;
    case CLNORM_ACTIVATION_SIGMOID:
      return clnorm__sigmoid(z);
    case CLNORM_ACTIVATION_TANH:
      return tanh(z);
    case CLNORM_ACTIVATION_SILU:
      return z == -INFINITY ? -0.0 : z * clnorm__sigmoid(z);
    case CLNORM_ACTIVATION_GELU:
      return z == -INFINITY ? -0.0 : z * 0.5 * erfc(-z * CLNORM__SQRT_HALF);
    case CLNORM_ACTIVATION_GELU_TANH:
      return z == -INFINITY ? -0.0 : z * clnorm__gelu_tanh_gate(z);
  }
  return z;
}

static inline double clnorm__activation_slope(clnorm_activation activation, double z, double alpha)
{
  switch (activation) {
    case CLNORM_ACTIVATION_NONE:
      break;
    case CLNORM_ACTIVATION_RELU:
      return z <= 0.0 ? 0.0 : 1.0;
    case CLNORM_ACTIVATION_LEAKY_RELU:
      return z <= 0.0 ? alpha : 1.0;
    case CLNORM_ACTIVATION_CLIPPED_RELU:
      return z <= 0.0 || z > alpha ? 0.0 : 1.0;
    case CLNORM_ACTIVATION_ELU:
      return z <= 0.0 ? alpha * exp(z) : 1.0;
    case CLNORM_ACTIVATION_SIGMOID: {
      const double s = clnorm__sigmoid(z);
      return s * clnorm__sigmoid(-z);
    }
    case CLNORM_ACTIVATION_TANH: {
      /* 1 - tanh^2 without the difference. */
      const double s = clnorm__sigmoid(2.0 * z);
      return 4.0 * s * clnorm__sigmoid(-2.0 * z);
    }
    case CLNORM_ACTIVATION_SILU: {
      const double s = clnorm__sigmoid(z), rest = clnorm__sigmoid(-z);
      return isinf(z) ? s : s * (1.0 + z * rest);
    }
    case CLNORM_ACTIVATION_GELU: {
      const double density = CLNORM__INV_SQRT_2_PI * exp(-0.5 * z * z);
      return 0.5 * erfc(-z * CLNORM__SQRT_HALF) + (isinf(z) ? 0.0 : z * density);
    }
    case CLNORM_ACTIVATION_GELU_TANH: {
      const double gate = clnorm__gelu_tanh_gate(z);
      const double rest = clnorm__gelu_tanh_gate(-z); /* 1 - gate */
      const double inner = CLNORM__SQRT_2_BY_PI * (1.0 + 3.0 * CLNORM__GELU_CUBIC * z * z);
      return isinf(z) ? gate : gate + 2.0 * z * gate * rest * inner;
    }
  }
  return 1.0;
}

#endif
