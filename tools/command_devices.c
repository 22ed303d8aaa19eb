#include <clnorm/tuning.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "device_choice.h"
#include "message.h"
#include "options.h"
#include "storage_type.h"
#include "words.h"

/* Why tensors of the type cannot be stored on the device; NULL if they can. The half types need no extension. */
static const char *missing_reason(const device_choice *choice, clnorm_dtype type)
{
#if CLNORM_HAVE_OPENCL
  if (type == CLNORM_F64 && choice->number >= 0 && !choice->device.fp64) {
    return "the device has no double";
  }
#else
  (void)choice;
  (void)type;
#endif
  return NULL;
}

/* ---- JSON --------------------------------------------------------------------------------------------------- */

static json_t *types_json(const device_choice *choice)
{
  json_t *types = json_object();
  for (clnorm_dtype type = CLNORM_F32; type <= CLNORM_F64; type++) {
    const char *reason = missing_reason(choice, type);
    json_object_set_new(types, storage_name(type),
                        reason == NULL ? json_pack("{s:b}", "supported", 1)
                                       : json_pack("{s:b, s:s}", "supported", 0, "reason", reason));
  }
  return types;
}

static json_t *operations_json(void)
{
  json_t *operations = json_array();
  for (clnorm_op op = CLNORM_BATCH; op <= CLNORM_RMS; op++) {
    json_array_append_new(operations, json_string(op_name(op)));
  }
  return operations;
}

#if CLNORM_HAVE_OPENCL

static const char *type_name(cl_device_type type)
{
  if (type & CL_DEVICE_TYPE_GPU) {
    return "GPU";
  }
  if (type & CL_DEVICE_TYPE_CPU) {
    return "CPU";
  }
  return type & CL_DEVICE_TYPE_ACCELERATOR ? "accelerator" : "other";
}

static void add_limits_json(json_t *record, const device_choice *choice)
{
  const clnorm_cl_device *device = &choice->device;
  if (choice->number < 0) {
    return;
  }
  json_object_set_new(record, "platform", json_string(device->platform_name));
  json_object_set_new(record, "platform_version", json_string(device->platform_version));
  json_object_set_new(record, "type", json_string(type_name(device->type)));
  json_object_set_new(record, "compute_units", json_integer((json_int_t)device->compute_units));
  json_object_set_new(record, "max_work_group", json_integer((json_int_t)device->max_work_group));
  json_object_set_new(record, "local_memory", json_integer((json_int_t)device->local_memory));
  json_object_set_new(record, "global_memory", json_integer((json_int_t)device->global_memory));
  json_object_set_new(record, "max_allocation", json_integer((json_int_t)device->max_allocation));
  json_object_set_new(record, "cache", json_integer((json_int_t)device->cache));
  json_object_set_new(record, "vector_width", json_integer((json_int_t)device->vector_width));
  json_object_set_new(record, "fp64", json_boolean(device->fp64));
  json_object_set_new(record, "fma", json_boolean(device->fma));
}

/* "1 GiB": whole units, rounded down. */
static const char *bytes_text(uint64_t bytes, char *text, size_t capacity)
{
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 * 10 && unit + 1 < sizeof units / sizeof units[0]) {
    bytes /= 1024;
    unit++;
  }
  (void)snprintf(text, capacity, "%llu %s", (unsigned long long)bytes, units[unit]);
  return text;
}

static void print_limits(const device_choice *choice)
{
  const clnorm_cl_device *device = &choice->device;
  char local[32];
  char global[32];
  char largest[32];
  if (choice->number < 0) {
    return;
  }
  (void)printf("     %s, %u compute units, work-groups up to %zu, vectors of %u floats, %s, %s\n",
               type_name(device->type), (unsigned)device->compute_units, device->max_work_group,
               (unsigned)device->vector_width, device->fma ? "FMA" : "no FMA", device->fp64 ? "fp64" : "no fp64");
  (void)printf("     memory %s, largest buffer %s, local memory %s\n",
               bytes_text(device->global_memory, global, sizeof global),
               bytes_text(device->max_allocation, largest, sizeof largest),
               bytes_text(device->local_memory, local, sizeof local));
}

#else

static void add_limits_json(json_t *record, const device_choice *choice)
{
  (void)record;
  (void)choice;
}

static void print_limits(const device_choice *choice) { (void)choice; }

#endif

/* ---- tuning --------------------------------------------------------------------------------------------------- */

/* The device's database of choices; NULL if it could not be opened, and then nothing is said about it. */
static clnorm_tuning *tuning_of(const device_choice *choice)
{
  clnorm_tuning *tuning = NULL;
#if CLNORM_HAVE_OPENCL
  if (choice->number >= 0) {
    return clnorm_cl_tuning_open(&choice->device, NULL, &tuning) == CLNORM_SUCCESS ? tuning : NULL;
  }
#endif
  (void)choice;
  return clnorm_tuning_open(NULL, &tuning) == CLNORM_SUCCESS ? tuning : NULL;
}

static void add_tuning_json(json_t *record, const device_choice *choice)
{
  clnorm_tuning *tuning = tuning_of(choice);
  if (tuning != NULL) {
    json_object_set_new(record, "tuning",
                        json_pack("{s:s, s:I, s:s}", "file", clnorm_tuning_file(tuning), "choices",
                                  (json_int_t)clnorm_tuning_count(tuning), "problem", clnorm_tuning_problem(tuning)));
  }
  clnorm_tuning_close(tuning);
}

static void print_tuning(const device_choice *choice)
{
  clnorm_tuning *tuning = tuning_of(choice);
  if (clnorm_tuning_problem(tuning)[0] != '\0') {
    (void)printf("     tuning: %s is not used: %s\n", clnorm_tuning_file(tuning), clnorm_tuning_problem(tuning));
  } else if (clnorm_tuning_count(tuning) != 0) {
    (void)printf("     tuning: %zu choices from %s\n", clnorm_tuning_count(tuning), clnorm_tuning_file(tuning));
  }
  clnorm_tuning_close(tuning);
}

static int print_json(const device_choice *choice)
{
  char number[16];
  json_t *record = json_object();
  json_object_set_new(record, "number", choice->number < 0 ? json_null() : json_integer(choice->number));
  json_object_set_new(record, "selector", json_string(device_number_text(choice, number, sizeof number)));
  json_object_set_new(record, "backend", json_string(choice->number < 0 ? "cpu" : "opencl"));
  json_object_set_new(record, "name", json_string(choice->name));
  json_object_set_new(record, "driver", json_string(choice->driver));
  add_limits_json(record, choice);
  add_tuning_json(record, choice);
  json_object_set_new(record, "operations", operations_json());
  json_object_set_new(record, "types", types_json(choice));
  const int result = json_dumpf(record, stdout, JSON_COMPACT);
  (void)printf("\n");
  json_decref(record);
  return result == 0 ? EXIT_OK : complain(EXIT_DEVICE, "the list cannot be written as JSON");
}

/* ---- for people --------------------------------------------------------------------------------------------- */

/* "f32 yes, ..., f64 no: the device has no double" */
static void print_types(const device_choice *choice)
{
  (void)printf("     batch, layer, instance, group, rms, stored as: ");
  for (clnorm_dtype type = CLNORM_F32; type <= CLNORM_F64; type++) {
    const char *reason = missing_reason(choice, type);
    (void)printf("%s%s %s%s", type == CLNORM_F32 ? "" : ", ", storage_name(type),
                 reason == NULL ? "yes" : "no: ", reason == NULL ? "" : reason);
  }
  (void)printf("\n");
}

static void print_text(const device_choice *choice)
{
  char number[16];
  (void)printf("%-4s %s\n     %s\n", device_number_text(choice, number, sizeof number), choice->name, choice->driver);
  print_limits(choice);
  print_types(choice);
  print_tuning(choice);
}

int command_devices(int argc, const char **argv)
{
  int json = 0;
  size_t words = 0;
  size_t count = 0;
  device_choice *choices = NULL;
  const struct poptOption table[] = {
      {"json", 0, POPT_ARG_NONE, &json, 1, "one JSON record a line", NULL},
      OPTIONS_HELP,
      POPT_TABLEEND,
  };
  const options_help help = {"clnorm devices", "[--json]",
                             "\nThe number, a part of a name or platform, or cpu is what --device takes.\n"};
  int code = options_read(argc, argv, table, &help, NULL, 0, &words);
  if (code != OPTIONS_GO_ON) {
    return code;
  }
  code = device_list(&choices, &count);
  for (size_t i = 0; code == EXIT_OK && i < count; i++) {
    if (json) {
      code = print_json(&choices[i]);
    } else {
      print_text(&choices[i]);
    }
  }
  if (code == EXIT_OK && count == 1 && !json) {
    (void)printf("No OpenCL device was found; %s\n", DEVICE_ADVICE);
  }
  free(choices);
  return code;
}
