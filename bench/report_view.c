#include "report_view.h"

#include <string.h>

/* A device's records share its name's address; two devices of one name do not. */
static void find_devices(report_view *view)
{
  const html_run *run = view->run;
  for (size_t i = 0; i < run->count; i++) {
    if (i > 0 && run->records[i].device == run->records[i - 1].device) {
      view->devices[view->device_count - 1].count++;
    } else if (view->device_count < VIEW_DEVICES) {
      view->devices[view->device_count].records = &run->records[i];
      view->devices[view->device_count++].count = 1;
    } else {
      return;
    }
  }
}

static void find_passes(report_view *view)
{
  for (size_t i = 0; i < view->run->count; i++) {
    size_t at = 0;
    while (at < view->pass_count && view->passes[at] != view->run->records[i].pass) {
      at++;
    }
    if (at == view->pass_count && at < sizeof view->passes / sizeof view->passes[0]) {
      view->passes[view->pass_count++] = view->run->records[i].pass;
    }
  }
}

static void find_peers(report_view *view)
{
  for (size_t i = 0; i < view->run->count; i++) {
    const bench_record *record = &view->run->records[i];
    for (size_t j = 0; j < record->peer_count; j++) {
      size_t at = 0;
      while (at < view->peer_count && strcmp(view->peers[at], record->peers[j].name) != 0) {
        at++;
      }
      if (at == view->peer_count && at < RECORD_PEERS && record->peers[j].median > 0.0) {
        view->peers[view->peer_count++] = record->peers[j].name;
      }
    }
  }
}

void report_view_make(report_view *view, const html_run *run)
{
  *view = (report_view){.run = run};
  find_devices(view);
  find_passes(view);
  find_peers(view);
}

static int has_time(const bench_record *record) { return record->outcome == RECORD_OK && record->time.n > 0; }

static int same_case(const bench_record *a, const bench_record *b)
{
  return a->pass == b->pass && record_same_case(a, b);
}

size_t report_view_cases(const report_view *view, clnorm_pass pass, const bench_record *cases[VIEW_CASES])
{
  size_t count = 0;
  for (size_t i = 0; i < view->run->count; i++) {
    const bench_record *record = &view->run->records[i];
    size_t at = 0;
    if (record->pass != pass || !has_time(record)) {
      continue;
    }
    while (at < count && !same_case(cases[at], record)) {
      at++;
    }
    if (at == count && count < VIEW_CASES) {
      cases[count++] = record;
    }
  }
  return count;
}

const bench_record *report_view_find(const report_view *view, size_t device, const bench_record *wanted)
{
  for (size_t i = 0; i < view->devices[device].count; i++) {
    const bench_record *record = &view->devices[device].records[i];
    if (has_time(record) && same_case(record, wanted)) {
      return record;
    }
  }
  return NULL;
}

double report_view_peer(const report_view *view, const bench_record *record, size_t peer)
{
  for (size_t i = 0; i < record->peer_count; i++) {
    if (strcmp(record->peers[i].name, view->peers[peer]) == 0) {
      return record->peers[i].median;
    }
  }
  return 0.0;
}

double report_view_peer_of_case(const report_view *view, const bench_record *wanted, size_t peer)
{
  double seconds = 0.0;
  for (size_t i = 0; i < view->device_count && seconds == 0.0; i++) {
    const bench_record *record = report_view_find(view, i, wanted);
    seconds = record != NULL ? report_view_peer(view, record, peer) : 0.0;
  }
  return seconds;
}

const char *report_view_device_style(size_t device)
{
  static const char *const styles[] = {"s0", "s1", "s2", "s3", "s4", "s5"};
  return styles[device % (sizeof styles / sizeof styles[0])];
}

const char *report_view_peer_style(size_t peer)
{
  static const char *const styles[RECORD_PEERS] = {"p0", "p1", "p2", "p3"};
  return styles[peer % RECORD_PEERS];
}
