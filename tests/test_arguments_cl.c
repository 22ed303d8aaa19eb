/* Every wrong argument of a call on an OpenCL device: its status, a sentence that names argument, expectation and value,
 * nothing written, and the event left alone. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "argument_table.h"
#include "cl_fixture.h"
#include "problem.h"

static const row rows[ROWS] = {
#define ROW(name, extent, use) {#name, offsetof(clnorm_cl_args, name), extent, use},
    ARGUMENT_TABLE(ROW)
#undef ROW
};

#define CHANNELS 10
#define ELEMENTS 240
#define SPARE 256 /* floats of each argument's buffer beyond what it needs */
#define CANARY ((cl_event)0x51)

/* A valid call with a buffer for each argument, and what the buffers held before it. */
typedef struct fixture {
  cl_fixture base;
  clnorm_desc desc;
  clnorm_pass pass;
  clnorm_cl_plan *plan;
  clnorm_cl_args args;
  size_t workspace;
  cl_mem memories[ROWS + 1];
  float before[ELEMENTS + SPARE];
} fixture;

static size_t count_of(const row *r) { return r->extent == TENSOR ? ELEMENTS : CHANNELS; }

static void set(fixture *f, const char *name, clnorm_buffer value)
{
  memcpy((char *)&f->args + rows[index_of(rows, name)].member, &value, sizeof value);
}

static cl_mem memory_of(const fixture *f, const char *name) { return f->memories[index_of(rows, name)]; }

static void use_pass(fixture *f, clnorm_pass pass)
{
  clnorm_cl_plan_destroy(f->plan);
  f->plan = NULL;
  f->pass = pass;
  expect_success(clnorm_cl_plan_create(f->base.cl, &f->desc, pass, &f->plan));
  memset(&f->args, 0, sizeof f->args);
  f->args.size = sizeof f->args;
  for (size_t i = 0; i < ROWS; i++) {
    if (use_of(&rows[i], pass) != '.') {
      set(f, rows[i].name, (clnorm_buffer){f->memories[i], 0, count_of(&rows[i])});
    }
  }
  f->workspace = clnorm_plan_workspace_size(clnorm_cl_plan_data(f->plan));
  cr_assert(f->workspace <= sizeof f->before * 8, "this test has room for less than %zu bytes", f->workspace);
  f->args.workspace = (clnorm_buffer){f->workspace != 0 ? f->memories[ROWS] : NULL, 0, f->workspace};
}

static fixture *open_fixture(clnorm_pass pass)
{
  fixture *f = calloc(1, sizeof *f);
  cr_assert(f != NULL);
  f->base = cl_fixture_open();
  /* Channels last: a plan in several steps, so that there is a workspace. */
  desc_set(&f->desc, CLNORM_CHANNELS_LAST, 0, 3, (const size_t[]){4, CHANNELS, 6});
  generate_uniform(f->before, ELEMENTS + SPARE, 5, 0.5, 1.5);
  for (size_t i = 0; i < ROWS; i++) {
    f->memories[i] = cl_fixture_buffer(f->base.context, CL_MEM_READ_WRITE, f->before, ELEMENTS + SPARE);
  }
  f->memories[ROWS] = cl_fixture_buffer(f->base.context, CL_MEM_READ_WRITE, NULL, 8 * (ELEMENTS + SPARE));
  use_pass(f, pass);
  return f;
}

static void close_fixture(fixture *f)
{
  for (size_t i = 0; i <= ROWS; i++) {
    CHECK_CL(clReleaseMemObject(f->memories[i]));
  }
  clnorm_cl_plan_destroy(f->plan);
  cl_fixture_close(&f->base);
  free(f);
}

static int untouched(const fixture *f)
{
  float now[ELEMENTS + SPARE];
  for (size_t i = 0; i < ROWS; i++) {
    cl_fixture_read(f->base.queue, f->memories[i], 0, now, ELEMENTS + SPARE);
    if (memcmp(now, f->before, sizeof now) != 0) {
      return 0;
    }
  }
  return 1;
}

static clnorm_status enqueue(fixture *f)
{
  cl_event event = CANARY;
  const clnorm_status status = clnorm_cl_enqueue(f->plan, f->base.queue, &f->args, 0, NULL, &event);
  if (status == CLNORM_SUCCESS) {
    CHECK_CL(clWaitForEvents(1, &event));
    CHECK_CL(clReleaseEvent(event));
  } else {
    cr_assert(event == CANARY, "the call failed and touched the event");
  }
  return status;
}

static void refuse(fixture *f, clnorm_status expected, const char *name, const char *piece)
{
  const clnorm_status got = enqueue(f);
  cr_assert(got == expected, "%s, %s: got %s (%s), expected %s", pass_text(f->pass), name, clnorm_status_name(got),
            clnorm_last_error(), clnorm_status_name(expected));
  cr_assert(strstr(clnorm_last_error(), name) != NULL && strstr(clnorm_last_error(), piece) != NULL,
            "\"%s\" does not say \"%s\" and \"%s\"", clnorm_last_error(), name, piece);
  cr_assert(untouched(f), "%s, %s: the call failed and wrote all the same", pass_text(f->pass), name);
}

#define FOR_EACH_PASS(pass) for (clnorm_pass pass = CLNORM_TRAIN; pass <= CLNORM_BACKWARD_FROZEN; pass++)

/* For each argument of each pass whose letter is in `letters`: a fresh valid call, then `body`, which spoils it. */
#define FOR_EACH_ARGUMENT(f, i, letters, body)                      \
  do {                                                              \
    fixture *f = open_fixture(CLNORM_TRAIN);                        \
    FOR_EACH_PASS(each_pass)                                        \
    {                                                               \
      for (size_t i = 0; i < ROWS; i++) {                           \
        if (strchr(letters, use_of(&rows[i], each_pass)) != NULL) { \
          use_pass(f, each_pass);                                   \
          body                                                      \
        }                                                           \
      }                                                             \
    }                                                               \
    close_fixture(f);                                               \
  } while (0)

/* Also where there are statistics, of no values each. */
Test(arguments_cl, inference_of_nothing_needs_no_tensors)
{
  static const size_t empty[][3] = {{0, 10, 6}, {4, 0, 6}, {4, 10, 0}};
  static const clnorm_dtype dtypes[] = {CLNORM_F32, CLNORM_F16, CLNORM_F64};
  fixture *f = open_fixture(CLNORM_INFER);
  const clnorm_cl_args none = {.size = sizeof none};
  int runs = 0;
  for (int i = 0; i < 9 * CLNORM_RMS; i++) {
    clnorm_cl_plan_destroy(f->plan);
    f->plan = NULL;
    expect_success(clnorm_desc_init(&f->desc, sizeof f->desc, (clnorm_op)(CLNORM_BATCH + i / 9), CLNORM_PRESET_TORCH));
    f->desc.rank = 3;
    memcpy(f->desc.dims, empty[i % 3], sizeof empty[0]);
    f->desc.dtype = dtypes[i / 3 % 3];
    f->desc.groups = f->desc.op == CLNORM_GROUP ? 2 : f->desc.groups;
    f->args = none;
    const clnorm_status status = clnorm_cl_plan_create(f->base.cl, &f->desc, CLNORM_INFER, &f->plan);
    if (status == CLNORM_SUCCESS) {
      cr_assert(enqueue(f) == CLNORM_SUCCESS, "%s", clnorm_last_error());
      runs++;
    }
  }
  cr_assert(runs >= 16, "only %d plans were made", runs);
  close_fixture(f);
}

Test(arguments_cl, the_valid_call_of_these_tests_succeeds)
{
  FOR_EACH_PASS(pass)
  {
    fixture *f = open_fixture(pass);
    expect_success(enqueue(f));
    cr_assert(!untouched(f));
    close_fixture(f);
  }
}

Test(arguments_cl, missing_handles_and_other_sizes_are_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  cl_event event = CANARY;
  expect_failure(clnorm_cl_enqueue(NULL, f->base.queue, &f->args, 0, NULL, &event), CLNORM_INVALID_ARGUMENT, "plan",
                 "NULL");
  expect_failure(clnorm_cl_enqueue(f->plan, NULL, &f->args, 0, NULL, &event), CLNORM_INVALID_ARGUMENT, "queue", "NULL");
  expect_failure(clnorm_cl_enqueue(f->plan, f->base.queue, NULL, 0, NULL, &event), CLNORM_INVALID_ARGUMENT, "args",
                 "NULL");
  expect_failure(clnorm_cl_enqueue(f->plan, f->base.queue, &f->args, 1, NULL, &event), CLNORM_INVALID_ARGUMENT,
                 "waits");
  f->args.size = 1;
  refuse(f, CLNORM_INVALID_ARGUMENT, "args.size", "got 1");
  cr_assert(event == CANARY);
  close_fixture(f);
}

Test(arguments_cl, a_plan_for_a_device_does_not_execute_on_the_host)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  const clnorm_args args = {.size = sizeof args};
  expect_failure(clnorm_execute(clnorm_cl_plan_data(f->plan), &args), CLNORM_INVALID_ARGUMENT, "plan");
  close_fixture(f);
}

Test(arguments_cl, a_queue_of_another_context_is_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  cl_int code;
  cl_context other = cl_fixture_context(&f->base);
  cl_command_queue queue = clCreateCommandQueue(other, f->base.found.device, 0, &code);
  CHECK_CL(code);
  expect_failure(clnorm_cl_enqueue(f->plan, queue, &f->args, 0, NULL, NULL), CLNORM_INVALID_ARGUMENT, "queue",
                 "context");
  cr_assert(untouched(f));
  CHECK_CL(clReleaseCommandQueue(queue));
  CHECK_CL(clReleaseContext(other));
  close_fixture(f);
}

Test(arguments_cl, each_required_buffer_is_missed_by_name)
{
  FOR_EACH_ARGUMENT(f, i, "R", {
    set(f, rows[i].name, (clnorm_buffer){NULL, 0, 0});
    refuse(f, CLNORM_INVALID_ARGUMENT, rows[i].name, "NULL");
  });
}

Test(arguments_cl, a_buffer_that_the_pass_does_not_take_is_refused_by_name)
{
  FOR_EACH_ARGUMENT(f, i, ".", {
    set(f, rows[i].name, (clnorm_buffer){f->memories[i], 0, 0});
    refuse(f, CLNORM_INVALID_ARGUMENT, rows[i].name, "expected NULL");
  });
}

Test(arguments_cl, a_stated_length_that_is_off_by_one_is_refused_with_both_numbers)
{
  FOR_EACH_ARGUMENT(f, i, "Ro", {
    char expected[64];
    char got[64];
    const size_t count = count_of(&rows[i]);
    for (size_t stated = count - 1; stated <= count + 1; stated += 2) {
      (void)snprintf(expected, sizeof expected, "expected %zu", count);
      (void)snprintf(got, sizeof got, "got %zu", stated);
      set(f, rows[i].name, (clnorm_buffer){f->memories[i], 0, stated});
      refuse(f, CLNORM_BUFFER_TOO_SMALL, rows[i].name, expected);
      cr_assert(strstr(clnorm_last_error(), got) != NULL, "%s", clnorm_last_error());
    }
  });
}

/* One float less from the offset on than the argument has, and offsets at and far behind the buffer's end. */
Test(arguments_cl, a_buffer_that_ends_too_early_is_refused_with_both_numbers)
{
  FOR_EACH_ARGUMENT(f, i, "Ro", {
    char expected[64];
    char got[64];
    const size_t count = count_of(&rows[i]);
    (void)snprintf(expected, sizeof expected, "expected %zu bytes", 4 * count);
    (void)snprintf(got, sizeof got, "got %zu", 4 * (count - 1));
    set(f, rows[i].name, (clnorm_buffer){f->memories[i], ELEMENTS + SPARE - count + 1, 0});
    refuse(f, CLNORM_BUFFER_TOO_SMALL, rows[i].name, expected);
    cr_assert(strstr(clnorm_last_error(), got) != NULL, "%s", clnorm_last_error());
    set(f, rows[i].name, (clnorm_buffer){f->memories[i], ELEMENTS + SPARE, 0});
    refuse(f, CLNORM_BUFFER_TOO_SMALL, rows[i].name, "got 0");
    set(f, rows[i].name, (clnorm_buffer){f->memories[i], SIZE_MAX / 4 + 2, 0});
    refuse(f, CLNORM_BUFFER_TOO_SMALL, rows[i].name, "got 0");
  });
}

static cl_mem sub_buffer(cl_mem parent, cl_mem_flags flags, size_t origin, size_t floats)
{
  cl_int code;
  const cl_buffer_region region = {origin * sizeof(float), floats * sizeof(float)};
  cl_mem made = clCreateSubBuffer(parent, flags, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
  CHECK_CL(code);
  return made;
}

Test(arguments_cl, a_sub_buffer_that_is_too_small_is_refused)
{
  FOR_EACH_ARGUMENT(f, i, "Ro", {
    const size_t count = count_of(&rows[i]);
    cl_mem smaller = sub_buffer(f->memories[i], 0, 0, count - 1);
    set(f, rows[i].name, (clnorm_buffer){smaller, 0, 0});
    refuse(f, CLNORM_BUFFER_TOO_SMALL, rows[i].name, "expected");
    CHECK_CL(clReleaseMemObject(smaller));
  });
}

Test(arguments_cl, a_buffer_of_another_context_is_refused)
{
  FOR_EACH_ARGUMENT(f, i, "Ro", {
    cl_context other = cl_fixture_context(&f->base);
    cl_mem foreign = cl_fixture_buffer(other, CL_MEM_READ_WRITE, f->before, ELEMENTS);
    set(f, rows[i].name, (clnorm_buffer){foreign, 0, 0});
    refuse(f, CLNORM_INVALID_BUFFER, rows[i].name, "context");
    CHECK_CL(clReleaseMemObject(foreign));
    CHECK_CL(clReleaseContext(other));
  });
}

Test(arguments_cl, a_buffer_whose_flags_forbid_its_use_is_refused)
{
  FOR_EACH_ARGUMENT(f, i, "Ro", {
    const int output = row_is_output(&rows[i], f->pass);
    cl_mem wrong =
        cl_fixture_buffer(f->base.context, output ? CL_MEM_READ_ONLY : CL_MEM_WRITE_ONLY, f->before, ELEMENTS);
    set(f, rows[i].name, (clnorm_buffer){wrong, 0, 0});
    refuse(f, CLNORM_INVALID_BUFFER, rows[i].name, output ? "write" : "read");
    CHECK_CL(clReleaseMemObject(wrong));
  });
}

/* The flags of a sub-buffer count, and where it has none those of its parent. */
Test(arguments_cl, a_sub_buffer_inherits_what_its_parent_forbids)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  cl_mem parent = cl_fixture_buffer(f->base.context, CL_MEM_READ_ONLY, f->before, ELEMENTS);
  cl_mem child = sub_buffer(parent, 0, 0, ELEMENTS);
  set(f, "y", (clnorm_buffer){child, 0, 0});
  refuse(f, CLNORM_INVALID_BUFFER, "y", "write");
  CHECK_CL(clReleaseMemObject(child));
  CHECK_CL(clReleaseMemObject(parent));
  child = sub_buffer(memory_of(f, "y"), CL_MEM_READ_ONLY, 0, ELEMENTS);
  set(f, "y", (clnorm_buffer){child, 0, 0});
  refuse(f, CLNORM_INVALID_BUFFER, "y", "write");
  CHECK_CL(clReleaseMemObject(child));
  close_fixture(f);
}

/* Updated in place, so both directions have to be allowed. */
Test(arguments_cl, running_statistics_are_read_and_written)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  cl_mem half = cl_fixture_buffer(f->base.context, CL_MEM_WRITE_ONLY, f->before, ELEMENTS);
  set(f, "running_var", (clnorm_buffer){half, 0, 0});
  refuse(f, CLNORM_INVALID_BUFFER, "running_var", "read");
  CHECK_CL(clReleaseMemObject(half));
  close_fixture(f);
}

Test(arguments_cl, buffers_with_just_the_rights_they_need_are_welcome)
{
  FOR_EACH_ARGUMENT(f, i, "Ro", {
    const int output = row_is_output(&rows[i], f->pass);
    const int both = strncmp(rows[i].name, "running", 7) == 0 && f->pass == CLNORM_TRAIN;
    const cl_mem_flags flags = both ? CL_MEM_READ_WRITE : output ? CL_MEM_WRITE_ONLY : CL_MEM_READ_ONLY;
    cl_mem right = cl_fixture_buffer(f->base.context, flags, f->before, ELEMENTS);
    set(f, rows[i].name, (clnorm_buffer){right, 0, 0});
    expect_success(enqueue(f));
    CHECK_CL(clReleaseMemObject(right));
  });
}

/* Every pair of an output and another argument in one buffer: at the same place, overlapping by one float, side by side. */
Test(arguments_cl, an_output_that_overlaps_any_other_argument_is_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  FOR_EACH_PASS(pass)
  {
    for (size_t i = 0; i < ROWS; i++) {
      for (size_t j = 0; j < ROWS; j++) {
        if (i == j || !row_is_output(&rows[i], pass) || use_of(&rows[j], pass) == '.') {
          continue;
        }
        use_pass(f, pass);
        cl_mem shared = f->memories[j];
        if (!rows_may_be_same(rows[i].name, rows[j].name)) {
          set(f, rows[i].name, (clnorm_buffer){shared, 0, 0});
          refuse(f, CLNORM_OVERLAP, rows[i].name, rows[j].name);
        }
        set(f, rows[i].name, (clnorm_buffer){shared, count_of(&rows[j]) - 1, 0});
        refuse(f, CLNORM_OVERLAP, rows[i].name, rows[j].name);
      }
    }
  }
  use_pass(f, CLNORM_TRAIN);
  set(f, "mean", (clnorm_buffer){memory_of(f, "y"), ELEMENTS, 0});
  set(f, "inv_std", (clnorm_buffer){memory_of(f, "y"), ELEMENTS + CHANNELS, 0});
  expect_success(enqueue(f));
  close_fixture(f);
}

/* Different objects, the same bytes. */
Test(arguments_cl, buffers_on_the_same_host_memory_overlap)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  static _Alignas(4096) float host[4096];
  const cl_mem_flags flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
  cl_int error = CL_SUCCESS;
  cl_mem first = clCreateBuffer(f->base.context, flags, sizeof(float) * ELEMENTS, host, &error);
  CHECK_CL(error);
  cl_mem second = clCreateBuffer(f->base.context, flags, sizeof(float) * ELEMENTS, host + ELEMENTS - 1, &error);
  CHECK_CL(error);
  set(f, "x", (clnorm_buffer){first, 0, 0});
  set(f, "y", (clnorm_buffer){second, 0, 0});
  refuse(f, CLNORM_OVERLAP, "y", "x");
  CHECK_CL(clReleaseMemObject(second));
  second = clCreateBuffer(f->base.context, flags, sizeof(float) * ELEMENTS, host + 2048, &error);
  CHECK_CL(error);
  set(f, "y", (clnorm_buffer){second, 0, 0});
  expect_success(enqueue(f));
  CHECK_CL(clFinish(f->base.queue));
  CHECK_CL(clReleaseMemObject(second));
  CHECK_CL(clReleaseMemObject(first));
  close_fixture(f);
}

Test(arguments_cl, events_to_wait_for_are_the_contexts_own)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  cl_int error = CL_SUCCESS;
  cl_event events[2] = {clCreateUserEvent(f->base.context, &error), NULL};
  CHECK_CL(error);
  CHECK_CL(clSetUserEventStatus(events[0], CL_COMPLETE));
  expect_failure(clnorm_cl_enqueue(f->plan, f->base.queue, &f->args, 2, events, NULL), CLNORM_INVALID_ARGUMENT,
                 "waits[1]", "NULL");
  cl_context other = clCreateContext(NULL, 1, &f->base.found.device, NULL, NULL, &error);
  CHECK_CL(error);
  events[1] = clCreateUserEvent(other, &error);
  CHECK_CL(error);
  CHECK_CL(clSetUserEventStatus(events[1], CL_COMPLETE));
  expect_failure(clnorm_cl_enqueue(f->plan, f->base.queue, &f->args, 2, events, NULL), CLNORM_INVALID_ARGUMENT,
                 "waits[1]", "context");
  expect_success(clnorm_cl_enqueue(f->plan, f->base.queue, &f->args, 1, events, NULL));
  CHECK_CL(clFinish(f->base.queue));
  CHECK_CL(clReleaseEvent(events[0]));
  CHECK_CL(clReleaseEvent(events[1]));
  CHECK_CL(clReleaseContext(other));
  close_fixture(f);
}

Test(arguments_cl, sub_buffers_of_one_parent_overlap_like_the_parent)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  cl_uint bits = 0;
  CHECK_CL(clGetDeviceInfo(f->base.found.device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof bits, &bits, NULL));
  const size_t step = bits / 32;
  cl_mem parent = cl_fixture_buffer(f->base.context, CL_MEM_READ_WRITE, NULL, 4 * ELEMENTS + 8 * step);
  cl_mem first = sub_buffer(parent, 0, 0, ELEMENTS + step);
  cl_mem second = sub_buffer(parent, 0, step, ELEMENTS + step);
  set(f, "x", (clnorm_buffer){first, 0, 0});
  set(f, "y", (clnorm_buffer){second, 0, 0});
  refuse(f, CLNORM_OVERLAP, "y", "x");
  /* The parent itself, from where the sub-buffer begins. */
  set(f, "y", (clnorm_buffer){parent, 1, 0});
  refuse(f, CLNORM_OVERLAP, "y", "x");
  /* The same range by two names is in place. */
  set(f, "y", (clnorm_buffer){parent, 0, 0});
  expect_success(enqueue(f));
  CHECK_CL(clReleaseMemObject(first));
  CHECK_CL(clReleaseMemObject(second));
  CHECK_CL(clReleaseMemObject(parent));
  close_fixture(f);
}

Test(arguments_cl, the_workspace_is_checked_like_the_rest)
{
  fixture *f = open_fixture(CLNORM_BACKWARD); /* it has room for statistics of its own, whatever the shape */
  cl_mem good = f->memories[ROWS];
  cr_assert(f->workspace > 16);
  f->args.workspace = (clnorm_buffer){NULL, 0, 0};
  refuse(f, CLNORM_INVALID_ARGUMENT, "workspace", "NULL");
  f->args.workspace = (clnorm_buffer){good, 0, f->workspace - 1};
  refuse(f, CLNORM_BUFFER_TOO_SMALL, "workspace", "got");
  f->args.workspace = (clnorm_buffer){good, 8 * sizeof(float) * (ELEMENTS + SPARE) - 16, 0};
  refuse(f, CLNORM_BUFFER_TOO_SMALL, "workspace", "got 16");
  f->args.workspace = (clnorm_buffer){good, 4, f->workspace};
  refuse(f, CLNORM_INVALID_BUFFER, "workspace", "4 bytes");
  if (f->workspace <= sizeof(float) * (ELEMENTS + SPARE)) {
    f->args.workspace = (clnorm_buffer){memory_of(f, "x"), 0, 0};
    refuse(f, CLNORM_OVERLAP, "workspace", "x");
  }
  cl_mem read_only = cl_fixture_buffer(f->base.context, CL_MEM_READ_ONLY, NULL, 8 * (ELEMENTS + SPARE));
  f->args.workspace = (clnorm_buffer){read_only, 0, 0};
  refuse(f, CLNORM_INVALID_BUFFER, "workspace", "flags");
  CHECK_CL(clReleaseMemObject(read_only));
  f->args.workspace = (clnorm_buffer){good, 16, f->workspace};
  expect_success(enqueue(f));
  close_fixture(f);
}

Test(arguments_cl, cumulative_averaging_without_a_batch_number_is_refused)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  f->desc.averaging = CLNORM_AVERAGE_CUMULATIVE;
  use_pass(f, CLNORM_TRAIN);
  refuse(f, CLNORM_INVALID_ARGUMENT, "batch_number", "got 0");
  close_fixture(f);
}

Test(arguments_cl, plans_and_contexts_refuse_what_is_missing)
{
  cl_fixture f = cl_fixture_open();
  clnorm_desc desc;
  clnorm_cl_plan *plan = NULL;
  clnorm_cl *cl = NULL;
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, (const size_t[]){4, 10, 6});
  expect_failure(clnorm_cl_plan_create(NULL, &desc, CLNORM_TRAIN, &plan), CLNORM_INVALID_ARGUMENT, "cl", "NULL");
  expect_failure(clnorm_cl_plan_create(f.cl, NULL, CLNORM_TRAIN, &plan), CLNORM_INVALID_ARGUMENT, "desc", "NULL");
  expect_failure(clnorm_cl_plan_create(f.cl, &desc, (clnorm_pass)7, &plan), CLNORM_INVALID_ARGUMENT, "pass", "7");
  expect_failure(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, NULL), CLNORM_INVALID_ARGUMENT, "plan", "NULL");
  desc.dims[1] = 0;
  expect_failure(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, &plan), CLNORM_INVALID_SHAPE, "desc.dims[1]");
  desc.dims[0] = desc.dims[2] = 1, desc.dims[1] = 10;
  expect_failure(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, &plan), CLNORM_TOO_FEW_VALUES, "desc.dims");
  expect_failure(clnorm_cl_create(NULL, f.found.device, &cl), CLNORM_INVALID_ARGUMENT, "context", "NULL");
  expect_failure(clnorm_cl_create(f.context, NULL, &cl), CLNORM_INVALID_ARGUMENT, "device", "NULL");
  expect_failure(clnorm_cl_create(f.context, f.found.device, NULL), CLNORM_INVALID_ARGUMENT, "cl", "NULL");
  cr_assert(plan == NULL && cl == NULL);
  clnorm_cl_plan_destroy(NULL);
  clnorm_cl_destroy(NULL);
  cl_fixture_close(&f);
}

/* PoCL would allocate lazily and abort the process at the first touch. */
Test(arguments_cl, a_tensor_above_the_largest_allocation_is_out_of_memory)
{
  cl_fixture f = cl_fixture_open();
  clnorm_desc desc;
  clnorm_cl_plan *plan = NULL;
  char largest[32];
  (void)snprintf(largest, sizeof largest, "%llu", (unsigned long long)f.found.max_allocation);
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 3, (const size_t[]){1, 2, 1});
  desc.dims[0] = (size_t)(f.found.max_allocation / 8 + 1);
  FOR_EACH_PASS(pass)
  {
    expect_failure(clnorm_cl_plan_create(f.cl, &desc, pass, &plan), CLNORM_OUT_OF_MEMORY, "desc.dims");
    cr_assert(strstr(clnorm_last_error(), largest) != NULL, "%s", clnorm_last_error());
  }
  cr_assert(plan == NULL);
  desc.dims[0] = SIZE_MAX / 2;
  expect_failure(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, &plan), CLNORM_OVERFLOW, "desc.dims");
  cl_fixture_close(&f);
}

Test(arguments_cl, a_selector_that_fits_nothing_tells_what_there_is)
{
  cl_fixture f = cl_fixture_open();
  clnorm_cl_device device;
  size_t count = 0;
  expect_failure(clnorm_cl_select_device("no such device", &device), CLNORM_NO_DEVICE, "no such device");
  cr_assert(strstr(clnorm_last_error(), f.found.name) != NULL, "%s", clnorm_last_error());
  expect_failure(clnorm_cl_select_device("4096", &device), CLNORM_NO_DEVICE, "4096");
  expect_failure(clnorm_cl_select_device("", NULL), CLNORM_INVALID_ARGUMENT, "device", "NULL");
  expect_failure(clnorm_cl_list_devices(NULL, 0, NULL), CLNORM_INVALID_ARGUMENT, "count", "NULL");
  expect_failure(clnorm_cl_list_devices(NULL, 3, &count), CLNORM_INVALID_ARGUMENT, "list", "NULL");
  expect_success(clnorm_cl_list_devices(NULL, 0, &count));
  cr_assert(count >= 1);
  expect_success(clnorm_cl_select_device("0", &device));
  cl_fixture_close(&f);
}

/* The device's threads do not exist in a child process; a call there must say so and not wait for them. */
Test(arguments_cl, a_child_process_is_told_that_it_forked)
{
  fixture *f = open_fixture(CLNORM_TRAIN);
  const pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    clnorm_cl_plan *plan = NULL;
    cl_event event = CANARY;
    (void)alarm(20);
    const int right = clnorm_cl_enqueue(f->plan, f->base.queue, &f->args, 0, NULL, &event) == CLNORM_FORKED &&
                      event == CANARY && strstr(clnorm_last_error(), "fork") != NULL &&
                      clnorm_cl_plan_create(f->base.cl, &f->desc, CLNORM_TRAIN, &plan) == CLNORM_FORKED && plan == NULL;
    _exit(right ? 0 : 1);
  }
  int result = -1;
  cr_assert(waitpid(child, &result, 0) == child);
  cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the child ended with %d", result);
  expect_success(enqueue(f));
  close_fixture(f);
}
