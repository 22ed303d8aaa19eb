/* For lone work-items that write one statistic while they read and sum another; sums in double. */

/* Of what is read while something else is written, elements that are asked for before: less than a page, because the next page
 * may be anywhere. */
#define FLOW_AHEAD 512

/* And the bytes before which it is asked for once more, into the first cache: stores past the caches keep so many of the places in
 * which that one waits for lines that few loads are under way. */
#define NEAR_BYTES 512

/* How far from what is summed that is meanwhile: one run ahead where that is near. */
static inline ulong flow_ahead(ulong run, ulong segment_stride)
{
  const ulong ahead = run_ahead(1, run, segment_stride);
  return ahead != 0 ? ahead : FLOW_AHEAD;
}

static inline void prefetch_near(const __global storage *p)
{
  for (ulong i = 0; i < WIDTH; i += 64 / sizeof(storage)) {
    PREFETCH_NEAR(p + i + NEAR_BYTES / sizeof(storage));
  }
}

/* One statistic over n values from sums about a shift; centred: as in rows_combine, else the shift has to be 0. */
INLINE_LOCAL statistics statistics_about(const lane_stats *sums, float shift, ulong n, int centred)
{
  const real sum = stats_shifted_sum(sums), squares = stats_shifted_squares(sums);
  const real count = real_from_count(n);
  if (!centred) {
    const statistics made = {sum, real_of(shift, 0.0f), squares};
    return made;
  }
  const statistics made = {sum, real_add(real_of(shift, 0.0f), real_divide(sum, count)),
                           squares_about_mean(count, squares, sum)};
  return made;
}
