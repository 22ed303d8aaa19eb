#include "results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *to, size_t capacity, const char *from) { (void)snprintf(to, capacity, "%s", from); }

/* Room for one more of `size` bytes each. */
static int make_room(results *r, void **memory, size_t count, size_t *capacity, size_t size)
{
  if (count < *capacity) {
    return 1;
  }
  const size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
  void *larger = realloc(*memory, wanted * size);
  if (larger == NULL) {
    r->failed = 1;
    return 0;
  }
  *memory = larger;
  *capacity = wanted;
  return 1;
}

int results_add_panel(results *r, const char *title, const char *x_label, const char *y_label, unsigned flags)
{
  if (r->panel_count == RESULTS_PANELS) {
    r->failed = 1;
    return 0;
  }
  results_panel *panel = &r->panels[r->panel_count];
  copy_text(panel->title, sizeof panel->title, title);
  copy_text(panel->x_label, sizeof panel->x_label, x_label);
  copy_text(panel->y_label, sizeof panel->y_label, y_label);
  panel->flags = flags;
  return r->panel_count++;
}

static results_series *find_series(results *r, int panel, const char *name)
{
  for (int i = 0; i < r->series_count; i++) {
    if (r->series[i].panel == panel && strcmp(r->series[i].name, name) == 0) {
      return &r->series[i];
    }
  }
  if (r->series_count == RESULTS_SERIES) {
    r->failed = 1;
    return NULL;
  }
  results_series *made = &r->series[r->series_count++];
  copy_text(made->name, sizeof made->name, name);
  made->panel = panel;
  return made;
}

void results_add_point(results *r, int panel, const char *series, int seed, double x, double y)
{
  results_series *s = find_series(r, panel, series);
  if (s != NULL && make_room(r, (void **)&s->points, s->count, &s->capacity, sizeof *s->points)) {
    s->points[s->count++] = (results_point){seed, x, y};
  }
}

static results_values *find_values(results *r, results_values *list, int *count, int most, const char *text)
{
  for (int i = 0; i < *count; i++) {
    if (strcmp(list[i].text, text) == 0) {
      return &list[i];
    }
  }
  if (*count == most) {
    r->failed = 1;
    return NULL;
  }
  results_values *made = &list[(*count)++];
  copy_text(made->text, sizeof made->text, text);
  return made;
}

static void add_value(results *r, results_values *v, double value)
{
  if (v != NULL && make_room(r, (void **)&v->values, v->count, &v->capacity, sizeof *v->values)) {
    v->values[v->count++] = value;
  }
}

void results_add_number(results *r, const char *text, const char *unit, double value)
{
  results_values *v = find_values(r, r->numbers, &r->number_count, RESULTS_NUMBERS, text);
  if (v != NULL) {
    copy_text(v->unit, sizeof v->unit, unit);
    add_value(r, v, value);
  }
}

void results_add_gain(results *r, const char *text, const char *unit, double threshold, double gain)
{
  results_values *v = find_values(r, r->parts, &r->part_count, RESULTS_PARTS, text);
  if (v != NULL) {
    copy_text(v->unit, sizeof v->unit, unit);
    v->threshold = threshold;
    add_value(r, v, isnan(gain) ? -INFINITY : gain);
  }
}

void results_add_setup(results *r, const char *format, ...)
{
  const size_t length = strlen(r->setup);
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(r->setup + length, sizeof r->setup - length, format, arguments);
  va_end(arguments);
}

void results_add_data(results *r, const char *description)
{
  if (strstr(r->data, description) == NULL) {
    const size_t length = strlen(r->data);
    (void)snprintf(r->data + length, sizeof r->data - length, "%s%s", length > 0 ? "; " : "", description);
  }
}

/* NaN has no place in an order; the worst that a number can be stands for it at the end. */
static void close_values(results_values *v)
{
  for (size_t i = 0; i < v->count; i++) {
    if (isnan(v->values[i])) {
      v->values[i] = INFINITY;
    }
  }
  claim_summarize(v->values, v->count, &v->interval);
}

void results_close(results *r)
{
  r->verdict = r->part_count > 0 ? CLAIM_HOLDS : CLAIM_UNCLEAR;
  for (int i = 0; i < r->number_count; i++) {
    close_values(&r->numbers[i]);
  }
  for (int i = 0; i < r->part_count; i++) {
    results_values *part = &r->parts[i];
    close_values(part);
    part->verdict = claim_judge(&part->interval, part->threshold);
    r->verdict = claim_and(r->verdict, part->verdict);
  }
}

void results_free(results *r)
{
  for (int i = 0; i < r->series_count; i++) {
    free(r->series[i].points);
  }
  for (int i = 0; i < r->number_count; i++) {
    free(r->numbers[i].values);
  }
  for (int i = 0; i < r->part_count; i++) {
    free(r->parts[i].values);
  }
  *r = (results){0};
}
