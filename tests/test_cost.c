/* clnorm_cl_plan_cost against the calls that an enqueue makes, as the layer between this program and the OpenCL loader
 * counts them. */
#include <dlfcn.h>
#include <stdlib.h>

#include "cl_fixture.h"
#include "counting_layer.h"

enum { MOST = 6 * 24 * 9 * 19 };

static const counting_layer *find_layer(void)
{
  const char *path = getenv("OPENCL_LAYERS");
  void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  cr_assert(library != NULL, "the OpenCL loader did not load the counting layer");
  const counting_layer *(*get)(void);
  *(void **)&get = dlsym(library, "counting_layer_get");
  cr_assert(get != NULL);
  (void)dlclose(library);
  return get();
}

/* Every argument that the pass can take. */
static clnorm_cl_args all_arguments(cl_mem memory, clnorm_pass pass)
{
  const int forward = pass == CLNORM_TRAIN || pass == CLNORM_INFER;
  const int saved = pass == CLNORM_TRAIN || pass == CLNORM_BACKWARD;
  clnorm_cl_args args = {.size = sizeof args, .x = {memory, 0}, .gamma = {memory, 2 * MOST}};
  *(forward ? &args.y : &args.dy) = (clnorm_buffer){memory, MOST, 0};
  *(forward ? &args.beta : &args.dgamma) = (clnorm_buffer){memory, 3 * MOST, 0};
  if (!forward) {
    args.dx = (clnorm_buffer){memory, 8 * MOST, 0};
    args.dbeta = (clnorm_buffer){memory, 4 * MOST, 0};
  }
  if (saved) {
    args.mean = (clnorm_buffer){memory, 5 * MOST, 0};
    args.inv_std = (clnorm_buffer){memory, 5 * MOST + MOST / 2, 0};
  }
  if (pass != CLNORM_BACKWARD) {
    args.running_mean = (clnorm_buffer){memory, 6 * MOST, 0};
    args.running_var = (clnorm_buffer){memory, 6 * MOST + MOST / 2, 0};
  }
  args.workspace = (clnorm_buffer){memory, 9 * MOST * sizeof(float), 0};
  return args;
}

static size_t check_pass(const cl_fixture *f, const counting_layer *layer, const clnorm_desc *desc, clnorm_pass pass)
{
  clnorm_cl_plan *plan = NULL;
  clnorm_cl_cost cost;
  cr_assert(clnorm_cl_plan_create(f->cl, desc, pass, &plan) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  cr_assert(clnorm_cl_plan_cost(plan, &cost) == CLNORM_SUCCESS);
  cl_mem memory = cl_fixture_buffer(f->context, CL_MEM_READ_WRITE, NULL, 12 * MOST);
  const clnorm_cl_args args = all_arguments(memory, pass);
  const unsigned long launches = layer->calls(COUNTING_clEnqueueNDRangeKernel);
  const unsigned long set = layer->calls(COUNTING_clSetKernelArg);
  cr_assert(clnorm_cl_enqueue(plan, f->queue, &args, 0, NULL, NULL) == CLNORM_SUCCESS, "%s", clnorm_last_error());
  cr_expect(layer->calls(COUNTING_clEnqueueNDRangeKernel) - launches == cost.launches, "pass %d: %lu launches, not %zu",
            (int)pass, layer->calls(COUNTING_clEnqueueNDRangeKernel) - launches, cost.launches);
  cr_expect(layer->calls(COUNTING_clSetKernelArg) - set == cost.buffers + cost.numbers,
            "pass %d: %lu arguments, not %zu + %zu", (int)pass, layer->calls(COUNTING_clSetKernelArg) - set,
            cost.buffers, cost.numbers);
  cr_expect(cost.buffers >= 2 * cost.launches && cost.numbers >= cost.buffers);
  CHECK_CL(clFinish(f->queue));
  CHECK_CL(clReleaseMemObject(memory));
  clnorm_cl_plan_destroy(plan);
  return cost.launches;
}

static size_t check_shape(const size_t *dims)
{
  size_t most = 0;
  cl_fixture f = cl_fixture_open();
  const counting_layer *layer = find_layer();
  for (int last = 0; last < 2; last++) {
    clnorm_desc desc;
    cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
    desc.layout = last ? CLNORM_CHANNELS_LAST : CLNORM_CHANNELS_FIRST;
    desc.rank = 4;
    for (size_t i = 0; i < 4; i++) {
      desc.dims[i] = dims[i];
    }
    for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
      const size_t launches = check_pass(&f, layer, &desc, pass);
      most = launches > most ? launches : most;
    }
  }
  cl_fixture_close(&f);
  return most;
}

Test(cost, is_what_an_enqueue_asks_of_the_runtime)
{
  const size_t dims[4] = {6, 24, 9, 19};
  cr_expect(check_shape(dims) > 1, "no plan in several steps was seen");
}

Test(cost, small_tensors_take_one_launch)
{
  const size_t dims[4] = {2, 8, 4, 4};
  cr_expect(check_shape(dims) == 1);
}

Test(cost, wants_pointers)
{
  clnorm_cl_cost cost;
  cr_expect(clnorm_cl_plan_cost(NULL, &cost) == CLNORM_INVALID_ARGUMENT);
}
