/* The records of an earlier run, for comparison: the lines that `clnorm bench --json` wrote then.
 *
 *   compare_file file;
 *   if (compare_file_read(&file, "old.json", text, sizeof text) != 0) { ... text says why ... }
 *   compare_file_find(&file, &record, &row);
 *   compare_file_free(&file); */
#ifndef CLNORM_BENCH_COMPARE_FILE_H
#define CLNORM_BENCH_COMPARE_FILE_H

#include "compare_rule.h"
#include "record.h"

struct json_t;

typedef struct compare_file {
  struct json_t **rows; /* objects, checked */
  char *used;           /* 1: has found its partner */
  size_t count;
  int any_device; /* 1: a partner may be of another device: see compare_file_match_devices */
} compare_file;

/* What became of one record of this run. */
typedef struct compare_row {
  const bench_record *record;
  compare_estimate then, now; /* seconds */
  compare_result time, copies;
  compare_verdict verdict; /* of both: compare_both */
  char note[160];          /* if there is no verdict: why */
} compare_row;

/* 0, or -1 with one sentence in `why`; then nothing is held. Of several records of the same case the last counts. */
int compare_file_read(compare_file *file, const char *path, char *why, size_t capacity);

/* Of a read or zeroed file. */
void compare_file_free(compare_file *file);

/* Where this run has one device and the file has one, and they are not the same, the two devices are compared.
 * Returns that other device's name, or NULL if records are compared with those of the same device. */
const char *compare_file_match_devices(compare_file *file, const char *const *devices, size_t count);

/* Compares a record with its partner: same operation, pass, shape, layout, types, backend and device. */
void compare_file_find(compare_file *file, const bench_record *record, compare_row *row);

/* "train 32x64x56x56 channels-first on DEVICE" of a row that found no partner; NULL: it did. */
const char *compare_file_left_over(const compare_file *file, size_t index, char *text, size_t capacity);

/* "0.1.0, git 1234567" of the file's first record. */
const char *compare_file_version(const compare_file *file, char *text, size_t capacity);

#endif
