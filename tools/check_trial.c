#include "check_trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A run in the making. */
typedef struct attempt {
  engine *engine;
  engine_report report;
  check_result *result;
} attempt;

/* What is wrong, without the description before it: the report has that. */
static const char *finding_of(const trial_result *r)
{
  const char *with = strstr(r->problem, " with 0x");
  const char *colon = with != NULL ? strstr(with, ": ") : NULL;
  return colon != NULL ? colon + 2 : r->problem;
}

static void append(char *text, size_t capacity, const char *before, const char *what, const char *after)
{
  const size_t length = strlen(text);
  (void)snprintf(text + length, capacity - length, "%s%s%s", before, what, after);
}

/* "x gamma y=x" */
static void name_arguments(const trial_buffer *b, char *text, size_t capacity)
{
  text[0] = '\0';
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    if (b[slot].memory == NULL) {
      continue;
    }
    append(text, capacity, text[0] == '\0' ? "" : " ", trial_slot_name((trial_slot)slot), "");
    if (b[slot].shared >= 0) {
      append(text, capacity, "=", trial_slot_name((trial_slot)b[slot].shared), "");
    }
  }
}

static clnorm_input input_of(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_input){NULL, 0} : (clnorm_input){b->memory + b->start, b->count};
}

static clnorm_output output_of(const trial_buffer *b)
{
  return b->memory == NULL ? (clnorm_output){NULL, 0} : (clnorm_output){b->memory + b->start, b->count};
}

static clnorm_args args_of(const trial_buffer *b, uint64_t batch_number)
{
  return (clnorm_args){
      .size = sizeof(clnorm_args),
      .x = input_of(&b[TRIAL_X]),
      .dy = input_of(&b[TRIAL_DY]),
      .gamma = input_of(&b[TRIAL_GAMMA]),
      .beta = input_of(&b[TRIAL_BETA]),
      .y = output_of(&b[TRIAL_Y]),
      .dx = output_of(&b[TRIAL_DX]),
      .dgamma = output_of(&b[TRIAL_DGAMMA]),
      .dbeta = output_of(&b[TRIAL_DBETA]),
      .running_mean = output_of(&b[TRIAL_RUNNING_MEAN]),
      .running_var = output_of(&b[TRIAL_RUNNING_VAR]),
      .mean = output_of(&b[TRIAL_MEAN]),
      .inv_std = output_of(&b[TRIAL_INV_STD]),
      .batch_number = batch_number,
      .residual = input_of(&b[TRIAL_RESIDUAL]),
      .lengths = input_of(&b[TRIAL_LENGTHS]),
      .dresidual = output_of(&b[TRIAL_DRESIDUAL]),
      .mask = output_of(&b[TRIAL_MASK]),
  };
}

/* A trial_run. */
static int run_on_engine(void *context, const clnorm_desc *desc, clnorm_pass pass, const trial_buffer *buffers,
                         uint64_t batch_number)
{
  _Static_assert(TRIAL_SLOTS <= ENGINE_SPANS, "every argument may have a span of its own");
  attempt *a = context;
  engine_span spans[TRIAL_SLOTS];
  size_t count = 0;
  for (int slot = 0; slot < TRIAL_SLOTS; slot++) {
    if (buffers[slot].memory != NULL && buffers[slot].shared < 0) {
      spans[count++] = (engine_span){buffers[slot].memory, buffers[slot].bytes};
    }
  }
  const clnorm_args args = args_of(buffers, batch_number);
  name_arguments(buffers, a->result->arguments, sizeof a->result->arguments);
  return (int)engine_run_within(a->engine, desc, pass, &args, spans, count, &a->report);
}

void check_trial(engine *e, trial *t, clnorm_pass pass, unsigned with, check_result *result)
{
  trial_result r;
  attempt a = {.engine = e, .result = result};
  *result = (check_result){.pass = pass};
  const int passed = trial_check(t, pass, with, run_on_engine, &a, &r);
  (void)snprintf(result->variant, sizeof result->variant, "%s", a.report.variant);
  if (r.status != CLNORM_SUCCESS) {
    result->status = (clnorm_status)r.status;
    (void)snprintf(result->reason, sizeof result->reason, "%.*s", (int)sizeof result->reason - 1, engine_error(e));
    return;
  }
  result->runs = 1;
  result->quantity = family_quantity_name(r.quantity);
  result->units = r.worst.units;
  result->error = fabs(r.worst.got - r.worst.expected);
  result->tolerance = r.worst.bound;
  result->failures = !passed || a.report.overrun;
  if (result->failures != 0) {
    (void)snprintf(result->failure, sizeof result->failure, "%s; arguments: %s",
                   passed ? "memory around the workspace was changed" : finding_of(&r), result->arguments);
  }
}
