#include <math.h>
#include <stdio.h>

#include "write_page.h"

static void print_values(FILE *file, const results_values *v)
{
  (void)fprintf(file, "    %-66s %10.4g %s", v->text, v->interval.median, v->unit);
  if (v->count >= 5) {
    (void)fprintf(file, "  (%.4g to %.4g)", v->interval.low, v->interval.high);
  }
}

void write_summary(FILE *file, const experiment *e, const results *r, int seeds)
{
  if (e->claim > 0) {
    (void)fprintf(file, "%s (claim %d): %s\n", e->name, e->claim, e->text);
  } else {
    (void)fprintf(file, "%s (network): %s\n", e->name, e->text);
  }
  (void)fprintf(file, "  %s; %d seed%s, %.1f s\n  data: %s\n", r->setup, seeds, seeds == 1 ? "" : "s", r->seconds,
                r->data);
  for (int i = 0; i < r->number_count; i++) {
    print_values(file, &r->numbers[i]);
    (void)fprintf(file, "\n");
  }
  for (int i = 0; i < r->part_count; i++) {
    (void)fprintf(file, "  gain:\n");
    print_values(file, &r->parts[i]);
    (void)fprintf(file, ", threshold %.4g: %s\n", r->parts[i].threshold, claim_text(r->parts[i].verdict));
  }
  if (e->claim > 0) {
    (void)fprintf(file, "  verdict: %s\n", claim_text(r->verdict));
  }
  (void)fprintf(file, "\n");
}
