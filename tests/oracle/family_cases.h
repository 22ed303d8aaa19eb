/* The table of the family's cases: shapes, and with them every pair of what a descriptor and a call can ask for, chosen the same
 * way on every machine.
 *
 *   family_case *cases;
 *   const size_t count = family_cases_make(&cases);      0: no memory
 *   for (i ...) if (family_case_has_pass(&cases[i], pass)) { trial_create(&cases[i].desc, &cases[i].data) ... cases[i].with }
 *   free(cases); */
#ifndef CLNORM_TESTS_FAMILY_CASES_H
#define CLNORM_TESTS_FAMILY_CASES_H

#include "clnorm/clnorm.h"
#include "trial.h"

typedef struct family_case {
  clnorm_desc desc;
  trial_data data;
  unsigned with;
  int quick; /* in the part that meets each operation, storage type and activation with few different kernels to compile */
  int large; /* over a hundred thousand elements: devices that are fast enough */
} family_case;

/* Every shape of the table as it is (float, dense, all arguments), the pairs, each operation in each other storage type, large
 * tensors. Returns how many; release with free. */
size_t family_cases_make(family_case **cases);

/* 1 if the operation has the pass, and the shape values enough for it. */
int family_case_has_pass(const family_case *c, clnorm_pass pass);

#endif
