#include "kernel_texts.h"

#include <string.h>

#include "kernel_sources.h"

/* The files that a program is made of, in their order; then the kernel. SUMS stands for those that make `real`. */
#define MOST_HEADERS (CLNORM__MOST_KERNEL_TEXTS - 2)
#define SUMS "sums"
#define ELEMENTS "common", "storage", "curves", "activation"
#define WALKS ELEMENTS, SUMS, "reduce", "finish", "rows"

typedef const char *const header_list[MOST_HEADERS];
static header_list numbers = {"common", SUMS};
static header_list rows = {WALKS};
static header_list rows_flow = {WALKS, "flow"};
static header_list rows_held = {WALKS, "held"};
static header_list columns = {WALKS, "columns", "columns_write"};
static header_list samples = {WALKS, "samples"};
static header_list samples_flow = {WALKS, "samples", "flow"};
static header_list samples_held = {WALKS, "samples", "held"};
static header_list gradients = {WALKS, "samples", "samples_gradients"};
static header_list gradients_flow = {WALKS, "samples", "samples_gradients", "flow"};
static header_list gradients_held = {WALKS, "samples", "samples_gradients", "held"};
static header_list matrix = {WALKS, "columns", "columns_write", "matrix"};
static header_list general = {ELEMENTS, "pair", "real_number", "reduce", "general"};

static const char *const *headers_of(clnorm__role role)
{
  static const header_list *const of[CLNORM__ROLE_COUNT] = {
      [CLNORM__ROWS_TRAIN] = &rows,
      [CLNORM__ROWS_BACKWARD] = &rows,
      [CLNORM__ROWS_STATS] = &rows,
      [CLNORM__ROWS_APPLY] = &rows,
      [CLNORM__ROWS_GRADIENTS] = &rows,
      [CLNORM__ROWS_DX] = &rows,
      [CLNORM__ROWS_FROZEN] = &rows,
      [CLNORM__ROWS_TRAIN_FLOW] = &rows_flow,
      [CLNORM__ROWS_BACKWARD_FLOW] = &rows_flow,
      [CLNORM__ROWS_TRAIN_HELD] = &rows_held,
      [CLNORM__ROWS_BACKWARD_HELD] = &rows_held,
      [CLNORM__COLUMNS_TRAIN] = &columns,
      [CLNORM__COLUMNS_BACKWARD] = &columns,
      [CLNORM__COLUMNS_STATS] = &columns,
      [CLNORM__COLUMNS_APPLY] = &columns,
      [CLNORM__COLUMNS_GRADIENTS] = &columns,
      [CLNORM__COLUMNS_DX] = &columns,
      [CLNORM__COLUMNS_FROZEN] = &columns,
      [CLNORM__MERGE_STATS] = &columns,
      [CLNORM__MERGE_GRADIENTS] = &columns,
      [CLNORM__MERGE_RUNNING] = &numbers,
      [CLNORM__SAMPLES_FORWARD] = &samples,
      [CLNORM__SAMPLES_FLOW] = &samples_flow,
      [CLNORM__SAMPLES_FORWARD_HELD] = &samples_held,
      [CLNORM__SAMPLES_BACKWARD] = &gradients,
      [CLNORM__SAMPLES_BACKWARD_FLOW] = &gradients_flow,
      [CLNORM__SAMPLES_BACKWARD_HELD] = &gradients_held,
      [CLNORM__SAMPLES_MERGE] = &rows,
      [CLNORM__MATRIX_STATS] = &rows,
      [CLNORM__MATRIX_GRADIENTS] = &gradients,
      [CLNORM__MATRIX_FORWARD] = &matrix,
      [CLNORM__MATRIX_BACKWARD] = &matrix,
      [CLNORM__GENERAL_FORWARD] = &general,
      [CLNORM__GENERAL_RUNNING] = &general,
      [CLNORM__GENERAL_MASK] = &general,
      [CLNORM__GENERAL_MOMENTS] = &general,
      [CLNORM__GENERAL_PARAMETERS] = &general,
      [CLNORM__GENERAL_DX] = &general,
  };
  return *of[role];
}

static const char *source_text(const char *name)
{
  for (size_t i = 0; i < clnorm__kernel_sources_count; i++) {
    if (strcmp(clnorm__kernel_sources[i].name, name) == 0) {
      return clnorm__kernel_sources[i].text;
    }
  }
  return NULL;
}

size_t clnorm__kernel_texts(clnorm__role role, int sums_in_double, const char *texts[CLNORM__MOST_KERNEL_TEXTS])
{
  static const char *const pairs[] = {"pair", "real_pair", NULL}, *const doubles[] = {"real_double", NULL};
  const char *const *sums = sums_in_double ? doubles : pairs;
  size_t count = 0;
  for (const char *const *name = headers_of(role); *name != NULL; name++) {
    if (strcmp(*name, SUMS) != 0) {
      texts[count++] = source_text(*name);
      continue;
    }
    for (const char *const *sum = sums; *sum != NULL; sum++) {
      texts[count++] = source_text(*sum);
    }
  }
  texts[count++] = source_text(clnorm__role_name(role));
  return count;
}
