/* What tasks of samples write. */
#include <string.h>

#include "cpu_samples.h"

void clnorm__writer_open(clnorm__writer *w, const clnorm__cpu_call *call, void *out, uint64_t at, int floats)
{
  const clnorm__geometry *g = &call->plan->geometry;
  const uint64_t piece = g->repeat == 1 ? g->run : g->repeat;
  w->call = call;
  w->line = CLNORM__LINE / call->element;
  w->converts = floats && call->element != sizeof(float);
  w->placed = w->converts ? sizeof(float) : call->element;
  w->out = out == NULL ? NULL : clnorm__cpu_out(call, out, (size_t)at);
  const size_t within = (uintptr_t)w->out / call->element % w->line;
  w->whole_lines = within == 0 && piece % w->line == 0;
  w->joins = out != NULL && (w->converts || (call->stream && !w->whole_lines && piece <= CLNORM__JOINED));
  w->stream = call->stream && !w->joins;
  w->begin = w->end = w->joins ? within : 0;
}

/* Writes n elements of the buffer; whole lines past the cache. */
static void put(clnorm__writer *w, size_t n, int whole)
{
  static const float unchanged[CLNORM__FORWARD_COEFFICIENTS] = {0.0f, 1.0f, -0.0f};
  const char *from = w->buffer + w->begin * w->placed;
  if (w->converts) {
    w->call->kernels->floats_to((const float *)(const void *)from, w->out, n, w->call->stream);
  } else if (!whole) {
    memcpy(w->out, from, n * w->placed);
  } else {
    w->call->kernels->runs_apply(from, w->out, 1, n, unchanged, 1, 1);
  }
  w->out += n * w->call->element;
  w->begin += n;
}

/* Writes the whole lines of the buffer, and keeps what has begun; or all of it. */
static void flush(clnorm__writer *w, int all)
{
  const size_t end = all ? w->end : w->end / w->line * w->line;
  if (end <= w->begin) {
    return;
  }
  if (w->begin != 0) {
    put(w, (end < w->line ? end : w->line) - w->begin, 0);
  }
  if (end > w->begin) {
    put(w, end - w->begin, 1);
  }
  memmove(w->buffer, w->buffer + end * w->placed, (w->end - end) * w->placed);
  w->begin = 0;
  w->end -= end;
}

void *clnorm__writer_place(clnorm__writer *w, size_t n)
{
  void *place = w->out;
  if (!w->joins) {
    w->out += n * w->placed;
    return place;
  }
  if (w->end + n > CLNORM__JOINED + 2 * CLNORM__LINE_ELEMENTS) {
    flush(w, 0);
  }
  place = w->buffer + w->end * w->placed;
  w->end += n;
  return place;
}

void clnorm__writer_close(clnorm__writer *w)
{
  if (w->joins) {
    flush(w, 1);
  }
  w->call->kernels->drain();
}
