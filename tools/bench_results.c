#include "bench_results.h"

#include <errno.h>
#include <page.h>
#include <report_compare.h>
#include <report_html.h>
#include <report_json.h>
#include <report_table.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file_checks.h"
#include "message.h"

static int complain_file(const char *option, const char *path, const char *what)
{
  return complain(EXIT_USAGE, "bench: --%s %s: cannot be %s: %s", option, path, what, strerror(errno));
}

/* The records of now may replace those of then, which have been read; a page replaces neither. */
static int check_names(const bench_request *request)
{
  if (file_is_same(request->html, request->json)) {
    return complain(EXIT_USAGE, "bench: --json and --html name the same file");
  }
  if (file_is_same(request->html, request->compare)) {
    return complain(EXIT_USAGE, "bench: --compare and --html name the same file");
  }
  return EXIT_OK;
}

int bench_results_open(bench_results *r, const bench_request *request, const char *input)
{
  char why[900];
  const time_t now = time(NULL);
  struct tm utc;
  *r = (bench_results){.request = request, .input = input};
  if (gmtime_r(&now, &utc) != NULL) {
    (void)strftime(r->began, sizeof r->began, "%Y-%m-%d %H:%M UTC", &utc);
  }
  const int code = check_names(request);
  if (code != EXIT_OK) {
    return code;
  }
  if (request->compare != NULL && compare_file_read(&r->then, request->compare, why, sizeof why) != 0) {
    return complain(EXIT_USAGE, "bench: --compare %s", why);
  }
  if (request->html != NULL && page_check(request->html) != 0) {
    return errno == EINVAL ? complain(EXIT_USAGE, "bench: --html %s: is there and no regular file", request->html)
                           : complain_file("html", request->html, "made");
  }
  return EXIT_OK;
}

static int match_devices(bench_results *r, const device_choice *choices, size_t devices)
{
  const char **names = calloc(devices + 1, sizeof *names);
  r->rows = calloc(r->capacity + 1, sizeof *r->rows);
  if (names == NULL || r->rows == NULL) {
    free(names);
    return complain(EXIT_DEVICE, "bench: not enough memory");
  }
  for (size_t i = 0; i < devices; i++) {
    names[i] = choices[i].name;
  }
  r->then_device = compare_file_match_devices(&r->then, names, devices);
  free(names);
  return EXIT_OK;
}

int bench_results_begin(bench_results *r, const device_choice *choices, size_t devices, size_t capacity)
{
  r->capacity = capacity;
  r->records = calloc(capacity + 1, sizeof *r->records);
  if (r->records == NULL) {
    return complain(EXIT_DEVICE, "bench: not enough memory");
  }
  const int code = r->request->compare != NULL ? match_devices(r, choices, devices) : EXIT_OK;
  /* It may be the file that was read for the comparison. */
  if (code == EXIT_OK && r->request->json != NULL && (r->json = fopen(r->request->json, "we")) == NULL) {
    return complain_file("json", r->request->json, "made");
  }
  return code;
}

bench_record *bench_results_add(bench_results *r, size_t count)
{
  bench_record *first = &r->records[r->count];
  r->count += count;
  return first;
}

int bench_results_keep(bench_results *r, size_t count)
{
  for (size_t i = r->count - count; i < r->count; i++) {
    if (r->rows != NULL) {
      compare_file_find(&r->then, &r->records[i], &r->rows[i]);
    }
    if (r->json != NULL && report_json_write(r->json, &r->records[i]) != 0) {
      return complain_file("json", r->request->json, "written");
    }
  }
  /* What is done is kept if the rest is interrupted. */
  return r->json == NULL || fflush(r->json) == 0 ? EXIT_OK : complain_file("json", r->request->json, "written");
}

int bench_results_print(const bench_results *r, size_t count)
{
  const size_t first = r->count - count;
  int code = EXIT_OK;
  report_table_print(stdout, &r->records[first], count, r->input);
  if (r->rows != NULL) {
    report_compare_print(stdout, &r->rows[first], count, &r->then, r->request->compare, r->then_device);
  }
  (void)fflush(stdout);
  for (size_t i = first; i < r->count; i++) {
    if (r->records[i].outcome == RECORD_WRONG || r->records[i].outcome == RECORD_FAILED) {
      code = EXIT_DEVICE;
    }
  }
  return code;
}

/* --fail-on-slower. */
static int judge(const bench_results *r)
{
  const compare_row *worst = NULL;
  size_t slower = 0;
  for (size_t i = 0; i < r->count; i++) {
    const compare_row *row = &r->rows[i];
    if (row->record != NULL && compare_is_slower_by(&row->time, &row->copies, r->request->fail_on_slower)) {
      slower++;
      worst = worst == NULL || row->time.ratio > worst->time.ratio ? row : worst;
    }
  }
  if (slower == 0) {
    return EXIT_OK;
  }
  char name[160];
  return complain(EXIT_DEVICE,
                  "bench: %zu of %zu rows are SLOWER than in %s by more than %g %%, most %s %s: %.2f times", slower,
                  r->count, r->request->compare, r->request->fail_on_slower, record_pass_name(worst->record->pass),
                  record_case_text(worst->record, 1, name, sizeof name), worst->time.ratio);
}

static int write_html(const bench_results *r, const char *asked)
{
  page p;
  const html_run run = {.records = r->records,
                        .count = r->count,
                        .input = r->input,
                        .began = r->began,
                        .asked = asked,
                        .rows = r->rows,
                        .then = &r->then,
                        .then_path = r->request->compare,
                        .then_device = r->then_device};
  if (page_open(&p, r->request->html) != 0) {
    return complain_file("html", r->request->html, "made");
  }
  report_html_write(p.file, &run);
  return page_commit(&p) == 0 ? EXIT_OK : complain_file("html", r->request->html, "written");
}

static int worse(int a, int b) { return a > b ? a : b; }

int bench_results_close(bench_results *r, int code, const char *asked)
{
  if (r->json != NULL && fclose(r->json) != 0 && code != EXIT_USAGE) {
    code = complain_file("json", r->request->json, "written");
  }
  if (r->count > 0 && code != EXIT_USAGE) {
    if (r->rows != NULL) {
      report_compare_total(stdout, r->rows, r->count, &r->then, r->request->compare);
      (void)fflush(stdout);
      code = r->request->fail_on_slower >= 0.0 ? worse(code, judge(r)) : code;
    }
    code = r->request->html != NULL ? worse(code, write_html(r, asked)) : code;
  }
  compare_file_free(&r->then);
  free(r->rows);
  free(r->records);
  *r = (bench_results){0};
  return code;
}
