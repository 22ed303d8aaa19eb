/* Synthetic points of the plane. All of these functions return 0, or -1 without the memory. */
#ifndef CLNORM_EXPERIMENTS_DATA_POINTS_H
#define CLNORM_EXPERIMENTS_DATA_POINTS_H

#include "data_set.h"

/* Concentric circles, a class each, of radius 1/classes, 2/classes ... 1 with normal noise added to both coordinates;
 * classes alternate, so they have equally many points (but for the remainder). */
int points_circles(data_set *set, size_t count, int classes, double noise, uint64_t seed);

/* Spirals of one and a half turns around the origin, a class each, one turned against the other. */
int points_spirals(data_set *set, size_t count, int classes, double noise, uint64_t seed);

/* Normal clouds of that standard deviation around `classes` centres, evenly on the unit circle. */
int points_ring(data_set *set, size_t count, int classes, double deviation, uint64_t seed);

#endif
