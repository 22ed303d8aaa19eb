/* The subcommands of `clnorm`. argv[0] is the subcommand's own name. Each returns an exit code of message.h. */
#ifndef CLNORM_TOOLS_COMMANDS_H
#define CLNORM_TOOLS_COMMANDS_H

int command_devices(int argc, const char **argv);
int command_run(int argc, const char **argv);
int command_check(int argc, const char **argv);
int command_bench(int argc, const char **argv);
int command_tune(int argc, const char **argv);

#endif
