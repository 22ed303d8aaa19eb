#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker.h"
#include "commands.h"
#include "device_choice.h"
#include "digits.h"
#include "message.h"
#include "options.h"

static int run_all(checker *c)
{
  (void)checker_batch(c, 0);
  int code = checker_family(c, 0);
  c->begin = engine_now();
  code = code == EXIT_OK ? checker_batch(c, 1) : code;
  code = code == EXIT_OK ? checker_family(c, 1) : code;
  progress_end();
  return code;
}

static int check_device(const check_request *request, const device_choice *choice, const array *digits, FILE *json)
{
  checker c = {.request = request, .digits = digits};
  int code = engine_open(choice, &c.engine);
  /* The CPU backend has all cores as it is, and compiles nothing. */
  if (code == EXIT_OK && choice->number >= 0) {
    code = engine_open(choice, &c.helper);
  }
  if (code != EXIT_OK) {
    engine_close(c.engine);
    return code;
  }
  c.report = (check_report){.choice = choice, .backend = engine_backend(c.engine), .json = json};
  code = run_all(&c);
  if (code == EXIT_OK && !check_report_print(&c.report, engine_now() - c.begin)) {
    code = EXIT_DEVICE;
  }
  engine_close(c.helper);
  engine_close(c.engine);
  return code;
}

static int check_devices(const check_request *request)
{
  array digits = {0};
  FILE *json = NULL;
  device_choice *choices = NULL;
  size_t count = 0;
  int code = request->data != NULL ? digits_load("check", request->data, &digits, NULL, 0) : EXIT_OK;
  code = code == EXIT_OK ? device_choose_several(request->device, &choices, &count) : code;
  if (code == EXIT_OK && request->json != NULL) {
    json = fopen(request->json, "we");
    code = json != NULL ? EXIT_OK
                        : complain(EXIT_USAGE, "check: --json %s: cannot be made: %s", request->json, strerror(errno));
  }
  for (size_t i = 0; i < count && code != EXIT_USAGE; i++) {
    const int result = check_device(request, &choices[i], digits.data != NULL ? &digits : NULL, json);
    code = result > code ? result : code;
    (void)fflush(stdout);
  }
  if (json != NULL && fclose(json) != 0 && code == EXIT_OK) {
    code = complain(EXIT_USAGE, "check: --json %s: cannot be written: %s", request->json, strerror(errno));
  }
  free(choices);
  array_free(&digits);
  return code;
}

int command_check(int argc, const char **argv)
{
  check_request request = {0};
  int code = check_request_read(argc, argv, &request);
  code = code == OPTIONS_GO_ON ? check_devices(&request) : code;
  check_request_free(&request);
  return code;
}
