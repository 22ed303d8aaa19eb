/* Plans beside a plan: what a search for the fastest one tries next. */
#include <stdio.h>

#include "clnorm/tuning.h"
#include "cpu_call.h"
#include "error.h"
#include "variants.h"

static int same_step(const clnorm__step *a, const clnorm__step *b)
{
  return a->role == b->role && a->when == b->when && a->from_running == b->from_running && a->stream == b->stream &&
         a->owns_saved == b->owns_saved && a->tasks == b->tasks && a->outer_tile == b->outer_tile &&
         a->outer_tiles == b->outer_tiles && a->inner_tile == b->inner_tile && a->inner_tiles == b->inner_tiles &&
         a->group == b->group && a->width == b->width && a->local == b->local && a->lanes == b->lanes &&
         a->held == b->held && a->folded == b->folded && a->rows == b->rows && a->columns == b->columns;
}

/* 1 if both do the same work in the same way; parameters that neither feels do not count. */
static int same_work(const clnorm_plan *a, const clnorm_plan *b)
{
  if (a->num_steps != b->num_steps || a->partials != b->partials) {
    return 0;
  }
  for (int i = 0; i < a->num_steps; i++) {
    if (!same_step(&a->steps[i], &b->steps[i])) {
      return 0;
    }
  }
  return a->engine != CLNORM__ENGINE_HOST ||
         (clnorm__cpu_exceeds_cache(a) == clnorm__cpu_exceeds_cache(b) &&
          clnorm__cpu_is_serial(a) == clnorm__cpu_is_serial(b) && clnorm__cpu_flows(a) == clnorm__cpu_flows(b));
}

typedef struct search {
  const clnorm_plan *plan;
  size_t left; /* neighbours to pass by */
  char *text;
  size_t capacity, length;
} search;

/* 1 if the choice is the neighbour that was asked for. */
static int visit(search *s, const clnorm__choice *choice)
{
  clnorm_plan other = *s->plan;
  if (!clnorm__variant_choose(&other, &s->plan->capabilities, choice) || same_work(s->plan, &other)) {
    return 0;
  }
  if (s->left-- > 0) {
    return 0;
  }
  s->length = clnorm__choice_write(other.variant, &other.parameters, other.engine, s->text, s->capacity);
  return 1;
}

static int visit_variants(search *s, const clnorm__choice *present)
{
  const char *name;
  for (size_t i = 0; (name = clnorm__variant_at(i, s->plan->geometry.pattern)) != NULL; i++) {
    clnorm__choice choice = *present;
    choice.variant = name;
    if (name != present->variant && !clnorm__variant_is_last(i) && visit(s, &choice)) {
      return 1;
    }
  }
  return 0;
}

static int visit_values(search *s, const clnorm__choice *present, const clnorm__tunable *parameter)
{
  static const int steps[] = {-1, 1, -2, 2};
  const size_t here = clnorm__tunable_index(parameter, clnorm__tunable_get(&present->parameters, parameter));
  for (int i = 0; i < 4; i++) {
    /* Below 0 wraps to beyond the last. */
    const size_t there = here + (size_t)steps[i];
    clnorm__choice choice = *present;
    if (there < parameter->count) {
      clnorm__tunable_set(&choice.parameters, parameter, parameter->values[there]);
      if (visit(s, &choice)) {
        return 1;
      }
    }
  }
  return 0;
}

size_t clnorm_plan_neighbour(const clnorm_plan *plan, size_t index, char *text, size_t capacity)
{
  search s = {.plan = plan, .left = index, .text = text, .capacity = capacity};
  const clnorm__tunable *parameter;
  if (capacity != 0) {
    text[0] = '\0';
  }
  if (plan == NULL || plan->geometry.elements == 0) {
    return 0;
  }
  const clnorm__choice present = {plan->variant, plan->parameters};
  int found = visit_variants(&s, &present);
  for (size_t i = 0; !found && (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    found = clnorm__tunable_is_used(parameter, plan->engine) && visit_values(&s, &present, parameter);
  }
  return s.length;
}
