/* Files of the program cache: what was saved comes back whole or not at all, whatever happens to files and folders. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cache_file.h"
#include "cache_fixture.h"

/* ---- a disk that fills up ----------------------------------------------------------------------------------------- */

static long room = -1;     /* bytes until write() fails with `write_error`; -1: it never does */
static size_t most = 0;    /* bytes that one write() takes at most; 0: all */
static int interrupts = 0; /* that many write()s are interrupted first */
static int write_error = ENOSPC;

/* In place of the C library's for this program, so that a full disk needs no disk. */
ssize_t write(int file, const void *from, size_t bytes)
{
  if (interrupts > 0) {
    interrupts--;
    errno = EINTR;
    return -1;
  }
  if (room >= 0 && (long)bytes > room) {
    bytes = (size_t)room;
    if (bytes == 0) {
      errno = write_error;
      return -1;
    }
  }
  if (most != 0 && bytes > most) {
    bytes = most;
  }
  const ssize_t put = syscall(SYS_write, file, from, bytes);
  room = room >= 0 && put > 0 ? room - put : room;
  return put;
}

static long rest = -1;          /* bytes until read() finds the end of the file; -1: where it is */
static int read_interrupts = 0; /* that many read()s are interrupted first, and then take one byte each */

/* A file that another process cuts after its length was asked for. */
ssize_t read(int file, void *to, size_t bytes)
{
  if (read_interrupts > 0) {
    read_interrupts--;
    errno = EINTR;
    return -1;
  }
  if (rest >= 0) {
    bytes = rest > 0 ? 1 : 0;
    rest -= (long)bytes;
  }
  return syscall(SYS_read, file, to, bytes);
}

/* ---- helpers ------------------------------------------------------------------------------------------------------ */

static char key_text[] = "device, driver\0options\0__kernel void f() {}";
static char payload_text[] = "a program in the machine's own words";
static const clnorm__cache_bytes key = {key_text, sizeof key_text};
static const clnorm__cache_bytes payload = {payload_text, sizeof payload_text};
enum { HEADER = 48, FILE_BYTES = HEADER + sizeof key_text + sizeof payload_text };

static const char *const answers[] = {"hit", "miss", "rejected"};

/* The answer; a hit must be what was saved. */
static clnorm__cache_answer load(const char *folder)
{
  clnorm__cache_bytes got = {NULL, 0};
  const clnorm__cache_answer answer = clnorm__cache_load(folder, &key, &got);
  if (answer == CLNORM__CACHE_HIT) {
    cr_assert(got.size == payload.size && memcmp(got.data, payload.data, got.size) == 0, "a hit with other bytes");
  } else {
    cr_assert(got.data == NULL && got.size == 0);
  }
  free(got.data);
  return answer;
}

#define expect_answer(folder, expected, ...)                                                         \
  do {                                                                                               \
    const clnorm__cache_answer expect_got = load(folder);                                            \
    char expect_what[128];                                                                           \
    (void)snprintf(expect_what, sizeof expect_what, __VA_ARGS__);                                    \
    cr_assert(expect_got == (expected), "%s: got %s, expected %s", expect_what, answers[expect_got], \
              answers[expected]);                                                                    \
  } while (0)

static void save(const char *folder) { cr_assert(clnorm__cache_save(folder, &key, &payload) == 1); }

/* A folder with one file in it; its path. */
static cache_folder open_saved(char path[512])
{
  cache_folder f = cache_folder_open();
  save(f.path);
  cr_assert(cache_count_files(f.path, path) == 1);
  return f;
}

static mode_t mode_of(const char *path)
{
  struct stat found;
  cr_assert(lstat(path, &found) == 0, "%s", path);
  return found.st_mode & 07777;
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

Test(cache_file, what_was_saved_comes_back)
{
  char path[512];
  cache_folder f = cache_folder_open();
  expect_answer(f.path, CLNORM__CACHE_MISS, "before");
  cr_assert(access(f.path, F_OK) != 0, "loading made the folder");
  (void)umask(0);
  save(f.path);
  expect_answer(f.path, CLNORM__CACHE_HIT, "after");
  cr_assert(cache_count_files(f.path, path) == 1);
  cr_assert(mode_of(f.path) == 0700 && mode_of(path) == 0600, "%o, %o", mode_of(f.path), mode_of(path));
  cr_assert(strlen(path) == strlen(f.path) + 1 + 32 + strlen(".clnorm"));
  (void)umask(0777);
  save(f.path);
  cr_assert(mode_of(path) == 0600, "the umask counts: %o", mode_of(path));
  (void)umask(022);
  expect_answer(f.path, CLNORM__CACHE_HIT, "saved again");
  cr_assert(cache_count_files(f.path, NULL) == 1);
  cache_folder_close(&f);
}

Test(cache_file, folders_above_are_made_for_this_user_alone)
{
  char deep[256];
  cache_folder f = cache_folder_open();
  (void)snprintf(deep, sizeof deep, "%s/a/b", f.path);
  (void)umask(0);
  save(deep);
  expect_answer(deep, CLNORM__CACHE_HIT, "deep");
  cr_assert(mode_of(f.path) == 0700 && mode_of(deep) == 0700);
  cache_folder_close(&f);
}

Test(cache_file, every_flipped_bit_is_rejected)
{
  char path[512];
  size_t bytes = 0;
  cache_folder f = open_saved(path);
  unsigned char *data = cache_read_file(path, &bytes);
  cr_assert(bytes == FILE_BYTES, "%zu bytes", bytes);
  for (size_t bit = 0; bit < 8 * bytes; bit++) {
    data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    cache_write_file(path, data, bytes);
    expect_answer(f.path, CLNORM__CACHE_REJECTED, "bit %zu of byte %zu", bit % 8, bit / 8);
    data[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
  cache_write_file(path, data, bytes);
  expect_answer(f.path, CLNORM__CACHE_HIT, "repaired");
  free(data);
  cache_folder_close(&f);
}

Test(cache_file, every_other_length_is_rejected)
{
  char path[512];
  size_t bytes = 0;
  cache_folder f = open_saved(path);
  unsigned char *data = cache_read_file(path, &bytes);
  for (size_t length = 0; length < bytes; length++) {
    cache_write_file(path, data, length);
    expect_answer(f.path, CLNORM__CACHE_REJECTED, "%zu of %zu bytes", length, bytes);
  }
  data[bytes] = 0;
  cache_write_file(path, data, bytes + 1);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "one byte more");
  /* Lengths that would overflow or exhaust the memory, if they were believed. */
  for (int which = 0; which < 2; which++) {
    memset(data + 16 + 8 * which, 0xff, 8);
    cache_write_file(path, data, bytes);
    expect_answer(f.path, CLNORM__CACHE_REJECTED, "length %d of all ones", which);
  }
  cr_assert(truncate(path, 1l << 40) == 0 || errno == EFBIG);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "a hole of a terabyte");
  free(data);
  cache_folder_close(&f);
}

Test(cache_file, a_file_that_shrinks_while_it_is_read_is_rejected, .timeout = 20)
{
  char path[512];
  cache_folder f = open_saved(path);
  for (long at = 0; at <= FILE_BYTES; at++) {
    rest = at;
    read_interrupts = 2;
    const clnorm__cache_answer answer = load(f.path);
    rest = -1;
    cr_assert(answer == (at < FILE_BYTES ? CLNORM__CACHE_REJECTED : CLNORM__CACHE_HIT), "%ld bytes: %s", at,
              answers[answer]);
    cr_assert(read_interrupts == 0);
  }
  cache_folder_close(&f);
}

Test(cache_file, another_keys_file_under_this_name_is_rejected)
{
  char path[512];
  char other_path[512];
  char name[CLNORM__CACHE_NAME];
  char other_text[sizeof key_text];
  size_t bytes = 0;
  cache_folder f = open_saved(path);
  memcpy(other_text, key_text, sizeof other_text);
  other_text[16]++;
  const clnorm__cache_bytes other = {other_text, sizeof other_text};
  expect_answer(f.path, CLNORM__CACHE_HIT, "before");
  cr_assert(clnorm__cache_save(f.path, &other, &payload) == 1);
  cr_assert(cache_count_files(f.path, NULL) == 2);
  clnorm__cache_name(&other, name);
  (void)snprintf(other_path, sizeof other_path, "%s/%s", f.path, name);
  unsigned char *data = cache_read_file(other_path, &bytes);
  cache_write_file(path, data, bytes);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "renamed");
  save(f.path);
  expect_answer(f.path, CLNORM__CACHE_HIT, "saved over it");
  free(data);
  cache_folder_close(&f);
}

/* ---- what else may stand in a file's place ------------------------------------------------------------------------- */

Test(cache_file, a_link_is_not_followed)
{
  char path[512];
  char aside[512];
  size_t bytes = 0;
  cache_folder f = open_saved(path);
  (void)snprintf(aside, sizeof aside, "%s/aside", f.root);
  cr_assert(rename(path, aside) == 0 && symlink(aside, path) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "a link to a whole file");
  cache_write_file(aside, "mine", 4);
  save(f.path);
  expect_answer(f.path, CLNORM__CACHE_HIT, "the link is replaced");
  unsigned char *data = cache_read_file(aside, &bytes);
  cr_assert(bytes == 4 && memcmp(data, "mine", 4) == 0, "what the link named was written");
  free(data);
  cr_assert(unlink(path) == 0 && symlink("/nonexistent/file", path) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "a link to nothing");
  cache_folder_close(&f);
}

Test(cache_file, only_a_regular_file_is_read, .timeout = 20)
{
  char path[512];
  cache_folder f = open_saved(path);
  cr_assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "a pipe");
  cr_assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "a folder");
  cr_assert(clnorm__cache_save(f.path, &key, &payload) == 0, "a folder was replaced");
  cr_assert(cache_count_files(f.path, NULL) == 1, "something is left of the attempt");
  cache_folder_close(&f);
}

Test(cache_file, a_file_that_others_may_write_is_rejected)
{
  char path[512];
  cache_folder f = open_saved(path);
  const mode_t modes[] = {0620, 0602, 0666};
  for (size_t i = 0; i < 3; i++) {
    cr_assert(chmod(path, modes[i]) == 0);
    expect_answer(f.path, CLNORM__CACHE_REJECTED, "mode %o", modes[i]);
  }
  cr_assert(chmod(path, 0644) == 0);
  expect_answer(f.path, CLNORM__CACHE_HIT, "others may read it");
  cr_assert(chmod(path, 0620) == 0);
  save(f.path);
  cr_assert(mode_of(path) == 0600);
  cache_folder_close(&f);
}

Test(cache_file, another_users_file_is_rejected)
{
  char path[512];
  if (geteuid() != 0) {
    cr_skip("only root can give a file to another user");
  }
  cache_folder f = open_saved(path);
  cr_assert(chown(path, CACHE_OTHER_USER, (gid_t)-1) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "nobody's file");
  save(f.path);
  expect_answer(f.path, CLNORM__CACHE_HIT, "replaced");
  cr_assert(chown(f.path, CACHE_OTHER_USER, (gid_t)-1) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "nobody's folder");
  cr_assert(clnorm__cache_save(f.path, &key, &payload) == 0);
  cache_folder_close(&f);
}

/* ---- folders ------------------------------------------------------------------------------------------------------ */

Test(cache_file, a_folder_that_others_may_write_is_not_used)
{
  char path[512];
  cache_folder f = open_saved(path);
  const mode_t modes[] = {0770, 0707, 01777};
  for (size_t i = 0; i < 3; i++) {
    cr_assert(chmod(f.path, modes[i]) == 0);
    expect_answer(f.path, CLNORM__CACHE_REJECTED, "mode %o", modes[i]);
    cr_assert(clnorm__cache_save(f.path, &key, &payload) == 0, "saved in a folder of mode %o", modes[i]);
  }
  cr_assert(chmod(f.path, 0755) == 0);
  expect_answer(f.path, CLNORM__CACHE_HIT, "others may look");
  cache_folder_close(&f);
}

Test(cache_file, a_link_in_place_of_the_folder_is_not_followed)
{
  char path[512];
  char link[512];
  cache_folder f = open_saved(path);
  (void)snprintf(link, sizeof link, "%s/link", f.root);
  cr_assert(symlink(f.path, link) == 0);
  expect_answer(link, CLNORM__CACHE_REJECTED, "a link");
  cr_assert(clnorm__cache_save(link, &key, &payload) == 0);
  (void)snprintf(link, sizeof link, "%s/dangling", f.root);
  cr_assert(symlink("/tmp/clnorm-nonexistent", link) == 0);
  cr_assert(load(link) != CLNORM__CACHE_HIT);
  cr_assert(clnorm__cache_save(link, &key, &payload) == 0);
  cr_assert(access("/tmp/clnorm-nonexistent", F_OK) != 0, "a link was followed to make a folder");
  expect_answer(path, CLNORM__CACHE_REJECTED, "a file");
  cr_assert(clnorm__cache_save(path, &key, &payload) == 0);
  cache_folder_close(&f);
}

Test(cache_file, a_folder_that_cannot_be_written_still_serves)
{
  char path[512];
  char inner[256];
  cache_drop_root();
  cache_folder f = open_saved(path);
  cr_assert(chmod(f.path, 0500) == 0);
  expect_answer(f.path, CLNORM__CACHE_HIT, "read-only");
  cr_assert(clnorm__cache_save(f.path, &key, &payload) == 0);
  (void)snprintf(inner, sizeof inner, "%s/new", f.path);
  expect_answer(inner, CLNORM__CACHE_MISS, "a folder in it");
  cr_assert(clnorm__cache_save(inner, &key, &payload) == 0);
  expect_answer(f.path, CLNORM__CACHE_HIT, "afterwards");
  cr_assert(chmod(f.path, 0000) == 0);
  expect_answer(f.path, CLNORM__CACHE_REJECTED, "unreadable");
  cr_assert(clnorm__cache_save(f.path, &key, &payload) == 0);
  cache_folder_close(&f);
}

/* ---- a disk without room ------------------------------------------------------------------------------------------ */

static void expect_kept(const cache_folder *f, const char *when, long at)
{
  expect_answer(f->path, CLNORM__CACHE_HIT, "%s at %ld", when, at);
  cr_assert(cache_count_files(f->path, NULL) == 1, "%s at %ld: something is left of the attempt", when, at);
}

Test(cache_file, a_full_disk_leaves_what_was_there)
{
  char path[512];
  const int errors[] = {ENOSPC, EDQUOT, EIO};
  cache_folder f = open_saved(path);
  for (size_t i = 0; i < 3; i++) {
    for (long at = 0; at < FILE_BYTES; at++) {
      room = at;
      write_error = errors[i];
      const int saved = clnorm__cache_save(f.path, &key, &payload);
      room = -1;
      cr_assert(saved == 0, "saved with room for %ld bytes", at);
      expect_kept(&f, "full", at);
    }
  }
  room = FILE_BYTES;
  const int saved = clnorm__cache_save(f.path, &key, &payload);
  room = -1;
  cr_assert(saved == 1);
  expect_kept(&f, "just enough room", FILE_BYTES);
  cache_folder_close(&f);
}

Test(cache_file, writes_in_pieces_and_interrupted_ones_go_on)
{
  char path[512];
  cache_folder f = cache_folder_open();
  most = 1;
  interrupts = 3;
  const int saved = clnorm__cache_save(f.path, &key, &payload);
  most = 0;
  cr_assert(saved == 1 && interrupts == 0);
  cr_assert(cache_count_files(f.path, path) == 1);
  expect_kept(&f, "in pieces", 0);
  cache_folder_close(&f);
}

/* By default the signal that comes with EFBIG ends the process. */
Test(cache_file, a_limit_of_the_size_of_files_ends_no_process)
{
  char path[512];
  cache_folder f = open_saved(path);
  struct rlimit before;
  cr_assert(getrlimit(RLIMIT_FSIZE, &before) == 0);
  for (rlim_t at = 0; at <= FILE_BYTES; at += at < FILE_BYTES - 1 && at > 0 ? FILE_BYTES - 1 - at : 1) {
    const struct rlimit limit = {at, before.rlim_max};
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const int saved = clnorm__cache_save(f.path, &key, &payload);
    cr_assert(setrlimit(RLIMIT_FSIZE, &before) == 0);
    cr_assert(saved == (at == FILE_BYTES), "limit %lu", (unsigned long)at);
    expect_kept(&f, "limit", (long)at);
  }
  cache_folder_close(&f);
}

/* ---- growth ------------------------------------------------------------------------------------------------------- */

enum { MANY = 5 };

/* Five files, used one second after the other, the first the longest ago; keys differ in their first byte. */
static void save_many(const cache_folder *f, char paths[MANY][512])
{
  char text[sizeof key_text];
  const clnorm__cache_bytes own = {text, sizeof text};
  memcpy(text, key_text, sizeof text);
  for (int i = 0; i < MANY; i++) {
    char name[CLNORM__CACHE_NAME];
    const struct timespec times[2] = {{1000000000 + i, 0}, {1000000000 + i, 0}};
    text[0] = (char)('a' + i);
    cr_assert(clnorm__cache_save(f->path, &own, &payload) == 1);
    clnorm__cache_name(&own, name);
    (void)snprintf(paths[i], 512, "%s/%s", f->path, name);
    cr_assert(utimensat(AT_FDCWD, paths[i], times, 0) == 0);
  }
}

static void trim(const cache_folder *f, long long limit)
{
  const int folder = open(f->path, O_RDONLY | O_DIRECTORY);
  cr_assert(folder >= 0);
  clnorm__cache_folder_trim(folder, limit);
  (void)close(folder);
}

Test(cache_file, the_least_recently_used_go_first)
{
  char paths[MANY][512];
  cache_folder f = cache_folder_open();
  save_many(&f, paths);
  trim(&f, MANY * FILE_BYTES);
  cr_assert(cache_count_files(f.path, NULL) == MANY, "trimmed though all fits");
  trim(&f, MANY * FILE_BYTES - 1);
  cr_assert(access(paths[0], F_OK) != 0 && cache_count_files(f.path, NULL) == MANY - 1);
  clnorm__cache_bytes got = {NULL, 0};
  char text[sizeof key_text];
  memcpy(text, key_text, sizeof text);
  text[0] = 'a' + 1;
  const clnorm__cache_bytes second = {text, sizeof text};
  cr_assert(clnorm__cache_load(f.path, &second, &got) == CLNORM__CACHE_HIT);
  free(got.data);
  trim(&f, 2 * FILE_BYTES);
  cr_assert(access(paths[1], F_OK) == 0, "the one that was loaded is gone");
  cr_assert(access(paths[2], F_OK) != 0 && access(paths[3], F_OK) != 0 && access(paths[4], F_OK) == 0);
  trim(&f, 0);
  cr_assert(cache_count_files(f.path, NULL) == 0);
  cache_folder_close(&f);
}

Test(cache_file, trimming_leaves_the_files_of_others)
{
  char path[512];
  char other[4][600];
  char old[600];
  char new[600];
  const struct timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
  cache_folder f = open_saved(path);
  (void)snprintf(other[0], sizeof other[0], "%s/notes.txt", f.path);
  (void)snprintf(other[1], sizeof other[1], "%sx", path);
  (void)snprintf(other[2], sizeof other[2], "%s/0123456789abcdef0123456789abcdeF.clnorm", f.path);
  (void)snprintf(other[3], sizeof other[3], "%s/0123456789abcdef0123456789abcdef", f.path);
  (void)snprintf(old, sizeof old, "%s.1.2.3", path);
  (void)snprintf(new, sizeof new, "%s.4.5.6", path);
  for (int i = 0; i < 4; i++) {
    cache_write_file(other[i], "mine", 4);
    cr_assert(utimensat(AT_FDCWD, other[i], long_ago, 0) == 0);
  }
  cache_write_file(old, "half", 4);
  cache_write_file(new, "half", 4);
  cr_assert(utimensat(AT_FDCWD, old, long_ago, 0) == 0);
  trim(&f, 0);
  for (int i = 0; i < 4; i++) {
    cr_assert(access(other[i], F_OK) == 0, "%s was removed", other[i]);
  }
  cr_assert(access(path, F_OK) != 0);
  cr_assert(access(old, F_OK) != 0, "a half-written file of long ago is left");
  cr_assert(access(new, F_OK) == 0, "a file that is being written was removed");
  cache_folder_close(&f);
}

Test(cache_file, saving_keeps_the_folder_below_its_limit)
{
  cache_folder f = cache_folder_open();
  const clnorm__cache_bytes large = {calloc(1, 20 << 20), 20 << 20};
  char text[8] = "large 0";
  const clnorm__cache_bytes own = {text, sizeof text};
  clnorm__cache_bytes got = {NULL, 0};
  cr_assert(large.data != NULL);
  for (int i = 0; i < 5; i++) {
    text[6] = (char)('0' + i);
    cr_assert(clnorm__cache_save(f.path, &own, &large) == 1);
    cr_assert(cache_count_files(f.path, NULL) == (i < 3 ? (size_t)i + 1 : 3), "after %d files", i + 1);
  }
  cr_assert(clnorm__cache_load(f.path, &own, &got) == CLNORM__CACHE_HIT, "the newest file went");
  free(got.data);
  free(large.data);
  cache_folder_close(&f);
}

/* ---- many processes ----------------------------------------------------------------------------------------------- */

enum { PROCESSES = 16, TURNS = 200 };

/* No process ever sees a file that is half of one and half of another. */
Test(cache_file, processes_share_a_folder, .timeout = 60)
{
  cache_folder f = cache_folder_open();
  pid_t children[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = fork();
    cr_assert(children[i] >= 0);
    if (children[i] == 0) {
      int bad = 0;
      for (int turn = 0; turn < TURNS && bad == 0; turn++) {
        clnorm__cache_bytes got = {NULL, 0};
        bad = turn > 0 && clnorm__cache_load(f.path, &key, &got) != CLNORM__CACHE_HIT;
        bad |= got.data != NULL && (got.size != payload.size || memcmp(got.data, payload.data, got.size) != 0);
        free(got.data);
        bad |= clnorm__cache_save(f.path, &key, &payload) != 1;
      }
      _exit(bad);
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    int state = -1;
    cr_assert(waitpid(children[i], &state, 0) == children[i]);
    cr_assert(WIFEXITED(state) && WEXITSTATUS(state) == 0, "process %d: state %d", i, state);
  }
  expect_kept(&f, "after all", PROCESSES);
  cache_folder_close(&f);
}
