/* Every wrong argument of a call on the CPU backend: its status, a sentence that names argument, expectation and value,
 * and nothing written, running statistics included. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "argument_table.h"
#include "expect.h"
#include "problem.h"

static const row rows[ROWS] = {
#define ROW(name, extent, use) {#name, offsetof(clnorm_args, name), extent, use},
    ARGUMENT_TABLE(ROW)
#undef ROW
};

#define CHANNELS 10
#define ELEMENTS 240
#define ROOM 256 /* floats that each argument's memory has, more than it needs */

/* A valid call, all of whose memory lies in one array with a copy to compare with. */
typedef struct fixture {
  clnorm_desc desc;
  clnorm_pass pass;
  clnorm_plan *plan;
  clnorm_args args;
  float *memory, *before;
  size_t floats;
} fixture;

static void set(fixture *f, const char *name, void *data, size_t count)
{
  const clnorm_output value = {data, count};
  memcpy((char *)&f->args + rows[index_of(rows, name)].member, &value, sizeof value);
}

/* The memory of an argument; 16 floats lie free between one argument and the next. */
static float *room(const fixture *f, const char *name) { return f->memory + index_of(rows, name) * ROOM; }

static size_t count_of(const row *r) { return r->extent == TENSOR ? ELEMENTS : CHANNELS; }

static fixture *open_fixture(clnorm_pass pass)
{
  fixture *f = calloc(1, sizeof *f);
  cr_assert(f != NULL);
  /* Channels last: a plan in several steps, so that there is a workspace. */
  desc_set(&f->desc, CLNORM_CHANNELS_LAST, 0, 3, (const size_t[]){4, CHANNELS, 6});
  f->pass = pass;
  expect_success(clnorm_plan_create(&f->desc, pass, &f->plan));
  const size_t workspace = clnorm_plan_workspace_size(f->plan);
  f->floats = (ROWS + 1) * ROOM + workspace / sizeof(float);
  f->memory = aligned_alloc(64, (f->floats * sizeof(float) + 63) / 64 * 64);
  f->before = malloc(f->floats * sizeof(float));
  cr_assert(f->memory != NULL && f->before != NULL);
  generate_uniform(f->memory, f->floats, 5, 0.5, 1.5);
  memcpy(f->before, f->memory, f->floats * sizeof(float));
  f->args.size = sizeof f->args;
  for (size_t i = 0; i < ROWS; i++) {
    if (use_of(&rows[i], pass) != '.') {
      set(f, rows[i].name, room(f, rows[i].name), count_of(&rows[i]));
    }
  }
  if (workspace != 0) {
    f->args.workspace = (clnorm_output){f->memory + ROWS * ROOM, workspace};
  }
  return f;
}

static int untouched(const fixture *f) { return memcmp(f->memory, f->before, f->floats * sizeof(float)) == 0; }

static void close_fixture(fixture *f)
{
  clnorm_plan_destroy(f->plan);
  free(f->memory);
  free(f->before);
  free(f);
}

static void expect_sentence(const char *what, const char *piece)
{
  cr_assert(strstr(clnorm_last_error(), piece) != NULL, "%s: \"%s\" does not say \"%s\"", what, clnorm_last_error(),
            piece);
}

/* The call fails with the status, says `name` and `piece`, and has written nothing. */
static void refuse(fixture *f, clnorm_status expected, const char *name, const char *piece)
{
  const clnorm_status got = clnorm_execute(f->plan, &f->args);
  cr_assert(got == expected, "%s, %s: got %s (%s), expected %s", pass_text(f->pass), name, clnorm_status_name(got),
            clnorm_last_error(), clnorm_status_name(expected));
  expect_sentence(name, name);
  expect_sentence(name, piece);
  cr_assert(untouched(f), "%s, %s: the call failed and wrote all the same", pass_text(f->pass), name);
}

#define FOR_EACH_PASS(pass) for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++)

Test(arguments, the_valid_call_of_these_tests_succeeds)
{
  FOR_EACH_PASS(pass)
  {
    fixture *f = open_fixture(pass);
    expect_success(clnorm_execute(f->plan, &f->args));
    cr_assert(!untouched(f));
    close_fixture(f);
  }
}

Test(arguments, a_missing_plan_missing_arguments_and_another_size_are_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  expect_failure(clnorm_execute(NULL, &f->args), CLNORM_INVALID_ARGUMENT, "plan", "NULL");
  expect_failure(clnorm_execute(f->plan, NULL), CLNORM_INVALID_ARGUMENT, "args", "NULL");
  f->args.size = 3;
  refuse(f, CLNORM_INVALID_ARGUMENT, "args.size", "got 3");
  f->args.size = 0;
  refuse(f, CLNORM_INVALID_ARGUMENT, "args.size", "got 0");
  close_fixture(f);
}

Test(arguments, negative_threads_are_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  f->args.threads = -2;
  refuse(f, CLNORM_INVALID_ARGUMENT, "threads", "-2");
  close_fixture(f);
}

Test(arguments, each_required_pointer_is_missed_by_name)
{
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      if (use_of(&rows[i], pass) == 'R') {
        fixture *f = open_fixture(pass);
        set(f, rows[i].name, NULL, 0);
        refuse(f, CLNORM_INVALID_ARGUMENT, rows[i].name, "NULL");
        close_fixture(f);
      }
    }
  }
}

Test(arguments, an_argument_that_the_pass_does_not_take_is_refused_by_name)
{
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      if (use_of(&rows[i], pass) == '.') {
        fixture *f = open_fixture(pass);
        set(f, rows[i].name, room(f, rows[i].name), 0);
        refuse(f, CLNORM_INVALID_ARGUMENT, rows[i].name, "expected NULL");
        close_fixture(f);
      }
    }
  }
}

Test(arguments, each_optional_argument_may_be_left_out)
{
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      if (use_of(&rows[i], pass) == 'o') {
        fixture *f = open_fixture(pass);
        set(f, rows[i].name, NULL, 0);
        expect_success(clnorm_execute(f->plan, &f->args));
        close_fixture(f);
      }
    }
  }
}

Test(arguments, a_backward_pass_that_is_asked_for_nothing_is_refused)
{
  for (int pass = CLNORM_BACKWARD; pass <= CLNORM_BACKWARD_FROZEN; pass++) {
    fixture *f = open_fixture((clnorm_pass)pass);
    set(f, "dx", NULL, 0);
    set(f, "dgamma", NULL, 0);
    set(f, "dbeta", NULL, 0);
    refuse(f, CLNORM_INVALID_ARGUMENT, "dgamma", "at least one");
    close_fixture(f);
  }
}

/* gamma of 9 or 11 for 10 channels, and so on: one argument at a time. */
Test(arguments, a_stated_length_that_is_off_by_one_is_refused_with_both_numbers)
{
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      if (use_of(&rows[i], pass) == '.') {
        continue;
      }
      for (int off = -1; off <= 1; off += 2) {
        fixture *f = open_fixture(pass);
        char expected[64];
        char got[64];
        const size_t count = count_of(&rows[i]);
        (void)snprintf(expected, sizeof expected, "expected %zu", count);
        (void)snprintf(got, sizeof got, "got %zu", count + (size_t)off);
        set(f, rows[i].name, room(f, rows[i].name), count + (size_t)off);
        refuse(f, CLNORM_BUFFER_TOO_SMALL, rows[i].name, expected);
        expect_sentence(rows[i].name, got);
        close_fixture(f);
      }
    }
  }
}

Test(arguments, a_length_that_is_not_stated_is_taken_on_trust)
{
  FOR_EACH_PASS(pass)
  {
    fixture *f = open_fixture(pass);
    for (size_t i = 0; i < ROWS; i++) {
      if (use_of(&rows[i], pass) != '.') {
        set(f, rows[i].name, room(f, rows[i].name), 0);
      }
    }
    f->args.workspace.count = 0;
    expect_success(clnorm_execute(f->plan, &f->args));
    close_fixture(f);
  }
}

Test(arguments, a_pointer_between_two_floats_is_an_invalid_buffer)
{
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      if (use_of(&rows[i], pass) != '.') {
        fixture *f = open_fixture(pass);
        set(f, rows[i].name, (char *)room(f, rows[i].name) + 2, count_of(&rows[i]));
        refuse(f, CLNORM_INVALID_BUFFER, rows[i].name, "2 bytes");
        close_fixture(f);
      }
    }
  }
}

/* Each output moved onto each other argument: the same start, a partial overlap at either end, and just beside it. */
Test(arguments, an_output_that_overlaps_any_other_argument_is_refused)
{
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      for (size_t j = 0; j < ROWS; j++) {
        if (i == j || !row_is_output(&rows[i], pass) || use_of(&rows[i], pass) == '.' ||
            use_of(&rows[j], pass) == '.') {
          continue;
        }
        fixture *f = open_fixture(pass);
        const size_t own = count_of(&rows[i]);
        float *other = room(f, rows[j].name) + (rows[j].extent == TENSOR ? 0 : own);
        set(f, rows[j].name, other, count_of(&rows[j]));
        if (!rows_may_be_same(rows[i].name, rows[j].name)) {
          set(f, rows[i].name, other, own);
          refuse(f, CLNORM_OVERLAP, rows[i].name, rows[j].name);
        }
        set(f, rows[i].name, other + count_of(&rows[j]) - 1, own);
        refuse(f, CLNORM_OVERLAP, rows[i].name, rows[j].name);
        close_fixture(f);
      }
    }
  }
}

Test(arguments, neighbours_that_touch_do_not_overlap)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  float *begin = room(f, "x");
  set(f, "running_mean", begin + ELEMENTS, CHANNELS);
  set(f, "mean", room(f, "y") + ELEMENTS, CHANNELS);
  expect_success(clnorm_execute(f->plan, &f->args));
  close_fixture(f);
}

Test(arguments, inputs_may_share_memory)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  set(f, "beta", room(f, "gamma"), CHANNELS);
  set(f, "gamma", room(f, "x"), CHANNELS);
  expect_success(clnorm_execute(f->plan, &f->args));
  close_fixture(f);
}

Test(arguments, the_workspace_is_checked_like_the_rest)
{
  FOR_EACH_PASS(pass)
  {
    fixture *f = open_fixture(pass);
    const clnorm_output good = f->args.workspace;
    if (clnorm_plan_workspace_size(f->plan) == 0) {
      close_fixture(f);
      continue;
    }
    f->args.workspace = (clnorm_output){NULL, 0};
    refuse(f, CLNORM_INVALID_ARGUMENT, "workspace", "NULL");
    f->args.workspace = (clnorm_output){good.data, good.count - 1};
    refuse(f, CLNORM_BUFFER_TOO_SMALL, "workspace", "got");
    f->args.workspace = (clnorm_output){(char *)good.data + 4, good.count};
    refuse(f, CLNORM_INVALID_BUFFER, "workspace", "4 bytes");
    f->args.workspace = (clnorm_output){room(f, "x"), good.count};
    refuse(f, CLNORM_OVERLAP, "workspace", "x");
    f->args.workspace = good;
    expect_success(clnorm_execute(f->plan, &f->args));
    close_fixture(f);
  }
}

Test(arguments, cumulative_averaging_without_a_batch_number_is_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  clnorm_plan_destroy(f->plan);
  f->plan = NULL;
  f->desc.averaging = CLNORM_AVERAGE_CUMULATIVE;
  expect_success(clnorm_plan_create(&f->desc, CLNORM_TRAIN, &f->plan));
  refuse(f, CLNORM_INVALID_ARGUMENT, "batch_number", "got 0");
  f->args.batch_number = 1;
  expect_success(clnorm_execute(f->plan, &f->args));
  close_fixture(f);
}

Test(arguments, an_empty_tensor_is_inferred_without_work)
{
  fixture *f = open_fixture(CLNORM_INFER);
  clnorm_plan_destroy(f->plan);
  f->plan = NULL;
  f->desc.dims[0] = 0;
  expect_success(clnorm_plan_create(&f->desc, CLNORM_INFER, &f->plan));
  set(f, "x", room(f, "x"), 0);
  set(f, "y", room(f, "y"), 0);
  expect_success(clnorm_execute(f->plan, &f->args));
  cr_assert(untouched(f));
  close_fixture(f);
}

/* The first error wins: a call with several faults tells one of them, and still writes nothing. */
Test(arguments, several_faults_give_one_clear_sentence)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  set(f, "gamma", room(f, "gamma"), 9);
  set(f, "y", room(f, "x") + 1, ELEMENTS);
  f->args.workspace.data = NULL;
  cr_assert(clnorm_execute(f->plan, &f->args) != CLNORM_SUCCESS);
  cr_assert(untouched(f) && clnorm_last_error()[0] != '\0');
  close_fixture(f);
}
