/* Training forward of a batch normalization on the caller's own OpenCL context, queue and buffers.
 *
 *   write x -> clnorm -> read y    three commands, chained by events; nothing blocks until the read at the end
 *
 * The optional argument selects a device: its number in `clnorm devices`, or a part of its name. */
#include <clnorm/opencl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 16, C = 3, S = 32 * 32, COUNT = N * C * S };

static int fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, clnorm_last_error());
  return 1;
}

/* Of OpenCL's own functions. */
static int fail_cl(const char *what, cl_int status)
{
  fprintf(stderr, "%s: OpenCL's error %d\n", what, (int)status);
  return 1;
}

/* Channel c gets the mean 10 * c and the standard deviation 2. */
static void fill(float *x)
{
  for (int i = 0; i < COUNT; i++) {
    x[i] = 10.0f * (float)(i / S % C) + (i % 2 ? 2.0f : -2.0f);
  }
}

/* Each value is one standard deviation away from its channel's mean, so y is 1 or -1 but for epsilon. */
static int is_normalized(const float *y)
{
  for (int i = 0; i < COUNT; i++) {
    if (!(fabsf(y[i] - (i % 2 ? 1.0f : -1.0f)) < 1e-5f)) {
      return 0;
    }
  }
  return 1;
}

/* What a program that already uses OpenCL has anyway: the buffers and the commands around the normalization. */
static int offload(cl_context context, cl_command_queue queue, const clnorm_cl_plan *plan, float *host)
{
  const size_t bytes = COUNT * sizeof(float);
  const size_t workspace_bytes = clnorm_plan_workspace_size(clnorm_cl_plan_data(plan));
  cl_mem x = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, NULL, NULL);
  cl_mem workspace = workspace_bytes ? clCreateBuffer(context, CL_MEM_READ_WRITE, workspace_bytes, NULL, NULL) : NULL;
  cl_event written = NULL;
  cl_event normalized = NULL;
  int ended = 1;
  fill(host);
  cl_int status = clEnqueueWriteBuffer(queue, x, CL_FALSE, 0, bytes, host, 0, NULL, &written);
  if (status != CL_SUCCESS) {
    fail_cl("write x", status);
  } else {
    /* No gamma, no beta, nothing kept: all that is left out is absent. y is x, in place. */
    const clnorm_cl_args args = {.size = sizeof args, .x.memory = x, .y.memory = x, .workspace.memory = workspace};
    if (clnorm_cl_enqueue(plan, queue, &args, 1, &written, &normalized) != CLNORM_SUCCESS) {
      fail("enqueue");
    } else if ((status = clEnqueueReadBuffer(queue, x, CL_TRUE, 0, bytes, host, 1, &normalized, NULL)) != CL_SUCCESS) {
      fail_cl("read y", status);
    } else {
      ended = is_normalized(host) ? 0 : 1;
      puts(ended ? "y is wrong" : "y has mean 0 and variance 1 in every channel");
    }
  }
  clFinish(queue);
  if (normalized)
    clReleaseEvent(normalized);
  if (written)
    clReleaseEvent(written);
  if (workspace)
    clReleaseMemObject(workspace);
  if (x)
    clReleaseMemObject(x);
  return ended;
}

int main(int argc, char **argv)
{
  clnorm_cl_device device;
  if (clnorm_cl_select_device(argc > 1 ? argv[1] : NULL, &device) != CLNORM_SUCCESS) {
    return fail("select_device");
  }
  printf("%s\n", device.name);
  cl_context context = clCreateContext(NULL, 1, &device.device, NULL, NULL, NULL);
  cl_command_queue queue = clCreateCommandQueue(context, device.device, 0, NULL);

  clnorm_desc desc;
  clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  desc.rank = 3;
  desc.dims[0] = N;
  desc.dims[1] = C;
  desc.dims[2] = S;

  clnorm_cl *cl = NULL;        /* the compiled programs; one for each context and device */
  clnorm_cl_plan *plan = NULL; /* one for each shape and pass; both serve for any number of calls */
  float *host = malloc(COUNT * sizeof *host);
  int ended = 1;
  if (host == NULL) {
    fprintf(stderr, "out of memory\n");
  } else if (clnorm_cl_create(context, device.device, &cl) != CLNORM_SUCCESS ||
             clnorm_cl_plan_create(cl, &desc, CLNORM_TRAIN, &plan) != CLNORM_SUCCESS) {
    fail("plan_create");
  } else {
    ended = offload(context, queue, plan, host);
  }
  free(host);
  clnorm_cl_plan_destroy(plan);
  clnorm_cl_destroy(cl);
  if (queue)
    clReleaseCommandQueue(queue);
  if (context)
    clReleaseContext(context);
  return ended;
}
