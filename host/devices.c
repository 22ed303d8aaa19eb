#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_status.h"
#include "cpu_cache.h"
#include "devices.h"
#include "process.h"
#include "sub_groups.h"

/* A text property; "" if the driver refuses it. */
static void device_text(cl_device_id device, cl_device_info what, char *text, size_t capacity)
{
  if (clGetDeviceInfo(device, what, capacity - 1, text, NULL) != CL_SUCCESS) {
    text[0] = '\0';
  }
}

static void platform_text(cl_platform_id platform, cl_platform_info what, char *text, size_t capacity)
{
  if (clGetPlatformInfo(platform, what, capacity - 1, text, NULL) != CL_SUCCESS) {
    text[0] = '\0';
  }
}

/* A number property of the given size; stays 0 if the driver refuses it. */
#define DEVICE_NUMBER(what, variable) clGetDeviceInfo(id, (what), sizeof(variable), &(variable), NULL)

/* One that plans depend on. */
#define NEEDED_NUMBER(what, variable)                             \
  do {                                                            \
    const cl_int code = DEVICE_NUMBER((what), (variable));        \
    first_error = first_error != CL_SUCCESS ? first_error : code; \
  } while (0)

cl_int clnorm__device_describe(cl_device_id id, clnorm_cl_device *device)
{
  cl_int first_error = CL_SUCCESS;
  cl_uint units = 0, width = 0;
  cl_ulong local = 0, global = 0, largest = 0, cache = 0;
  cl_device_fp_config single = 0, twice = 0;
  memset(device, 0, sizeof *device);
  device->device = id;
  (void)DEVICE_NUMBER(CL_DEVICE_PLATFORM, device->platform);
  NEEDED_NUMBER(CL_DEVICE_TYPE, device->type);
  device_text(id, CL_DEVICE_NAME, device->name, sizeof device->name);
  device_text(id, CL_DRIVER_VERSION, device->driver, sizeof device->driver);
  platform_text(device->platform, CL_PLATFORM_NAME, device->platform_name, sizeof device->platform_name);
  platform_text(device->platform, CL_PLATFORM_VERSION, device->platform_version, sizeof device->platform_version);
  NEEDED_NUMBER(CL_DEVICE_MAX_COMPUTE_UNITS, units);
  NEEDED_NUMBER(CL_DEVICE_MAX_WORK_GROUP_SIZE, device->max_work_group);
  NEEDED_NUMBER(CL_DEVICE_LOCAL_MEM_SIZE, local);
  (void)DEVICE_NUMBER(CL_DEVICE_GLOBAL_MEM_SIZE, global);
  NEEDED_NUMBER(CL_DEVICE_MAX_MEM_ALLOC_SIZE, largest);
  (void)DEVICE_NUMBER(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, cache);
  NEEDED_NUMBER(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, width);
  NEEDED_NUMBER(CL_DEVICE_SINGLE_FP_CONFIG, single);
  (void)DEVICE_NUMBER(CL_DEVICE_DOUBLE_FP_CONFIG, twice);
  device->compute_units = units;
  device->local_memory = local;
  device->global_memory = global;
  device->max_allocation = largest;
  device->cache = cache;
  device->vector_width = width;
  device->fp64 = twice != 0;
  device->fma = (single & CL_FP_FMA) != 0;
  return first_error;
}

static clnorm_status list_platforms(cl_platform_id **platforms, cl_uint *count)
{
  clnorm_status status;
  *platforms = NULL;
  *count = 0;
  const cl_int error = clGetPlatformIDs(0, NULL, count);
  if (error == CLNORM__PLATFORM_NOT_FOUND || (error == CL_SUCCESS && *count == 0)) {
    *count = 0;
    return CLNORM_SUCCESS;
  }
  CLNORM__TRY(clnorm__cl_check(error, "clGetPlatformIDs"));
  *platforms = calloc(*count, sizeof **platforms);
  if (*platforms == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "devices: a list of %u platforms was refused", (unsigned)*count);
  }
  CLNORM__TRY_CL(clGetPlatformIDs(*count, *platforms, NULL));
done:
  return status;
}

static clnorm_status list_of_platform(cl_platform_id platform, clnorm_cl_device *list, size_t capacity, size_t *count)
{
  clnorm_status status = CLNORM_SUCCESS;
  cl_device_id *ids = NULL;
  cl_uint found = 0;
  /* A platform without devices, or a broken one, must not hide the others. */
  if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &found) != CL_SUCCESS || found == 0) {
    return CLNORM_SUCCESS;
  }
  ids = calloc(found, sizeof *ids);
  if (ids == NULL) {
    return clnorm__fail(CLNORM_OUT_OF_MEMORY, "devices: a list of %u devices was refused", (unsigned)found);
  }
  CLNORM__TRY_CL(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, found, ids, NULL));
  for (cl_uint i = 0; i < found; i++, (*count)++) {
    if (*count < capacity) {
      (void)clnorm__device_describe(ids[i], &list[*count]);
    }
  }
done:
  free(ids);
  return status;
}

static clnorm_status list_devices(clnorm_cl_device *list, size_t capacity, size_t *count)
{
  clnorm_status status;
  cl_platform_id *platforms = NULL;
  cl_uint platform_count = 0;
  *count = 0;
  CLNORM__TRY(clnorm__process_check());
  CLNORM__TRY(list_platforms(&platforms, &platform_count));
  for (cl_uint i = 0; i < platform_count; i++) {
    CLNORM__TRY(list_of_platform(platforms[i], list, capacity, count));
  }
done:
  free(platforms);
  return status;
}

clnorm_status clnorm_cl_list_devices(clnorm_cl_device *list, size_t capacity, size_t *count)
{
  clnorm__error_begin();
  if (count == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "count: expected a pointer to fill, got NULL");
  }
  if (list == NULL && capacity != 0) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "list: expected room for %zu devices, got NULL", capacity);
  }
  return list_devices(list, capacity, count);
}

/* ---- selection ---------------------------------------------------------------------------------------------- */

static int contains(const char *text, const char *part)
{
  const size_t length = strlen(part);
  for (; *text != '\0'; text++) {
    size_t i = 0;
    while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) {
      i++;
    }
    if (i == length) {
      return 1;
    }
  }
  return 0;
}

static int is_number(const char *selector)
{
  return selector[0] != '\0' && strspn(selector, "0123456789") == strlen(selector);
}

static size_t find_first_gpu(const clnorm_cl_device *list, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (list[i].type & CL_DEVICE_TYPE_GPU) {
      return i;
    }
  }
  return 0;
}

static size_t find_device(const clnorm_cl_device *list, size_t count, const char *selector)
{
  if (selector == NULL || selector[0] == '\0') {
    return count == 0 ? count : find_first_gpu(list, count);
  }
  if (is_number(selector)) {
    const unsigned long long index = strtoull(selector, NULL, 10);
    return index < count ? (size_t)index : count;
  }
  for (size_t i = 0; i < count; i++) {
    if (contains(list[i].name, selector) || contains(list[i].platform_name, selector) ||
        contains(list[i].platform_version, selector)) {
      return i;
    }
  }
  return count;
}

static clnorm_status fail_no_device(const clnorm_cl_device *list, size_t count, const char *selector)
{
  char names[2048] = "";
  size_t length = 0;
  for (size_t i = 0; i < count && length + 1 < sizeof names; i++) {
    const int more = snprintf(names + length, sizeof names - length, "%s%zu: %s (%s)", i == 0 ? "" : ", ", i,
                              list[i].name, list[i].platform_name);
    length += more > 0 ? (size_t)more : 0;
  }
  if (count == 0) {
    return clnorm__fail(
        CLNORM_NO_DEVICE,
        "selector: no OpenCL device was found; on Debian, apt install pocl-opencl-icd makes the CPU one");
  }
  return clnorm__fail(CLNORM_NO_DEVICE, "selector: \"%s\" fits none of the devices %s", selector, names);
}

clnorm_status clnorm_cl_select_device(const char *selector, clnorm_cl_device *device)
{
  clnorm_status status;
  clnorm_cl_device *list = NULL;
  size_t count = 0;
  clnorm__error_begin();
  if (device == NULL) {
    return clnorm__fail(CLNORM_INVALID_ARGUMENT, "device: expected a structure to fill, got NULL");
  }
  CLNORM__TRY(list_devices(NULL, 0, &count));
  if (count != 0) {
    list = calloc(count, sizeof *list);
    if (list == NULL) {
      status = clnorm__fail(CLNORM_OUT_OF_MEMORY, "device: a list of %zu devices was refused", count);
      goto done;
    }
    CLNORM__TRY(list_devices(list, count, &count));
  }
  const size_t found = find_device(list, count, selector);
  if (found >= count) {
    status = fail_no_device(list, count, selector);
    goto done;
  }
  *device = list[found];
done:
  free(list);
  return status;
}

/* Below this native width a device leaves vectorizing to its compiler, over work-items. */
#define WIDE_VECTOR_WIDTH 4

void clnorm__device_capabilities(const clnorm_cl_device *device, clnorm__capabilities *capabilities)
{
  const int wide = (device->type & CL_DEVICE_TYPE_GPU) == 0 && device->vector_width >= WIDE_VECTOR_WIDTH;
  *capabilities = (clnorm__capabilities){
      .engine = wide ? CLNORM__ENGINE_CL_WIDE : CLNORM__ENGINE_CL_LANES,
      .compute_units = device->compute_units,
      .vector_width = device->vector_width,
      .max_work_group = device->max_work_group,
      .local_memory = device->local_memory,
      .max_allocation = device->max_allocation,
      .has_double = device->fp64,
      /* A CPU's doubles are half as fast as its floats, cheaper than pairs; on many GPUs they are 1/32. */
      .sums_in_double = wide && device->fp64,
      .fma = device->fma,
      .cache = wide ? device->cache : 0,
      /* OpenCL does not tell. A CPU that is a device is this one. */
      .second_cache = wide ? clnorm__cpu_second_cache() : 0,
      .sub_groups = wide ? 0 : clnorm__sub_groups_of_device(device->device),
  };
}
