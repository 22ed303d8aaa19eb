#include "report_compare.h"

#include <string.h>

#include "report_grid.h"

const char *report_compare_rule(void)
{
  return "now / then: below 1 is faster; in brackets what the two 95 % intervals leave open. FASTER, SLOWER: the "
         "intervals are\ndisjoint and the medians more than 3 % apart. SAME: otherwise, if the bracket lies within 5 % "
         "of 1. UNSURE: anything else.\nEach row is compared in seconds and, since machines have moods, in copies of "
         "the same run; the verdict is what both say,\nUNSURE if they disagree. Without the copies' intervals in the "
         "old file only the seconds count.\n";
}

const char *report_ratio_text(const compare_result *result, char *text, size_t capacity)
{
  if (result->verdict == COMPARE_NONE) {
    (void)snprintf(text, capacity, "-");
  } else {
    (void)snprintf(text, capacity, "%.2f (%.2f-%.2f)", result->ratio, result->low, result->high);
  }
  return text;
}

/* What stands in the old file is anybody's: nothing of it moves a terminal's cursor or rings its bell. */
static const char *printable(const char *from, char *text, size_t capacity)
{
  (void)snprintf(text, capacity, "%s", from);
  for (char *at = text; *at != '\0'; at++) {
    if ((unsigned char)*at < ' ' || *at == 127) {
      *at = '?';
    }
  }
  return text;
}

/* operation, then, now, ratio and verdict in seconds, the same in copies, verdict */
#define ROW "| %-*s | %7s | %7s | %19s | %-6s | %19s | %-9s | %-7s |\n"

static const char *word_of(compare_verdict verdict)
{
  return verdict == COMPARE_NONE ? "-" : compare_verdict_name(verdict);
}

static const char *time_of(const compare_estimate *time, char *text, size_t capacity)
{
  return time->median > 0.0 ? report_time_text(time->median, text, capacity) : "-";
}

static void print_row(FILE *file, const compare_row *row, int width)
{
  char name[160];
  char then[32];
  char now[32];
  char time[64];
  char copies[64];
  char note[sizeof row->note];
  (void)report_name_text(row->record, name, sizeof name);
  (void)fprintf(
      file, ROW, width, name, time_of(&row->then, then, sizeof then), time_of(&row->now, now, sizeof now),
      report_ratio_text(&row->time, time, sizeof time), word_of(row->time.verdict),
      report_ratio_text(&row->copies, copies, sizeof copies), word_of(row->copies.verdict),
      row->verdict == COMPARE_NONE ? printable(row->note, note, sizeof note) : compare_verdict_name(row->verdict));
}

void report_compare_print(FILE *file, const compare_row *rows, size_t count, const compare_file *then, const char *path,
                          const char *other)
{
  char raw[128];
  char version[128];
  char file_name[1024];
  char device[256];
  int width = 9;
  for (size_t i = 0; i < count; i++) {
    char name[160];
    const int length = (int)strlen(report_name_text(rows[i].record, name, sizeof name));
    width = length > width ? length : width;
  }
  (void)fprintf(file, "\nCompared with %s (clnorm %s)%s%s:\n\n", printable(path, file_name, sizeof file_name),
                printable(compare_file_version(then, raw, sizeof raw), version, sizeof version),
                other != NULL ? ", measured on another device, " : "",
                printable(other != NULL ? other : "", device, sizeof device));
  (void)fprintf(file, ROW, width, "operation", "then", "now", "now / then, seconds", "by s", "now / then, copies",
                "by copies", "verdict");
  (void)fprintf(
      file, "|-%.*s-|--------:|--------:|--------------------:|--------|--------------------:|-----------|---------|\n",
      width, "----------------------------------------------------------------------------------------------");
  for (size_t i = 0; i < count; i++) {
    print_row(file, &rows[i], width);
  }
  (void)fprintf(file, "\n%s", report_compare_rule());
}

void report_compare_total(FILE *file, const compare_row *rows, size_t count, const compare_file *then, const char *path)
{
  size_t counts[COMPARE_UNSURE + 1] = {0};
  char raw[400];
  char text[400];
  char file_name[1024];
  for (size_t i = 0; i < count; i++) {
    counts[rows[i].verdict]++;
  }
  (void)fprintf(file, "\nAgainst %s: %zu FASTER, %zu SLOWER, %zu SAME, %zu UNSURE, %zu not comparable\n",
                printable(path, file_name, sizeof file_name), counts[COMPARE_FASTER], counts[COMPARE_SLOWER],
                counts[COMPARE_SAME_SPEED], counts[COMPARE_UNSURE], counts[COMPARE_NONE]);
  for (size_t i = 0; i < then->count; i++) {
    if (compare_file_left_over(then, i, raw, sizeof raw) != NULL) {
      (void)fprintf(file, "- not measured now: %s\n", printable(raw, text, sizeof text));
    }
  }
}
