#include "write_plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "page.h"

extern char **environ;

static const char *const colours[] = {"#1f6fb8", "#d2691e", "#2b8a5b", "#b0306f",
                                      "#8a7200", "#5a52b5", "#5c6773", "#c2332b"};
enum { COLOURS = sizeof colours / sizeof colours[0] };

/* ---- numbers ------------------------------------------------------------------------------------------------ */

static int compare_points(const void *a, const void *b)
{
  const results_point *p = a;
  const results_point *q = b;
  if (p->x != q->x) {
    return p->x < q->x ? -1 : 1;
  }
  return (p->y > q->y) - (p->y < q->y);
}

static int is_shown(const results_point *p, unsigned flags)
{
  return isfinite(p->x) && isfinite(p->y) && (!(flags & RESULTS_LOG_Y) || p->y > 0);
}

/* The series' points that can be shown, by x and then by y; their count in *count. */
static results_point *sorted_points(const results_series *s, unsigned flags, size_t *count)
{
  results_point *points = malloc((s->count + 1) * sizeof *points);
  *count = 0;
  for (size_t i = 0; points != NULL && i < s->count; i++) {
    if (is_shown(&s->points[i], flags)) {
      points[(*count)++] = s->points[i];
    }
  }
  if (points != NULL) {
    qsort(points, *count, sizeof *points, compare_points);
  }
  return points;
}

/* One line for each x: x, lower quartile, median, upper quartile of y, and how many seeds these are. */
static void write_quartiles(FILE *file, const results_point *points, size_t count, double x_of_bar, int is_bar)
{
  double values[256];
  for (size_t i = 0; i < count;) {
    size_t n = 0;
    const double x = points[i].x;
    for (; i < count && (is_bar || points[i].x == x); i++) {
      if (n < sizeof values / sizeof values[0]) {
        values[n++] = points[i].y;
      }
    }
    (void)fprintf(file, "%.7g %.7g %.7g %.7g %zu\n", is_bar ? x_of_bar : x, claim_quantile(values, n, 0.25),
                  claim_quantile(values, n, 0.5), claim_quantile(values, n, 0.75), n);
  }
}

/* Data block $d0, $d1 ... a series. Bars need y alone to be in order, for which x is made the same. */
static void write_data(const results *r, FILE *file)
{
  for (int i = 0, bar = 0; i < r->series_count; i++) {
    const results_series *s = &r->series[i];
    const unsigned flags = r->panels[s->panel].flags;
    const int is_bar = (flags & RESULTS_BARS) != 0;
    size_t count = 0;
    bar = i > 0 && r->series[i - 1].panel == s->panel ? bar + 1 : 0;
    results_point *points = sorted_points(s, flags, &count);
    if (is_bar && points != NULL) {
      for (size_t k = 0; k < count; k++) {
        points[k].x = 0;
      }
      qsort(points, count, sizeof *points, compare_points);
    }
    (void)fprintf(file, "$d%d << END\n", i);
    if (points != NULL) {
      write_quartiles(file, points, count, bar, is_bar);
    }
    (void)fprintf(file, "END\n");
    free(points);
  }
}

/* ---- panels ------------------------------------------------------------------------------------------------- */

/* In double quotes for gnuplot: backslashes and quotes escaped. */
static void write_quoted(FILE *file, const char *text)
{
  (void)fputc('"', file);
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') {
      (void)fputc('\\', file);
    }
    (void)fputc(*text, file);
  }
  (void)fputc('"', file);
}

static void write_labels(const results *r, int panel, FILE *file)
{
  const results_panel *p = &r->panels[panel];
  (void)fprintf(file, "set title ");
  write_quoted(file, p->title);
  (void)fprintf(file, "\nset xlabel ");
  write_quoted(file, p->x_label);
  (void)fprintf(file, "\nset ylabel ");
  write_quoted(file, p->y_label);
  (void)fprintf(file, "\n%s logscale x\n%s logscale y\n", p->flags & RESULTS_LOG_X ? "set" : "unset",
                p->flags & RESULTS_LOG_Y ? "set" : "unset");
  (void)fprintf(file, "set format y \"%s\"\n", p->flags & RESULTS_LOG_Y ? "10^{%T}" : "%g");
}

/* How many points can be shown in the panel. */
static size_t count_shown(const results *r, int series)
{
  size_t shown = 0;
  const results_series *s = &r->series[series];
  for (size_t k = 0; k < s->count; k++) {
    shown += (size_t)is_shown(&s->points[k], r->panels[s->panel].flags);
  }
  return shown;
}

static void write_bars(const results *r, int panel, FILE *file)
{
  int bars = 0;
  const char *separator = "set xtics rotate by 25 right (";
  for (int i = 0; i < r->series_count; i++) {
    if (r->series[i].panel == panel) {
      (void)fprintf(file, "%s", separator);
      write_quoted(file, r->series[i].name);
      (void)fprintf(file, " %d", bars++);
      separator = ", ";
    }
  }
  (void)fprintf(file, ")\nset xrange [-0.6:%d.6]\nset boxwidth 0.6\nunset key\nset style fill solid 0.55 noborder\n",
                bars - 1);
  separator = "plot ";
  for (int i = 0; i < r->series_count; i++) {
    if (r->series[i].panel == panel && count_shown(r, i) > 0) {
      (void)fprintf(file,
                    "%s$d%d using 1:3 with boxes lc rgb \"%s\", $d%d using 1:3:2:4 with yerrorbars lc rgb \"#1d2329\" "
                    "lw 1.5 pt 7 ps 0.4",
                    separator, i, colours[i % COLOURS], i);
      separator = ", \\\n     ";
    }
  }
  (void)fprintf(file, "\nset xtics norotate autofreq\nset xrange [*:*]\n");
}

/* Points are marked where there are few of them. */
static const char *line_style(const results *r, int series)
{
  const results_series *s = &r->series[series];
  const int seeds = s->count > 0 ? s->points[s->count - 1].seed : 1;
  return s->count > 40 * (size_t)seeds ? "lines lw 2" : "linespoints lw 2 pt 7 ps 0.3";
}

static void write_lines(const results *r, int panel, FILE *file)
{
  const char *separator = "plot ";
  int colour = 0;
  (void)fprintf(file, "set key below\n");
  for (int i = 0; i < r->series_count; i++) {
    if (r->series[i].panel == panel && count_shown(r, i) > 0) {
      const char *rgb = colours[colour++ % COLOURS];
      (void)fprintf(file,
                    "%s$d%d using 1:2:4 with filledcurves fs transparent solid 0.18 noborder lc rgb \"%s\" notitle, ",
                    separator, i, rgb);
      (void)fprintf(file, "$d%d using 1:3 with %s lc rgb \"%s\" title ", i, line_style(r, i), rgb);
      write_quoted(file, r->series[i].name);
      separator = ", \\\n     ";
    }
  }
  (void)fprintf(file, "\n");
}

static int has_points(const results *r, int panel)
{
  for (int i = 0; i < r->series_count; i++) {
    if (r->series[i].panel == panel && count_shown(r, i) > 0) {
      return 1;
    }
  }
  return 0;
}

static void write_panel(const results *r, int panel, FILE *file)
{
  write_labels(r, panel, file);
  if (!has_points(r, panel)) {
    /* Nothing finite to show; a curve outside of the frame keeps the panel's place. */
    (void)fprintf(file, "set xrange [0:1]\nset yrange [1:2]\nplot 3 notitle\nset xrange [*:*]\nset yrange [*:*]\n");
  } else if (r->panels[panel].flags & RESULTS_BARS) {
    write_bars(r, panel, file);
  } else {
    write_lines(r, panel, file);
  }
}

int write_plot_script(const results *r, const char *folder, const char *name)
{
  char path[4096];
  page p;
  (void)snprintf(path, sizeof path, "%s/%s.gnuplot", folder, name);
  if (page_open(&p, path) != 0) {
    return -1;
  }
  (void)fprintf(p.file, "# gnuplot %s.gnuplot draws %s.svg: medians of the seeds, quartiles around them\n", name, name);
  write_data(r, p.file);
  const int columns = r->panel_count > 3 ? 2 : r->panel_count;
  const int rows = columns > 0 ? (r->panel_count + columns - 1) / columns : 1;
  (void)fprintf(p.file, "set terminal svg size %d,%d font \"sans-serif,11\" background rgb \"white\" name \"%s\"\n",
                40 + 400 * columns, 340 * rows, name);
  (void)fprintf(p.file, "set output \"%s.svg\"\nset grid lc rgb \"#dfe3e6\"\nset border 3\nset tics nomirror\n", name);
  (void)fprintf(p.file, "set multiplot layout %d,%d\n", rows, columns);
  for (int panel = 0; panel < r->panel_count; panel++) {
    write_panel(r, panel, p.file);
  }
  (void)fprintf(p.file, "unset multiplot\nunset output\n");
  return page_commit(&p);
}

/* ---- gnuplot ------------------------------------------------------------------------------------------------ */

plot_outcome write_plot_draw(const char *folder, const char *name)
{
  char script[256];
  posix_spawn_file_actions_t actions;
  pid_t child = 0;
  int status = 0;
  (void)snprintf(script, sizeof script, "%s.gnuplot", name);
  char *arguments[] = {"gnuplot", script, NULL};
  if (posix_spawn_file_actions_init(&actions) != 0) {
    return PLOT_FAILED;
  }
  int wrong = posix_spawn_file_actions_addchdir_np(&actions, folder);
  wrong = wrong != 0 ? wrong : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  wrong = wrong != 0 ? wrong : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  wrong = wrong != 0 ? wrong : posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
  (void)posix_spawn_file_actions_destroy(&actions);
  if (wrong != 0) {
    return wrong == ENOENT ? PLOT_NO_GNUPLOT : PLOT_FAILED;
  }
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return PLOT_FAILED;
    }
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PLOT_DRAWN : PLOT_FAILED;
}
