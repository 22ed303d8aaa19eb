#include "spans.h"

#include <string.h>

#include "cl_status.h"

const clnorm_buffer *clnorm__args_buffer(const clnorm_cl_args *args, clnorm__argument argument)
{
  switch (argument) {
#define ARGS_MEMBER(name, member, extent) \
  case CLNORM__ARG_##name:                \
    return &args->member;
    CLNORM__ARGUMENT_TABLE(ARGS_MEMBER)
#undef ARGS_MEMBER
    case CLNORM__ARG_COUNT:
      break;
  }
  return NULL;
}

static clnorm_status check_kind(cl_context context, cl_mem memory, const char *name)
{
  clnorm_status status;
  cl_mem_object_type type = 0;
  cl_context owner = NULL;
  const cl_int error = clGetMemObjectInfo(memory, CL_MEM_TYPE, sizeof type, &type, NULL);
  if (error == CL_INVALID_MEM_OBJECT || (error == CL_SUCCESS && type != CL_MEM_OBJECT_BUFFER)) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected a buffer object, got %s", name,
                        error != CL_SUCCESS ? clnorm__cl_error_name(error) : "another kind of memory object");
  }
  CLNORM__TRY(clnorm__cl_check(error, "clGetMemObjectInfo"));
  CLNORM__TRY_CL(clGetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof owner, &owner, NULL));
  if (owner != context) {
    return clnorm__fail(CLNORM_INVALID_BUFFER, "%s: expected a buffer of the plan's context, got one of another", name);
  }
done:
  return status;
}

/* A sub-buffer whose flags say nothing about access inherits its parent's. */
static clnorm_status access_flags(cl_mem memory, cl_mem parent, cl_mem_flags *flags)
{
  clnorm_status status;
  const cl_mem_flags mask = CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY;
  CLNORM__TRY_CL(clGetMemObjectInfo(memory, CL_MEM_FLAGS, sizeof *flags, flags, NULL));
  if ((*flags & mask) == 0 && parent != NULL) {
    CLNORM__TRY_CL(clGetMemObjectInfo(parent, CL_MEM_FLAGS, sizeof *flags, flags, NULL));
  }
done:
  return status;
}

/* The caller's memory that the buffer was made on with CL_MEM_USE_HOST_PTR, else NULL. */
static clnorm_status host_memory(cl_mem memory, void **host)
{
  clnorm_status status;
  cl_mem_flags flags = 0;
  *host = NULL;
  CLNORM__TRY_CL(clGetMemObjectInfo(memory, CL_MEM_FLAGS, sizeof flags, &flags, NULL));
  if (flags & CL_MEM_USE_HOST_PTR) {
    CLNORM__TRY_CL(clGetMemObjectInfo(memory, CL_MEM_HOST_PTR, sizeof *host, host, NULL));
  }
done:
  return status;
}

static clnorm_status describe(cl_context context, const clnorm_buffer *buffer, size_t element, const char *name,
                              clnorm__span *span)
{
  clnorm_status status;
  cl_mem parent = NULL;
  cl_mem_flags flags = 0;
  size_t size = 0, origin = 0;
  memset(span, 0, sizeof *span);
  if (buffer->memory == NULL) {
    return CLNORM_SUCCESS;
  }
  CLNORM__TRY(check_kind(context, buffer->memory, name));
  CLNORM__TRY_CL(clGetMemObjectInfo(buffer->memory, CL_MEM_SIZE, sizeof size, &size, NULL));
  CLNORM__TRY_CL(clGetMemObjectInfo(buffer->memory, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL));
  CLNORM__TRY_CL(clGetMemObjectInfo(buffer->memory, CL_MEM_OFFSET, sizeof origin, &origin, NULL));
  CLNORM__TRY(access_flags(buffer->memory, parent, &flags));
  const int inside = buffer->offset <= size / element;
  void *host = NULL;
  CLNORM__TRY(host_memory(parent != NULL ? parent : buffer->memory, &host));
  const uint64_t begin = (uint64_t)(uintptr_t)host + origin;
  span->present = 1;
  /* Buffers on the host's memory may overlap by their addresses, whatever objects they are. */
  span->root = host != NULL ? NULL : (parent != NULL ? parent : buffer->memory);
  span->begin = inside ? begin + buffer->offset * element : begin + size;
  span->floor = begin;
  span->capacity = inside ? size - buffer->offset * element : 0;
  span->count = buffer->count;
  span->can_read = (flags & CL_MEM_WRITE_ONLY) == 0;
  span->can_write = (flags & CL_MEM_READ_ONLY) == 0;
done:
  return status;
}

clnorm_status clnorm__spans_describe(cl_context context, const clnorm_plan *plan, const clnorm_cl_args *args,
                                     clnorm__span spans[CLNORM__ARG_COUNT], clnorm__span *workspace)
{
  clnorm_status status;
  for (int i = 0; i < CLNORM__ARG_COUNT; i++) {
    const clnorm__argument argument = (clnorm__argument)i;
    CLNORM__TRY(describe(context, clnorm__args_buffer(args, argument), clnorm__argument_element(&plan->desc, argument),
                         clnorm__argument_name(argument), &spans[i]));
  }
  CLNORM__TRY(describe(context, &args->workspace, 1, "workspace", workspace));
done:
  return status;
}
