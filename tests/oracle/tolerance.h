/* How near a result in float has to be to the reference, and how near it is. One unit is the bound itself. */
#ifndef CLNORM_TESTS_TOLERANCE_H
#define CLNORM_TESTS_TOLERANCE_H

#include "reference.h"

/* The results that can be compared. y: train, infer. mean, inv_std and the running statistics: train.
 * dx, dgamma, dbeta: both backward passes. */
typedef enum oracle_quantity {
  ORACLE_Y = 0,
  ORACLE_MEAN,
  ORACLE_INV_STD,
  ORACLE_RUNNING_MEAN,
  ORACLE_RUNNING_VAR,
  ORACLE_DX,
  ORACLE_DGAMMA,
  ORACLE_DBETA,
  ORACLE_QUANTITIES
} oracle_quantity;

/* "y", "mean", "inv_std" ... */
const char *oracle_quantity_name(oracle_quantity quantity);

/* How many elements a result has. */
uint64_t oracle_quantity_count(const oracle *o, oracle_quantity quantity);

/* The worst element of a result. */
typedef struct oracle_error {
  double units;     /* |error| / bound of the worst element: passes if <= 1; infinite for NaN where a number is due */
  double absolute;  /* the largest |error| of all elements, wherever that is */
  uint64_t index;   /* of the worst element in units */
  double expected;  /* there */
  double got;       /* there */
  double tolerance; /* its bound there */
} oracle_error;

/* Compares a whole result with the reference. Where the reference is no finite number the result must be none. */
oracle_error oracle_compare(const oracle *o, oracle_quantity quantity, const float *result);

/* The bound of one element, absolute. */
double oracle_bound(const oracle *o, oracle_quantity quantity, uint64_t index);

/* The distance from |value| to the next float: 2^-23 of its binade; of a denormal 2^-149. */
double oracle_ulp(double value);

#endif
