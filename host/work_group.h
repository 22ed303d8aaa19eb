/* How many work-items a work-group may have, when the device's own number is more than any kernel gets. */
#ifndef CLNORM_HOST_WORK_GROUP_H
#define CLNORM_HOST_WORK_GROUP_H

#include "context.h"

/* Finds out what a kernel that needs nothing may have, once for a `clnorm_cl`; no kernel gets more. It compiles such a kernel,
 * so it is for devices where a kernel did not fit. Keeps what the device says of itself if the compiler refuses. */
void clnorm__work_group_learn(clnorm_cl *cl);

/* What was learned; SIZE_MAX before. */
size_t clnorm__work_group_most(const clnorm_cl *cl);

#endif
