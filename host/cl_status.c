#include "cl_status.h"

#include <string.h>

#define CL_ERROR_TABLE(ROW)                         \
  ROW(CL_SUCCESS)                                   \
  ROW(CL_DEVICE_NOT_FOUND)                          \
  ROW(CL_DEVICE_NOT_AVAILABLE)                      \
  ROW(CL_COMPILER_NOT_AVAILABLE)                    \
  ROW(CL_MEM_OBJECT_ALLOCATION_FAILURE)             \
  ROW(CL_OUT_OF_RESOURCES)                          \
  ROW(CL_OUT_OF_HOST_MEMORY)                        \
  ROW(CL_PROFILING_INFO_NOT_AVAILABLE)              \
  ROW(CL_MEM_COPY_OVERLAP)                          \
  ROW(CL_BUILD_PROGRAM_FAILURE)                     \
  ROW(CL_MAP_FAILURE)                               \
  ROW(CL_MISALIGNED_SUB_BUFFER_OFFSET)              \
  ROW(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) \
  ROW(CL_COMPILE_PROGRAM_FAILURE)                   \
  ROW(CL_LINKER_NOT_AVAILABLE)                      \
  ROW(CL_LINK_PROGRAM_FAILURE)                      \
  ROW(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)             \
  ROW(CL_INVALID_VALUE)                             \
  ROW(CL_INVALID_DEVICE_TYPE)                       \
  ROW(CL_INVALID_PLATFORM)                          \
  ROW(CL_INVALID_DEVICE)                            \
  ROW(CL_INVALID_CONTEXT)                           \
  ROW(CL_INVALID_QUEUE_PROPERTIES)                  \
  ROW(CL_INVALID_COMMAND_QUEUE)                     \
  ROW(CL_INVALID_MEM_OBJECT)                        \
  ROW(CL_INVALID_BINARY)                            \
  ROW(CL_INVALID_BUILD_OPTIONS)                     \
  ROW(CL_INVALID_PROGRAM)                           \
  ROW(CL_INVALID_PROGRAM_EXECUTABLE)                \
  ROW(CL_INVALID_KERNEL_NAME)                       \
  ROW(CL_INVALID_KERNEL_DEFINITION)                 \
  ROW(CL_INVALID_KERNEL)                            \
  ROW(CL_INVALID_ARG_INDEX)                         \
  ROW(CL_INVALID_ARG_VALUE)                         \
  ROW(CL_INVALID_ARG_SIZE)                          \
  ROW(CL_INVALID_KERNEL_ARGS)                       \
  ROW(CL_INVALID_WORK_DIMENSION)                    \
  ROW(CL_INVALID_WORK_GROUP_SIZE)                   \
  ROW(CL_INVALID_WORK_ITEM_SIZE)                    \
  ROW(CL_INVALID_GLOBAL_OFFSET)                     \
  ROW(CL_INVALID_EVENT_WAIT_LIST)                   \
  ROW(CL_INVALID_EVENT)                             \
  ROW(CL_INVALID_OPERATION)                         \
  ROW(CL_INVALID_BUFFER_SIZE)                       \
  ROW(CL_INVALID_GLOBAL_WORK_SIZE)                  \
  ROW(CL_INVALID_PROPERTY)                          \
  ROW(CL_INVALID_COMPILER_OPTIONS)                  \
  ROW(CL_INVALID_LINKER_OPTIONS)

const char *clnorm__cl_error_name(cl_int error)
{
  switch (error) {
#define ERROR_NAME(name) \
  case name:             \
    return #name;
    CL_ERROR_TABLE(ERROR_NAME)
#undef ERROR_NAME
    case CLNORM__PLATFORM_NOT_FOUND:
      return "CL_PLATFORM_NOT_FOUND_KHR";
    default:
      return "unknown OpenCL error";
  }
}

clnorm_status clnorm__cl_check(cl_int error, const char *call)
{
  if (error == CL_SUCCESS) {
    return CLNORM_SUCCESS;
  }
  const int memory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_HOST_MEMORY;
  return clnorm__fail(memory ? CLNORM_OUT_OF_MEMORY : CLNORM_OPENCL_ERROR, "%.*s: %s (%d)", (int)strcspn(call, "("),
                      call, clnorm__cl_error_name(error), (int)error);
}
