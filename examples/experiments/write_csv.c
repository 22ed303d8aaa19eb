#include "write_csv.h"

#include <stdio.h>

#include "page.h"

/* Names hold commas, but no quotation marks. */
static void write_points(const results *r, FILE *file)
{
  for (int i = 0; i < r->series_count; i++) {
    const results_series *s = &r->series[i];
    for (size_t k = 0; k < s->count; k++) {
      (void)fprintf(file, "\"%s\",\"%s\",%d,%.9g,%.9g\n", r->panels[s->panel].title, s->name, s->points[k].seed,
                    s->points[k].x, s->points[k].y);
    }
  }
}

static void write_values(const char *kind, const results_values *list, int count, FILE *file)
{
  for (int i = 0; i < count; i++) {
    for (size_t k = 0; k < list[i].count; k++) {
      (void)fprintf(file, "%s,\"%s\",%zu,,%.9g\n", kind, list[i].text, k + 1, list[i].values[k]);
    }
  }
}

int write_csv(const results *r, const char *path)
{
  page p;
  if (page_open(&p, path) != 0) {
    return -1;
  }
  (void)fprintf(p.file, "panel,series,seed,x,y\n");
  write_points(r, p.file);
  write_values("number (sorted)", r->numbers, r->number_count, p.file);
  write_values("gain (sorted)", r->parts, r->part_count, p.file);
  return page_commit(&p);
}
