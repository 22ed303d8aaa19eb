#include "error.h"
#include "plan_cl.h"
#include "signatures.h"

static void add_step(const clnorm__step *step, clnorm_cl_cost *cost)
{
  cost->launches++;
  for (const clnorm__parameter *p = clnorm__signature(step->role); p->kind != CLNORM__PARAMETER_END; p++) {
    const int operand = p->kind == CLNORM__PARAMETER_OPERAND;
    cost->buffers += operand ? 1 : 0;
    cost->numbers++; /* an operand has its offset */
  }
}

clnorm_status clnorm_cl_plan_cost(const clnorm_cl_plan *plan, clnorm_cl_cost *cost)
{
  clnorm__span spans[CLNORM__ARG_COUNT] = {{0}};
  clnorm__error_begin();
  if (plan == NULL || cost == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a pointer, got NULL", plan == NULL ? "plan" : "cost");
  }
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    spans[i].present = 1;
  }
  *cost = (clnorm_cl_cost){0, 0, 0};
  for (int i = 0; i < plan->data.num_steps; i++) {
    if (clnorm__step_needed(&plan->data, &plan->data.steps[i], spans)) {
      add_step(&plan->data.steps[i], cost);
    }
  }
  return CLNORM_SUCCESS;
}
