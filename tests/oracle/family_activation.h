/* The activations and their derivatives in long double, and how far a result in arithmetic of unit u may be off. */
#ifndef CLNORM_TESTS_FAMILY_ACTIVATION_H
#define CLNORM_TESTS_FAMILY_ACTIVATION_H

#include "clnorm/clnorm.h"

/* act(z), and act'(z); at a kink the derivative of its left side. a: desc.alpha. */
long double family_activate(clnorm_activation activation, double a, long double z);
long double family_derive(clnorm_activation activation, double a, long double z);

/* The bound of act(z) and of act'(z), computed with a z that is off by at most `error`.
 *   unit   2^-24 for arithmetic in float, 2^-53 in double */
double family_activation_bound(clnorm_activation activation, double a, long double z, double error, double unit);
double family_derivative_bound(clnorm_activation activation, double a, long double z, double error, double unit);

#endif
