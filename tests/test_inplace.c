/* y = x and dx = dy: bit-equal to the run into memory of its own. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

static const size_t shapes[][4] = {{3, 5, 7, 7},    {2, 2, 120, 121}, {16, 40, 14, 14},
                                   {900, 30, 1, 1}, {2, 3, 1, 5},     {130, 2049, 1, 1}};

static void compare(backend *b, problem *p, clnorm_pass pass)
{
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  const size_t bytes = p->counts.elements * sizeof(float);
  const size_t statistics = p->counts.statistics * sizeof(float);
  float *place = malloc(bytes);
  float *apart = forward ? p->y : p->dx;
  cr_assert(place != NULL);
  memcpy(place, forward ? p->x : p->dy, bytes);
  backend_args args = {.x = p->x, .gamma = p->gamma};
  if (forward) {
    args.beta = p->beta, args.y = p->y;
  } else {
    args.dy = p->dy, args.dx = p->dx, args.dgamma = p->dgamma, args.dbeta = p->dbeta;
  }
  if (pass != CLNORM_BACKWARD) {
    args.running_mean = p->new_running_mean, args.running_var = p->new_running_var;
  }
  memcpy(p->new_running_mean, p->running_mean, statistics);
  memcpy(p->new_running_var, p->running_var, statistics);
  cr_assert(backend_run(b, &p->desc, pass, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  memcpy(p->new_running_mean, p->running_mean, statistics);
  memcpy(p->new_running_var, p->running_var, statistics);
  if (forward) {
    args.x = args.y = place;
  } else {
    args.dy = args.dx = place;
  }
  cr_assert(backend_run(b, &p->desc, pass, &args) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  cr_assert(memcmp(place, apart, bytes) == 0, "%s %s (%s): in place gives other bits", desc_text(&p->desc),
            pass_text(pass), backend_variant(b));
  free(place);
}

Test(inplace, every_pass_gives_the_same_bits_as_into_other_memory)
{
  backend *b = backend_open();
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      clnorm_desc desc;
      desc_set(&desc, (clnorm_layout)layout, 0, 4, shapes[s]);
      problem *p = problem_make(&desc, GENERATE_NORMAL, 3.0, 1.0, s + 1);
      for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
        compare(b, p, pass);
      }
      problem_free(p);
    }
  }
  backend_close(b);
}
