/* One measured pass of one shape on one device: what the table shows in a row and the JSON file in a line. */
#ifndef CLNORM_BENCH_RECORD_H
#define CLNORM_BENCH_RECORD_H

#include <clnorm/clnorm.h>

#include "first_use.h"
#include "norm_kind.h"
#include "stats.h"

#define RECORD_PEERS 4

typedef enum record_outcome {
  RECORD_OK = 0,
  RECORD_WRONG,      /* a result missed its bound: no speed */
  RECORD_FAILED,     /* a call failed: no speed */
  RECORD_UNSUPPORTED /* the device cannot: no speed, and no failure */
} record_outcome;

typedef struct record_peer {
  char name[48];
  double median;  /* 0: no time */
  char note[128]; /* why not */
} record_peer;

/* Calls of small tensors, where the host's work and the launch count and the bytes do not. bench_record.time is a call of
 * many back to back in one in-order queue, with one wait at the end. */
typedef struct record_calls {
  int measured;          /* 1: the record is about calls */
  bench_summary waited;  /* seconds a call if each is waited for */
  bench_summary enqueue; /* seconds of the host in clnorm_cl_enqueue */
  bench_summary bare;    /* of clSetKernelArg and clEnqueueNDRangeKernel alone: as many launches and arguments */
  size_t launches;       /* of a call; 0: no OpenCL device, and then the three above are empty */
  size_t arguments;      /* that are set in a call */
  char note[128];        /* why the three are missing on an OpenCL device */
} record_calls;

typedef struct bench_record {
  norm_kind kind;
  clnorm_pass pass;
  clnorm_layout layout;
  uint32_t rank;
  size_t dims[CLNORM_MAX_RANK]; /* N, C, then the positions, whatever the layout */
  const char *backend;          /* "cpu" or "opencl" */
  const char *device, *driver;  /* of the bench_device */
  char variant[64];
  char tuning[16]; /* who chose it: "built-in", "tuned", "forced"; "" if there was no plan */
  record_outcome outcome;
  char reason[640]; /* if not ok */
  double max_err, tolerance;
  size_t checked, checkable; /* how many channels, groups or rows were compared with the reference, of how many */
  bench_summary time;
  double copy;                /* seconds of the fastest copy, the median */
  double copy_low, copy_high; /* its 95 % interval */
  char copy_name[48];         /* which that was */
  double bytes_least;
  double compile;            /* seconds from nothing to the end of the first run, less a warm run */
  first_use_times first_use; /* in a new process; zeros if the cache of compiled programs is off */
  double cpu;                /* seconds of the CPU backend in the same run; 0: not measured */
  char cpu_note[128];
  record_peer peers[RECORD_PEERS];
  size_t peer_count;
  record_calls calls;
} bench_record;

/* Seconds that the library adds to a bare enqueue, with an interval that holds for every pair of values of the two it is
 * the difference of. n is 0 if it was not measured. */
bench_summary record_own_work(const bench_record *record);

/* "train", "infer", "backward", "backward-frozen"; "channels-first", "channels-last". */
const char *record_pass_name(clnorm_pass pass);
const char *record_layout_name(clnorm_layout layout);

/* "32x64x56x56" */
const char *record_shape_text(const bench_record *record, char *text, size_t capacity);

/* "32x64x56x56 first", "group(8) 32x64x56x56 last f16 relu": kind, shape and, where it matters, layout; `whole` says the layout in
 * full. */
const char *record_case_text(const bench_record *record, int whole, char *text, size_t capacity);

/* 1 if both are of the same kind, shape and layout. */
int record_same_case(const bench_record *a, const bench_record *b);

/* "batch normalization, float32"; of several kinds "batch and layer normalization; f32, f16". */
const char *record_kinds_text(const bench_record *records, size_t count, char *text, size_t capacity);

/* What a row's name leaves out, and what residuals move, for people: two lines, or "" if there are only rows of norm_plain. */
const char *record_kinds_note(const bench_record *records, size_t count);

/* What `checked` counts: "channels", "groups", "rows". */
const char *record_checked_word(const bench_record *record);

/* Bytes of x. */
double record_tensor_bytes(const bench_record *record);

#endif
