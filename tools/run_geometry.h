/* The shapes of statistics and parameters, from the descriptor's definitions. */
#ifndef CLNORM_TOOLS_RUN_GEOMETRY_H
#define CLNORM_TOOLS_RUN_GEOMETRY_H

#include <clnorm/clnorm.h>

/* The axis that C is; -1 for LAYER and RMS, which know none. */
int run_channel_axis(const clnorm_desc *desc);

/* The shape of mean and inv_std; of gamma, beta and the running statistics: a part of the axes of x in their order. The
 * descriptor is valid. Return the rank. */
int run_statistics_shape(const clnorm_desc *desc, size_t dims[CLNORM_MAX_RANK]);
int run_parameters_shape(const clnorm_desc *desc, size_t dims[CLNORM_MAX_RANK]);

#endif
