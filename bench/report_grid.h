/* The cells of a device's table as text, for every kind of report: the first row is the header. The first and the last
 * column are words, those between are numbers. */
#ifndef CLNORM_BENCH_REPORT_GRID_H
#define CLNORM_BENCH_REPORT_GRID_H

#include "record.h"

#define REPORT_COLUMNS (14 + RECORD_PEERS)
#define REPORT_CELL_BYTES 96

typedef struct report_grid {
  size_t columns, rows;
  char (*cells)[REPORT_CELL_BYTES]; /* rows * columns */
} report_grid;

/* Fills the grid with the records of one device: times, or calls where those were measured. Free it with
 * report_grid_free. 0, or -1 if there is not the memory. */
int report_grid_make(report_grid *g, const bench_record *records, size_t count);
void report_grid_free(report_grid *g);

char *report_grid_cell(const report_grid *g, size_t row, size_t column);

/* For report_calls.c and report_grid.c: a grid of that size whose cells are "-". */
int report_grid_reserve(report_grid *g, size_t rows, size_t columns);

/* The first column and the last one of a record's row. */
void report_grid_name(const report_grid *g, size_t row, const bench_record *record);
void report_grid_check(const report_grid *g, size_t row, const bench_record *record);

/* "train 32x64x56x56 first": the pass before what record_case_text says. */
const char *report_name_text(const bench_record *record, char *text, size_t capacity);

/* "1.23 ms", "45.6 us": three digits. Returns text. */
const char *report_time_text(double seconds, char *text, size_t capacity);

/* "1.21-1.25 ms", both ends in the unit of the upper one. Returns text. */
const char *report_interval_text(const bench_summary *time, char *text, size_t capacity);

#endif
