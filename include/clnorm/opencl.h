/* clnorm on OpenCL: the passes of clnorm.h on the caller's context, queue and buffers.
 *
 * In short:
 *   clnorm_cl *cl;              clnorm_cl_create(context, device, &cl);
 *   clnorm_cl_plan *plan;       clnorm_cl_plan_create(cl, &desc, CLNORM_TRAIN, &plan);
 *   clnorm_cl_args args = {.size = sizeof args, .x = {x}, .y = {y}, .workspace = {workspace}};
 *   clnorm_cl_enqueue(plan, queue, &args, 0, NULL, NULL);
 *   clnorm_cl_plan_destroy(plan);  clnorm_cl_destroy(cl);
 *
 * Threads: a clnorm_cl and its plans may be used by any number of threads at once; concurrent enqueues need different
 * workspaces. No OpenCL object is kept in a static variable.
 *
 * fork(): OpenCL runtimes do not survive it. Once a process has used this header, its children get FORKED from every call
 * that may fail; in a child use OpenCL after exec(), or for the first time.
 */
#ifndef CLNORM_OPENCL_H
#define CLNORM_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "clnorm/clnorm.h"
#include "clnorm/layer.h"
#include "clnorm/tuning.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Devices ------------------------------------------------------------------------------------------------ */

/* One OpenCL device and what it can do. */
typedef struct clnorm_cl_device {
  cl_platform_id platform;
  cl_device_id device;
  cl_device_type type;
  char name[256];
  char platform_name[128];
  char platform_version[256];
  char driver[128];
  uint32_t compute_units;
  size_t max_work_group;
  uint64_t local_memory;   /* bytes a work-group */
  uint64_t global_memory;  /* bytes */
  uint64_t max_allocation; /* bytes */
  uint64_t cache;          /* bytes of the global memory's cache, 0 if unknown */
  uint32_t vector_width;   /* native, of float */
  int fp64;                /* 1 if double is offered */
  int fma;                 /* 1 if a fused multiply-add of float is in hardware */
} clnorm_cl_device;

/* Lists every OpenCL device of every platform, in the loader's order; `clnorm devices` numbers them from 0 in this order.
 *   list      receives up to `capacity` entries; may be NULL if capacity is 0
 *   count     receives how many there are, also if that is more than capacity; 0 (and SUCCESS) if there is none
 * Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_cl_list_devices(clnorm_cl_device *list, size_t capacity, size_t *count);

/* Picks one device.
 *   selector  a number of the list, or a case-insensitive part of the device's name or of the platform's name or
 *             version; NULL or "": the first GPU, else the first device
 * Errors: INVALID_ARGUMENT, NO_DEVICE (last_error names what there is), OUT_OF_MEMORY, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_cl_select_device(const char *selector, clnorm_cl_device *device);

/* Reads the database of choices for the device: clnorm_tuning_open in tuning.h tells the rest. clnorm_cl_create does it by
 * itself.
 *   device   as clnorm_cl_list_devices or clnorm_cl_select_device filled it
 * Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
CLNORM_API clnorm_status clnorm_cl_tuning_open(const clnorm_cl_device *device, const char *folder,
                                               clnorm_tuning **tuning);

/* ---- Context ------------------------------------------------------------------------------------------------ */

/* The programs compiled for one device of one OpenCL context, shared by all plans made from it. Opaque. */
typedef struct clnorm_cl clnorm_cl;

/* Retains the context. Compiles nothing yet: a plan compiles the kernels that it needs, each once.
 * Errors: INVALID_ARGUMENT (NULL, or the device is not of the context), OUT_OF_MEMORY, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_cl_create(cl_context context, cl_device_id device, clnorm_cl **cl);

/* NULL is allowed. Plans made from it stay valid: they hold a reference. */
CLNORM_API void clnorm_cl_destroy(clnorm_cl *cl);

/* How many programs this object has compiled so far, and the seconds that took. Either pointer may be NULL. */
CLNORM_API void clnorm_cl_build_counts(clnorm_cl *cl, size_t *programs, double *seconds);

/* ---- Cache of compiled programs ----------------------------------------------------------------------------- */

/* What the cache on disk does for one clnorm_cl. A program that is loaded is not compiled, so it is a hit here and not among
 * clnorm_cl_build_counts. Whatever is amiss with a file or the folder is no error: the program is compiled and counted. */
typedef struct clnorm_cl_cache {
  char folder[1024];    /* where the files are; "" if the cache is off */
  char off_reason[128]; /* why it is off, a phrase; "" if it is on */
  size_t hits;          /* programs loaded from files */
  size_t misses;        /* no file was there */
  size_t rejected; /* a file, or the folder, was there and was not used: damaged, for another program, another user's,
                          writable by others, a link, or refused by the driver */
  size_t stored;   /* files written */
  double load_seconds; /* of all hits */
} clnorm_cl_cache;

/* `cache` receives the present state; all zero if `cl` is NULL. */
CLNORM_API void clnorm_cl_cache_describe(clnorm_cl *cl, clnorm_cl_cache *cache);

/* Chooses the folder of this object's cache, from the next program on. It is made, for this user alone, when the first file is
 * written. Until this is called the environment decides, see NULL.
 *   folder   a path, not empty; or "off": no cache; or NULL: $CLNORM_CACHE_DIR (a folder or "off") if it is set, else a GPU
 *            has $XDG_CACHE_HOME/clnorm, or $HOME/.cache/clnorm, and other devices and implementations that cache by
 *            themselves have none
 * Errors: INVALID_ARGUMENT (cl NULL, a path that is empty or too long), UNSUPPORTED (a folder is given, but this build, or a
 *         device that does not tell its versions, has no cache); then nothing has changed. */
CLNORM_API clnorm_status clnorm_cl_cache_use(clnorm_cl *cl, const char *folder);

/* ---- Plan --------------------------------------------------------------------------------------------------- */

typedef struct clnorm_cl_plan clnorm_cl_plan;

/* Makes a plan for the device of `cl` and compiles the kernels that are not compiled yet (this may take a second).
 *   plan   receives the plan; untouched on failure. Release with clnorm_cl_plan_destroy.
 * Errors: those of clnorm_plan_create; OUT_OF_MEMORY also if a tensor exceeds the device's largest allocation;
 *         BUILD_FAILED (last_error has the log), OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_cl_plan_create(clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass,
                                               clnorm_cl_plan **plan);

/* As clnorm_cl_plan_create with a choice of the caller's: see clnorm_plan_create_with in tuning.h. */
CLNORM_API clnorm_status clnorm_cl_plan_create_with(clnorm_cl *cl, const clnorm_desc *desc, clnorm_pass pass,
                                                    const char *choice, clnorm_cl_plan **plan);

/* NULL is allowed. Commands already enqueued are unaffected. */
CLNORM_API void clnorm_cl_plan_destroy(clnorm_cl_plan *plan);

/* The plan's data, for clnorm_plan_workspace_size, clnorm_plan_describe and clnorm_plan_variant. Belongs to the plan.
 */
CLNORM_API const clnorm_plan *clnorm_cl_plan_data(const clnorm_cl_plan *plan);

/* What one enqueue of a plan asks of the runtime, with every optional argument of its pass given. */
typedef struct clnorm_cl_cost {
  size_t launches;         /* clEnqueueNDRangeKernel */
  size_t buffers, numbers; /* clSetKernelArg with a cl_mem, and with a number, of all launches together */
} clnorm_cl_cost;

/* Fills *cost. Errors: INVALID_ARGUMENT. */
CLNORM_API clnorm_status clnorm_cl_plan_cost(const clnorm_cl_plan *plan, clnorm_cl_cost *cost);

/* ---- Execution ---------------------------------------------------------------------------------------------- */

/* An argument on the device; {NULL, 0} is an absent optional argument. Sub-buffers are welcome.
 *   offset   in elements of the argument's type, from the start of `memory`
 *   count    elements from there on that belong to the argument; 0 = not stated: then only the end of the buffer is
 *            checked. If stated it must be the exact count. */
typedef struct clnorm_buffer {
  cl_mem memory;
  size_t offset;
  size_t count;
} clnorm_buffer;

/* Which pass takes which argument, and what may alias: see clnorm_args, it is the same. */
typedef struct clnorm_cl_args {
  size_t size; /* sizeof(clnorm_cl_args) of the caller */
  clnorm_buffer x, dy, gamma, beta;
  clnorm_buffer y, dx, dgamma, dbeta;
  clnorm_buffer running_mean, running_var;
  clnorm_buffer mean, inv_std;
  clnorm_buffer workspace; /* offset and count in bytes, offset a multiple of 16; busy until the event completes */
  uint64_t batch_number;   /* as in clnorm_args */
  /* A caller compiled before these existed has a smaller `size`: they are absent then. */
  clnorm_buffer residual, lengths, dresidual, mask;
} clnorm_cl_args;

/* Enqueues the plan's pass; returns without waiting.
 *   queue         of the plan's context and device; in-order or out-of-order
 *   num_waits, waits   events of the same context to wait for; 0 and NULL for none
 *   event         NULL, or receives an event that completes after every output is written; release it yourself
 * On failure *event is untouched and nothing has been enqueued, unless the runtime itself refuses a launch after the
 * plan's first one (OPENCL_ERROR or OUT_OF_MEMORY): everything of ours is done before the first launch.
 * Errors: INVALID_ARGUMENT, BUFFER_TOO_SMALL, INVALID_BUFFER, OVERLAP, OUT_OF_MEMORY, OPENCL_ERROR, FORKED. */
CLNORM_API clnorm_status clnorm_cl_enqueue(const clnorm_cl_plan *plan, cl_command_queue queue,
                                           const clnorm_cl_args *args, cl_uint num_waits, const cl_event *waits,
                                           cl_event *event);

/* ---- Layer on a device -------------------------------------------------------------------------------------- */

/* As clnorm_layer_create, with all that the layer owns in buffers of cl's context. The layer holds references to cl and
 * queue.
 *   queue   of cl's context and device, in-order or out-of-order; all commands of the layer go there
 * Errors: those of clnorm_layer_create; OUT_OF_MEMORY also above the device's largest allocation; OPENCL_ERROR, FORKED.
 */
CLNORM_API clnorm_status clnorm_cl_layer_create(clnorm_cl *cl, cl_command_queue queue, const clnorm_desc *desc,
                                                clnorm_layer **layer);

/* Enqueues the forward pass of the layer's mode on the layer's queue; returns without waiting, but the first call for a
 * mode compiles its kernels (see clnorm_layer_prepare). The calls of one layer follow each other, by events. Waits,
 * event and errors as in clnorm_cl_enqueue.
 *   batch   N of this call, may differ from call to call
 *   x, y    device tensors of the descriptor's shape with N = batch; y may be x, but the backward pass needs x */
CLNORM_API clnorm_status clnorm_cl_layer_forward(clnorm_layer *layer, size_t batch, clnorm_buffer x, clnorm_buffer y,
                                                 cl_uint num_waits, const cl_event *waits, cl_event *event);

/* Enqueues the backward pass of the layer's mode, as clnorm_layer_backward describes it; dgamma and dbeta are
 * overwritten in the layer.
 *   x, dy   device tensors of the descriptor's shape with N = batch
 *   dx      {NULL, 0}: not wanted; may be dy. Must be wanted if neither gamma nor beta is trained. */
CLNORM_API clnorm_status clnorm_cl_layer_backward(clnorm_layer *layer, size_t batch, clnorm_buffer x, clnorm_buffer dy,
                                                  clnorm_buffer dx, cl_uint num_waits, const cl_event *waits,
                                                  cl_event *event);

/* The value's buffer, for an optimizer on the device, filled from creation on. It belongs to the layer, and stays the same
 * until that is destroyed (of MEAN and INV_STD, but of BATCH, only until the next training forward call): do not release
 * it. It may be larger than the value. NULL for a CPU layer, or if an argument is wrong.
 * Commands of yours that use it wait for the event of the layer's last call, and the layer's next call waits for them if
 * you give it their event (in one in-order queue both come by themselves). */
CLNORM_API cl_mem clnorm_cl_layer_buffer(clnorm_layer *layer, clnorm_layer_value value);

#ifdef __cplusplus
}
#endif
#endif
