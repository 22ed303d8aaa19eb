/* A run as the plots look at it: devices, passes, cases and peers, each in the order in which they were measured. */
#ifndef CLNORM_BENCH_REPORT_VIEW_H
#define CLNORM_BENCH_REPORT_VIEW_H

#include "report_html.h"

#define VIEW_DEVICES 16
#define VIEW_CASES 192

typedef struct report_view {
  const html_run *run;
  struct {
    const bench_record *records;
    size_t count;
  } devices[VIEW_DEVICES];
  size_t device_count;
  clnorm_pass passes[4];
  size_t pass_count;
  const char *peers[RECORD_PEERS]; /* those that have a time somewhere */
  size_t peer_count;
} report_view;

void report_view_make(report_view *view, const html_run *run);

/* One record for each kind, shape and layout of the pass that has a time on some device. Returns how many. */
size_t report_view_cases(const report_view *view, clnorm_pass pass, const bench_record *cases[VIEW_CASES]);

/* The record of that case with a time on a device; NULL: there is none. */
const bench_record *report_view_find(const report_view *view, size_t device, const bench_record *wanted);

/* Seconds of peer `peer` (an index of view->peers) in a record; 0: not measured. */
double report_view_peer(const report_view *view, const bench_record *record, size_t peer);

/* Seconds of the peer in the first device's run that has it. */
double report_view_peer_of_case(const report_view *view, const bench_record *wanted, size_t peer);

/* Classes of the style: "s0", "p0". */
const char *report_view_device_style(size_t device);
const char *report_view_peer_style(size_t peer);

#endif
