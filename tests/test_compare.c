/* The verdict on two measured times, and what is read from a file of an earlier run. Expectations are worked out by hand
 * from the rule: apart by 3 % and disjoint, or within 5 % whatever lies in the intervals. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compare_file.h"
#include "report_compare.h"

static compare_result of(double then, double then_low, double then_high, double now, double now_low, double now_high)
{
  return compare_estimates(&(compare_estimate){then, then_low, then_high}, &(compare_estimate){now, now_low, now_high});
}

Test(compare, disjoint_and_apart_is_faster_or_slower)
{
  cr_expect(of(10, 9.9, 10.1, 5, 4.9, 5.1).verdict == COMPARE_FASTER);
  cr_expect(of(5, 4.9, 5.1, 10, 9.9, 10.1).verdict == COMPARE_SLOWER);
  cr_expect(of(10, 9.9, 10.1, 10.4, 10.2, 10.6).verdict == COMPARE_SLOWER);
  cr_expect(of(10, 9.9, 10.1, 9.6, 9.5, 9.8).verdict == COMPARE_FASTER);
}

Test(compare, ratio_and_its_interval_are_now_over_then)
{
  const compare_result r = of(10, 8, 16, 20, 16, 24);
  cr_expect(r.ratio == 2 && r.low == 1 && r.high == 3, "%g (%g-%g)", r.ratio, r.low, r.high);
}

Test(compare, overlapping_intervals_are_never_faster_or_slower)
{
  cr_expect(of(10, 9, 12, 20, 11, 22).verdict == COMPARE_UNSURE);
  cr_expect(of(20, 11, 22, 10, 9, 12).verdict == COMPARE_UNSURE);
  /* They touch: the ratio may be 1. */
  cr_expect(of(10, 9, 11, 12, 11, 13).verdict == COMPARE_UNSURE);
}

Test(compare, narrow_intervals_close_together_are_the_same)
{
  cr_expect(of(10, 9.9, 10.1, 10, 9.9, 10.1).verdict == COMPARE_SAME_SPEED);
  /* Disjoint, yet a difference of 2 % that no interval makes more than 5 %. */
  cr_expect(of(10, 9.99, 10.01, 10.2, 10.19, 10.21).verdict == COMPARE_SAME_SPEED);
  cr_expect(of(10, 10, 10, 10, 10, 10).verdict == COMPARE_SAME_SPEED);
}

Test(compare, wide_intervals_are_unsure)
{
  cr_expect(of(10, 9.5, 10.5, 10, 9.5, 10.5).verdict == COMPARE_UNSURE);
  cr_expect(of(10, 5, 20, 10, 5, 20).verdict == COMPARE_UNSURE);
  /* Disjoint and 2 % apart, but perhaps 8 %. */
  cr_expect(of(10, 9.6, 10.01, 10.2, 10.1, 10.4).verdict == COMPARE_UNSURE);
}

Test(compare, swapping_the_runs_swaps_the_verdict)
{
  static const double ends[][3] = {{10, 9.9, 10.1}, {10.4, 10.2, 10.6}, {9, 8, 10}, {20, 19, 21}, {10.2, 10.19, 10.21}};
  static const compare_verdict swapped[] = {COMPARE_NONE, COMPARE_SLOWER, COMPARE_FASTER, COMPARE_SAME_SPEED,
                                            COMPARE_UNSURE};
  for (size_t i = 0; i < 5; i++) {
    for (size_t j = 0; j < 5; j++) {
      const double *a = ends[i];
      const double *b = ends[j];
      cr_expect(
          of(a[0], a[1], a[2], b[0], b[1], b[2]).verdict == swapped[of(b[0], b[1], b[2], a[0], a[1], a[2]).verdict],
          "%zu, %zu", i, j);
    }
  }
}

Test(compare, what_was_not_measured_has_no_verdict)
{
  cr_expect(of(0, 0, 0, 10, 9, 11).verdict == COMPARE_NONE);
  cr_expect(of(10, 9, 11, 0, 0, 0).verdict == COMPARE_NONE);
  cr_expect(of(10, 11, 12, 10, 9, 11).verdict == COMPARE_NONE);
}

Test(compare, a_quotient_is_as_wide_as_both_intervals_make_it)
{
  const compare_estimate time = {12, 10, 20};
  const compare_estimate copy = {4, 2, 5};
  const compare_estimate q = compare_quotient(&time, &copy);
  cr_expect(q.median == 3 && q.low == 2 && q.high == 10);
  cr_expect(compare_quotient(&time, &(compare_estimate){0, 0, 0}).median == 0);
}

Test(compare, both_have_to_agree)
{
  cr_expect(compare_both(COMPARE_SLOWER, COMPARE_SLOWER) == COMPARE_SLOWER);
  cr_expect(compare_both(COMPARE_SLOWER, COMPARE_SAME_SPEED) == COMPARE_UNSURE);
  cr_expect(compare_both(COMPARE_UNSURE, COMPARE_FASTER) == COMPARE_UNSURE);
  cr_expect(compare_both(COMPARE_SLOWER, COMPARE_NONE) == COMPARE_SLOWER);
  cr_expect(compare_both(COMPARE_NONE, COMPARE_NONE) == COMPARE_NONE);
}

Test(compare, slower_by_a_percentage_means_both_ratios)
{
  const compare_result time = {COMPARE_SLOWER, 1.25, 1.2, 1.3};
  const compare_result copies = {COMPARE_SLOWER, 1.15, 1.1, 1.2};
  const compare_result none = {COMPARE_NONE, 0, 0, 0};
  const compare_result unsure = {COMPARE_UNSURE, 1.5, 0.9, 2};
  cr_expect(compare_is_slower_by(&time, &copies, 10));
  cr_expect(!compare_is_slower_by(&time, &copies, 20));
  cr_expect(compare_is_slower_by(&time, &none, 20));
  cr_expect(!compare_is_slower_by(&time, &unsure, 0));
  cr_expect(!compare_is_slower_by(&none, &none, 0));
}

/* ---- files -------------------------------------------------------------------------------------------------- */

#define CHECKED(pass, device, layout, shape, check, times)                                                   \
  "{\"schema\":1,\"op\":\"batch\",\"pass\":\"" pass "\",\"shape\":" shape ",\"layout\":\"" layout            \
  "\",\"dtype\":\"f32\",\"activation\":\"none\",\"residual\":false,\"backend\":\"cpu\",\"device\":\"" device \
  "\",\"check\":\"" check "\"," times "}\n"
#define RECORD(pass, device, layout, shape, times) CHECKED(pass, device, layout, shape, "ok", times)
#define TIMES "\"median_s\":2.0,\"ci95_s\":[1.9,2.1],\"copy_s\":1.0,\"copy_ci95_s\":[0.99,1.01]"

static int read_text(compare_file *file, const char *text, char *why, size_t capacity)
{
  char path[] = "/tmp/clnorm-compare-XXXXXX";
  const int made = mkstemp(path);
  cr_assert(made >= 0);
  cr_assert(write(made, text, strlen(text)) == (ssize_t)strlen(text));
  (void)close(made);
  const int result = compare_file_read(file, path, why, capacity);
  (void)unlink(path);
  return result;
}

static bench_record record_of(uint32_t rank, clnorm_layout layout, double median)
{
  return (bench_record){.kind = norm_plain,
                        .pass = CLNORM_TRAIN,
                        .layout = layout,
                        .rank = rank,
                        .dims = {4, 3, rank > 2 ? 5 : 0},
                        .backend = "cpu",
                        .device = "one",
                        .driver = "",
                        .time = {.n = 20, .median = median, .low = 0.99 * median, .high = 1.01 * median},
                        .copy = 1.0,
                        .copy_low = 0.99,
                        .copy_high = 1.01};
}

Test(compare, a_row_finds_its_partner_and_no_other)
{
  compare_file file;
  compare_row row;
  char why[900];
  char text[400];
  cr_assert(read_text(&file,
                      RECORD("train", "one", "channels-last", "[4,3,5]", TIMES)
                          RECORD("train", "two", "channels-first", "[4,3,5]", TIMES)
                              RECORD("infer", "one", "channels-first", "[4,3,5]", TIMES)
                                  RECORD("train", "one", "channels-first", "[4,3]", TIMES),
                      why, sizeof why) == 0,
            "%s", why);
  bench_record record = record_of(3, CLNORM_CHANNELS_FIRST, 3.0);
  compare_file_find(&file, &record, &row);
  cr_expect(row.verdict == COMPARE_NONE && strcmp(row.note, "no such row then") == 0);
  record = record_of(3, CLNORM_CHANNELS_LAST, 3.0);
  compare_file_find(&file, &record, &row);
  cr_expect(row.verdict == COMPARE_SLOWER && row.time.ratio == 1.5);
  /* Of two dimensions the layout does not matter. */
  record = record_of(2, CLNORM_CHANNELS_LAST, 1.0);
  compare_file_find(&file, &record, &row);
  cr_expect(row.verdict == COMPARE_FASTER && row.copies.ratio == 0.5);
  cr_expect(compare_file_left_over(&file, 0, text, sizeof text) == NULL);
  cr_expect(compare_file_left_over(&file, 1, text, sizeof text) != NULL);
  cr_expect(strcmp(text, "train 4x3x5 channels-first on two") == 0, "%s", text);
  compare_file_free(&file);
}

/* Each row of the file is another normalization of the same shape. */
Test(compare, kinds_find_no_partner_but_their_own)
{
#define KIND(before, dtype, activation, residual)                                                                  \
  "{\"schema\":1," before ",\"pass\":\"train\",\"shape\":[4,3,5],\"layout\":\"channels-first\",\"dtype\":\"" dtype \
  "\",\"activation\":\"" activation "\",\"residual\":" residual                                                    \
  ",\"backend\":\"cpu\",\"device\":\"one\",\"check\":\"ok\"," TIMES "}\n"
  static const char lines[] = KIND("\"op\":\"batch\"", "f32", "none", "false") KIND(
      "\"op\":\"layer\",\"axis\":1", "f32", "none", "false") KIND("\"op\":\"layer\",\"axis\":2", "f32", "none", "false")
      KIND("\"op\":\"rms\",\"axis\":2", "f32", "none", "false")
          KIND("\"op\":\"group\",\"groups\":3", "f32", "none", "false")
              KIND("\"op\":\"instance\"", "bf16", "none", "false") KIND("\"op\":\"batch\"", "f32", "elu:0.5", "false")
                  KIND("\"op\":\"batch\"", "f32", "none", "true");
  static const norm_kind kinds[] = {{CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                    {CLNORM_LAYER, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                    {CLNORM_LAYER, 2, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                    {CLNORM_RMS, 2, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                    {CLNORM_GROUP, 1, 3, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                    {CLNORM_INSTANCE, 1, 0, CLNORM_BF16, CLNORM_ACTIVATION_NONE, 0.0, 0},
                                    {CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_ELU, 0.5, 0},
                                    {CLNORM_BATCH, 1, 0, CLNORM_F32, CLNORM_ACTIVATION_NONE, 0.0, 1}};
  static const char *const names[] = {
      "",         " layer axis 1", " layer axis 2", " rms axis 2", " group groups 3", " instance bf16",
      " elu:0.5", " residual"};
  const size_t count = sizeof kinds / sizeof kinds[0];
  for (size_t i = 0; i < count; i++) {
    compare_file file;
    compare_row row;
    char why[900];
    cr_assert(read_text(&file, lines, why, sizeof why) == 0, "%s", why);
    bench_record record = record_of(3, CLNORM_CHANNELS_FIRST, 3.0);
    record.kind = kinds[i];
    compare_file_find(&file, &record, &row);
    cr_expect(row.verdict == COMPARE_SLOWER, "kind %zu: %s", i, row.note);
    for (size_t j = 0; j < count; j++) {
      char text[400];
      char expected[400];
      const char *left = compare_file_left_over(&file, j, text, sizeof text);
      (void)snprintf(expected, sizeof expected, "train 4x3x5 channels-first%s on one", names[j]);
      cr_expect((left == NULL) == (j == i), "kind %zu has taken row %zu, or not", i, j);
      cr_expect(left == NULL || strcmp(text, expected) == 0, "'%s', expected '%s'", text, expected);
    }
    record.kind.alpha += 0.25;
    record.kind.groups += record.kind.op == CLNORM_GROUP;
    record.kind.axis += record.kind.op == CLNORM_RMS;
    compare_file_find(&file, &record, &row);
    const int changed = kinds[i].alpha > 0.0 || kinds[i].op == CLNORM_GROUP || kinds[i].op == CLNORM_RMS;
    cr_expect(!changed || row.verdict == COMPARE_NONE, "kind %zu has found another one", i);
    compare_file_free(&file);
  }
}

Test(compare, two_single_devices_are_compared_with_each_other)
{
  compare_file file;
  compare_row row;
  char why[900];
  const char *one[] = {"one", "three"};
  cr_assert(read_text(&file, RECORD("train", "two", "channels-first", "[4,3,5]", TIMES), why, sizeof why) == 0);
  cr_expect(compare_file_match_devices(&file, one, 2) == NULL);
  const char *other = compare_file_match_devices(&file, one, 1);
  cr_assert(other != NULL);
  cr_expect(strcmp(other, "two") == 0);
  const bench_record record = record_of(3, CLNORM_CHANNELS_FIRST, 2.0);
  compare_file_find(&file, &record, &row);
  cr_expect(row.verdict != COMPARE_NONE);
  compare_file_free(&file);
}

Test(compare, without_intervals_of_the_copies_only_seconds_count)
{
  compare_file file;
  compare_row row;
  char why[900];
  cr_assert(read_text(&file,
                      RECORD("train", "one", "channels-first", "[4,3,5]", "\"median_s\":2.0,\"ci95_s\":[1.9,2.1]"), why,
                      sizeof why) == 0);
  const bench_record record = record_of(3, CLNORM_CHANNELS_FIRST, 3.0);
  compare_file_find(&file, &record, &row);
  cr_expect(row.copies.verdict == COMPARE_NONE && row.time.verdict == COMPARE_SLOWER && row.verdict == COMPARE_SLOWER);
  compare_file_free(&file);
}

Test(compare, foreign_files_are_refused_with_the_line)
{
  static const char *const files[][2] = {
      {"", "holds no record"},
      {"\n\n", "holds no record"},
      {RECORD("train", "one", "channels-first", "[4,3]", TIMES) "nonsense\n", "line 2: is no JSON"},
      {"[1, 2]\n", "line 1: is no record of clnorm bench"},
      {"{\"name\":\"x\"}\n", "it has no schema"},
      {"{\"schema\":2}\n", "has the schema 2"},
      {"{\"schema\":1}\n", "op is no string"},
      {RECORD("train", "one", "channels-first", "\"4x3\"", TIMES), "no list of dimensions"},
      {RECORD("train", "one", "channels-first", "[4,-3]", TIMES), "no list of dimensions"},
      {RECORD("train", "one", "channels-first", "[4,3]", "\"median_s\":1,\"ci95_s\":[2,3]"), "within ci95_s"},
      {RECORD("train", "one", "channels-first", "[4,3]", "\"median_s\":null,\"ci95_s\":[2,3]"), "within ci95_s"},
  };
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    compare_file file;
    char why[900] = "";
    cr_expect(read_text(&file, files[i][0], why, sizeof why) == -1, "file %zu is taken", i);
    cr_expect(strstr(why, files[i][1]) != NULL, "file %zu: %s", i, why);
    cr_expect(file.rows == NULL && file.count == 0);
  }
}

/* Escape sequences in every text of the old file that is printed, and in its name. */
#define EVIL "\\u001b[2J\\u0007\\u007fe"
#define EVIL_FIELDS "\"version\":\"1" EVIL "\",\"git\":\"2" EVIL "\","

Test(compare, nothing_of_an_old_file_steers_the_terminal)
{
  compare_file file;
  compare_row row;
  char why[900];
  char *text = NULL;
  size_t length = 0;
  cr_assert(read_text(&file,
                      CHECKED("train", "dev" EVIL, "channels-first", "[4,3,5]", "bad" EVIL,
                              EVIL_FIELDS "\"median_s\":null,\"ci95_s\":null")
                          RECORD("in" EVIL, "dev" EVIL, "la" EVIL, "[4,3,5]", TIMES),
                      why, sizeof why) == 0,
            "%s", why);
  const char *one[] = {"one"};
  const char *other = compare_file_match_devices(&file, one, 1);
  cr_assert(other != NULL);
  const bench_record record = record_of(3, CLNORM_CHANNELS_FIRST, 2.0);
  compare_file_find(&file, &record, &row);
  cr_assert(row.verdict == COMPARE_NONE && strncmp(row.note, "no time then: bad\x1b", 18) == 0, "%s", row.note);
  FILE *stream = open_memstream(&text, &length);
  cr_assert(stream != NULL);
  report_compare_print(stream, &row, 1, &file, "old\r.json", other);
  report_compare_total(stream, &row, 1, &file, "old\r.json");
  cr_assert(fclose(stream) == 0);
  for (size_t i = 0; i < length; i++) {
    cr_assert(((unsigned char)text[i] >= ' ' || text[i] == '\n') && text[i] != 127, "byte %d at %zu of %s", text[i], i,
              text);
  }
  static const char *const expected[] = {"Compared with old?.json (clnorm 1?[2J??",
                                         ", git 2?[2J??",
                                         "another device, dev?[2J??",
                                         "| no time then: bad?[2J??e |",
                                         "Against old?.json: 0 FASTER",
                                         "- not measured now: in?[2J??"};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    cr_expect(strstr(text, expected[i]) != NULL, "'%s' is not in %s", expected[i], text);
  }
  free(text);
  compare_file_free(&file);
}
