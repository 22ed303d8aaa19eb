/* What experiments leave behind: CSV, gnuplot's script, the page. A page must open without a network and hold whatever texts
 * come as text. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write_csv.h"
#include "write_page.h"
#include "write_plot.h"
#include "write_results.h"

static char folder[64];

static void make_folder(void)
{
  (void)snprintf(folder, sizeof folder, "/tmp/clnorm-results-XXXXXX");
  cr_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
  char command[128];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
  cr_assert(system(command) == 0);
}

TestSuite(results, .init = make_folder, .fini = remove_folder);

/* The file's text, to be freed; NULL if it is not there. */
static char *text_of(const char *name)
{
  char path[256];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "re");
  char *text = calloc(1, 1 << 20);
  cr_assert(text != NULL);
  if (file == NULL) {
    free(text);
    return NULL;
  }
  cr_assert(fread(text, 1, (1 << 20) - 1, file) > 0 && fclose(file) == 0);
  return text;
}

static int count_of(const char *text, const char *what)
{
  int found = 0;
  for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
    found++;
  }
  return found;
}

static void fill(results *r, double gain)
{
  const int lines = results_add_panel(r, "a \"quoted\" panel", "epoch", "right, %", 0);
  const int bars = results_add_panel(r, "bars", "", "right, %", RESULTS_BARS);
  for (int seed = 1; seed <= 5; seed++) {
    for (int epoch = 1; epoch <= 3; epoch++) {
      results_add_point(r, lines, "with <b>", seed, epoch, 10 * epoch + seed);
    }
    results_add_point(r, bars, "one", seed, 0, seed);
    results_add_point(r, bars, "two", seed, 0, seed == 3 ? NAN : 2 * seed);
    results_add_number(r, "accuracy", "%", seed);
    results_add_gain(r, "what it brings", "%", 0, gain + seed);
  }
  results_add_setup(r, "A network of %d layers & more.", 3);
  results_add_data(r, "synthetic: 5 points");
  results_add_data(r, "synthetic: 5 points");
}

static void run_nothing(experiment_run *run, results *r)
{
  (void)run;
  (void)r;
}

static const experiment claimed = {.name = "claimed",
                                   .claim = 3,
                                   .title = "A claim",
                                   .text = "It helps <script>.",
                                   .shown = "stated",
                                   .parts = "it brings something",
                                   .seeds = 5,
                                   .quick_seeds = 5,
                                   .run = run_nothing};

Test(results, verdict_and_numbers_come_from_the_seeds)
{
  results good = {0};
  results bad = {0};
  fill(&good, 0);
  fill(&bad, -10);
  results_close(&good);
  results_close(&bad);
  cr_assert(!good.failed && good.verdict == CLAIM_HOLDS && bad.verdict == CLAIM_FAILS);
  cr_assert(good.numbers[0].interval.median == 3 && good.parts[0].interval.low == 1 &&
            good.parts[0].interval.high == 5);
  cr_assert_str_eq(good.setup, "A network of 3 layers & more.");
  cr_assert_str_eq(good.data, "synthetic: 5 points");
  results_free(&good);
  results_free(&bad);
}

Test(results, gain_that_is_no_number_is_no_gain)
{
  results r = {0};
  for (int seed = 1; seed <= 5; seed++) {
    results_add_gain(&r, "gain", "", 0, seed == 4 ? NAN : 1);
  }
  results_close(&r);
  cr_assert(r.verdict == CLAIM_UNCLEAR && r.parts[0].interval.low == -INFINITY);
  results_free(&r);
}

Test(results, too_many_series_are_a_failure_and_no_overrun)
{
  results r = {0};
  char name[16];
  (void)results_add_panel(&r, "panel", "x", "y", 0);
  for (int i = 0; i < 100; i++) {
    (void)snprintf(name, sizeof name, "%d", i);
    results_add_point(&r, 0, name, 1, 0, 0);
  }
  cr_assert(r.failed && r.series_count == RESULTS_SERIES);
  results_free(&r);
}

Test(results, csv_has_every_point)
{
  char path[256];
  results r = {0};
  fill(&r, 0);
  results_close(&r);
  (void)snprintf(path, sizeof path, "%s/claimed.csv", folder);
  cr_assert(write_csv(&r, path) == 0);
  char *text = text_of("claimed.csv");
  cr_assert(text != NULL && strstr(text, "panel,series,seed,x,y\n") == text);
  /* 15 points, 10 bars, 5 numbers, 5 gains and the head. */
  cr_assert(count_of(text, "\n") == 36, "%d", count_of(text, "\n"));
  cr_assert(strstr(text, "\"with <b>\",2,3,32\n") != NULL && strstr(text, "\"two\",3,0,nan\n") != NULL);
  cr_assert(write_csv(&r, "/nowhere/a.csv") == -1);
  free(text);
  results_free(&r);
}

Test(results, script_has_medians_and_quartiles)
{
  results r = {0};
  fill(&r, 0);
  results_close(&r);
  cr_assert(write_plot_script(&r, folder, "claimed") == 0);
  char *text = text_of("claimed.gnuplot");
  cr_assert(text != NULL);
  cr_assert(strstr(text, "$d0 << END\n1 12 13 14 5\n2 22 23 24 5\n3 32 33 34 5\nEND\n") != NULL);
  cr_assert(strstr(text, "$d1 << END\n0 2 3 4 5\nEND\n") != NULL);
  /* Without the seed that has no number: 2, 4, 8, 10. */
  cr_assert(strstr(text, "$d2 << END\n1 3.5 6 8.5 4\nEND\n") != NULL);
  cr_assert(strstr(text, "set title \"a \\\"quoted\\\" panel\"") != NULL);
  free(text);
  results_free(&r);
}

Test(results, gnuplot_draws_or_is_said_to_be_missing)
{
  char path[256];
  results r = {0};
  fill(&r, 0);
  results_close(&r);
  cr_assert(write_plot_script(&r, folder, "claimed") == 0);
  const plot_outcome outcome = write_plot_draw(folder, "claimed");
  (void)snprintf(path, sizeof path, "%s/claimed.svg", folder);
  FILE *svg = fopen(path, "re");
  cr_assert((svg != NULL) == (outcome == PLOT_DRAWN));
  cr_assert(outcome == PLOT_DRAWN || outcome == PLOT_NO_GNUPLOT);
  if (svg != NULL) {
    (void)fclose(svg);
  }
  char *path_before = strdup(getenv("PATH") != NULL ? getenv("PATH") : "");
  cr_assert(path_before != NULL && setenv("PATH", "/nowhere", 1) == 0);
  const plot_outcome without = write_plot_draw(folder, "claimed");
  cr_assert(setenv("PATH", path_before, 1) == 0 && without == PLOT_NO_GNUPLOT);
  free(path_before);
  results_free(&r);
}

Test(results, broken_script_is_a_failure)
{
  char path[256];
  (void)snprintf(path, sizeof path, "%s/broken.gnuplot", folder);
  FILE *file = fopen(path, "we");
  cr_assert(file != NULL && fputs("no such command\n", file) >= 0 && fclose(file) == 0);
  cr_assert(write_plot_draw(folder, "broken") != PLOT_DRAWN);
}

/* What a browser would fetch. Names of XML's vocabularies look like addresses, but nobody fetches them. */
static void expect_self_contained(const char *html)
{
  static const char *const fetched[] = {"src=", "<link", "<script", "@import", "url(", "<iframe"};
  for (size_t i = 0; i < sizeof fetched / sizeof fetched[0]; i++) {
    const char *at = strstr(html, fetched[i]);
    /* A part of the page itself. */
    cr_assert(at == NULL || strncmp(at, "url(#", 5) == 0 || strncmp(at, "url('#", 6) == 0, "%.60s", at);
  }
  for (const char *at = strstr(html, "http"); at != NULL; at = strstr(at + 1, "http")) {
    cr_assert(strncmp(at, "http://www.w3.org/", 18) == 0, "%.60s", at);
  }
}

Test(results, page_holds_everything_and_needs_nothing)
{
  const experiment *rows[] = {&claimed};
  const int seeds[] = {5};
  results r = {0};
  fill(&r, 0);
  results_close(&r);
  cr_assert(write_plot_script(&r, folder, "claimed") == 0);
  const int drawn = write_plot_draw(folder, "claimed") == PLOT_DRAWN;
  const page_view view = {rows, &r, seeds, 1, folder, "a <device>", "its driver", 1, 3.0};
  cr_assert(write_page(&view) == 0);
  char *html = text_of("index.html");
  cr_assert(html != NULL);
  cr_assert(strstr(html, "a &lt;device&gt;") && strstr(html, "It helps &lt;script&gt;.") &&
            strstr(html, "&amp; more."));
  cr_assert(strstr(html, "synthetic: 5 points") && strstr(html, "<span class=holds>holds</span>"));
  cr_assert(strstr(html, "accuracy") && strstr(html, "what it brings") && strstr(html, "quick"));
  cr_assert((strstr(html, "<svg") != NULL) == drawn && (strstr(html, "No picture") == NULL) == drawn);
  cr_assert(strstr(html, "</html>") != NULL);
  expect_self_contained(html);
  free(html);
  results_free(&r);
}

/* A picture such as gnuplot draws: the same names in each. */
static void put_picture(const char *name)
{
  char path[256];
  (void)snprintf(path, sizeof path, "%s/%s.svg", folder, name);
  FILE *file = fopen(path, "we");
  cr_assert(file != NULL);
  (void)fprintf(file,
                "<?xml version=\"1.0\"?>\n<svg\n width=\"840\" viewBox=\"0 0 840 340\">\n<g id=\"gnuplot_canvas\">\n"
                "<defs><path id='gpPt5' d='M-1,0'/><use xlink:href='#gpPt5' id='gpPt6'/></defs>\n"
                "<use xlink:href='#gpPt6' x='3'/><rect filter=\"url(#box)\"/><filter id='box'/></g>\n</svg>\n");
  cr_assert(fclose(file) == 0);
}

static const experiment unclaimed = {.name = "unclaimed",
                                     .title = "A network",
                                     .text = "It is trained.",
                                     .shown = "a network",
                                     .parts = "it brings something",
                                     .seeds = 5,
                                     .quick_seeds = 5,
                                     .run = run_nothing};

static void write_two(results r[2])
{
  static const experiment *rows[] = {&claimed, &unclaimed};
  static const int seeds[] = {5, 5};
  for (int i = 0; i < 2; i++) {
    fill(&r[i], 0);
    results_close(&r[i]);
    put_picture(rows[i]->name);
  }
  const page_view view = {rows, r, seeds, 2, folder, "a device", "its driver", 0, 3.0};
  cr_assert(write_page(&view) == 0 && write_results(&view) == 0);
}

/* What is named twice on one page is found in the first picture alone. */
Test(results, names_of_several_pictures_differ)
{
  static const char *const once[] = {
      "<g id=\"claimed-gnuplot_canvas\">", "<g id=\"unclaimed-gnuplot_canvas\">",
      "id='claimed-gpPt5' d='M-1,0'",      "xlink:href='#unclaimed-gpPt5' id='unclaimed-gpPt6'",
      "xlink:href='#claimed-gpPt6' x='3'", "filter=\"url(#claimed-box)\"",
      "<filter id='unclaimed-box'/>"};
  results r[2] = {0};
  write_two(r);
  char *html = text_of("index.html");
  cr_assert(html != NULL);
  for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
    cr_expect(count_of(html, once[i]) == 1, "%s: %d times", once[i], count_of(html, once[i]));
  }
  cr_expect(count_of(html, "width=\"840\" viewBox=\"0 0 840 340\">") == 2);
  free(html);
  results_free(&r[0]);
  results_free(&r[1]);
}

/* The blocks that the documentation takes over: claim and verdict, tables, picture; no line of text is too long for it. */
Test(results, results_come_in_blocks)
{
  results r[2] = {0};
  write_two(r);
  char *text = text_of("results.md");
  cr_assert(text != NULL);
  cr_expect(count_of(text, "<!-- begin ") == 4 && count_of(text, "<!-- end ") == 4);
  cr_expect(strstr(text, "<!-- begin run -->\nAs run by `clnorm-experiments run all` of clnorm ") != NULL);
  cr_expect(strstr(text,
                   "| 3 | [claimed](#claimed) | It helps <script>. | holds |\n|  | [unclaimed](#unclaimed) | It is "
                   "trained. |  |\n<!-- end verdicts -->") != NULL);
  cr_expect(strstr(text,
                   "<!-- begin claimed -->\n**It helps <script>.** Claim 3, in teaching material: stated. Here: "
                   "**holds**.\n\nA network of 3 layers & more. 5 seeds. Data: synthetic: 5 points.\n") != NULL);
  cr_expect(strstr(text, "<!-- begin unclaimed -->\n**It is trained.**\n\n") != NULL);
  cr_expect(count_of(text, "| what it brings | 3 % | 1 to 5 | 0 | holds |\n") == 2);
  cr_expect(count_of(text, "| accuracy | 3 % | 1 to 5 |\n<!-- end ") == 2);
  cr_expect(strstr(text, "![A claim](claimed.svg)\n") != NULL);
  free(text);
  results_free(&r[0]);
  results_free(&r[1]);
}

Test(results, long_lines_are_broken_and_bars_are_escaped)
{
  static const experiment *rows[] = {&claimed};
  static const int seeds[] = {1};
  results r = {0};
  for (int i = 0; i < 60; i++) {
    results_add_setup(&r, "%sword%d", i > 0 ? " " : "", i);
  }
  results_add_gain(&r, "1 - |gain|", "", 0, -INFINITY);
  results_close(&r);
  const page_view view = {rows, &r, seeds, 1, folder, "a device", "its driver", 0, 3.0};
  cr_assert(write_results(&view) == 0);
  char *text = text_of("results.md");
  cr_assert(text != NULL);
  cr_expect(strstr(text, "| 1 - \\|gain\\| | -infinite | -infinite to infinite | 0 | unclear |") != NULL);
  for (const char *line = strstr(text, "word0"); line != NULL && strncmp(line, "\n", 1) != 0;) {
    const char *end = strchr(line, '\n');
    cr_assert(end != NULL && end - line <= 128 && end[-1] != ' ', "%.140s", line);
    line = end[1] == '\n' ? NULL : end + 1;
  }
  cr_expect(count_of(text, "word") == 60);
  free(text);
  results_free(&r);
}

/* A text that is cut may say another thing: "a factor of 10" of 100. */
Test(results, summary_cuts_nothing_and_judges_claims_alone)
{
  static char long_text[160];
  static char printed[4096];
  results r = {0};
  memset(long_text, 'x', sizeof long_text - 5);
  memcpy(long_text + sizeof long_text - 5, " end", 5);
  results_add_gain(&r, long_text, "", 0, 1);
  results_close(&r);
  for (int i = 0; i < 2; i++) {
    memset(printed, 0, sizeof printed);
    FILE *file = fmemopen(printed, sizeof printed - 1, "w");
    cr_assert(file != NULL);
    write_summary(file, i == 0 ? &claimed : &unclaimed, &r, 1);
    cr_assert(fclose(file) == 0);
    cr_expect(strstr(printed, "xxx end ") != NULL, "%s", printed);
    cr_expect((strstr(printed, "verdict: ") != NULL) == (i == 0), "%s", printed);
  }
  results_free(&r);
}

/* Four panels are a square, fewer stand in a row. */
Test(results, four_panels_are_a_square)
{
  results r = {0};
  for (int i = 0; i < 4; i++) {
    results_add_point(&r, results_add_panel(&r, "panel", "x", "y", 0), "one", 1, 1, 1);
    cr_assert(write_plot_script(&r, folder, "claimed") == 0);
    char *text = text_of("claimed.gnuplot");
    cr_assert(text != NULL);
    cr_expect((strstr(text, "svg size 840,680 ") != NULL && strstr(text, "layout 2,2\n") != NULL) == (i == 3), "%d", i);
    cr_expect((strstr(text, "svg size 1240,340 ") != NULL && strstr(text, "layout 1,3\n") != NULL) == (i == 2), "%d",
              i);
    free(text);
  }
  results_free(&r);
}
