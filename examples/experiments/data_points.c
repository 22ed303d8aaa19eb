#include "data_points.h"

#include <math.h>
#include <stdio.h>

#define PI 3.141592653589793

/* Puts point i, of a class that follows from i, at a radius and an angle, with noise. */
typedef void (*place)(data_random *r, int label, int classes, double *radius, double *angle);

static void place_on_circle(data_random *r, int label, int classes, double *radius, double *angle)
{
  *radius = (double)(label + 1) / classes;
  *angle = random_between(r, 0, 2 * PI);
}

static void place_on_spiral(data_random *r, int label, int classes, double *radius, double *angle)
{
  const double along = random_between(r, 0.05, 1);
  *radius = along;
  *angle = 3 * PI * along + 2 * PI * label / classes;
}

static void place_on_ring(data_random *r, int label, int classes, double *radius, double *angle)
{
  (void)r;
  *radius = 1;
  *angle = 2 * PI * label / classes;
}

static int make(data_set *set, size_t count, int classes, double noise, uint64_t seed, place put, const char *what)
{
  data_random r;
  random_begin(&r, seed, RANDOM_POINTS);
  if (data_make(set, count, 2, 1, 1, classes) != 0) {
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    const int label = (int)(i % (size_t)classes);
    double radius = 0, angle = 0;
    put(&r, label, classes, &radius, &angle);
    set->x[2 * i] = (float)(radius * cos(angle) + noise * random_normal(&r));
    set->x[2 * i + 1] = (float)(radius * sin(angle) + noise * random_normal(&r));
    set->labels[i] = label;
  }
  (void)snprintf(set->description, sizeof set->description, "synthetic: %zu points of %d %s", count, classes, what);
  return 0;
}

int points_circles(data_set *set, size_t count, int classes, double noise, uint64_t seed)
{
  return make(set, count, classes, noise, seed, place_on_circle, "concentric circles");
}

int points_spirals(data_set *set, size_t count, int classes, double noise, uint64_t seed)
{
  return make(set, count, classes, noise, seed, place_on_spiral, "spirals");
}

int points_ring(data_set *set, size_t count, int classes, double deviation, uint64_t seed)
{
  return make(set, count, classes, deviation, seed, place_on_ring, "clouds on a ring");
}
