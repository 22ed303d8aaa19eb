/* Activations and their derivatives, of what curves.h calls nums. */

/* `activation` is a clnorm_activation. Where it is a constant, what is not taken falls away. */
static inline nums activate(uint activation, nums z, num alpha)
{
  nums beside;
  switch (activation) {
    case 1:
      return CHOOSE(z <= ZERO, NUMS(0.0f), z); /* a NaN stays one */
    case 2:
      return CHOOSE(z <= ZERO, alpha * z, z);
    case 3:
      return CHOOSE(z <= ZERO, NUMS(0.0f), CHOOSE(z > alpha, NUMS(alpha), z));
    case 4:
      return CHOOSE(z <= ZERO, alpha * expm1_below_0(z), z);
    case 5:
      return sigmoids(z, &beside);
    case 6:
      return tanh_of(z);
    case 7:
      return silu(z);
    case 8:
      return gelu(z);
    case 9:
      return gelu_tanh(z);
    default:
      return z;
  }
}

static inline nums activation_slope(uint activation, nums z, num alpha)
{
  nums s, opposite;
  switch (activation) {
    case 1:
      return CHOOSE(z <= ZERO, NUMS(0.0f), NUMS(1.0f));
    case 2:
      return CHOOSE(z <= ZERO, NUMS(alpha), NUMS(1.0f));
    case 3:
      return CHOOSE(z <= ZERO, NUMS(0.0f), CHOOSE(z > alpha, NUMS(0.0f), NUMS(1.0f)));
    case 4:
      return CHOOSE(z <= ZERO, alpha * exp_below_0(z), NUMS(1.0f));
    case 5:
      s = sigmoids(z, &opposite);
      return s * opposite;
    case 6:
      return tanh_slope(z);
    case 7:
      return silu_slope(z);
    case 8:
      return gelu_slope(z);
    case 9:
      return gelu_tanh_slope(z);
    default:
      return NUMS(1.0f);
  }
}
