#include "data_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

#define MOST_LINE 8192
#define MOST_ROWS ((size_t)1 << 24)

/* A file being read by lines. */
typedef struct line_reader {
  stream s;
  char line[MOST_LINE];
  size_t number; /* of that line, from 1 on */
  unsigned char ahead[4096];
  size_t at, held;
} line_reader;

static int fail(const line_reader *in, const char *reason)
{
  return file_fail(in->s.error, in->s.path, "line %zu: %s", in->number, reason);
}

/* 1: a line; 0: the end of the file; -1: failure. A carriage return before the end of a line is left out. */
static int next_line(line_reader *in)
{
  size_t length = 0;
  in->number++;
  for (;;) {
    if (in->at == in->held) {
      in->at = 0;
      if (stream_take(&in->s, in->ahead, sizeof in->ahead, &in->held) != 0) {
        return -1;
      }
      if (in->held == 0) {
        in->line[length] = '\0';
        return length > 0;
      }
    }
    const char c = (char)in->ahead[in->at++];
    if (c == '\n') {
      length -= length > 0 && in->line[length - 1] == '\r';
      in->line[length] = '\0';
      return 1;
    }
    if (c == '\0' || length + 1 == sizeof in->line) {
      return fail(in, c == '\0' ? "a zero byte; expected text" : "is too long");
    }
    in->line[length++] = c;
  }
}

static int read_row(const line_reader *in, char *line, double *row, size_t columns)
{
  char reason[160];
  size_t found = 0;
  for (char *field = line; field != NULL; found++) {
    char *comma = strchr(field, ',');
    if (comma != NULL) {
      *comma = '\0';
    }
    if (found < columns) {
      const char *wrong = parse_decimal(field, -1e30, 1e30, &row[found]);
      if (wrong != NULL) {
        (void)snprintf(reason, sizeof reason, "value %zu, '%.40s', %s", found + 1, field, wrong);
        return fail(in, reason);
      }
    }
    field = comma != NULL ? comma + 1 : NULL;
  }
  if (found != columns) {
    (void)snprintf(reason, sizeof reason, "expected %zu values, got %zu", columns, found);
    return fail(in, reason);
  }
  return 0;
}

static int make_room(data_table *table, size_t *capacity)
{
  if (table->rows < *capacity) {
    return 0;
  }
  *capacity = *capacity == 0 ? 64 : *capacity * 2;
  double *larger = *capacity <= MOST_ROWS ? realloc(table->values, *capacity * table->columns * sizeof *larger) : NULL;
  if (larger == NULL) {
    return -1;
  }
  table->values = larger;
  return 0;
}

static int read_rows(data_table *table, line_reader *in, size_t skip)
{
  size_t capacity = 0;
  for (;;) {
    const int found = next_line(in);
    if (found < 0) {
      return -1;
    }
    if (found == 0) {
      break;
    }
    if (in->number <= skip) {
      if (in->number == 1) {
        (void)snprintf(table->head, sizeof table->head, "%.*s", (int)sizeof table->head - 1, in->line);
      }
      continue;
    }
    if (make_room(table, &capacity) != 0) {
      return fail(in, "not enough memory");
    }
    if (read_row(in, in->line, table->values + table->rows * table->columns, table->columns) != 0) {
      return -1;
    }
    table->rows++;
  }
  return table->rows > 0 ? 0 : fail(in, "the file ends before the first row");
}

int table_read(data_table *table, const char *path, size_t skip, size_t columns, file_error *error)
{
  *table = (data_table){.columns = columns};
  line_reader *in = calloc(1, sizeof *in);
  if (in == NULL) {
    return file_fail(error, path, "not enough memory");
  }
  int failed = stream_open(&in->s, path, error);
  if (failed == 0) {
    failed = read_rows(table, in, skip);
    stream_close(&in->s);
  }
  free(in);
  if (failed != 0) {
    table_free(table);
  }
  return failed;
}

void table_free(data_table *table)
{
  free(table->values);
  *table = (data_table){0};
}
