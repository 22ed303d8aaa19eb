/* Whole rows of a thread, one after the other: while y or dx of a statistic is written, the next one is read and summed. A core
 * that does one after the other waits for memory while it sums, and leaves it alone while it writes. */
#include <string.h>

#include "cpu_cache.h"
#include "cpu_call.h"
#include "step_flow.h"

static int is_forward(const clnorm__cpu_call *call) { return call->plan->pass == CLNORM_TRAIN; }

int clnorm__cpu_flows(const clnorm_plan *plan)
{
  /* Backward a step of training comes first, which only measures x. */
  const clnorm__step *step = &plan->steps[plan->num_steps - 1];
  const int is_whole = plan->pass == CLNORM_TRAIN      ? step->role == CLNORM__ROWS_TRAIN
                       : plan->pass == CLNORM_BACKWARD ? step->role == CLNORM__ROWS_BACKWARD
                                                       : 0;
  return is_whole && step->group == 1 && clnorm__cpu_exceeds_cache(plan) &&
         clnorm__flow_pays(plan, clnorm__cpu_second_cache());
}

static int flows(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t count)
{
  const int forward = is_forward(call);
  return step == &call->plan->steps[call->plan->num_steps - 1] && count > 1 && call->stream &&
         (forward || (call->dx != NULL && !call->is_fused)) && clnorm__cpu_flows(call->plan);
}

static size_t ahead_of(const clnorm__cpu_call *call)
{
  const clnorm__geometry *g = &call->plan->geometry;
  return clnorm__cpu_rows_ahead(call, (size_t)g->run, (size_t)g->segment_stride);
}

/* First element of a run of statistic c. */
static size_t place_of(const clnorm__geometry *g, uint64_t c, uint64_t segment)
{
  return (size_t)(c * g->statistic_stride + segment * g->segment_stride);
}

/* ---- training --------------------------------------------------------------------------------------------------- */

static void sum_moments(const clnorm__cpu_call *call, uint64_t c, float shift, double sums[2][CLNORM__SUM_LANES])
{
  const clnorm__geometry *g = &call->plan->geometry;
  for (uint64_t segment = 0; segment < g->segments; segment++) {
    const void *x = clnorm__cpu_in(call, call->x, place_of(g, c, segment));
    call->kernels->run_stats(x, (size_t)g->run, ahead_of(call), shift, sums);
  }
}

static void write_y(const clnorm__cpu_call *call, uint64_t c, const float k[CLNORM__FORWARD_COEFFICIENTS])
{
  const clnorm__geometry *g = &call->plan->geometry;
  for (uint64_t segment = g->segments; segment-- > 0;) {
    const clnorm__cpu_fused at = clnorm__cpu_fused_at(call, place_of(g, c, segment));
    if (call->is_fused) {
      call->kernels->runs_fused(&call->bend, &at, 1, (size_t)g->run, k, 1, 1);
    } else {
      call->kernels->runs_apply(at.x, at.out, 1, (size_t)g->run, k, 1, 1);
    }
  }
}

/* y of statistic c, and sums of the one after it. */
static void write_y_and_sum(const clnorm__cpu_call *call, uint64_t c, const float k[CLNORM__FORWARD_COEFFICIENTS],
                            float shift, double sums[2][CLNORM__SUM_LANES])
{
  const clnorm__geometry *g = &call->plan->geometry;
  const size_t n = (size_t)g->run, ahead = ahead_of(call);
  for (uint64_t segment = 0; segment < g->segments; segment++) {
    const clnorm__cpu_fused at = clnorm__cpu_fused_at(call, place_of(g, c, segment));
    const void *later = clnorm__cpu_in(call, call->x, place_of(g, c + 1, segment));
    if (call->is_fused) {
      call->kernels->run_fused_stats(&call->bend, &at, later, n, ahead, k, shift, sums);
    } else {
      call->kernels->run_apply_stats(at.x, at.out, later, n, ahead, k, shift, sums);
    }
  }
}

static clnorm__moments moments_of(const clnorm__geometry *g, float shift, double sums[2][CLNORM__SUM_LANES])
{
  clnorm__moments made = {(double)g->values, clnorm__cpu_total(sums[0]), clnorm__cpu_total(sums[1])};
  clnorm__moments_from(made.count, &shift, 1, &made.mean, &made.m2);
  return made;
}

static void train(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t begin, uint64_t end)
{
  const clnorm__geometry *g = &call->plan->geometry;
  double sums[2][CLNORM__SUM_LANES] = {{0.0}};
  float k[CLNORM__FORWARD_COEFFICIENTS];
  float shift = clnorm__cpu_shift_of(call, clnorm__cpu_in(call, call->x, place_of(g, begin, 0)), (size_t)g->run);
  sum_moments(call, begin, shift, sums);
  for (uint64_t c = begin; c + 1 < end; c++) {
    clnorm__cpu_finish_statistics(call, step, c, moments_of(g, shift, sums), k);
    shift = clnorm__cpu_shift_of(call, clnorm__cpu_in(call, call->x, place_of(g, c + 1, 0)), (size_t)g->run);
    memset(sums, 0, sizeof sums);
    write_y_and_sum(call, c, k, shift, sums);
  }
  clnorm__cpu_finish_statistics(call, step, end - 1, moments_of(g, shift, sums), k);
  write_y(call, end - 1, k);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

static void sum_gradients(const clnorm__cpu_call *call, uint64_t c, double sums[3][CLNORM__SUM_LANES])
{
  const clnorm__geometry *g = &call->plan->geometry;
  for (uint64_t segment = 0; segment < g->segments; segment++) {
    const size_t at = place_of(g, c, segment);
    call->kernels->run_sums(clnorm__cpu_in(call, call->x, at), clnorm__cpu_in(call, call->dy, at), (size_t)g->run,
                            ahead_of(call), call->read_mean[c], sums);
  }
}

static void write_dx(const clnorm__cpu_call *call, uint64_t c, const float k[CLNORM__BACKWARD_COEFFICIENTS])
{
  const clnorm__geometry *g = &call->plan->geometry;
  for (uint64_t segment = g->segments; segment-- > 0;) {
    const size_t at = place_of(g, c, segment);
    call->kernels->runs_dx(clnorm__cpu_in(call, call->x, at), clnorm__cpu_in(call, call->dy, at),
                           clnorm__cpu_out(call, call->dx, at), 1, (size_t)g->run, k, 1, 1);
  }
}

/* dx of statistic c, and sums of the one after it. */
static void write_dx_and_sum(const clnorm__cpu_call *call, uint64_t c, const float k[CLNORM__BACKWARD_COEFFICIENTS],
                             double sums[3][CLNORM__SUM_LANES])
{
  const clnorm__geometry *g = &call->plan->geometry;
  for (uint64_t segment = 0; segment < g->segments; segment++) {
    const size_t at = place_of(g, c, segment), later = place_of(g, c + 1, segment);
    call->kernels->run_dx_sums(clnorm__cpu_in(call, call->x, at), clnorm__cpu_in(call, call->dy, at),
                               clnorm__cpu_out(call, call->dx, at), clnorm__cpu_in(call, call->x, later),
                               clnorm__cpu_in(call, call->dy, later), (size_t)g->run, ahead_of(call), k,
                               call->read_mean[c + 1], sums);
  }
}

static clnorm__sums sums_of(double sums[3][CLNORM__SUM_LANES])
{
  return (clnorm__sums){clnorm__cpu_total(sums[0]), clnorm__cpu_total(sums[1]), clnorm__cpu_total(sums[2])};
}

static void go_backward(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t begin, uint64_t end)
{
  double sums[3][CLNORM__SUM_LANES] = {{0.0}};
  float k[CLNORM__BACKWARD_COEFFICIENTS];
  sum_gradients(call, begin, sums);
  for (uint64_t c = begin; c + 1 < end; c++) {
    clnorm__cpu_finish_gradients(call, step, c, sums_of(sums), k);
    memset(sums, 0, sizeof sums);
    write_dx_and_sum(call, c, k, sums);
  }
  clnorm__cpu_finish_gradients(call, step, end - 1, sums_of(sums), k);
  write_dx(call, end - 1, k);
}

int clnorm__cpu_rows_flow(const clnorm__cpu_call *call, const clnorm__step *step, uint64_t begin, uint64_t end)
{
  if (!flows(call, step, end - begin)) {
    return 0;
  }
  (is_forward(call) ? train : go_backward)(call, step, begin, end);
  call->kernels->drain();
  return 1;
}
