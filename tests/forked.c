/* What a forked child gets of its parent's OpenCL objects: FORKED from every call, at once, and an orderly end. OpenCL
 * runtimes hang there. A plain program, because a Criterion test is itself a forked child that ends in its own way. */
#include <clnorm/opencl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 2, C = 3, S = 4, COUNT = N * C * S };

static cl_device_id device;
static cl_context context;
static cl_command_queue queue;
static cl_mem memory;
static clnorm_desc desc;
static clnorm_cl *cl;
static clnorm_cl_plan *plan;
static clnorm_layer *layer;
static cl_event event; /* of the layer's last call, which may run still when the child begins */

#define REQUIRE(condition)                                                                   \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      (void)fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, clnorm_last_error()); \
      exit(1);                                                                               \
    }                                                                                        \
  } while (0)

static void open_all(void)
{
  clnorm_cl_device found;
  REQUIRE(clnorm_cl_select_device(getenv("CLNORM_DEVICE"), &found) == CLNORM_SUCCESS);
  device = found.device;
  context = clCreateContext(NULL, 1, &found.device, NULL, NULL, NULL);
  REQUIRE(context != NULL);
  queue = clCreateCommandQueue(context, found.device, 0, NULL);
  memory = clCreateBuffer(context, CL_MEM_READ_WRITE, 1 << 16, NULL, NULL);
  REQUIRE(queue != NULL && memory != NULL);
  REQUIRE(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  desc.rank = 3;
  desc.dims[0] = N;
  desc.dims[1] = C;
  desc.dims[2] = S;
  REQUIRE(clnorm_cl_create(context, found.device, &cl) == CLNORM_SUCCESS);
  REQUIRE(clnorm_cl_plan_create(cl, &desc, CLNORM_TRAIN, &plan) == CLNORM_SUCCESS);
  REQUIRE(clnorm_cl_layer_create(cl, queue, &desc, &layer) == CLNORM_SUCCESS);
}

static clnorm_status forward(void)
{
  const clnorm_buffer x = {memory, 0, COUNT}, y = {memory, 1024, COUNT};
  return clnorm_cl_layer_forward(layer, N, x, y, 0, NULL, &event);
}

static clnorm_status enqueue(void)
{
  const clnorm_cl_args args = {
      .size = sizeof args, .x = {memory, 0, COUNT}, .y = {memory, 1024, COUNT}, .workspace = {memory, 1 << 15, 0}};
  return clnorm_cl_enqueue(plan, queue, &args, 0, NULL, NULL);
}

static void close_all(void)
{
  clnorm_layer_destroy(layer);
  clnorm_cl_plan_destroy(plan);
  clnorm_cl_destroy(cl);
}

#define REFUSED(call)               \
  REQUIRE((call) == CLNORM_FORKED); \
  REQUIRE(strstr(clnorm_last_error(), "after exec()") != NULL)

static void child(void)
{
  float values[C];
  clnorm_cl_plan *another = NULL;
  clnorm_layer *second = NULL;
  clnorm_cl *fresh = NULL;
  clnorm_cl_device found;
  size_t count = 0;
  const clnorm_buffer x = {memory, 0, COUNT};
  (void)alarm(20); /* a call that hangs ends the child by a signal */
  event = NULL;
  REFUSED(clnorm_cl_list_devices(NULL, 0, &count));
  REFUSED(clnorm_cl_select_device(NULL, &found));
  REFUSED(clnorm_cl_create(context, device, &fresh));
  REFUSED(enqueue());
  REFUSED(clnorm_cl_plan_create(cl, &desc, CLNORM_INFER, &another));
  REFUSED(clnorm_cl_layer_create(cl, queue, &desc, &second));
  REFUSED(forward());
  REFUSED(clnorm_cl_layer_backward(layer, N, x, x, x, 0, NULL, NULL));
  REFUSED(clnorm_layer_prepare(layer, 2 * N));
  REFUSED(clnorm_layer_read(layer, CLNORM_VALUE_GAMMA, values, C));
  REFUSED(clnorm_layer_write(layer, CLNORM_VALUE_GAMMA, values, C));
  REFUSED(clnorm_layer_reset_statistics(layer));
  REQUIRE(event == NULL && another == NULL && second == NULL);
  close_all();
  exit(0);
}

int main(void)
{
  int state = 0;
  open_all();
  REQUIRE(enqueue() == CLNORM_SUCCESS);
  REQUIRE(forward() == CLNORM_SUCCESS);
  const pid_t id = fork();
  REQUIRE(id >= 0);
  if (id == 0) {
    child();
  }
  REQUIRE(waitpid(id, &state, 0) == id);
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
    (void)fprintf(stderr, "the child ended %s %d\n", WIFSIGNALED(state) ? "by signal" : "with",
                  WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    return 1;
  }
  /* Nothing that the child did has touched the parent. */
  REQUIRE(clReleaseEvent(event) == CL_SUCCESS);
  REQUIRE(forward() == CLNORM_SUCCESS && enqueue() == CLNORM_SUCCESS && clFinish(queue) == CL_SUCCESS);
  REQUIRE(clReleaseEvent(event) == CL_SUCCESS);
  close_all();
  REQUIRE(clReleaseMemObject(memory) == CL_SUCCESS);
  REQUIRE(clReleaseCommandQueue(queue) == CL_SUCCESS);
  REQUIRE(clReleaseContext(context) == CL_SUCCESS);
  puts("the child was refused, the parent goes on");
  return 0;
}
