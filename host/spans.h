/* What the caller's buffers are, as spans that src/arguments.h can check. */
#ifndef CLNORM_HOST_SPANS_H
#define CLNORM_HOST_SPANS_H

#include "clnorm/opencl.h"
#include "plan.h"

/* The buffer of one argument; the tables of both sides have the same rows. */
const clnorm_buffer *clnorm__args_buffer(const clnorm_cl_args *args, clnorm__argument argument);

/* Describes all arguments and the workspace.
 * Errors: INVALID_BUFFER for a handle that is no buffer or belongs to another context. */
clnorm_status clnorm__spans_describe(cl_context context, const clnorm_plan *plan, const clnorm_cl_args *args,
                                     clnorm__span spans[CLNORM__ARG_COUNT], clnorm__span *workspace);

#endif
