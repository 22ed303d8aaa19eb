/* Which operation and pass takes which files. */
#include "message.h"
#include "options.h"
#include "run_options.h"
#include "words.h"

/* What each pass does with each input: R required, o optional, . not used. One character a pass, in the order of
 * clnorm_pass. What depends on the operation as well: use_of. */
static const struct {
  const char *name;
  const char *use;
} inputs[RUN_INPUTS] = {
    [RUN_X] = {"x", "RRRR"},
    [RUN_DY] = {"dy", "..RR"},
    [RUN_RESIDUAL] = {"residual", "oooo"},
    [RUN_LENGTHS] = {"lengths", "oooo"},
    [RUN_GAMMA] = {"gamma", "oooo"},
    [RUN_BETA] = {"beta", "oo.."},
    [RUN_MEAN] = {"mean", "..o."},
    [RUN_INV_STD] = {"inv-std", "..o."},
    [RUN_RUNNING_MEAN] = {"running-mean", "oR.R"},
    [RUN_RUNNING_VAR] = {"running-var", "oR.R"},
};

const char *run_input_name(run_input input) { return inputs[input].name; }

int run_has_running(clnorm_op op) { return op == CLNORM_BATCH || op == CLNORM_INSTANCE; }

static char use_of(const run_options *options, run_input input)
{
  const clnorm_desc *desc = &options->desc;
  switch (input) {
    case RUN_BETA:
      if (desc->activation != CLNORM_ACTIVATION_NONE) {
        return 'o'; /* its derivative is at z, which has beta in it */
      }
      break;
    case RUN_MEAN:
      if (desc->op == CLNORM_RMS) {
        return '.';
      }
      break;
    case RUN_RUNNING_MEAN:
    case RUN_RUNNING_VAR:
      if (!run_has_running(desc->op)) {
        return '.';
      }
      break;
    default:
      break;
  }
  return inputs[input].use[options->pass - CLNORM_TRAIN];
}

int run_check_inputs(const run_options *options)
{
  const char *op = op_name(options->desc.op);
  const char *pass = run_pass_name(options->pass);
  for (int input = 0; input < RUN_INPUTS; input++) {
    const char use = use_of(options, (run_input)input);
    const char *file = options->files[input];
    if (file == NULL && use == 'R') {
      return complain(EXIT_USAGE, "run: %s %s requires --%s FILE", op, pass, inputs[input].name);
    }
    if (file != NULL && use == '.') {
      return complain(EXIT_USAGE, "run: %s %s does not use --%s%s", op, pass, inputs[input].name,
                      input == RUN_BETA ? " without an --activation" : "");
    }
    const int code = options_filled("run", inputs[input].name, file, "a file");
    if (code != OPTIONS_GO_ON) {
      return code;
    }
  }
  return OPTIONS_GO_ON;
}
