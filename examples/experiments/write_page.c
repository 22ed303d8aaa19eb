#include "write_page.h"

#include <clnorm/clnorm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "page_style.h"

/* ---- numbers ------------------------------------------------------------------------------------------------ */

static void write_number(FILE *file, double value)
{
  if (isnan(value)) {
    (void)fprintf(file, "none");
  } else if (isinf(value)) {
    (void)fprintf(file, value > 0 ? "∞" : "−∞");
  } else {
    (void)fprintf(file, "%.4g", value);
  }
}

static void write_interval(FILE *file, const results_values *v)
{
  (void)fprintf(file, "<td class=n>");
  write_number(file, v->interval.median);
  (void)fprintf(file, " ");
  page_text(file, v->unit);
  (void)fprintf(file, "</td><td class=n>");
  if (v->count >= 5) {
    write_number(file, v->interval.low);
    (void)fprintf(file, " to ");
    write_number(file, v->interval.high);
  } else {
    (void)fprintf(file, "needs 5 seeds");
  }
  (void)fprintf(file, "</td>");
}

static void write_verdict(FILE *file, claim_verdict verdict)
{
  static const char *const classes[] = {"unclear", "holds", "fails"};
  (void)fprintf(file, "<span class=%s>%s</span>", classes[verdict], claim_text(verdict));
}

/* ---- one experiment ------------------------------------------------------------------------------------------- */

static void write_parts(FILE *file, const results *r)
{
  if (r->part_count == 0) {
    return;
  }
  (void)fprintf(file, "<table><tr><th>gain</th><th>median</th><th>low to high</th><th>threshold</th><th></th></tr>\n");
  for (int i = 0; i < r->part_count; i++) {
    const results_values *part = &r->parts[i];
    (void)fprintf(file, "<tr><td>");
    page_text(file, part->text);
    (void)fprintf(file, "</td>");
    write_interval(file, part);
    (void)fprintf(file, "<td class=n>%g</td><td>", part->threshold);
    write_verdict(file, part->verdict);
    (void)fprintf(file, "</td></tr>\n");
  }
  (void)fprintf(file, "</table>\n");
}

static void write_numbers(FILE *file, const results *r)
{
  (void)fprintf(file,
                "<table><tr><th>measured</th><th>median</th><th>low to high</th><th>least to greatest</th></tr>\n");
  for (int i = 0; i < r->number_count; i++) {
    const results_values *v = &r->numbers[i];
    (void)fprintf(file, "<tr><td>");
    page_text(file, v->text);
    (void)fprintf(file, "</td>");
    write_interval(file, v);
    (void)fprintf(file, "<td class=n>");
    write_number(file, v->count > 0 ? v->values[0] : NAN);
    (void)fprintf(file, " to ");
    write_number(file, v->count > 0 ? v->values[v->count - 1] : NAN);
    (void)fprintf(file, "</td></tr>\n");
  }
  (void)fprintf(file, "</table>\n");
}

/* A line of an SVG. Every picture of gnuplot's gives its parts the same names; on one page they are made the experiment's own,
 * where they are given and where they are used. */
static void write_svg_line(FILE *file, const char *line, const char *name)
{
  static const char *const marks[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#", "url('#"};
  while (*line != '\0') {
    size_t taken = 0;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0] && taken == 0; i++) {
      taken = strncmp(line, marks[i], strlen(marks[i])) == 0 ? strlen(marks[i]) : 0;
    }
    (void)fprintf(file, "%.*s%s%s", taken > 0 ? (int)taken : 1, line, taken > 0 ? name : "", taken > 0 ? "-" : "");
    line += taken > 0 ? taken : 1;
  }
}

/* The picture from <svg on; what stands before is for files alone. Without a picture a sentence. */
static void write_picture(FILE *file, const char *folder, const experiment *e)
{
  char path[4096];
  char *line = NULL;
  size_t room = 0;
  int begun = 0;
  (void)snprintf(path, sizeof path, "%s/%s.svg", folder, e->name);
  FILE *svg = fopen(path, "re");
  if (svg == NULL) {
    (void)fprintf(file, "<p class=soft>No picture: gnuplot has not drawn one.</p>\n");
    return;
  }
  (void)fprintf(file, "<figure>\n");
  while (getline(&line, &room, svg) > 0) {
    const char *from = begun ? line : strstr(line, "<svg");
    if (from != NULL) {
      begun = 1;
      write_svg_line(file, from, e->name);
    }
  }
  free(line);
  (void)fclose(svg);
  (void)fprintf(
      file,
      "<figcaption>Lines and bars are medians of the seeds, bands and whiskers their quartiles.</figcaption>\n"
      "</figure>\n");
}

static void write_line(FILE *file, const char *label, const char *text)
{
  if (text[0] == '\0') {
    return;
  }
  (void)fprintf(file, "<p><b>%s</b> ", label);
  page_text(file, text);
  (void)fprintf(file, "</p>\n");
}

static void write_section(FILE *file, const page_view *view, size_t i)
{
  const experiment *e = view->rows[i];
  const results *r = &view->found[i];
  (void)fprintf(file, "<section id=%s>\n<h2>", e->name);
  page_text(file, e->title);
  (void)fprintf(file, " ");
  if (e->claim > 0) {
    write_verdict(file, r->verdict);
  }
  (void)fprintf(file, "</h2>\n");
  write_line(file, e->claim > 0 ? "Claim." : "Network.", e->text);
  write_line(file, "In teaching material:", e->shown);
  write_line(file, "Here:", r->setup);
  write_line(file, "Parts:", e->parts);
  write_line(file, "Data:", r->data);
  (void)fprintf(file,
                "<p><b>Seeds:</b> 1 to %d. <b>Seconds:</b> %.1f. <a href=\"%s.csv\">All numbers</a></p>\n",
                view->seeds[i], r->seconds, e->name);
  write_parts(file, r);
  write_picture(file, view->folder, e);
  write_numbers(file, r);
  (void)fprintf(file, "</section>\n");
}

/* ---- the page ------------------------------------------------------------------------------------------------- */

static void write_head(FILE *file, const page_view *view)
{
  (void)fprintf(file,
                "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
                "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
                "<title>What normalization does</title>\n<style>\n%s</style>\n</head>\n<body>\n",
                page_style_source);
  (void)fprintf(file, "<h1>What normalization does</h1>\n<p>Networks trained by clnorm %s on ", clnorm_version());
  page_text(file, view->device);
  (void)fprintf(file, " (");
  page_text(file, view->driver);
  (void)fprintf(file, "), %.0f seconds%s.</p>\n<p class=soft>%s</p>\n", view->seconds,
                view->quick ? ", quick: fewer seeds and smaller networks, to see that all works" : "", CLAIM_RULE);
}

static void write_overview(FILE *file, const page_view *view)
{
  (void)fprintf(file, "<table><tr><th>claim</th><th>experiment</th><th></th><th>verdict</th><th>data</th></tr>\n");
  for (size_t i = 0; i < view->count; i++) {
    const experiment *e = view->rows[i];
    (void)fprintf(file, "<tr><td class=n>");
    if (e->claim > 0) {
      (void)fprintf(file, "%d", e->claim);
    }
    (void)fprintf(file, "</td><td><a href=\"#%s\">%s</a></td><td>", e->name, e->name);
    page_text(file, e->text);
    (void)fprintf(file, "</td><td>");
    if (e->claim > 0) {
      write_verdict(file, view->found[i].verdict);
    }
    (void)fprintf(file, "</td><td>");
    page_text(file, view->found[i].data);
    (void)fprintf(file, "</td></tr>\n");
  }
  (void)fprintf(file, "</table>\n");
}

int write_page(const page_view *view)
{
  char path[4096];
  page p;
  (void)snprintf(path, sizeof path, "%s/index.html", view->folder);
  if (page_open(&p, path) != 0) {
    return -1;
  }
  write_head(p.file, view);
  write_overview(p.file, view);
  for (size_t i = 0; i < view->count; i++) {
    write_section(p.file, view, i);
  }
  (void)fprintf(p.file, "</body>\n</html>\n");
  return page_commit(&p);
}
