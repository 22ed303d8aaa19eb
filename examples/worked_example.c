/* Batch normalization followed by hand: four students with two features, a grade average and an IQ, and two neurons.
 *
 *   z = x W + b,   mu and sigma^2 of each neuron over the batch,   z^ = (z - mu) / sqrt(sigma^2 + epsilon),
 *   y = gamma z^ + beta
 *
 * Every step is computed here in double, printed with its numbers, and compared with what the library gives. */
#include <clnorm/clnorm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 4, FEATURES = 2, NEURONS = 2 };

static const double students[N][FEATURES] = {{3.2, 105}, {2.5, 98}, {3.9, 130}, {2.8, 111}};
static const double weights[FEATURES][NEURONS] = {{0.5, -1.2}, {0.02, 0.01}};
static const double bias[NEURONS] = {0.1, 0.3};
/* What training might have made of 1 and 0, with which every layer begins. */
static const double gain[NEURONS] = {1.5, 0.8};
static const double beta[NEURONS] = {0.5, -0.2};

typedef struct steps {
  double z[N][NEURONS];
  double mean[NEURONS], variance[NEURONS], deviation[NEURONS];
  double normalized[N][NEURONS];
  double y[N][NEURONS];
} steps;

static void print_inputs(void)
{
  printf("The batch: 4 students\n");
  for (int i = 0; i < N; i++) {
    printf("  student %d   grade average %.1f   IQ %.0f\n", i + 1, students[i][0], students[i][1]);
  }
}

static void weigh(steps *s)
{
  printf("\n1. Weighted sums, z = x W + b\n");
  for (int j = 0; j < NEURONS; j++) {
    printf("  neuron %d\n", j + 1);
    for (int i = 0; i < N; i++) {
      s->z[i][j] = students[i][0] * weights[0][j] + students[i][1] * weights[1][j] + bias[j];
      printf("    z = %.1f * %g + %.0f * %g + %g = %.4f\n", students[i][0], weights[0][j], students[i][1],
             weights[1][j], bias[j], s->z[i][j]);
    }
  }
}

static void take_statistics(steps *s, double epsilon)
{
  printf("\n2. Mean and variance of each neuron over the batch\n");
  for (int j = 0; j < NEURONS; j++) {
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
      sum += s->z[i][j];
    }
    s->mean[j] = sum / N;
    for (int i = 0; i < N; i++) {
      squares += (s->z[i][j] - s->mean[j]) * (s->z[i][j] - s->mean[j]);
    }
    s->variance[j] = squares / N;
    s->deviation[j] = sqrt(s->variance[j] + epsilon);
    printf("  neuron %d   mu = (%.4f + %.4f + %.4f + %.4f) / 4 = %.4f\n", j + 1, s->z[0][j], s->z[1][j], s->z[2][j],
           s->z[3][j], s->mean[j]);
    printf("             sigma^2 = sum of (z - mu)^2 / 4 = %.6f / 4 = %.6f\n", squares, s->variance[j]);
    printf("             sqrt(sigma^2 + %g) = %.6f\n", epsilon, s->deviation[j]);
  }
}

static void normalize(steps *s)
{
  printf("\n3. Normalized, z^ = (z - mu) / sqrt(sigma^2 + epsilon): mean 0 and variance 1\n");
  for (int j = 0; j < NEURONS; j++) {
    for (int i = 0; i < N; i++) {
      s->normalized[i][j] = (s->z[i][j] - s->mean[j]) / s->deviation[j];
      printf("  neuron %d   (%.4f - %.4f) / %.6f = %8.5f\n", j + 1, s->z[i][j], s->mean[j], s->deviation[j],
             s->normalized[i][j]);
    }
  }
}

static void scale(steps *s)
{
  printf("\n4. Scaled and shifted by what is learned, y = gamma z^ + beta\n");
  for (int j = 0; j < NEURONS; j++) {
    for (int i = 0; i < N; i++) {
      s->y[i][j] = gain[j] * s->normalized[i][j] + beta[j];
      printf("  neuron %d   %g * %8.5f %+g = %8.5f\n", j + 1, gain[j], s->normalized[i][j], beta[j], s->y[i][j]);
    }
  }
}

/* gamma = sqrt(sigma^2 + epsilon) and beta = mu give z back: a layer loses nothing by the normalization. */
static int undo(const steps *s)
{
  double worst = 0;
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < NEURONS; j++) {
      worst = fmax(worst, fabs(s->deviation[j] * s->normalized[i][j] + s->mean[j] - s->z[i][j]));
    }
  }
  printf(
      "\n5. With gamma = sqrt(sigma^2 + epsilon) and beta = mu all would be undone: the largest difference from z is "
      "%.0e\n",
      worst);
  return worst < 1e-12;
}

/* The library's y of the same z, in double; 0 if anything fails. */
static int ask_library(const clnorm_desc *desc, const steps *s, double *y)
{
  clnorm_plan *plan = NULL;
  clnorm_status status = clnorm_plan_create(desc, CLNORM_TRAIN, &plan);
  if (status == CLNORM_SUCCESS) {
    /* Sizes for aligned_alloc are multiples of the alignment. */
    void *workspace = aligned_alloc(64, (clnorm_plan_workspace_size(plan) + 64) / 64 * 64);
    const clnorm_args args = {.size = sizeof args,
                              .x = {s->z, N * NEURONS},
                              .gamma = {gain, NEURONS},
                              .beta = {beta, NEURONS},
                              .y = {y, N * NEURONS},
                              .workspace.data = workspace};
    status = workspace != NULL ? clnorm_execute(plan, &args) : CLNORM_OUT_OF_MEMORY;
    free(workspace);
  }
  clnorm_plan_destroy(plan);
  if (status != CLNORM_SUCCESS) {
    fprintf(stderr, "%s: %s\n", clnorm_status_name(status), clnorm_last_error());
  }
  return status == CLNORM_SUCCESS;
}

int main(void)
{
  clnorm_desc desc;
  clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  desc.dtype = CLNORM_F64;
  desc.rank = 2;
  desc.dims[0] = N;
  desc.dims[1] = NEURONS;

  steps s;
  print_inputs();
  weigh(&s);
  take_statistics(&s, desc.epsilon);
  normalize(&s);
  scale(&s);
  int right = undo(&s);

  double y[N * NEURONS] = {0};
  double worst = 0;
  if (!ask_library(&desc, &s, y)) {
    return 1;
  }
  for (int i = 0; i < N * NEURONS; i++) {
    worst = fmax(worst, fabs(y[i] - s.y[i / NEURONS][i % NEURONS]));
  }
  printf("\nThe library's y differs from the y of step 4 by %.0e at most\n", worst);
  right = right && worst < 1e-12;
  return right ? 0 : 1;
}
