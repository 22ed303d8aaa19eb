#include "context.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "cl_status.h"
#include "devices.h"
#include "process.h"
#include "tuning_cl.h"

static clnorm_status check_device_of_context(cl_context context, cl_device_id device)
{
  clnorm_status status;
  cl_device_id *ids = NULL;
  size_t bytes = 0;
  CLNORM__TRY_CL(clGetContextInfo(context, CL_CONTEXT_DEVICES, 0, NULL, &bytes));
  ids = malloc(bytes != 0 ? bytes : 1);
  if (ids == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "context: a list of its devices was refused");
  }
  CLNORM__TRY_CL(clGetContextInfo(context, CL_CONTEXT_DEVICES, bytes, ids, NULL));
  const size_t count = bytes / sizeof *ids;
  size_t found = 0;
  while (found < count && ids[found] != device) {
    found++;
  }
  if (found == count) {
    status =
        clnorm__fail(CLNORM_INVALID_ARGUMENT, "device: expected one of the context's %zu devices, got another", count);
  }
done:
  free(ids);
  return status;
}

clnorm_status clnorm_cl_create(cl_context context, cl_device_id device, clnorm_cl **cl)
{
  clnorm_status status;
  clnorm_cl_device described;
  clnorm_cl *made = NULL;
  clnorm__error_begin();
  if (context == NULL || device == NULL || cl == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "%s: expected a handle, got NULL",
                        context == NULL ? "context" : (device == NULL ? "device" : "cl"));
  }
  CLNORM__TRY(clnorm__process_check());
  CLNORM__TRY(check_device_of_context(context, device));
  made = calloc(1, sizeof *made);
  if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
    free(made);
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "cl: %zu bytes of host memory were refused", sizeof *made);
  }
  atomic_init(&made->references, 1);
  atomic_init(&made->work_group_most, SIZE_MAX);
  made->owner = getpid();
  made->device = device;
  CLNORM__TRY(clnorm__cl_check(clnorm__device_describe(device, &described), "clGetDeviceInfo"));
  clnorm__device_capabilities(&described, &made->capabilities);
  CLNORM__TRY(clnorm__program_cache_open(&made->cache, &described, NULL));
  /* Without it the built-in table serves. */
  made->tuning = clnorm__tuning_of_device(&described, NULL);
  made->capabilities.tuning = made->tuning;
  CLNORM__TRY_CL(clRetainContext(context));
  made->context = context;
  *cl = made;
  made = NULL;
done:
  clnorm__cl_release(made);
  return status;
}

clnorm_cl *clnorm__cl_retain(clnorm_cl *cl)
{
  atomic_fetch_add(&cl->references, 1);
  return cl;
}

void clnorm__cl_release(clnorm_cl *cl)
{
  if (cl == NULL || atomic_fetch_sub(&cl->references, 1) != 1) {
    return;
  }
  /* In a forked child the runtime's locks may be held by threads that do not exist there: only our own memory goes. */
  const int usable = cl->owner == getpid();
  while (cl->programs != NULL) {
    clnorm__program *program = cl->programs;
    cl->programs = program->next;
    if (usable) {
      (void)clReleaseProgram(program->program);
    }
    free(program);
  }
  if (usable && cl->context != NULL) {
    (void)clReleaseContext(cl->context);
  }
  clnorm__program_cache_close(&cl->cache);
  clnorm_tuning_close(cl->tuning);
  (void)pthread_mutex_destroy(&cl->mutex);
  free(cl);
}

void clnorm_cl_destroy(clnorm_cl *cl) { clnorm__cl_release(cl); }

clnorm_status clnorm__cl_check_queue(const clnorm_cl *cl, cl_command_queue queue, int *in_order)
{
  clnorm_status status;
  cl_context context = NULL;
  cl_device_id device = NULL;
  cl_command_queue_properties properties = 0;
  CLNORM__TRY_CL(clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL));
  CLNORM__TRY_CL(clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL));
  CLNORM__TRY_CL(clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL));
  *in_order = (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0;
  if (context != cl->context || device != cl->device) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "queue: expected a queue of cl's %s, got one of another",
                        context != cl->context ? "context" : "device");
  }
done:
  return status;
}

void clnorm_cl_build_counts(clnorm_cl *cl, size_t *programs, double *seconds)
{
  size_t count = 0;
  double spent = 0.0;
  if (cl != NULL) {
    (void)pthread_mutex_lock(&cl->mutex);
    count = cl->build_count;
    spent = cl->build_seconds;
    (void)pthread_mutex_unlock(&cl->mutex);
  }
  if (programs != NULL) {
    *programs = count;
  }
  if (seconds != NULL) {
    *seconds = spent;
  }
}

void clnorm_cl_cache_describe(clnorm_cl *cl, clnorm_cl_cache *cache)
{
  if (cache == NULL) {
    return;
  }
  *cache = (clnorm_cl_cache){.hits = 0};
  if (cl != NULL) {
    (void)pthread_mutex_lock(&cl->mutex);
    *cache = cl->cache.state;
    (void)pthread_mutex_unlock(&cl->mutex);
  }
}

clnorm_status clnorm_cl_cache_use(clnorm_cl *cl, const char *folder)
{
  clnorm_status status;
  clnorm_cl_device described;
  clnorm__error_begin();
  if (cl == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "cl: expected a handle, got NULL");
  }
  CLNORM__TRY(clnorm__process_check());
  CLNORM__TRY(clnorm__cl_check(clnorm__device_describe(cl->device, &described), "clGetDeviceInfo"));
  (void)pthread_mutex_lock(&cl->mutex);
  status = clnorm__program_cache_open(&cl->cache, &described, folder);
  (void)pthread_mutex_unlock(&cl->mutex);
done:
  return status;
}
