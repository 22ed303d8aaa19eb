#include "program_cache.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

_Static_assert(sizeof(((clnorm_cl_cache *)NULL)->folder) == CLNORM__CACHE_PATH, "one length of paths");

static double seconds_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- keys --------------------------------------------------------------------------------------------------- */

/* Texts one behind the other, each with its end, so that no two lists of texts give the same bytes. */
static clnorm__cache_bytes join(const clnorm__cache_bytes *before, const char *const *texts, size_t count)
{
  clnorm__cache_bytes joined = {NULL, before->size};
  for (size_t i = 0; i < count; i++) {
    joined.size += strlen(texts[i]) + 1;
  }
  char *to = joined.data = malloc(joined.size);
  if (to == NULL) {
    return joined;
  }
  if (before->size != 0) {
    memcpy(to, before->data, before->size);
  }
  to += before->size;
  for (size_t i = 0; i < count; i++) {
    const size_t bytes = strlen(texts[i]) + 1;
    memcpy(to, texts[i], bytes);
    to += bytes;
  }
  return joined;
}

/* A 32-bit library may share a home with a 64-bit one and has another driver of the same name. */
static clnorm__cache_bytes machine_key(const clnorm_cl_device *device)
{
  const char *const texts[] = {"clnorm",
                               clnorm_version(),
                               sizeof(void *) == 8 ? "64" : "32",
                               device->platform_name,
                               device->platform_version,
                               device->name,
                               device->driver};
  const clnorm__cache_bytes nothing = {NULL, 0};
  return join(&nothing, texts, sizeof texts / sizeof texts[0]);
}

static clnorm__cache_bytes program_key(const clnorm__program_cache *cache, const clnorm__recipe *recipe)
{
  const char *const texts[] = {recipe->kernel, recipe->options};
  const clnorm__cache_bytes whose = join(&cache->machine, texts, 2);
  clnorm__cache_bytes key = {NULL, 0};
  if (whose.data != NULL) {
    key = join(&whose, recipe->texts, recipe->count);
  }
  free(whose.data);
  return key;
}

/* ---- the folder --------------------------------------------------------------------------------------------- */

/* A phrase, if there can be no key for this device. */
static const char *no_key(const clnorm_cl_device *device)
{
  if (device->name[0] == '\0' || device->driver[0] == '\0' || device->platform_name[0] == '\0' ||
      device->platform_version[0] == '\0') {
    return "the driver does not tell its name and version";
  }
  return NULL;
}

/* These keep what they compile, so a second cache would only cost time. */
static int caches_by_itself(const clnorm_cl_device *device)
{
  static const char *const platforms[] = {"Portable Computing Language", "rusticl", "Clover"};
  for (size_t i = 0; i < sizeof platforms / sizeof platforms[0]; i++) {
    if (strcmp(device->platform_name, platforms[i]) == 0) {
      return 1;
    }
  }
  return 0;
}

static int is_off(const char *folder) { return strcmp(folder, "off") == 0; }

static void turn_off(clnorm_cl_cache *state, const char *reason)
{
  state->folder[0] = '\0';
  (void)snprintf(state->off_reason, sizeof state->off_reason, "%s", reason);
}

/* The path without slashes at its end, behind which a link would be followed, and from the root on, because the process may
 * change its working folder. 1 if it fits. */
static int set_folder(clnorm_cl_cache *state, const char *base, const char *rest)
{
  char path[CLNORM__CACHE_PATH] = "";
  char here[CLNORM__CACHE_PATH] = "";
  if (base[0] != '/' && getcwd(here, sizeof here) == NULL) {
    return 0;
  }
  const int length = snprintf(path, sizeof path, "%s%s%s%s", here, here[0] != '\0' ? "/" : "", base, rest);
  if (length < 0 || (size_t)length >= sizeof path) {
    return 0;
  }
  for (size_t end = (size_t)length; end > 1 && path[end - 1] == '/'; end--) {
    path[end - 1] = '\0';
  }
  memcpy(state->folder, path, sizeof path);
  state->off_reason[0] = '\0';
  return 1;
}

/* Variables count only if the process has no more rights than who set them. */
static const char *variable(const char *name)
{
  const char *value = secure_getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The user's folder for caches: relative paths do not count there, says the XDG Base Directory Specification. */
static void set_default_folder(clnorm_cl_cache *state)
{
  const char *cache_home = variable("XDG_CACHE_HOME");
  const char *home = variable("HOME");
  const int by_home = cache_home == NULL || cache_home[0] != '/';
  if (by_home && (home == NULL || home[0] != '/')) {
    turn_off(state, "neither XDG_CACHE_HOME nor HOME names a folder");
  } else if (!set_folder(state, by_home ? home : cache_home, by_home ? "/.cache/clnorm" : "/clnorm")) {
    turn_off(state, "the path of the user's folder for caches is too long");
  }
}

static void set_by_environment(clnorm_cl_cache *state, const clnorm_cl_device *device)
{
  const char *given = variable("CLNORM_CACHE_DIR");
  if (given != NULL && is_off(given)) {
    turn_off(state, "CLNORM_CACHE_DIR is off");
  } else if (given != NULL) {
    if (!set_folder(state, given, "")) {
      turn_off(state, "the path in CLNORM_CACHE_DIR is too long");
    }
  } else if (caches_by_itself(device)) {
    turn_off(state, "the implementation keeps compiled programs by itself; CLNORM_CACHE_DIR turns the cache on");
  } else if ((device->type & CL_DEVICE_TYPE_GPU) == 0) {
    turn_off(state, "the device is no GPU; CLNORM_CACHE_DIR turns the cache on");
  } else {
    set_default_folder(state);
  }
}

clnorm_status clnorm__program_cache_open(clnorm__program_cache *cache, const clnorm_cl_device *device,
                                         const char *folder)
{
  const char *reason = no_key(device);
  if (folder != NULL && !is_off(folder)) {
    if (reason != NULL) {
      return clnorm__fail(CLNORM_UNSUPPORTED, "folder: no cache of compiled programs here: %s", reason);
    }
    if (folder[0] == '\0' || !set_folder(&cache->state, folder, "")) {
      return clnorm__fail(CLNORM_INVALID_ARGUMENT, "folder: expected a path of 1 to %d bytes, got %zu bytes",
                          CLNORM__CACHE_PATH - 1, strlen(folder));
    }
  } else if (folder != NULL) {
    turn_off(&cache->state, "the program has turned it off");
  } else if (reason != NULL) {
    turn_off(&cache->state, reason);
  } else {
    set_by_environment(&cache->state, device);
  }
  if (cache->machine.data == NULL) {
    cache->machine = machine_key(device);
  }
  return CLNORM_SUCCESS;
}

void clnorm__program_cache_close(clnorm__program_cache *cache)
{
  free(cache->machine.data);
  cache->machine = (clnorm__cache_bytes){NULL, 0};
}

static int is_on(const clnorm__program_cache *cache)
{
  return cache->state.folder[0] != '\0' && cache->machine.data != NULL;
}

/* ---- loading ------------------------------------------------------------------------------------------------ */

/* Some drivers tell only when a kernel is made that a program is none of theirs. */
static int has_kernel(cl_program program, const char *name)
{
  cl_int error;
  cl_kernel kernel = clCreateKernel(program, name, &error);
  if (kernel == NULL || error != CL_SUCCESS) {
    return 0;
  }
  (void)clReleaseKernel(kernel);
  return 1;
}

static cl_program build_binary(cl_context context, cl_device_id device, const clnorm__recipe *recipe,
                               const clnorm__cache_bytes *binary)
{
  cl_int state = CL_INVALID_BINARY;
  cl_int error;
  const unsigned char *data = binary->data;
  cl_program program = clCreateProgramWithBinary(context, 1, &device, &binary->size, &data, &state, &error);
  if (program == NULL) {
    return NULL;
  }
  if (error != CL_SUCCESS || state != CL_SUCCESS ||
      clBuildProgram(program, 1, &device, recipe->options, NULL, NULL) != CL_SUCCESS ||
      !has_kernel(program, recipe->kernel)) {
    (void)clReleaseProgram(program);
    return NULL;
  }
  return program;
}

cl_program clnorm__program_cache_load(clnorm__program_cache *cache, cl_context context, cl_device_id device,
                                      const clnorm__recipe *recipe)
{
  clnorm__cache_bytes binary = {NULL, 0};
  cl_program program = NULL;
  if (!is_on(cache)) {
    return NULL;
  }
  const double before = seconds_now();
  clnorm__cache_bytes key = program_key(cache, recipe);
  const clnorm__cache_answer answer =
      key.data == NULL ? CLNORM__CACHE_MISS : clnorm__cache_load(cache->state.folder, &key, &binary);
  if (answer == CLNORM__CACHE_HIT) {
    program = build_binary(context, device, recipe, &binary);
  }
  if (program != NULL) {
    cache->state.hits++;
    cache->state.load_seconds += seconds_now() - before;
  } else if (answer == CLNORM__CACHE_MISS) {
    cache->state.misses++;
  } else {
    cache->state.rejected++;
  }
  free(binary.data);
  free(key.data);
  return program;
}

/* ---- saving ------------------------------------------------------------------------------------------------- */

/* The program was built for one device, so in a context of several devices the one binary that there is is ours: by its size,
 * because some drivers count only devices that were built for, whatever the place of ours in the context. */
static int find_binary(const size_t *sizes, cl_uint count, size_t *at)
{
  size_t found = 0;
  for (cl_uint i = 0; i < count; i++) {
    if (sizes[i] != 0) {
      *at = i;
      found++;
    }
  }
  return found == 1;
}

static void get_binary(cl_program program, cl_uint count, clnorm__cache_bytes *binary)
{
  size_t at = 0;
  size_t *sizes = calloc(count, sizeof *sizes);
  void **places = calloc(count, sizeof *places);
  if (sizes != NULL && places != NULL &&
      clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, count * sizeof *sizes, sizes, NULL) == CL_SUCCESS &&
      find_binary(sizes, count, &at) && (places[at] = malloc(sizes[at])) != NULL) {
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, count * sizeof *places, places, NULL) == CL_SUCCESS) {
      *binary = (clnorm__cache_bytes){places[at], sizes[at]};
    } else {
      free(places[at]);
    }
  }
  free(places);
  free(sizes);
}

void clnorm__program_cache_save(clnorm__program_cache *cache, const clnorm__recipe *recipe, cl_program program)
{
  clnorm__cache_bytes binary = {NULL, 0};
  cl_uint count = 0;
  if (!is_on(cache) || clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof count, &count, NULL) != CL_SUCCESS ||
      count == 0) {
    return;
  }
  get_binary(program, count, &binary);
  clnorm__cache_bytes key = program_key(cache, recipe);
  if (binary.data != NULL && key.data != NULL) {
    cache->state.stored += (size_t)clnorm__cache_save(cache->state.folder, &key, &binary);
  }
  free(key.data);
  free(binary.data);
}
