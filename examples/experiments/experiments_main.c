/* The command `clnorm-experiments`. */
#include <clnorm/clnorm.h>
#include <stdio.h>
#include <string.h>

#include "experiments_request.h"
#include "message.h"
#include "options.h"
#include "session.h"

static int print_help(void)
{
  (void)printf(
      "Usage: clnorm-experiments list | run NAME|all [options]\n\n"
      "Trains small networks on an OpenCL device to see what normalization does for them.\n\n"
      "  list   the experiments, each with the claim that it tests\n"
      "  run    runs one or all of them: clnorm-experiments run all --quick --out DIR\n\n"
      "  clnorm-experiments run --help tells the options; clnorm-experiments --version the version.\n"
      "Exit codes: 0 all is well; 1 a device failed; 2 bad usage or a bad file.\n"
      "Environment: CLNORM_DEVICE is the device where --device is not given.\n");
  return EXIT_OK;
}

static int is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static int list(int argc, const char **argv)
{
  if (argc == 3 && is_help(argv[2])) {
    return print_help();
  }
  if (argc > 2) {
    return complain(EXIT_USAGE, "list: takes no arguments");
  }
  for (size_t i = 0; i < experiment_count; i++) {
    const experiment *e = &experiments[i];
    if (e->claim > 0) {
      (void)printf("%-14s claim %-3d %s\n", e->name, e->claim, e->text);
    } else {
      (void)printf("%-14s network   %s\n", e->name, e->text);
    }
  }
  return EXIT_OK;
}

static int run(int argc, const char **argv)
{
  experiments_request request = {0};
  int code = request_read(argc, argv, &request);
  code = code == OPTIONS_GO_ON ? session_run(&request) : code;
  request_free(&request);
  return code;
}

static int dispatch(int argc, const char **argv)
{
  if (argc < 2) {
    return complain(EXIT_USAGE, "expected a command: list or run (see clnorm-experiments --help)");
  }
  if (is_help(argv[1])) {
    return print_help();
  }
  if (strcmp(argv[1], "--version") == 0) {
    (void)printf("clnorm %s\n", clnorm_version());
    return EXIT_OK;
  }
  if (strcmp(argv[1], "list") == 0) {
    return list(argc, argv);
  }
  if (strcmp(argv[1], "run") == 0) {
    return run(argc - 1, argv + 1);
  }
  return complain(EXIT_USAGE, "unknown command '%s'; expected list or run (see clnorm-experiments --help)", argv[1]);
}

int main(int argc, char **argv)
{
  message_program("clnorm-experiments");
  const int code = dispatch(argc, (const char **)argv);
  /* A full disk behind a redirection must not look like success. */
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK) {
    return complain(EXIT_DEVICE, "the standard output cannot be written");
  }
  return code;
}
