#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cl_status.h"
#include "context.h"
#include "kernel_texts.h"

static double seconds_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Merges know nothing of elements: one binary serves all types and all that is fused. */
static int is_merge(clnorm__role role)
{
  return role == CLNORM__MERGE_STATS || role == CLNORM__MERGE_GRADIENTS || role == CLNORM__MERGE_RUNNING ||
         role == CLNORM__SAMPLES_MERGE || role == CLNORM__MATRIX_STATS || role == CLNORM__MATRIX_GRADIENTS;
}

static clnorm_dtype storage_of(const clnorm_desc *desc, clnorm__role role)
{
  return is_merge(role) ? CLNORM_F32 : desc->dtype;
}

/* What a step computes beside the normalization. One binary serves all that need nothing of it. */
typedef struct fusion {
  clnorm_activation activation;
  int residual;
} fusion;

static fusion fusion_of(const clnorm_desc *desc, const clnorm__step *step)
{
  const fusion none = {CLNORM_ACTIVATION_NONE, 0};
  fusion made = {desc->activation, (desc->flags & CLNORM_RESIDUAL) != 0};
  switch (step->role) {
    case CLNORM__ROWS_GRADIENTS:
    case CLNORM__COLUMNS_GRADIENTS:
      /* The residual is of interest for the activation's derivative. */
      made.residual = made.residual && made.activation != CLNORM_ACTIVATION_NONE;
      return made;
    case CLNORM__ROWS_TRAIN:
    case CLNORM__COLUMNS_TRAIN:
      /* Without y if the statistics are for a backward pass. */
      return step->owns_saved ? none : made;
    case CLNORM__ROWS_STATS:
    case CLNORM__COLUMNS_STATS:
      return none;
    default:
      /* The general kernels are told when they run. */
      return is_merge(step->role) || clnorm__role_is_general(step->role) ? none : made;
  }
}

/* Of steps that make gradients of parameters: what they add to. */
static int adds_of(const clnorm_desc *desc, clnorm__role role)
{
  const int adds =
      ((desc->flags & CLNORM_ACCUMULATE_DGAMMA) != 0 ? 1 : 0) + ((desc->flags & CLNORM_ACCUMULATE_DBETA) != 0 ? 2 : 0);
  switch (role) {
    case CLNORM__ROWS_BACKWARD:
    case CLNORM__ROWS_BACKWARD_FLOW:
    case CLNORM__ROWS_BACKWARD_HELD:
    case CLNORM__ROWS_FROZEN:
    case CLNORM__COLUMNS_BACKWARD:
    case CLNORM__COLUMNS_FROZEN:
    case CLNORM__MERGE_GRADIENTS:
    case CLNORM__SAMPLES_MERGE:
      return adds;
    default:
      return 0;
  }
}

/* Steps whose work-items sum over their work-group. */
static int sums_work_groups(const clnorm__step *step)
{
  switch (step->role) {
    case CLNORM__ROWS_TRAIN:
    case CLNORM__ROWS_BACKWARD:
    case CLNORM__ROWS_STATS:
    case CLNORM__ROWS_GRADIENTS:
    case CLNORM__ROWS_FROZEN:
    case CLNORM__SAMPLES_FORWARD:
    case CLNORM__SAMPLES_BACKWARD:
      return step->local > 1;
    default:
      return step->local > 1 && (step->held != 0 || clnorm__role_is_general(step->role));
  }
}

/* The version of OpenCL C in which the step's program uses sub-groups; 0: it does not. */
static int sub_groups_of(const clnorm_cl *cl, const clnorm__step *step)
{
  return sums_work_groups(step) && !cl->without_sub_groups ? cl->capabilities.sub_groups : 0;
}

static void write_options(const clnorm_cl *cl, const clnorm_desc *desc, const clnorm__step *step, char *options,
                          size_t capacity)
{
  const fusion fused = fusion_of(desc, step);
  const int sub_groups = sub_groups_of(cl, step), version = sub_groups != 0 ? sub_groups : 12;
  (void)snprintf(options, capacity,
                 "-cl-std=CL%d.%d -DSUB_GROUPS=%d -DWIDTH=%u -DLOCAL=%u -DGROUP=%u -DFMA=%d -DFROM_RUNNING=%d "
                 "-DSTREAM=%d -DSTORAGE=%d "
                 "-DACTIVATION=%d -DRESIDUAL=%d -DSHARED=%d -DSAMPLES=%d -DADDS=%d -DALIGNED=%d -DFOLDED=%d -DHELD=%u",
                 version / 10, version % 10, sub_groups != 0, (unsigned)step->width, (unsigned)step->local,
                 (unsigned)step->group, cl->capabilities.fma != 0, step->from_running != 0, step->stream != 0,
                 (int)storage_of(desc, step->role), (int)fused.activation, fused.residual, step->shared,
                 step->per_sample, adds_of(desc, step->role), step->aligned, step->folded, (unsigned)step->held);
}

static clnorm_status fail_build(const clnorm_cl *cl, cl_program program, const char *name, const char *options,
                                cl_int error)
{
  char *log = NULL;
  size_t bytes = 0;
  if (clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) == CL_SUCCESS && bytes != 0) {
    log = calloc(bytes + 1, 1);
    if (log != NULL &&
        clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL) != CL_SUCCESS) {
      log[0] = '\0';
    }
  }
  const clnorm_status status =
      clnorm__fail(CLNORM_BUILD_FAILED, "clBuildProgram: %s (%d) for kernel %s with %s; log: %s",
                   clnorm__cl_error_name(error), (int)error, name, options, log != NULL ? log : "none");
  free(log);
  return status;
}

static clnorm_status build(const clnorm_cl *cl, const clnorm__recipe *recipe, cl_program *out)
{
  clnorm_status status;
  cl_int error;
  cl_program program = clCreateProgramWithSource(cl->context, (cl_uint)recipe->count, recipe->texts, NULL, &error);
  CLNORM__TRY(clnorm__cl_check(error, "clCreateProgramWithSource"));
  error = clBuildProgram(program, 1, &cl->device, recipe->options, NULL, NULL);
  if (error != CL_SUCCESS) {
    status = fail_build(cl, program, recipe->kernel, recipe->options, error);
    goto done;
  }
  *out = program;
  program = NULL;
done:
  if (program != NULL) {
    (void)clReleaseProgram(program);
  }
  return status;
}

/* From the cache on disk, if it is on and has it; else built, and kept there. */
static clnorm_status load_or_build(clnorm_cl *cl, clnorm__role role, const char *options, cl_program *out)
{
  clnorm_status status = CLNORM_SUCCESS;
  const char *texts[CLNORM__MOST_KERNEL_TEXTS];
  clnorm__recipe recipe = {texts, clnorm__kernel_texts(role, cl->capabilities.sums_in_double, texts),
                           clnorm__role_name(role), options};
  *out = clnorm__program_cache_load(&cl->cache, cl->context, cl->device, &recipe);
  if (*out != NULL) {
    return CLNORM_SUCCESS;
  }
  const double before = seconds_now();
  CLNORM__TRY(build(cl, &recipe, out));
  cl->build_seconds += seconds_now() - before;
  cl->build_count++;
  clnorm__program_cache_save(&cl->cache, &recipe, *out);
done:
  return status;
}

static clnorm__program *find(const clnorm_cl *cl, clnorm__role role, const char *options)
{
  for (clnorm__program *program = cl->programs; program != NULL; program = program->next) {
    if (program->role == role && strcmp(program->options, options) == 0) {
      return program;
    }
  }
  return NULL;
}

/* The caller holds the mutex, so that two threads that need the same program load or build it once. */
static clnorm_status find_or_build(clnorm_cl *cl, const clnorm_desc *desc, const clnorm__step *step,
                                   cl_program *program)
{
  clnorm_status status;
  char options[sizeof((clnorm__program *)NULL)->options];
  write_options(cl, desc, step, options, sizeof options);
  clnorm__program *found = find(cl, step->role, options);
  if (found != NULL) {
    *program = found->program;
    return CLNORM_SUCCESS;
  }
  found = calloc(1, sizeof *found);
  if (found == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "cl: %zu bytes of host memory were refused", sizeof *found);
  }
  status = load_or_build(cl, step->role, options, &found->program);
  if (status == CLNORM_BUILD_FAILED && sub_groups_of(cl, step) != 0) {
    /* A driver that offers sub-groups and cannot compile them: from now on without. */
    cl->without_sub_groups = 1;
    write_options(cl, desc, step, options, sizeof options);
    status = load_or_build(cl, step->role, options, &found->program);
  }
  CLNORM__TRY(status);
  found->role = step->role;
  memcpy(found->options, options, sizeof options);
  found->next = cl->programs;
  cl->programs = found;
  *program = found->program;
  found = NULL;
done:
  free(found);
  return status;
}

clnorm_status clnorm__program_get(clnorm_cl *cl, const clnorm_desc *desc, const clnorm__step *step, cl_program *program)
{
  (void)pthread_mutex_lock(&cl->mutex);
  const clnorm_status status = find_or_build(cl, desc, step, program);
  (void)pthread_mutex_unlock(&cl->mutex);
  return status;
}
