#include "backend.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clnorm/tuning.h"

/* What guards hold: a number that no computation makes by accident. */
#define GUARD_VALUE (-7.25e33f)

struct backend {
  size_t offset;
  const clnorm_plan *plan; /* of the last run */
  clnorm_plan *own_plan;   /* the CPU backend's */
  clnorm_desc desc;
  clnorm_pass pass;
  char choices[2][1200]; /* to be tried one after the other; "": none */
#ifdef CLNORM_TEST_OPENCL
  backend_cl *cl;
#endif
};

typedef enum extent { TENSOR, SMALL } extent;

static const struct {
  size_t member;
  extent extent;
  unsigned written; /* bit of each pass that writes it */
} table[BACKEND_SLOTS] = {
#define TRAIN (1u << CLNORM_TRAIN)
#define FORWARD (TRAIN | 1u << CLNORM_INFER)
#define GRADIENT (1u << CLNORM_BACKWARD | 1u << CLNORM_BACKWARD_FROZEN)
    {offsetof(backend_args, x), TENSOR, 0},
    {offsetof(backend_args, dy), TENSOR, 0},
    {offsetof(backend_args, gamma), SMALL, 0},
    {offsetof(backend_args, beta), SMALL, 0},
    {offsetof(backend_args, y), TENSOR, FORWARD},
    {offsetof(backend_args, dx), TENSOR, GRADIENT},
    {offsetof(backend_args, dgamma), SMALL, GRADIENT},
    {offsetof(backend_args, dbeta), SMALL, GRADIENT},
    {offsetof(backend_args, running_mean), SMALL, TRAIN},
    {offsetof(backend_args, running_var), SMALL, TRAIN},
    {offsetof(backend_args, mean), SMALL, TRAIN},
    {offsetof(backend_args, inv_std), SMALL, TRAIN},
};

enum { X = 0, DY = 1, Y = 4, DX = 5, RUNNING_MEAN = 8, RUNNING_VAR = 9 };

static float *member_of(const backend_args *args, int slot)
{
  float *pointer;
  memcpy(&pointer, (const char *)args + table[slot].member, sizeof pointer);
  return pointer;
}

static int is_written(int slot, clnorm_pass pass) { return (table[slot].written >> pass & 1u) != 0; }

backend *backend_open(void)
{
  backend *b = calloc(1, sizeof *b);
  const char *selector = getenv("CLNORM_DEVICE");
  cr_assert(b != NULL);
  b->offset = 16;
  const char *variant = getenv("CLNORM_TEST_VARIANT");
  if (variant != NULL) {
    (void)snprintf(b->choices[0], sizeof b->choices[0], "rows_%s", variant);
    (void)snprintf(b->choices[1], sizeof b->choices[1], "columns_%s", variant);
  }
  if (selector != NULL && strcmp(selector, "cpu") != 0) {
#ifdef CLNORM_TEST_OPENCL
    b->cl = backend_cl_open(selector);
#else
    cr_assert_fail("CLNORM_DEVICE=%s, but these tests were built without OpenCL", selector);
#endif
  }
  return b;
}

void backend_close(backend *b)
{
  clnorm_plan_destroy(b->own_plan);
#ifdef CLNORM_TEST_OPENCL
  if (b->cl != NULL) {
    backend_cl_close(b->cl);
  }
#endif
  free(b);
}

#ifdef CLNORM_TEST_OPENCL
struct clnorm_cl *backend_get_cl(const backend *b) { return b->cl == NULL ? NULL : backend_cl_get(b->cl); }
#endif

int backend_is_cpu(const backend *b)
{
#ifdef CLNORM_TEST_OPENCL
  return b->cl == NULL;
#else
  (void)b;
  return 1;
#endif
}

int backend_is_fast(const backend *b)
{
  (void)b;
  return getenv("CLNORM_TEST_SLOW") == NULL;
}

void backend_set_offset(backend *b, size_t elements) { b->offset = elements; }

const char *backend_variant(const backend *b) { return clnorm_plan_variant(b->plan); }

const clnorm_plan *backend_plan(const backend *b) { return b->plan; }

static void fill(float *memory, size_t count, float value)
{
  for (size_t i = 0; i < count; i++) {
    memory[i] = value;
  }
}

static void open_slot(backend_slot *slot, size_t offset, size_t count, const float *content)
{
  /* Aligned like device memory, so that an offset means the same on every backend. */
  const size_t bytes = (offset + count + BACKEND_GUARD) * sizeof(float);
  slot->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  cr_assert(slot->memory != NULL, "the test needs %zu bytes", bytes);
  slot->offset = offset;
  slot->count = count;
  fill(slot->memory, offset, GUARD_VALUE);
  fill(slot->memory + offset + count, BACKEND_GUARD, GUARD_VALUE);
  if (content != NULL) {
    memcpy(slot->memory + offset, content, count * sizeof(float));
  } else {
    fill(slot->memory + offset, count, NAN);
  }
}

static void check_guards(const backend_slot *slot, const char *name)
{
  for (size_t i = 0; i < slot->offset; i++) {
    cr_assert(slot->memory[i] == GUARD_VALUE, "%s: element %zu before it was written", name, slot->offset - i);
  }
  const float *after = slot->memory + slot->offset + slot->count;
  for (size_t i = 0; i < BACKEND_GUARD; i++) {
    cr_assert(after[i] == GUARD_VALUE, "%s: element %zu past its end was written", name, i);
  }
}

void backend_force(backend *b, const char *choice)
{
  (void)snprintf(b->choices[0], sizeof b->choices[0], "%s", choice == NULL ? "" : choice);
  b->choices[1][0] = '\0';
  b->pass = 0;
}

int backend_was_forced(const backend *b) { return strcmp(clnorm_plan_tuning(b->plan), "forced") == 0; }

static clnorm_status make_plan_with(backend *b, const clnorm_desc *desc, clnorm_pass pass, const char *choice)
{
#ifdef CLNORM_TEST_OPENCL
  if (b->cl != NULL) {
    return backend_cl_plan(b->cl, desc, pass, choice, &b->plan);
  }
#endif
  const clnorm_status status = clnorm_plan_create_with(desc, pass, choice, &b->own_plan);
  b->plan = b->own_plan;
  return status;
}

static clnorm_status make_plan(backend *b, const clnorm_desc *desc, clnorm_pass pass)
{
  clnorm_status status = CLNORM_UNSUPPORTED;
  if (b->plan != NULL && b->pass == pass && memcmp(desc, &b->desc, sizeof *desc) == 0) {
    return CLNORM_SUCCESS;
  }
  clnorm_plan_destroy(b->own_plan);
  b->own_plan = NULL;
  b->plan = NULL;
  for (int i = 0; i < 2 && status == CLNORM_UNSUPPORTED; i++) {
    if (b->choices[i][0] != '\0') {
      status = make_plan_with(b, desc, pass, b->choices[i]);
    }
  }
  if (status == CLNORM_UNSUPPORTED) {
    status = make_plan_with(b, desc, pass, NULL);
  }
  b->desc = *desc;
  b->pass = pass;
  return status;
}

static clnorm_status execute_on_cpu(const backend *b, backend_slot *slots, const backend_args *args)
{
  clnorm_args call = {.size = sizeof call, .batch_number = args->batch_number, .threads = args->threads};
  struct {
    void *data;
    size_t count;
  } given[BACKEND_SLOTS + 1];
  for (int i = 0; i <= BACKEND_SLOTS; i++) {
    const backend_slot *slot = &slots[slots[i].shared >= 0 ? slots[i].shared : i];
    given[i].data = slot->memory == NULL ? NULL : (void *)(slot->memory + slot->offset);
    given[i].count = slot->count;
  }
  int i = 0;
  clnorm_input *inputs[] = {&call.x, &call.dy, &call.gamma, &call.beta};
  clnorm_output *outputs[] = {&call.y,           &call.dx,   &call.dgamma,  &call.dbeta,    &call.running_mean,
                              &call.running_var, &call.mean, &call.inv_std, &call.workspace};
  for (; i < 4; i++) {
    *inputs[i] = (clnorm_input){given[i].data, given[i].count};
  }
  for (; i <= BACKEND_SLOTS; i++) {
    *outputs[i - 4] = (clnorm_output){given[i].data, given[i].count};
  }
  call.workspace.count *= sizeof(float);
  return clnorm_execute(b->plan, &call);
}

static void open_slots(const backend *b, backend_slot *slots, clnorm_pass pass, const backend_args *args,
                       const clnorm_counts *counts)
{
  for (int i = 0; i < BACKEND_SLOTS; i++) {
    float *given = member_of(args, i);
    slots[i] = (backend_slot){NULL, 0, 0, -1};
    if (given == NULL) {
      continue;
    }
    if ((i == Y && given == args->x) || (i == DX && given == args->dy)) {
      slots[i].shared = i == Y ? X : DY;
      continue;
    }
    const int updated = i == RUNNING_MEAN || i == RUNNING_VAR;
    const size_t count = table[i].extent == TENSOR ? counts->elements : counts->statistics;
    /* Offsets that are no multiple of 16 differ from tensor to tensor. */
    const size_t offset = b->offset + (b->offset % 16 == 0 ? 0 : (size_t)i);
    open_slot(&slots[i], offset, count, is_written(i, pass) && !updated ? NULL : given);
  }
  const size_t bytes = clnorm_plan_workspace_size(b->plan);
  slots[BACKEND_WORKSPACE] = (backend_slot){NULL, 0, 0, -1};
  if (bytes != 0) {
    open_slot(&slots[BACKEND_WORKSPACE], 16, (bytes + sizeof(float) - 1) / sizeof(float), NULL);
  }
}

clnorm_status backend_run(backend *b, const clnorm_desc *desc, clnorm_pass pass, const backend_args *args)
{
  static const char *const names[BACKEND_SLOTS + 1] = {"x",    "dy",      "gamma",    "beta",         "y",
                                                       "dx",   "dgamma",  "dbeta",    "running_mean", "running_var",
                                                       "mean", "inv_std", "workspace"};
  backend_slot slots[BACKEND_SLOTS + 1];
  clnorm_counts counts;
  clnorm_status status = clnorm_desc_counts(desc, &counts);
  if (status == CLNORM_SUCCESS) {
    status = make_plan(b, desc, pass);
  }
  if (status != CLNORM_SUCCESS) {
    return status;
  }
  open_slots(b, slots, pass, args, &counts);
#ifdef CLNORM_TEST_OPENCL
  if (b->cl != NULL) {
    status = backend_cl_execute(b->cl, slots, args->batch_number);
  } else
#endif
  {
    status = execute_on_cpu(b, slots, args);
  }
  for (int i = 0; i <= BACKEND_SLOTS; i++) {
    const backend_slot *slot = &slots[slots[i].shared >= 0 ? slots[i].shared : i];
    if (slot->memory == NULL) {
      continue;
    }
    check_guards(slot, names[i]);
    if (i < BACKEND_SLOTS && status == CLNORM_SUCCESS && is_written(i, pass)) {
      memcpy(member_of(args, i), slot->memory + slot->offset, slot->count * sizeof(float));
    }
  }
  for (int i = 0; i <= BACKEND_SLOTS; i++) {
    free(slots[i].memory);
  }
  return status;
}
