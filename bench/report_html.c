#include "report_html.h"

#include <string.h>

#include "charts.h"
#include "page.h"
#include "report_calls.h"
#include "report_compare.h"
#include "report_html_parts.h"

typedef void draw(FILE *file, const report_view *view, clnorm_pass pass);

static int has_cases(const report_view *view, clnorm_pass pass)
{
  const bench_record *cases[VIEW_CASES];
  return report_view_cases(view, pass, cases) > 0;
}

static int has_any(const report_view *view)
{
  int any = 0;
  for (size_t i = 0; i < view->pass_count; i++) {
    any |= has_cases(view, view->passes[i]);
  }
  return any;
}

/* `id` is for links to it. */
static void section(FILE *file, const char *id, const char *title, const char *text)
{
  (void)fprintf(file, "<h2 id=\"%s\">", id);
  page_text(file, title);
  (void)fprintf(file, "</h2>\n<p class=\"note\">");
  page_text(file, text);
  (void)fprintf(file, "</p>\n");
}

/* A plot of each pass. */
static void plots(FILE *file, const report_view *view, draw *plot)
{
  (void)fprintf(file, "<div class=\"plots\">\n");
  for (size_t i = 0; i < view->pass_count; i++) {
    if (has_cases(view, view->passes[i])) {
      (void)fprintf(file, "<figure>\n<figcaption>%s</figcaption>\n", record_pass_name(view->passes[i]));
      plot(file, view, view->passes[i]);
      (void)fprintf(file, "</figure>\n");
    }
  }
  (void)fprintf(file, "</div>\n");
}

static void throughput(FILE *file, const report_view *view)
{
  section(
      file, "sizes", "Bandwidth against size",
      "The least traffic of a pass divided by its median time. The dashed line is what the same device reaches when "
      "it only copies; points of one shape with different N are joined. Rest the pointer on a mark for its value.");
  html_legend(file, view, 1, 1);
  plots(file, view, chart_sizes_write);
  section(file, "copies", "Times the copy",
          "How many copies of x fit into one run: 1 is the speed of the memory. Training forward that reads x twice "
          "cannot be below 1.5, backward that reads x and dy twice not below 2.5. The whiskers are what the 95 % "
          "intervals of time and copy leave open; an arrow is a peer beyond the axis.");
  html_legend(file, view, 0, 0);
  plots(file, view, chart_copies_write);
}

static void side_by_side(FILE *file, const report_view *view, int calls)
{
  section(file, "times", calls ? "Time of a call" : "Devices side by side",
          calls ? "Many calls back to back, the time of one of them."
                : "The same work, in seconds; devices and peers that were measured in this run.");
  html_legend(file, view, 0, 0);
  plots(file, view, chart_times_write);
}

static int has_verdict(const report_view *view, size_t device)
{
  const size_t first = (size_t)(view->devices[device].records - view->run->records);
  for (size_t i = 0; i < view->devices[device].count; i++) {
    if (view->run->rows[first + i].verdict != COMPARE_NONE) {
      return 1;
    }
  }
  return 0;
}

static void comparison(FILE *file, const report_view *view)
{
  const html_run *run = view->run;
  char version[128];
  (void)fprintf(file, "<h2 id=\"then\">Then and now</h2>\n<p class=\"note\">");
  page_format(file, "Compared with %s (clnorm %s)%s%s. ", run->then_path,
              compare_file_version(run->then, version, sizeof version),
              run->then_device != NULL ? ", measured on another device: " : "",
              run->then_device != NULL ? run->then_device : "");
  page_text(file, report_compare_rule());
  (void)fprintf(file, "</p>\n");
  (void)fprintf(file, "<div class=\"plots\">\n");
  for (size_t i = 0; i < view->device_count; i++) {
    (void)fprintf(file, "<figure>\n<figcaption>");
    page_text(file, view->devices[i].records[0].device);
    (void)fprintf(file, "</figcaption>\n");
    if (has_verdict(view, i)) {
      chart_ratios_write(file, view, i);
    } else {
      (void)fprintf(file, "<p>No row of this device could be compared.</p>\n");
    }
    (void)fprintf(file, "</figure>\n");
  }
  (void)fprintf(file, "</div>\n");
  for (size_t i = 0; i < view->device_count; i++) {
    html_compare_table(file, view, i);
  }
}

static void explain(FILE *file, const html_run *run, int calls)
{
  section(
      file, "reading", "How to read it",
      "Every result was compared with a reference in long double before it was timed; a wrong one has no speed. "
      "Times are medians after a warm-up, with a 95 % interval that holds whatever the distribution; passes, copies, "
      "the CPU backend and the peers took turns, so that what else happened on the machine fell on all of them.");
  if (calls) {
    (void)fprintf(file, "<p class=\"note\">");
    page_text(file, report_calls_model(1));
    (void)fprintf(file, "</p>\n");
  } else {
    (void)fprintf(
        file,
        "<p class=\"note\">T = bytes of x. Least traffic: infer 2T (x read, y written), train 2T (x stays in the "
        "cache between statistics and result), backward 3T (x and dy read, dx written). GB/s = least traffic / "
        "median, 1 GB = 10<sup>9</sup> bytes. A copy moves 2T: times copy = median / the fastest copy of x in "
        "the same run. against CPU = CPU backend's median / median; against a peer likewise. cold compile = "
        "from nothing to the first result, less one warm run. first, last = channels-first, "
        "channels-last. ");
    page_text(file, record_kinds_note(run->records, run->count));
    (void)fprintf(file, "</p>\n");
  }
}

void report_html_write(FILE *file, const html_run *run)
{
  report_view view;
  report_view_make(&view, run);
  const int calls = run->count > 0 && run->records[0].calls.measured;
  html_head(file, &view);
  (void)fprintf(file, "<p class=\"note\">Below, for each device and pass, the median over all shapes: %s.</p>\n",
                calls ? "calls a second" : "how many times as long as a copy of the tensor a run takes");
  (void)fprintf(file, "<div class=\"cards\">\n");
  for (size_t i = 0; i < view.device_count; i++) {
    html_device_card(file, &view, i);
  }
  (void)fprintf(file, "</div>\n");
  if (has_any(&view) && !calls) {
    throughput(file, &view);
  }
  if (has_any(&view) && (calls || view.device_count > 1 || view.peer_count > 0)) {
    side_by_side(file, &view, calls);
  }
  if (run->rows != NULL) {
    comparison(file, &view);
  }
  section(file, "numbers", "All numbers", "As the table on the terminal has them.");
  for (size_t i = 0; i < view.device_count; i++) {
    html_table(file, &view, i);
  }
  explain(file, run, calls);
  (void)fprintf(file,
                "<footer>Written by clnorm bench; this file needs no network and no script.</footer>\n</main>\n"
                "</body>\n</html>\n");
}
