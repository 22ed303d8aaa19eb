#include "data_digits.h"

#include <math.h>
#include <stdio.h>

#define MOST_POINTS 14
#define END \
  {         \
    -1, -1  \
  }

/* A digit is at most two lines through points of a box from (0, 0), top left, to (1, 1). */
typedef struct point {
  double x, y;
} point;

static const point strokes[10][2][MOST_POINTS] = {
    {{{.5, 0},
      {.2, .1},
      {.08, .35},
      {.08, .65},
      {.2, .9},
      {.5, 1},
      {.8, .9},
      {.92, .65},
      {.92, .35},
      {.8, .1},
      {.5, 0},
      END},
     {END}},
    {{{.25, .2}, {.55, 0}, {.55, 1}, END}, {END}},
    {{{.1, .25}, {.2, .07}, {.5, 0}, {.8, .08}, {.88, .28}, {.75, .5}, {.1, 1}, {.92, 1}, END}, {END}},
    {{{.12, .1},
      {.5, 0},
      {.82, .1},
      {.85, .3},
      {.72, .45},
      {.45, .48},
      {.78, .55},
      {.9, .75},
      {.78, .93},
      {.5, 1},
      {.1, .9},
      END},
     {END}},
    {{{.7, 1}, {.7, 0}, {.08, .68}, {.95, .68}, END}, {END}},
    {{{.85, 0}, {.22, 0}, {.17, .45}, {.5, .38}, {.82, .5}, {.9, .72}, {.78, .93}, {.48, 1}, {.12, .9}, END}, {END}},
    {{{.78, .03},
      {.45, .15},
      {.2, .45},
      {.1, .72},
      {.25, .95},
      {.5, 1},
      {.8, .9},
      {.88, .7},
      {.75, .53},
      {.48, .48},
      {.16, .62},
      END},
     {END}},
    {{{.08, 0}, {.92, 0}, {.42, 1}, END}, {END}},
    {{{.5, 0},
      {.22, .08},
      {.15, .26},
      {.28, .42},
      {.5, .48},
      {.75, .58},
      {.86, .77},
      {.72, .95},
      {.5, 1},
      {.28, .95},
      {.14, .77},
      {.25, .58},
      {.5, .48},
      END},
     {{.5, .48}, {.72, .42}, {.85, .26}, {.78, .08}, {.5, 0}, END}},
    {{{.86, .36},
      {.62, .52},
      {.3, .5},
      {.14, .3},
      {.24, .08},
      {.5, 0},
      {.76, .06},
      {.87, .28},
      {.84, .6},
      {.62, 1},
      END},
     {END}},
};

/* How one digit is drawn. */
typedef struct pen {
  double a, b, c, d; /* the box's axes in pixels */
  double x, y;       /* its centre */
  double radius;     /* of the line, in pixels */
} pen;

static pen choose_pen(data_random *r, double side)
{
  const double angle = random_between(r, -0.25, 0.25);
  const double slant = random_between(r, -0.25, 0.25);
  const double width = side * random_between(r, 0.3, 0.55);
  const double height = side * random_between(r, 0.5, 0.72);
  pen p = {.a = width * cos(angle), .c = width * sin(angle)};
  p.b = height * (slant * cos(angle) - sin(angle));
  p.d = height * (slant * sin(angle) + cos(angle));
  p.x = side * (0.5 + random_between(r, -0.07, 0.07));
  p.y = side * (0.5 + random_between(r, -0.07, 0.07));
  p.radius = side * random_between(r, 0.03, 0.065);
  return p;
}

static point to_pixels(const pen *p, point from)
{
  const double u = from.x - 0.5;
  const double v = from.y - 0.5;
  return (point){p->x + p->a * u + p->b * v, p->y + p->c * u + p->d * v};
}

static double distance_to(point p, point from, point to)
{
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double length = dx * dx + dy * dy;
  double t = length > 0 ? ((p.x - from.x) * dx + (p.y - from.y) * dy) / length : 0;
  t = t < 0 ? 0 : t > 1 ? 1 : t;
  return hypot(p.x - from.x - t * dx, p.y - from.y - t * dy);
}

/* Inks the pixels around one piece of a line; its edge is one pixel wide. */
static void draw_piece(float *image, size_t side, const pen *p, point from, point to)
{
  for (size_t i = 0; i < side * side; i++) {
    const point centre = {(double)(i % side) + 0.5, (double)(i / side) + 0.5};
    const double ink = p->radius + 0.5 - distance_to(centre, from, to);
    if (ink > (double)image[i]) {
      image[i] = ink < 1 ? (float)ink : 1.0f;
    }
  }
}

static void draw(data_random *r, float *image, size_t side, int digit)
{
  const pen p = choose_pen(r, (double)side);
  for (int line = 0; line < 2; line++) {
    const point *points = strokes[digit][line];
    for (int i = 0; points[i].x >= 0 && points[i + 1].x >= 0; i++) {
      draw_piece(image, side, &p, to_pixels(&p, points[i]), to_pixels(&p, points[i + 1]));
    }
  }
  for (size_t i = 0; i < side * side; i++) {
    const double noisy = (double)image[i] + 0.05 * random_normal(r);
    image[i] = noisy < 0 ? 0 : noisy > 1 ? 1 : (float)noisy;
  }
}

int digits_draw(data_set *set, size_t count, size_t side, uint64_t seed)
{
  data_random r;
  random_begin(&r, seed, RANDOM_DIGITS);
  if (data_make(set, count, 1, side, side, 10) != 0) {
    return -1;
  }
  for (size_t i = 0; i < count; i++) {
    set->labels[i] = (int32_t)(i % 10);
    draw(&r, set->x + i * side * side, side, (int)(i % 10));
  }
  (void)snprintf(set->description, sizeof set->description, "synthetic: %zu drawn digits of %zu x %zu", count, side,
                 side);
  return 0;
}

void digits_shift_domain(data_set *set, uint64_t seed)
{
  const size_t width = set->shape[2];
  const size_t height = set->shape[1];
  data_random r;
  random_begin(&r, seed, RANDOM_SHIFT);
  for (size_t i = 0; i < set->count * set->features; i++) {
    const double down = (double)(i / width % height) / (double)height;
    set->x[i] = (float)(0.4 * (double)set->x[i] + 0.3 + 0.3 * down + 0.1 * random_normal(&r));
  }
}
