/* The cache of compiled programs on a device: what is loaded computes the same as what was compiled, a damaged file is compiled
 * anew and counted, and the environment decides where files lie. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache_fixture.h"
#include "cl_fixture.h"
#include "context.h"
#include "error.h"
#include "problem.h"

/* One program for inference, several for training. */
static const size_t dims[4] = {6, 24, 9, 19};

static cl_fixture open_with(const char *folder)
{
  cl_fixture f = cl_fixture_open();
  expect_success(clnorm_cl_cache_use(f.cl, folder));
  return f;
}

static clnorm_cl_cache counts_of(const cl_fixture *f)
{
  clnorm_cl_cache cache;
  clnorm_cl_cache_describe(f->cl, &cache);
  return cache;
}

static size_t builds_of(const cl_fixture *f)
{
  size_t builds = 0;
  clnorm_cl_build_counts(f->cl, &builds, NULL);
  return builds;
}

static problem *make_problem(clnorm_layout layout)
{
  clnorm_desc desc;
  desc_set(&desc, layout, 0, 4, dims);
  return problem_make(&desc, GENERATE_NORMAL, 2.0, 1.5, 11);
}

/* A pass of the problem with the programs of f; p->y holds its result. NULL, or what is wrong. */
static const char *run(const cl_fixture *f, problem *p, clnorm_pass pass)
{
  clnorm_cl_plan *plan = NULL;
  oracle o;
  if (clnorm_cl_plan_create(f->cl, &p->desc, pass, &plan) != CLNORM_SUCCESS) {
    return clnorm_last_error();
  }
  const size_t bytes = clnorm_plan_workspace_size(clnorm_cl_plan_data(plan));
  cl_mem x = cl_fixture_buffer(f->context, CL_MEM_READ_WRITE, p->x, p->counts.elements);
  cl_mem y = cl_fixture_buffer(f->context, CL_MEM_READ_WRITE, NULL, p->counts.elements);
  cl_mem mean = cl_fixture_buffer(f->context, CL_MEM_READ_WRITE, p->running_mean, p->counts.statistics);
  cl_mem var = cl_fixture_buffer(f->context, CL_MEM_READ_WRITE, p->running_var, p->counts.statistics);
  cl_mem workspace = cl_fixture_buffer(f->context, CL_MEM_READ_WRITE, NULL, bytes / sizeof(float) + 1);
  const clnorm_cl_args args = {
      .size = sizeof args, .x = {x}, .y = {y}, .running_mean = {mean}, .running_var = {var}, .workspace = {workspace}};
  const clnorm_status status = clnorm_cl_enqueue(plan, f->queue, &args, 0, NULL, NULL);
  cl_fixture_read(f->queue, y, 0, p->y, p->counts.elements);
  cl_mem memories[] = {x, y, mean, var, workspace};
  for (size_t i = 0; i < 5; i++) {
    (void)clReleaseMemObject(memories[i]);
  }
  clnorm_cl_plan_destroy(plan);
  if (status != CLNORM_SUCCESS) {
    return clnorm_last_error();
  }
  const oracle_inputs inputs = {.x = p->x, .running_mean = p->running_mean, .running_var = p->running_var};
  if (oracle_create(&o, &p->desc, pass, &inputs) != 0) {
    return "no memory for the reference";
  }
  const oracle_error error = oracle_compare(&o, ORACLE_Y, p->y);
  oracle_destroy(&o);
  return error.units <= 1.0 ? NULL : "y is wrong";
}

static void expect_run(const cl_fixture *f, problem *p, clnorm_pass pass, const char *when)
{
  const char *wrong = run(f, p, pass);
  cr_assert(wrong == NULL, "%s: %s", when, wrong);
}

/* A new context and inference: what its cache did. Inference needs one program. */
static clnorm_cl_cache infer_once(const char *folder, problem *p, const char *when)
{
  cl_fixture f = open_with(folder);
  expect_run(&f, p, CLNORM_INFER, when);
  const clnorm_cl_cache cache = counts_of(&f);
  cr_assert(builds_of(&f) + cache.hits == 1, "%s: %zu built, %zu loaded", when, builds_of(&f), cache.hits);
  cl_fixture_close(&f);
  return cache;
}

#define expect_counts(cache, want_hits, want_misses, want_rejected, want_stored, ...)                                \
  do {                                                                                                               \
    const clnorm_cl_cache expect_got = (cache);                                                                      \
    char expect_what[128];                                                                                           \
    (void)snprintf(expect_what, sizeof expect_what, __VA_ARGS__);                                                    \
    cr_assert(expect_got.hits == (want_hits) && expect_got.misses == (want_misses) &&                                \
                  expect_got.rejected == (want_rejected) && expect_got.stored == (want_stored),                      \
              "%s: %zu hits, %zu misses, %zu rejected, %zu stored", expect_what, expect_got.hits, expect_got.misses, \
              expect_got.rejected, expect_got.stored);                                                               \
  } while (0)

/* ---- hits --------------------------------------------------------------------------------------------------------- */

Test(cache, a_second_context_compiles_nothing_and_computes_the_same_bits)
{
  cache_folder folder = cache_folder_open();
  for (int layout = 0; layout < 2; layout++) {
    problem *p = make_problem(layout == 0 ? CLNORM_CHANNELS_FIRST : CLNORM_CHANNELS_LAST);
    cl_fixture cold = open_with(folder.path);
    expect_run(&cold, p, CLNORM_TRAIN, "cold");
    expect_run(&cold, p, CLNORM_INFER, "cold");
    const size_t programs = builds_of(&cold);
    cr_assert(programs > 1, "%zu programs", programs);
    expect_counts(counts_of(&cold), 0, programs, 0, programs, "cold");
    cr_assert(counts_of(&cold).load_seconds == 0.0);
    float *expected = new_floats(p->counts.elements);
    memcpy(expected, p->y, p->counts.elements * sizeof *expected);
    cl_fixture_close(&cold);

    cl_fixture warm = open_with(folder.path);
    expect_run(&warm, p, CLNORM_TRAIN, "warm");
    expect_run(&warm, p, CLNORM_INFER, "warm");
    expect_counts(counts_of(&warm), programs, 0, 0, 0, "warm");
    cr_assert(builds_of(&warm) == 0 && counts_of(&warm).load_seconds > 0.0);
    cr_assert(memcmp(expected, p->y, p->counts.elements * sizeof *expected) == 0, "other bits from the cache");
    expect_run(&warm, p, CLNORM_TRAIN, "again");
    expect_counts(counts_of(&warm), programs, 0, 0, 0, "a second plan of the same kind looked into the folder");
    cl_fixture_close(&warm);
    free(expected);
    problem_free(p);
  }
  cache_folder_close(&folder);
}

/* A program of a context with several devices has a binary for each; only that of the device it was built for is kept. */
Test(cache, a_device_among_others_of_its_context_has_its_own_files)
{
  cache_folder folder = cache_folder_open();
  clnorm_desc desc;
  cl_device_id devices[2];
  cl_uint count = 0;
  cr_assert(setenv("POCL_DEVICES", "basic pthread", 1) == 0);
  cl_fixture f = cl_fixture_open();
  CHECK_CL(clGetDeviceIDs(f.found.platform, CL_DEVICE_TYPE_ALL, 2, devices, &count));
  cr_assert(count == 2, "PoCL offers %u devices", (unsigned)count);
  desc_set(&desc, CLNORM_CHANNELS_FIRST, 0, 4, dims);
  for (int turn = 0; turn < 4; turn++) {
    cl_int code;
    clnorm_cl *cl = NULL;
    clnorm_cl_plan *plan = NULL;
    clnorm_cl_cache cache;
    cl_context context = clCreateContext(NULL, 2, devices, NULL, NULL, &code);
    CHECK_CL(code);
    expect_success(clnorm_cl_create(context, devices[turn % 2], &cl));
    expect_success(clnorm_cl_cache_use(cl, folder.path));
    expect_success(clnorm_cl_plan_create(cl, &desc, CLNORM_INFER, &plan));
    clnorm_cl_cache_describe(cl, &cache);
    expect_counts(cache, turn >= 2, turn < 2, 0, turn < 2, "turn %d", turn);
    cr_assert(cache_count_files(folder.path, NULL) == (turn == 0 ? 1 : 2));
    clnorm_cl_plan_destroy(plan);
    clnorm_cl_destroy(cl);
    CHECK_CL(clReleaseContext(context));
  }
  cl_fixture_close(&f);
  cache_folder_close(&folder);
}

/* A backward plan has steps for a call without saved statistics; they are those of training, so they cost nothing there. */
Test(cache, backward_after_training_compiles_no_statistics_again)
{
  for (int layout = 0; layout < 2; layout++) {
    size_t alone = 0;
    size_t after = 0;
    for (int training = 0; training < 2; training++) {
      cl_fixture f = open_with("off");
      problem *p = make_problem(layout == 0 ? CLNORM_CHANNELS_FIRST : CLNORM_CHANNELS_LAST);
      clnorm_cl_plan *train = NULL;
      clnorm_cl_plan *backward = NULL;
      if (training) {
        expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_TRAIN, &train));
      }
      const size_t before = builds_of(&f);
      expect_success(clnorm_cl_plan_create(f.cl, &p->desc, CLNORM_BACKWARD, &backward));
      *(training ? &after : &alone) = builds_of(&f) - before;
      size_t own = 0;
      const clnorm_plan *plan = clnorm_cl_plan_data(backward);
      for (int i = 0; i < plan->num_steps; i++) {
        own += plan->steps[i].when == CLNORM__WITHOUT_STATISTICS;
      }
      if (training) {
        cr_assert(own > 0 && after + own == alone, "%zu programs alone, %zu after training", alone, after);
      }
      clnorm_cl_plan_destroy(train);
      clnorm_cl_plan_destroy(backward);
      problem_free(p);
      cl_fixture_close(&f);
    }
  }
}

/* ---- keys --------------------------------------------------------------------------------------------------------- */

/* Whatever a program depends on is in its key: under another one there is no file. */
Test(cache, the_key_has_all_that_a_program_depends_on)
{
  cache_folder folder = cache_folder_open();
  cl_fixture f = open_with("off");
  cl_program program = NULL;
  cl_int code;
  const char *text = "__kernel void f(__global int *x) { *x = 1; }\n";
  const char *base_texts[] = {"/* head */\n", text};
  const char *other_head[] = {"/* HEAD */\n", text};
  const char *moved_border[] = {"/* head */\n__", text + 2};
  const clnorm__recipe base = {base_texts, 2, "f", "-DA=1"};
  const clnorm__recipe recipes[] = {{other_head, 2, "f", "-DA=1"},
                                    {moved_border, 2, "f", "-DA=1"},
                                    {base_texts, 1, "f", "-DA=1"},
                                    {base_texts, 2, "g", "-DA=1"},
                                    {base_texts, 2, "f", "-DA=2"}};
  program = clCreateProgramWithSource(f.context, 2, base_texts, NULL, &code);
  CHECK_CL(code);
  CHECK_CL(clBuildProgram(program, 1, &f.found.device, base.options, NULL, NULL));
  clnorm_cl_device devices[5] = {f.found, f.found, f.found, f.found, f.found};
  char *const texts[] = {devices[1].name, devices[2].driver, devices[3].platform_name, devices[4].platform_version};
  for (int i = 0; i < 4; i++) {
    texts[i][0]++;
  }
  for (int i = 0; i < 5; i++) {
    clnorm__program_cache cache = {0};
    expect_success(clnorm__program_cache_open(&cache, &devices[i], folder.path));
    if (i == 0) {
      clnorm__program_cache_save(&cache, &base, program);
      cr_assert(cache.state.stored == 1);
      for (size_t r = 0; r < sizeof recipes / sizeof recipes[0]; r++) {
        cr_assert(clnorm__program_cache_load(&cache, f.context, f.found.device, &recipes[r]) == NULL, "recipe %zu", r);
        expect_counts(cache.state, 0, r + 1, 0, 1, "recipe %zu", r);
      }
    }
    const size_t misses = cache.state.misses;
    cl_program loaded = clnorm__program_cache_load(&cache, f.context, f.found.device, &base);
    cr_assert((loaded != NULL) == (i == 0) && cache.state.misses - misses == (i != 0), "device %d", i);
    if (loaded != NULL) {
      CHECK_CL(clReleaseProgram(loaded));
    }
    clnorm__program_cache_close(&cache);
  }
  CHECK_CL(clReleaseProgram(program));
  cl_fixture_close(&f);
  cache_folder_close(&folder);
}

/* ---- damage ------------------------------------------------------------------------------------------------------- */

/* Every bit of a file and every length: test_cache_file.c. Here some, because each costs a compilation: what the answer
 * "rejected" leads to. */

enum { HEADER = 48 };

/* One file for inference. */
typedef struct victim {
  cache_folder folder;
  problem *p;
  char path[512];
  unsigned char *data;
  size_t bytes, key_bytes;
} victim;

static victim open_victim(void)
{
  victim v = {.folder = cache_folder_open(), .p = make_problem(CLNORM_CHANNELS_LAST)};
  expect_counts(infer_once(v.folder.path, v.p, "cold"), 0, 1, 0, 1, "cold");
  cr_assert(cache_count_files(v.folder.path, v.path) == 1);
  v.data = cache_read_file(v.path, &v.bytes);
  uint64_t key_bytes = 0;
  memcpy(&key_bytes, v.data + 16, sizeof key_bytes);
  v.key_bytes = (size_t)key_bytes;
  cr_assert(HEADER + v.key_bytes < v.bytes);
  return v;
}

static void close_victim(victim *v)
{
  free(v->data);
  problem_free(v->p);
  cache_folder_close(&v->folder);
}

/* The damaged file is compiled anew, computes what it should, and is whole again. */
static void expect_mended(victim *v, const char *how, size_t at)
{
  size_t bytes = 0;
  expect_counts(infer_once(v->folder.path, v->p, how), 0, 0, 1, 1, "%s %zu", how, at);
  cr_assert(cache_count_files(v->folder.path, NULL) == 1, "%s %zu", how, at);
  unsigned char *data = cache_read_file(v->path, &bytes);
  cr_assert(bytes > HEADER + v->key_bytes && memcmp(data, v->data, 24) == 0 &&
                memcmp(data + HEADER, v->data + HEADER, v->key_bytes) == 0,
            "%s %zu: the file was not written anew", how, at);
  free(v->data); /* a driver may write another binary of the same program */
  v->data = data;
  v->bytes = bytes;
}

static void flip(victim *v, size_t at, unsigned bit)
{
  v->data[at] ^= (unsigned char)(1u << bit);
  cache_write_file(v->path, v->data, v->bytes);
  v->data[at] ^= (unsigned char)(1u << bit);
  expect_mended(v, "flipped byte", at);
}

Test(cache, flipped_bits_of_the_header_are_rejected, .timeout = 280)
{
  victim v = open_victim();
  /* The first and the last byte of each of its fields. */
  static const size_t bytes[] = {0, 11, 12, 15, 16, 23, 24, 31, 32, 47};
  for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
    flip(&v, bytes[i], i % 8);
  }
  expect_counts(infer_once(v.folder.path, v.p, "mended"), 1, 0, 0, 0, "mended");
  close_victim(&v);
}

Test(cache, flipped_bits_of_key_and_program_are_rejected, .timeout = 280)
{
  victim v = open_victim();
  for (size_t i = 0; i < 3; i++) {
    flip(&v, HEADER + i * (v.key_bytes - 1) / 2, i);
  }
  for (size_t i = 0; i < 9; i++) {
    const size_t program = HEADER + v.key_bytes;
    flip(&v, program + i * (v.bytes - program - 1) / 8, (i * 5) % 8);
  }
  expect_counts(infer_once(v.folder.path, v.p, "mended"), 1, 0, 0, 0, "mended");
  close_victim(&v);
}

Test(cache, truncated_files_are_rejected, .timeout = 280)
{
  victim v = open_victim();
  const size_t program = HEADER + v.key_bytes;
  const size_t cuts[] = {0, 12, HEADER - 1, HEADER, program, program + 1, v.bytes / 2, v.bytes - 1};
  for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
    cache_write_file(v.path, v.data, cuts[i]);
    expect_mended(&v, "cut at", cuts[i]);
  }
  close_victim(&v);
}

/* Verified, and still nothing that the driver can use. */
Test(cache, what_the_driver_refuses_is_compiled)
{
  victim v = open_victim();
  char words[4096];
  memset(words, 'x', sizeof words);
  const size_t lengths[] = {1, 8, sizeof words};
  for (size_t i = 0; i < 3; i++) {
    const clnorm__cache_bytes key = {v.data + HEADER, v.key_bytes};
    const clnorm__cache_bytes nonsense = {words, lengths[i]};
    cr_assert(clnorm__cache_save(v.folder.path, &key, &nonsense) == 1);
    expect_mended(&v, "nonsense of length", lengths[i]);
  }
  close_victim(&v);
}

/* ---- folders ------------------------------------------------------------------------------------------------------ */

Test(cache, a_folder_that_cannot_be_written_costs_only_the_saving)
{
  cache_drop_root();
  cache_folder folder = cache_folder_open();
  problem *p = make_problem(CLNORM_CHANNELS_FIRST);
  char driver[128];
  (void)snprintf(driver, sizeof driver, "%s/driver", folder.root);
  cr_assert(mkdir(driver, 0700) == 0 && setenv("POCL_CACHE_DIR", driver, 1) == 0);
  cr_assert(chmod(folder.root, 0500) == 0);
  expect_counts(infer_once(folder.path, p, "a folder that cannot be made"), 0, 1, 0, 0, "not made");
  cr_assert(chmod(folder.root, 0700) == 0);
  expect_counts(infer_once(folder.path, p, "made"), 0, 1, 0, 1, "made");
  cr_assert(chmod(folder.path, 0500) == 0);
  expect_counts(infer_once(folder.path, p, "read-only"), 1, 0, 0, 0, "read-only");
  clnorm_desc desc;
  cl_fixture f = open_with(folder.path);
  clnorm_cl_plan *plan = NULL;
  desc_set(&desc, CLNORM_CHANNELS_LAST, 0, 4, dims);
  expect_success(clnorm_cl_plan_create(f.cl, &desc, CLNORM_TRAIN, &plan));
  cr_assert(counts_of(&f).stored == 0 && counts_of(&f).misses == builds_of(&f) && builds_of(&f) > 0);
  clnorm_cl_plan_destroy(plan);
  cl_fixture_close(&f);
  problem_free(p);
  cache_folder_close(&folder);
}

Test(cache, links_and_files_of_others_are_not_used)
{
  victim v = open_victim();
  char aside[512];
  char link[512];
  (void)snprintf(aside, sizeof aside, "%s/aside", v.folder.root);
  (void)snprintf(link, sizeof link, "%s/link", v.folder.root);
  cr_assert(rename(v.path, aside) == 0 && symlink(aside, v.path) == 0);
  expect_mended(&v, "link", 0);
  cr_assert(chmod(v.path, 0660) == 0);
  expect_mended(&v, "a group's", 0);
  if (geteuid() == 0) {
    cr_assert(chown(v.path, CACHE_OTHER_USER, (gid_t)-1) == 0);
    expect_mended(&v, "another user's", 0);
  } else {
    cr_log_warn("another user's file is not tested here: only root can make one");
  }
  cr_assert(symlink(v.folder.path, link) == 0);
  expect_counts(infer_once(link, v.p, "a link to the folder"), 0, 0, 1, 0, "a link to the folder");
  (void)snprintf(link, sizeof link, "%s/link//", v.folder.root);
  expect_counts(infer_once(link, v.p, "a link and slashes"), 0, 0, 1, 0, "a link and slashes");
  cr_assert(chmod(v.folder.path, 0777) == 0);
  expect_counts(infer_once(v.folder.path, v.p, "everybody's folder"), 0, 0, 1, 0, "everybody's folder");
  close_victim(&v);
}

/* ---- processes ---------------------------------------------------------------------------------------------------- */

enum { PROCESSES = 16 };

/* The whole way from nothing, in a process of its own whose driver has a cache of its own; 0 if all is well. */
static int run_alone(const char *folder, const char *root, int number)
{
  char own[128];
  cl_fixture f = {.cl = NULL};
  (void)snprintf(own, sizeof own, "%s/driver-%d", root, number);
  if (mkdir(own, 0700) != 0 || setenv("POCL_CACHE_DIR", own, 1) != 0 || setenv("MESA_SHADER_CACHE_DIR", own, 1) != 0 ||
      setenv("CLNORM_CACHE_DIR", folder, 1) != 0) {
    return 2;
  }
  f = cl_fixture_open();
  problem *p = make_problem(CLNORM_CHANNELS_LAST);
  const char *wrong = run(&f, p, CLNORM_INFER);
  const clnorm_cl_cache cache = counts_of(&f);
  problem_free(p);
  cl_fixture_close(&f);
  if (wrong != NULL) {
    (void)fprintf(stderr, "process %d: %s\n", number, wrong);
    return 1;
  }
  return cache.hits + cache.misses == 1 && cache.rejected == 0 && cache.stored == cache.misses ? 0 : 3;
}

Test(cache, processes_that_start_at_once_share_one_file, .timeout = 280)
{
  cache_folder folder = cache_folder_open();
  pid_t children[PROCESSES];
  char path[512];
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = fork();
    cr_assert(children[i] >= 0);
    if (children[i] == 0) {
      _exit(run_alone(folder.path, folder.root, i));
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    int state = -1;
    cr_assert(waitpid(children[i], &state, 0) == children[i]);
    cr_assert(WIFEXITED(state) && WEXITSTATUS(state) == 0, "process %d: state %d", i, state);
  }
  cr_assert(cache_count_files(folder.path, path) == 1, "%zu files", cache_count_files(folder.path, NULL));
  problem *p = make_problem(CLNORM_CHANNELS_LAST);
  expect_counts(infer_once(folder.path, p, "afterwards"), 1, 0, 0, 0, "afterwards");
  problem_free(p);
  cache_folder_close(&folder);
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

/* What a device of this type and platform gets from the environment. */
static clnorm_cl_cache by_environment(cl_device_type type, const char *platform)
{
  clnorm_cl_device device = {.type = type, .name = "d", .driver = "1", .platform_version = "OpenCL 1.2"};
  clnorm__program_cache cache = {0};
  (void)snprintf(device.platform_name, sizeof device.platform_name, "%s", platform);
  expect_success(clnorm__program_cache_open(&cache, &device, NULL));
  clnorm__program_cache_close(&cache);
  return cache.state;
}

static void set_variables(const char *own, const char *cache_home, const char *home)
{
  const char *const pairs[][2] = {{"CLNORM_CACHE_DIR", own}, {"XDG_CACHE_HOME", cache_home}, {"HOME", home}};
  for (int i = 0; i < 3; i++) {
    cr_assert((pairs[i][1] == NULL ? unsetenv(pairs[i][0]) : setenv(pairs[i][0], pairs[i][1], 1)) == 0);
  }
}

static void expect_folder(const clnorm_cl_cache *cache, const char *expected)
{
  cr_assert(strcmp(cache->folder, expected) == 0, "\"%s\", expected \"%s\" (%s)", cache->folder, expected,
            cache->off_reason);
  cr_assert((expected[0] == '\0') == (cache->off_reason[0] != '\0'), "%s", cache->off_reason);
}

Test(cache, the_environment_decides)
{
  static const char gpu[] = "A vendor's";
  char here[512];
  char expected[600];
  char too_long[2000];
  cr_assert(getcwd(here, sizeof here) != NULL);
  (void)snprintf(expected, sizeof expected, "%s/sub/folder", here);
  memset(too_long, 'x', sizeof too_long);
  too_long[0] = '/';
  too_long[sizeof too_long - 1] = '\0';
  const struct {
    const char *own, *cache_home, *home, *folder;
  } rows[] = {
      {NULL, NULL, "/home/me", "/home/me/.cache/clnorm"},
      {NULL, "/var/me", "/home/me", "/var/me/clnorm"},
      {NULL, "relative", "/home/me", "/home/me/.cache/clnorm"},
      {NULL, "", "/home/me", "/home/me/.cache/clnorm"},
      {NULL, NULL, NULL, ""},
      {NULL, NULL, "", ""},
      {NULL, NULL, "relative", ""},
      {NULL, NULL, too_long, ""},
      {NULL, too_long, "/home/me", ""},
      {"", NULL, "/home/me", "/home/me/.cache/clnorm"},
      {"off", "/var/me", "/home/me", ""},
      {"/opt/cache", "/var/me", "/home/me", "/opt/cache"},
      {"/opt/cache///", NULL, NULL, "/opt/cache"},
      {"/", NULL, NULL, "/"},
      {"sub/folder/", NULL, NULL, expected},
      {too_long, NULL, "/home/me", ""},
      {too_long + 1, NULL, "/home/me", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    set_variables(rows[i].own, rows[i].cache_home, rows[i].home);
    const clnorm_cl_cache cache = by_environment(CL_DEVICE_TYPE_GPU, gpu);
    expect_folder(&cache, rows[i].folder);
  }
}

Test(cache, devices_that_gain_nothing_have_none_by_default)
{
  static const struct {
    cl_device_type type;
    const char *platform;
  } rows[] = {{CL_DEVICE_TYPE_CPU, "A vendor's"},
              {CL_DEVICE_TYPE_ACCELERATOR, "A vendor's"},
              {CL_DEVICE_TYPE_CPU, "Portable Computing Language"},
              {CL_DEVICE_TYPE_GPU, "Portable Computing Language"},
              {CL_DEVICE_TYPE_GPU, "rusticl"},
              {CL_DEVICE_TYPE_GPU, "Clover"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    set_variables(NULL, NULL, "/home/me");
    clnorm_cl_cache cache = by_environment(rows[i].type, rows[i].platform);
    expect_folder(&cache, "");
    set_variables("/opt/cache", NULL, "/home/me");
    cache = by_environment(rows[i].type, rows[i].platform);
    expect_folder(&cache, "/opt/cache");
  }
  set_variables("/opt/cache", NULL, "/home/me");
  clnorm_cl_cache cache = by_environment(CL_DEVICE_TYPE_GPU, ""); /* not even a name: there is no key */
  expect_folder(&cache, "");
}

/* The variable reaches the context; off and a home that is missing are no failures. */
Test(cache, contexts_follow_the_environment)
{
  cache_folder folder = cache_folder_open();
  problem *p = make_problem(CLNORM_CHANNELS_FIRST);
  const char *const values[] = {folder.path, "off", NULL};
  for (int i = 0; i < 3; i++) {
    set_variables(values[i], NULL, i == 2 ? NULL : folder.root);
    cl_fixture f = cl_fixture_open();
    expect_run(&f, p, CLNORM_INFER, values[i] != NULL ? values[i] : "no home");
    const clnorm_cl_cache cache = counts_of(&f);
    cr_assert(builds_of(&f) == 1);
    expect_folder(&cache, i == 0 ? folder.path : "");
    expect_counts(cache, 0, i == 0, 0, i == 0, "turn %d", i);
    cl_fixture_close(&f);
  }
  cr_assert(cache_count_files(folder.path, NULL) == 1);
  char unwanted[128];
  (void)snprintf(unwanted, sizeof unwanted, "%s/.cache/clnorm", folder.root);
  cr_assert(access(unwanted, F_OK) != 0, "a cache in the home folder though another was chosen");
  problem_free(p);
  cache_folder_close(&folder);
}

Test(cache, a_program_may_choose_the_folder)
{
  cache_folder folder = cache_folder_open();
  problem *p = make_problem(CLNORM_CHANNELS_FIRST);
  char too_long[2000];
  memset(too_long, '/', sizeof too_long);
  too_long[sizeof too_long - 1] = '\0';
  set_variables("/nonexistent/clnorm", NULL, NULL);
  cl_fixture f = cl_fixture_open();
  clnorm_cl_cache cache = counts_of(&f);
  expect_folder(&cache, "/nonexistent/clnorm");
  expect_success(clnorm_cl_cache_use(f.cl, folder.path));
  cache = counts_of(&f);
  expect_folder(&cache, folder.path);
  expect_failure(clnorm_cl_cache_use(f.cl, ""), CLNORM_INVALID_ARGUMENT, "folder", "0 bytes");
  expect_failure(clnorm_cl_cache_use(f.cl, too_long), CLNORM_INVALID_ARGUMENT, "folder", "1999 bytes");
  expect_failure(clnorm_cl_cache_use(NULL, folder.path), CLNORM_INVALID_ARGUMENT, "cl:");
  cache = counts_of(&f);
  expect_folder(&cache, folder.path);
  expect_run(&f, p, CLNORM_INFER, "chosen");
  expect_counts(counts_of(&f), 0, 1, 0, 1, "chosen");
  expect_success(clnorm_cl_cache_use(f.cl, "off"));
  expect_run(&f, p, CLNORM_TRAIN, "off");
  cache = counts_of(&f);
  expect_folder(&cache, "");
  expect_counts(cache, 0, 1, 0, 1, "off");
  expect_success(clnorm_cl_cache_use(f.cl, NULL));
  cache = counts_of(&f);
  expect_folder(&cache, "/nonexistent/clnorm");
  clnorm_cl_cache_describe(NULL, &cache);
  cr_assert(cache.hits == 0 && cache.folder[0] == '\0' && cache.off_reason[0] == '\0');
  clnorm_cl_cache_describe(f.cl, NULL);
  cl_fixture_close(&f);
  problem_free(p);
  cache_folder_close(&folder);
}
