#include "first_use.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "session_cl.h"

struct first_use {
  pid_t process;
  int end;
};

typedef struct question {
  size_t device;
  clnorm_desc desc;
  clnorm_pass pass;
  int cached;
} question;

typedef struct answer {
  double seconds; /* 0: failed */
  int all_from_cache;
} answer;

/* ---- in the child: everything anew ---------------------------------------------------------------------------- */

static int find_device(size_t number, clnorm_cl_device *device)
{
  size_t count = 0;
  clnorm_cl_device *list = NULL;
  int found = 0;
  if (clnorm_cl_list_devices(NULL, 0, &count) == CLNORM_SUCCESS && number < count &&
      (list = calloc(count, sizeof *list)) != NULL && clnorm_cl_list_devices(list, count, &count) == CLNORM_SUCCESS &&
      number < count) {
    *device = list[number];
    found = 1;
  }
  free(list);
  return found;
}

static answer work(const question *asked)
{
  answer made = {0};
  clnorm_cl_device device;
  session_cl session;
  workload w;
  runner r = {0};
  runner_error error = {0};
  clnorm_cl_cache cache = {0};
  double opening = 0.0;
  if (!find_device(asked->device, &device) || session_cl_open(&session, &device, &error) != 0) {
    return made;
  }
  if (workload_create(&w, &asked->desc, NULL) != CLNORM_SUCCESS || session_cl_load(&session, &w, &error) != 0 ||
      runner_open_cl(&r, &session, &w, asked->pass, NULL, asked->cached ? NULL : "off", &error, &opening) != 0) {
    return made; /* the process ends here */
  }
  const double begin = measure_now();
  if (r.run(r.self, 1) == 0) {
    made.seconds = opening + measure_now() - begin;
  }
  runner_cache_cl(&r, &cache);
  made.all_from_cache = cache.hits > 0 && cache.misses + cache.rejected == 0;
  return made;
}

/* ---- the helper ------------------------------------------------------------------------------------------------- */

static int receive(int from, void *to, size_t bytes) { return recv(from, to, bytes, 0) == (ssize_t)bytes; }

static int transmit(int to, const void *from, size_t bytes)
{
  return send(to, from, bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

/* Two ends that keep messages whole. */
static int make_ends(int ends[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); }

/* A child that fails, or dies in its driver, is an answer of zeros. */
static answer answer_in_child(const question *asked)
{
  answer made = {0};
  int ends[2];
  if (make_ends(ends) != 0) {
    return made;
  }
  const pid_t child = fork();
  if (child == 0) {
    made = work(asked);
    _exit(transmit(ends[1], &made, sizeof made) ? 0 : 1);
  }
  (void)close(ends[1]);
  if (child < 0 || !receive(ends[0], &made, sizeof made)) {
    made = (answer){0};
  }
  (void)close(ends[0]);
  (void)waitpid(child, NULL, 0);
  return made;
}

static void serve(int end)
{
  question asked;
  while (receive(end, &asked, sizeof asked)) {
    const answer made = answer_in_child(&asked);
    if (!transmit(end, &made, sizeof made)) {
      return;
    }
  }
}

first_use *first_use_start(void)
{
  int ends[2];
  first_use *helper = malloc(sizeof *helper);
  if (helper == NULL || make_ends(ends) != 0) {
    free(helper);
    return NULL;
  }
  helper->end = ends[0];
  helper->process = fork();
  if (helper->process == 0) {
    (void)close(ends[0]);
    serve(ends[1]);
    _exit(0);
  }
  (void)close(ends[1]);
  if (helper->process < 0) {
    (void)close(ends[0]);
    free(helper);
    return NULL;
  }
  return helper;
}

void first_use_stop(first_use *helper)
{
  if (helper != NULL) {
    (void)close(helper->end); /* which ends it */
    (void)waitpid(helper->process, NULL, 0);
    free(helper);
  }
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

static answer ask(const first_use *helper, const question *asked)
{
  answer got = {0};
  if (!transmit(helper->end, asked, sizeof *asked) || !receive(helper->end, &got, sizeof got)) {
    got = (answer){0};
  }
  return got;
}

first_use_times first_use_ask(first_use *helper, size_t device, const clnorm_desc *desc, clnorm_pass pass)
{
  first_use_times times = {0};
  question asked = {.device = device, .desc = *desc, .pass = pass, .cached = 1};
  if (helper == NULL) {
    return times;
  }
  answer got = ask(helper, &asked);
  if (!got.all_from_cache) {
    got = ask(helper, &asked); /* the first child has filled it */
  }
  if (got.all_from_cache) {
    times.cached = got.seconds;
    asked.cached = 0;
    times.compiled = ask(helper, &asked).seconds;
  }
  return times;
}
