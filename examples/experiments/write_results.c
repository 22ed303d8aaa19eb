#include "write_results.h"

#include <clnorm/clnorm.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "page.h"

enum { WIDTH = 128, TEXT = 8192 };

/* ---- text --------------------------------------------------------------------------------------------------- */

/* Words up to the width of a line. */
static void write_wrapped(FILE *file, const char *text)
{
  size_t column = 0;
  while (*text != '\0') {
    const size_t length = strcspn(text, " ");
    if (column > 0 && column + 1 + length > WIDTH) {
      (void)fprintf(file, "\n");
      column = 0;
    }
    (void)fprintf(file, "%s%.*s", column > 0 ? " " : "", (int)length, text);
    column += length + (column > 0);
    text += length + strspn(text + length, " ");
  }
  (void)fprintf(file, "\n");
}

/* In a table's cell, where a bar would end it. */
static void write_cell(FILE *file, const char *text)
{
  for (; *text != '\0'; text++) {
    (void)fprintf(file, *text == '|' ? "\\%c" : "%c", *text);
  }
}

static void write_number(FILE *file, double value)
{
  if (isinf(value)) {
    (void)fprintf(file, value > 0 ? "infinite" : "-infinite");
  } else {
    (void)fprintf(file, "%.4g", value);
  }
}

static void begin_block(FILE *file, const char *name) { (void)fprintf(file, "<!-- begin %s -->\n", name); }
static void end_block(FILE *file, const char *name) { (void)fprintf(file, "<!-- end %s -->\n\n", name); }

/* ---- tables --------------------------------------------------------------------------------------------------- */

static void write_values(FILE *file, const results_values *v)
{
  (void)fprintf(file, "| ");
  write_cell(file, v->text);
  (void)fprintf(file, " | ");
  write_number(file, v->interval.median);
  (void)fprintf(file, "%s%s | ", v->unit[0] != '\0' ? " " : "", v->unit);
  write_number(file, v->interval.low);
  (void)fprintf(file, " to ");
  write_number(file, v->interval.high);
  (void)fprintf(file, " |");
}

static void write_parts(FILE *file, const results *r)
{
  (void)fprintf(file, "\n| gain | median | low to high | threshold | |\n|---|--:|--:|--:|---|\n");
  for (int i = 0; i < r->part_count; i++) {
    write_values(file, &r->parts[i]);
    (void)fprintf(file, " %.4g | %s |\n", r->parts[i].threshold, claim_text(r->parts[i].verdict));
  }
}

static void write_numbers(FILE *file, const results *r)
{
  if (r->number_count == 0) {
    return;
  }
  (void)fprintf(file, "\n| measured | median | low to high |\n|---|--:|--:|\n");
  for (int i = 0; i < r->number_count; i++) {
    write_values(file, &r->numbers[i]);
    (void)fprintf(file, "\n");
  }
}

/* ---- blocks --------------------------------------------------------------------------------------------------- */

static void write_experiment(FILE *file, const experiment *e, const results *r, int seeds)
{
  char text[TEXT];
  begin_block(file, e->name);
  if (e->claim > 0) {
    (void)snprintf(text, sizeof text, "**%s** Claim %d, in teaching material: %s. Here: **%s**.", e->text, e->claim,
                   e->shown, claim_text(r->verdict));
  } else {
    (void)snprintf(text, sizeof text, "**%s**", e->text);
  }
  write_wrapped(file, text);
  (void)snprintf(text, sizeof text, "%s %d seed%s. Data: %s.", r->setup, seeds, seeds == 1 ? "" : "s", r->data);
  (void)fprintf(file, "\n");
  write_wrapped(file, text);
  write_parts(file, r);
  (void)fprintf(file, "\n![%s](%s.svg)\n", e->title, e->name);
  write_numbers(file, r);
  end_block(file, e->name);
}

static void write_run(FILE *file, const page_view *view)
{
  char text[TEXT];
  begin_block(file, "run");
  (void)snprintf(text, sizeof text, "As run by `clnorm-experiments run all` of clnorm %s%s on `%s` (%s).",
                 clnorm_version(), view->quick ? ", quick," : "", view->device, view->driver);
  write_wrapped(file, text);
  end_block(file, "run");
}

static void write_verdicts(FILE *file, const page_view *view)
{
  begin_block(file, "verdicts");
  (void)fprintf(file, "| claim | experiment | | verdict |\n|---|---|---|---|\n");
  for (size_t i = 0; i < view->count; i++) {
    const experiment *e = view->rows[i];
    char claim[16] = "";
    if (e->claim > 0) {
      (void)snprintf(claim, sizeof claim, "%d", e->claim);
    }
    (void)fprintf(file, "| %s | [%s](#%s) | %s | %s |\n", claim, e->name, e->name, e->text,
                  e->claim > 0 ? claim_text(view->found[i].verdict) : "");
  }
  end_block(file, "verdicts");
}

int write_results(const page_view *view)
{
  char path[4096];
  page p;
  (void)snprintf(path, sizeof path, "%s/results.md", view->folder);
  if (page_open(&p, path) != 0) {
    return -1;
  }
  write_run(p.file, view);
  write_verdicts(p.file, view);
  for (size_t i = 0; i < view->count; i++) {
    write_experiment(p.file, view->rows[i], &view->found[i], view->seeds[i]);
  }
  return page_commit(&p);
}
