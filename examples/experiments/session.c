#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device_choice.h"
#include "message.h"
#include "net_products.h"
#include "page.h"
#include "write_csv.h"
#include "write_page.h"
#include "write_plot.h"
#include "write_results.h"

typedef struct session {
  const experiments_request *request;
  const char *out;
  device_choice choice;
  net_device device;
  data_store store;
  size_t count; /* experiments that are to run */
  const experiment **rows;
  results *found;
  int *seeds;
  double begin;
  double cost_done, cost_all; /* expected seconds */
  int has_gnuplot;
} session;

static double now(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- progress ----------------------------------------------------------------------------------------------- */

static int usual_seeds(const session *s, const experiment *e) { return s->request->quick ? e->quick_seeds : e->seeds; }

static int seeds_of(const session *s, const experiment *e)
{
  return s->request->seeds > 0 ? s->request->seeds : usual_seeds(s, e);
}

static double cost_of(const session *s, const experiment *e)
{
  return (s->request->quick ? e->quick_cost : e->cost) * seeds_of(s, e) / usual_seeds(s, e);
}

/* The remaining time is what is expected of the rest, times how much slower than expected it has been so far. */
static void show_progress(const experiment_run *run)
{
  const session *s = run->progress_state;
  size_t index = 0;
  while (index + 1 < s->count && s->found[index].seconds > 0) {
    index++;
  }
  const experiment *e = s->rows[index];
  const double done = s->cost_done + run->done * cost_of(s, e);
  const double spent = now() - s->begin;
  if (done <= 0 || spent < 1) {
    progress("%s, %zu of %zu", e->name, index + 1, s->count);
    return;
  }
  const double left = (s->cost_all - done) * spent / done;
  progress("%s, %zu of %zu, %.0f %% of it, about %.0f s left in all", e->name, index + 1, s->count, 100 * run->done,
           left);
}

/* ---- one experiment ----------------------------------------------------------------------------------------- */

static int write_files(session *s, const experiment *e, const results *r)
{
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/%s.csv", s->out, e->name);
  if (write_csv(r, path) != 0 || write_plot_script(r, s->out, e->name) != 0) {
    return complain(EXIT_USAGE, "run: --out %s: cannot be written: %s", s->out, strerror(errno));
  }
  /* The picture of an earlier run would be taken for this one's. */
  (void)snprintf(path, sizeof path, "%s/%s.svg", s->out, e->name);
  (void)unlink(path);
  if (!s->has_gnuplot) {
    return EXIT_OK;
  }
  switch (write_plot_draw(s->out, e->name)) {
    case PLOT_NO_GNUPLOT:
      s->has_gnuplot = 0;
      tell("no gnuplot was found, so no pictures are drawn; for pictures: sudo apt-get install gnuplot-nox");
      break;
    case PLOT_FAILED:
      (void)unlink(path);
      tell("gnuplot could not draw %s.svg", e->name);
      break;
    default:
      break;
  }
  return EXIT_OK;
}

static int run_one(session *s, size_t i)
{
  const experiment *e = s->rows[i];
  results *r = &s->found[i];
  s->seeds[i] = seeds_of(s, e);
  experiment_run run = {&s->device, &s->store, s->seeds[i], s->request->quick, 0, show_progress, s};
  const double begin = now();
  show_progress(&run);
  e->run(&run, r);
  net_device_finish(&s->device);
  progress_end();
  if (!net_device_ok(&s->device)) {
    return complain(EXIT_DEVICE, "%s: %s", e->name, s->device.error);
  }
  if (r->failed) {
    return complain(EXIT_DEVICE, "%s: not enough memory", e->name);
  }
  r->seconds = now() - begin;
  s->cost_done += cost_of(s, e);
  results_close(r);
  write_summary(stdout, e, r, s->seeds[i]);
  (void)fflush(stdout);
  return write_files(s, e, r);
}

/* ---- the session -------------------------------------------------------------------------------------------- */

static int make_folder(const char *out)
{
  struct stat found;
  if (mkdir(out, 0777) != 0 && errno != EEXIST) {
    return complain(EXIT_USAGE, "run: --out %s: cannot be made: %s", out, strerror(errno));
  }
  if (stat(out, &found) != 0 || !S_ISDIR(found.st_mode)) {
    return complain(EXIT_USAGE, "run: --out %s: is no folder", out);
  }
  return EXIT_OK;
}

static int check_file(const session *s, const char *name, const char *ending)
{
  char path[4096];
  (void)snprintf(path, sizeof path, "%s/%s%s", s->out, name, ending);
  return page_check(path) == 0
             ? EXIT_OK
             : complain(EXIT_USAGE, "run: --out %s: %s%s cannot be written: %s", s->out, name, ending, strerror(errno));
}

/* What could not be written is to be known before the trainings and not after them. */
static int check_files(const session *s)
{
  static const char *const endings[] = {".csv", ".gnuplot", ".svg"};
  int code = EXIT_OK;
  for (size_t i = 0; i < s->count * 3 && code == EXIT_OK; i++) {
    code = check_file(s, s->rows[i / 3]->name, endings[i % 3]);
  }
  if (code == EXIT_OK && s->request->only == NULL) {
    code = check_file(s, "index", ".html");
    code = code == EXIT_OK ? check_file(s, "results", ".md") : code;
  }
  return code;
}

static int choose_rows(session *s)
{
  s->rows = calloc(experiment_count, sizeof *s->rows);
  s->found = calloc(experiment_count, sizeof *s->found);
  s->seeds = calloc(experiment_count, sizeof *s->seeds);
  if (s->rows == NULL || s->found == NULL || s->seeds == NULL) {
    return complain(EXIT_DEVICE, "not enough memory");
  }
  for (size_t i = 0; i < experiment_count; i++) {
    if (s->request->only == NULL || s->request->only == &experiments[i]) {
      s->rows[s->count++] = &experiments[i];
      s->cost_all += cost_of(s, &experiments[i]);
    }
  }
  return EXIT_OK;
}

static int open_device(session *s)
{
  char number[16];
  const int code = device_choose(s->request->device, &s->choice);
  if (code != EXIT_OK) {
    return code;
  }
  if (s->choice.number < 0) {
    const int asked = s->request->device != NULL || getenv("CLNORM_DEVICE") != NULL;
    return complain(asked ? EXIT_USAGE : EXIT_DEVICE, "the networks need an OpenCL device; %s", DEVICE_ADVICE);
  }
  net_device_open(&s->device, device_number_text(&s->choice, number, sizeof number), 1);
  net_products_tune(&s->device);
  return net_device_ok(&s->device) ? EXIT_OK
                                   : complain(EXIT_DEVICE, "the device cannot be opened: %s", s->device.error);
}

static int run_rows(session *s)
{
  int code = EXIT_OK;
  s->begin = now();
  for (size_t i = 0; i < s->count && code == EXIT_OK; i++) {
    code = run_one(s, i);
  }
  if (code == EXIT_OK && s->request->only == NULL) {
    const page_view view = {s->rows,        s->found,         s->seeds,          s->count,        s->out,
                            s->choice.name, s->choice.driver, s->request->quick, now() - s->begin};
    if (write_page(&view) != 0 || write_results(&view) != 0) {
      return complain(EXIT_USAGE, "run: --out %s: cannot be written: %s", s->out, strerror(errno));
    }
    (void)printf("everything on one page: %s/index.html\n", s->out);
  }
  return code;
}

int session_run(const experiments_request *request)
{
  session s = {.request = request, .out = request->out != NULL ? request->out : "experiments-out", .has_gnuplot = 1};
  int code = store_open(&s.store, request->data);
  code = code == EXIT_OK ? choose_rows(&s) : code;
  code = code == EXIT_OK ? open_device(&s) : code;
  code = code == EXIT_OK ? make_folder(s.out) : code;
  code = code == EXIT_OK ? check_files(&s) : code;
  code = code == EXIT_OK ? run_rows(&s) : code;
  net_device_close(&s.device);
  for (size_t i = 0; i < s.count; i++) {
    results_free(&s.found[i]);
  }
  free(s.rows);
  free(s.found);
  free(s.seeds);
  store_close(&s.store);
  return code;
}
