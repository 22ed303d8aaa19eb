/* What the counting layer (counting_layer.c) tells and does. A test finds it through the loader:
 *
 *   const counting_layer *layer = counting_layer_find();     NULL: the loader has not loaded it
 *   layer->live(COUNTING_EVENTS)                             creations and retains less releases, of the whole process
 *   layer->fail(COUNTING_clCreateBuffer, 2, CL_OUT_OF_RESOURCES);      the second call from now on fails */
#ifndef CLNORM_TESTS_COUNTING_LAYER_H
#define CLNORM_TESTS_COUNTING_LAYER_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

/* Every entry point that the library calls, and those that the tests make objects with. */
#define COUNTING_ENTRY_TABLE(X)  \
  X(clGetPlatformIDs)            \
  X(clGetPlatformInfo)           \
  X(clGetDeviceIDs)              \
  X(clGetDeviceInfo)             \
  X(clGetContextInfo)            \
  X(clGetCommandQueueInfo)       \
  X(clGetMemObjectInfo)          \
  X(clGetEventInfo)              \
  X(clGetKernelWorkGroupInfo)    \
  X(clGetProgramInfo)            \
  X(clGetProgramBuildInfo)       \
  X(clCreateContext)             \
  X(clRetainContext)             \
  X(clReleaseContext)            \
  X(clCreateCommandQueue)        \
  X(clRetainCommandQueue)        \
  X(clReleaseCommandQueue)       \
  X(clCreateBuffer)              \
  X(clReleaseMemObject)          \
  X(clCreateProgramWithSource)   \
  X(clCreateProgramWithBinary)   \
  X(clBuildProgram)              \
  X(clReleaseProgram)            \
  X(clCreateKernel)              \
  X(clSetKernelArg)              \
  X(clReleaseKernel)             \
  X(clEnqueueNDRangeKernel)      \
  X(clEnqueueMarkerWithWaitList) \
  X(clEnqueueReadBuffer)         \
  X(clEnqueueWriteBuffer)        \
  X(clRetainEvent)               \
  X(clReleaseEvent)              \
  X(clWaitForEvents)

typedef enum counting_entry {
#define COUNTING_ENUM(name) COUNTING_##name,
  COUNTING_ENTRY_TABLE(COUNTING_ENUM)
#undef COUNTING_ENUM
      COUNTING_ENTRIES
} counting_entry;

typedef enum counting_object {
  COUNTING_CONTEXTS,
  COUNTING_QUEUES,
  COUNTING_BUFFERS,
  COUNTING_PROGRAMS,
  COUNTING_KERNELS,
  COUNTING_EVENTS,
  COUNTING_OBJECTS
} counting_object;

typedef struct counting_layer {
  const char *(*name)(counting_entry entry);
  unsigned long (*calls)(counting_entry entry); /* since the process began */
  long (*live)(counting_object object);
  /* The nth call from now on (1: the next) returns `error` instead of reaching the runtime; later ones pass. A release
   * that fails has released. nth 0: none fails. */
  void (*fail)(counting_entry entry, unsigned long nth, cl_int error);
  int (*has_failed)(void); /* since the last fail() */
} counting_layer;

/* The one symbol that a test looks up in the loaded layer. */
const counting_layer *counting_layer_get(void);

#endif
