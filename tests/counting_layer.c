/* A layer of the OpenCL loader (OPENCL_LAYERS=path of this shared object): it stands between a program and the
 * implementations, counts what is made and released, and can let the nth call of an entry point fail. Entry points that
 * are not in COUNTING_ENTRY_TABLE pass uncounted. See counting_layer.h. */
#include "counting_layer.h"

#include <CL/cl_layer.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static cl_icd_dispatch below; /* what the calls are passed on to */
static atomic_ulong calls[COUNTING_ENTRIES];
static atomic_long live[COUNTING_OBJECTS];

static atomic_int failing_entry = COUNTING_ENTRIES;
static atomic_ulong failing_after;
static atomic_int failing_error;
static atomic_int has_failed;

/* Counts the call; the error that it has to return, CL_SUCCESS if it is to be passed on. */
static cl_int enter(counting_entry entry)
{
  atomic_fetch_add(&calls[entry], 1);
  if (atomic_load(&failing_entry) != (int)entry || atomic_fetch_sub(&failing_after, 1) != 1) {
    return CL_SUCCESS;
  }
  atomic_store(&failing_entry, COUNTING_ENTRIES);
  atomic_store(&has_failed, 1);
  return atomic_load(&failing_error);
}

static void count(counting_object object, long change) { atomic_fetch_add(&live[object], change); }

/* clang-format off */
#define QUERY(name, parameters, arguments)                              \
  static cl_int CL_API_CALL name##_counted parameters                   \
  {                                                                     \
    const cl_int error = enter(COUNTING_##name);                        \
    return error != CL_SUCCESS ? error : below.name arguments;          \
  }

#define RETAIN(name, type, object)                                      \
  static cl_int CL_API_CALL name##_counted(type handle)                 \
  {                                                                     \
    cl_int error = enter(COUNTING_##name);                              \
    if (error == CL_SUCCESS && (error = below.name(handle)) == CL_SUCCESS) { \
      count(object, 1);                                                 \
    }                                                                   \
    return error;                                                       \
  }

#define RELEASE(name, type, object)                                     \
  static cl_int CL_API_CALL name##_counted(type handle)                 \
  {                                                                     \
    const cl_int forced = enter(COUNTING_##name);                       \
    const cl_int error = below.name(handle);                            \
    if (error == CL_SUCCESS) {                                          \
      count(object, -1);                                                \
    }                                                                   \
    return error != CL_SUCCESS ? error : forced;                        \
  }

#define CREATE(name, type, object, parameters, arguments)               \
  static type CL_API_CALL name##_counted parameters                     \
  {                                                                     \
    type made = NULL;                                                   \
    const cl_int error = enter(COUNTING_##name);                        \
    if (error != CL_SUCCESS) {                                          \
      if (code != NULL) {                                               \
        *code = error;                                                  \
      }                                                                 \
      return NULL;                                                      \
    }                                                                   \
    made = below.name arguments;                                        \
    count(object, made != NULL);                                        \
    return made;                                                        \
  }

#define ENQUEUE(name, parameters, arguments)                            \
  static cl_int CL_API_CALL name##_counted parameters                   \
  {                                                                     \
    cl_int error = enter(COUNTING_##name);                              \
    if (error == CL_SUCCESS && (error = below.name arguments) == CL_SUCCESS) { \
      count(COUNTING_EVENTS, event != NULL);                            \
    }                                                                   \
    return error;                                                       \
  }

#define INFO(name, type, what)                                                              \
  QUERY(name, (type of, what asked, size_t size, void *value, size_t *needed), (of, asked, size, value, needed))

INFO(clGetPlatformInfo, cl_platform_id, cl_platform_info)
INFO(clGetDeviceInfo, cl_device_id, cl_device_info)
INFO(clGetContextInfo, cl_context, cl_context_info)
INFO(clGetCommandQueueInfo, cl_command_queue, cl_command_queue_info)
INFO(clGetMemObjectInfo, cl_mem, cl_mem_info)
INFO(clGetEventInfo, cl_event, cl_event_info)
INFO(clGetProgramInfo, cl_program, cl_program_info)

QUERY(clGetPlatformIDs, (cl_uint capacity, cl_platform_id *list, cl_uint *number), (capacity, list, number))
QUERY(clGetDeviceIDs,
      (cl_platform_id platform, cl_device_type type, cl_uint capacity, cl_device_id *list, cl_uint *number),
      (platform, type, capacity, list, number))
QUERY(clGetKernelWorkGroupInfo,
      (cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info asked, size_t size, void *value,
       size_t *needed),
      (kernel, device, asked, size, value, needed))
QUERY(clGetProgramBuildInfo,
      (cl_program program, cl_device_id device, cl_program_build_info asked, size_t size, void *value, size_t *needed),
      (program, device, asked, size, value, needed))
QUERY(clBuildProgram,
      (cl_program program, cl_uint number, const cl_device_id *devices, const char *options,
       void(CL_CALLBACK *notify)(cl_program, void *), void *data),
      (program, number, devices, options, notify, data))
QUERY(clSetKernelArg, (cl_kernel kernel, cl_uint index, size_t size, const void *value), (kernel, index, size, value))
QUERY(clWaitForEvents, (cl_uint number, const cl_event *events), (number, events))

CREATE(clCreateContext, cl_context, COUNTING_CONTEXTS,
       (const cl_context_properties *properties, cl_uint number, const cl_device_id *devices,
        void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *data, cl_int *code),
       (properties, number, devices, notify, data, code))
CREATE(clCreateCommandQueue, cl_command_queue, COUNTING_QUEUES,
       (cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code),
       (context, device, properties, code))
CREATE(clCreateBuffer, cl_mem, COUNTING_BUFFERS,
       (cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code),
       (context, flags, size, host, code))
CREATE(clCreateProgramWithSource, cl_program, COUNTING_PROGRAMS,
       (cl_context context, cl_uint number, const char **texts, const size_t *lengths, cl_int *code),
       (context, number, texts, lengths, code))
CREATE(clCreateProgramWithBinary, cl_program, COUNTING_PROGRAMS,
       (cl_context context, cl_uint number, const cl_device_id *devices, const size_t *lengths,
        const unsigned char **binaries, cl_int *states, cl_int *code),
       (context, number, devices, lengths, binaries, states, code))
CREATE(clCreateKernel, cl_kernel, COUNTING_KERNELS, (cl_program program, const char *name, cl_int *code),
       (program, name, code))

RETAIN(clRetainContext, cl_context, COUNTING_CONTEXTS)
RETAIN(clRetainCommandQueue, cl_command_queue, COUNTING_QUEUES)
RETAIN(clRetainEvent, cl_event, COUNTING_EVENTS)

RELEASE(clReleaseContext, cl_context, COUNTING_CONTEXTS)
RELEASE(clReleaseCommandQueue, cl_command_queue, COUNTING_QUEUES)
RELEASE(clReleaseMemObject, cl_mem, COUNTING_BUFFERS)
RELEASE(clReleaseProgram, cl_program, COUNTING_PROGRAMS)
RELEASE(clReleaseKernel, cl_kernel, COUNTING_KERNELS)
RELEASE(clReleaseEvent, cl_event, COUNTING_EVENTS)

ENQUEUE(clEnqueueNDRangeKernel,
        (cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset, const size_t *global,
         const size_t *local, cl_uint num_waits, const cl_event *waits, cl_event *event),
        (queue, kernel, dimensions, offset, global, local, num_waits, waits, event))
ENQUEUE(clEnqueueMarkerWithWaitList,
        (cl_command_queue queue, cl_uint num_waits, const cl_event *waits, cl_event *event),
        (queue, num_waits, waits, event))
ENQUEUE(clEnqueueReadBuffer,
        (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size, void *to,
         cl_uint num_waits, const cl_event *waits, cl_event *event),
        (queue, buffer, blocking, offset, size, to, num_waits, waits, event))
ENQUEUE(clEnqueueWriteBuffer,
        (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size, const void *from,
         cl_uint num_waits, const cl_event *waits, cl_event *event),
        (queue, buffer, blocking, offset, size, from, num_waits, waits, event))
/* clang-format on */

/* ---- what the tests call ------------------------------------------------------------------------------------ */

static const char *name_of(counting_entry entry)
{
  static const char *const names[COUNTING_ENTRIES] = {
#define NAME(name) #name,
      COUNTING_ENTRY_TABLE(NAME)
#undef NAME
  };
  return names[entry];
}

static unsigned long calls_of(counting_entry entry) { return atomic_load(&calls[entry]); }

static long live_of(counting_object object) { return atomic_load(&live[object]); }

static void fail(counting_entry entry, unsigned long nth, cl_int error)
{
  atomic_store(&failing_entry, COUNTING_ENTRIES);
  atomic_store(&has_failed, 0);
  atomic_store(&failing_after, nth);
  atomic_store(&failing_error, error);
  atomic_store(&failing_entry, nth == 0 ? COUNTING_ENTRIES : (int)entry);
}

static int failed(void) { return atomic_load(&has_failed); }

EXPORT const counting_layer *counting_layer_get(void)
{
  static const counting_layer layer = {name_of, calls_of, live_of, fail, failed};
  return &layer;
}

/* ---- what the loader calls ---------------------------------------------------------------------------------- */

static cl_icd_dispatch above;

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info asked, size_t size, void *value, size_t *needed)
{
  static const char name[] = "counting";
  static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  const void *from = asked == CL_LAYER_API_VERSION ? (const void *)&version : (const void *)name;
  const size_t bytes = asked == CL_LAYER_API_VERSION ? sizeof version : sizeof name;
  if ((asked != CL_LAYER_API_VERSION && asked != CL_LAYER_NAME) || (value != NULL && size < bytes)) {
    return CL_INVALID_VALUE;
  }
  if (value != NULL) {
    memcpy(value, from, bytes);
  }
  if (needed != NULL) {
    *needed = bytes;
  }
  return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint entries, const cl_icd_dispatch *target, cl_uint *entries_used,
                                      const cl_icd_dispatch **layer)
{
  const size_t given = entries * sizeof(void *);
  if (target == NULL || entries_used == NULL || layer == NULL ||
      given < offsetof(cl_icd_dispatch, clEnqueueMarkerWithWaitList) + sizeof(void *)) {
    return CL_INVALID_VALUE;
  }
  const size_t known = given < sizeof below ? given : sizeof below;
  memcpy(&below, target, known);
  memcpy(&above, target, known);
#define INSTALL(name) above.name = name##_counted;
  COUNTING_ENTRY_TABLE(INSTALL)
#undef INSTALL
  *entries_used = (cl_uint)(known / sizeof(void *));
  *layer = &above;
  return CL_SUCCESS;
}
