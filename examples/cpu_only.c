/* Batch normalization in training, forward and backward, on the CPU backend: no OpenCL involved.
 *
 * A mini-batch of four samples with two features, small enough to be followed by hand. */
#include <clnorm/clnorm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 4, C = 2 };

/* Makes the plan of one pass, executes it once and releases it. A real program keeps its plans. */
static clnorm_status run(const clnorm_desc *desc, clnorm_pass pass, clnorm_args args)
{
  clnorm_plan *plan = NULL;
  clnorm_status status = clnorm_plan_create(desc, pass, &plan);
  if (status == CLNORM_SUCCESS) {
    args.size = sizeof args;
    /* Sizes for aligned_alloc are multiples of the alignment. */
    args.workspace.data = aligned_alloc(64, (clnorm_plan_workspace_size(plan) + 64) / 64 * 64);
    status = args.workspace.data ? clnorm_execute(plan, &args) : CLNORM_OUT_OF_MEMORY;
    free(args.workspace.data);
  }
  clnorm_plan_destroy(plan);
  if (status != CLNORM_SUCCESS) {
    fprintf(stderr, "%s: %s\n", clnorm_status_name(status), clnorm_last_error());
  }
  return status;
}

static void print(const char *name, const float *values, int rows)
{
  printf("%-12s", name);
  for (int i = 0; i < rows * C; i++) {
    printf("%s%9.5f", i != 0 && i % C == 0 ? "  |" : "", values[i]);
  }
  printf("\n");
}

int main(void)
{
  clnorm_desc desc;
  clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  desc.rank = 2;
  desc.dims[0] = N;
  desc.dims[1] = C;

  const float x[N * C] = {1, 10, 2, 10, 3, 30, 4, 30};
  const float dy[N * C] = {1, 0, 0, 0, 0, 0, 0, 1};
  const float gamma[C] = {2, 1}, beta[C] = {0, 5};
  float y[N * C], dx[N * C], dgamma[C], dbeta[C], mean[C], inv_std[C];
  float running_mean[C] = {0, 0}, running_var[C] = {1, 1};

  /* Behind each pointer its count of elements, which the library checks. All that is left out is absent. */
  const clnorm_args forward = {.x = {x, N * C},
                               .gamma = {gamma, C},
                               .beta = {beta, C},
                               .y = {y, N * C},
                               .running_mean = {running_mean, C},
                               .running_var = {running_var, C},
                               .mean = {mean, C},
                               .inv_std = {inv_std, C}};
  const clnorm_args backward = {.x = {x, N * C},
                                .dy = {dy, N * C},
                                .gamma = {gamma, C},
                                .mean = {mean, C},
                                .inv_std = {inv_std, C},
                                .dx = {dx, N * C},
                                .dgamma = {dgamma, C},
                                .dbeta = {dbeta, C}};
  if (run(&desc, CLNORM_TRAIN, forward) != CLNORM_SUCCESS || run(&desc, CLNORM_BACKWARD, backward) != CLNORM_SUCCESS) {
    return 1;
  }
  print("x", x, N);
  print("mean", mean, 1);                 /* 2.5 and 20 */
  print("inv_std", inv_std, 1);           /* 1/sqrt(1.25) and 1/10 */
  print("y", y, N);                       /* the second feature: 5 - 1, 5 - 1, 5 + 1, 5 + 1 */
  print("running mean", running_mean, 1); /* a tenth of the way from 0 to the mean */
  print("running var", running_var, 1);   /* and from 1 to the unbiased variance, 5/3 and 400/3 */
  print("dx", dx, N);                     /* sums to 0 in each feature: a shift of x does not change y */
  print("dgamma", dgamma, 1);
  print("dbeta", dbeta, 1); /* the sums of dy: 1 and 1 */

  const int right = fabsf(mean[0] - 2.5f) < 1e-6f && fabsf(y[1] - 4) < 1e-5f && fabsf(y[7] - 6) < 1e-5f &&
                    fabsf(running_mean[1] - 2) < 1e-6f && fabsf(dbeta[0] - 1) < 1e-6f &&
                    fabsf(dx[0] + dx[2] + dx[4] + dx[6]) < 1e-6f;
  return right ? 0 : 1;
}
