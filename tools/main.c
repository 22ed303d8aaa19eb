/* The `clnorm` command: finds the subcommand and leaves the rest to it. */
#include <clnorm/clnorm.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "message.h"

static const struct {
  const char *name;
  int (*run)(int argc, const char **argv);
  const char *help;
} commands[] = {
    {"devices", command_devices, "list every OpenCL device and the CPU backend, and what each can do"},
    {"run", command_run, "normalize files: clnorm run layer train --x FILE.npy --out DIR"},
    {"check", command_check, "compare a device with the reference, pass by pass"},
    {"bench", command_bench, "measure devices against their own copy, and against peers"},
    {"tune", command_tune, "search for what is fastest on a device, and keep it in a file"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static int print_help(void)
{
  (void)printf(
      "Usage: clnorm COMMAND [options]\n\n"
      "Batch, layer, instance, group and RMS normalization on OpenCL devices and on the CPU.\n\n");
  for (size_t i = 0; i < COMMANDS; i++) {
    (void)printf("  %-9s %s\n", commands[i].name, commands[i].help);
  }
  (void)printf(
      "\n  clnorm COMMAND --help tells its options; clnorm --version the version.\n"
      "Exit codes: 0 all is well; 1 a device or a check failed; 2 bad usage or a bad file.\n"
      "Environment: CLNORM_DEVICE is the device where --device is not given, CLNORM_TUNING_DB the folder of tune's "
      "files\n"
      "(off: none are read).\n");
  return EXIT_OK;
}

static int dispatch(int argc, const char **argv)
{
  if (argc < 2) {
    return complain(EXIT_USAGE, "expected a command: devices, run, check, bench or tune (see clnorm --help)");
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    return print_help();
  }
  if (strcmp(argv[1], "--version") == 0) {
    (void)printf("clnorm %s\n", clnorm_version());
    return EXIT_OK;
  }
  for (size_t i = 0; i < COMMANDS; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) {
      return commands[i].run(argc - 1, argv + 1);
    }
  }
  return complain(EXIT_USAGE, "unknown command '%s'; expected devices, run, check, bench or tune (see clnorm --help)",
                  argv[1]);
}

int main(int argc, char **argv)
{
  const int code = dispatch(argc, (const char **)argv);
  /* A full disk behind a redirection must not look like success. */
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK) {
    return complain(EXIT_DEVICE, "the standard output cannot be written");
  }
  return code;
}
