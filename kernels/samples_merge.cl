/* Merges the partial sums of samples_backward and its like into dgamma and dbeta; each may be NULL.
 *
 * Work:    a work-item owns one parameter after another of its group's outer_tile.
 * Traffic: four floats for each parameter of each task's statistics, inner_tile a task, of every `apart` tiles.
 * Macros:  LOCAL, WIDTH.
 *          With ADDS dgamma or dbeta is added to what is there. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void samples_merge(
    const __global float *partials, ulong partials_offset, __global float *dgamma, ulong dgamma_offset,
    __global float *dbeta, ulong dbeta_offset, ulong run_parameters, ulong parameter_groups, ulong statistics_count,
    ulong parameters_count, ulong outer_tile, ulong inner_tile, ulong apart, ulong tiles)
{
  const ulong first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, parameters_count);
  const ulong plane = tiles * parameters_count, step = inner_tile % parameter_groups;

  partials += partials_offset;
  dgamma = dgamma ? dgamma + dgamma_offset : 0;
  dbeta = dbeta ? dbeta + dbeta_offset : 0;
  /* Where all tasks have all parameters whole vectors of these go together. */
  const ulong whole = step == 0 ? first + (end - first) / WIDTH * WIDTH : first;
  for (ulong p = first + get_local_id(0) * WIDTH; p < whole; p += LOCAL * WIDTH) {
    vec_real gx = vec_real_of((vec)(0.0f), (vec)(0.0f)), g = gx;
    for (ulong t = 0; t < tiles; t += apart) {
      const __global float *kept = partials + t * parameters_count + p;
      gx = vec_real_add(gx, vec_real_of(VLOAD(kept), VLOAD(kept + plane)));
      g = vec_real_add(g, vec_real_of(VLOAD(kept + 2 * plane), VLOAD(kept + 3 * plane)));
    }
    if (dgamma) {
      gather(vec_real_hi(gx), dgamma + p, 0, WIDTH, ADDS_DGAMMA);
    }
    if (dbeta) {
      gather(vec_real_hi(g), dbeta + p, 0, WIDTH, ADDS_DBETA);
    }
  }
  for (ulong p = whole + get_local_id(0); p < end; p += LOCAL) {
    const ulong group = p / run_parameters;
    ulong phase = 0; /* of the task's first statistic among the groups of parameters */
    real gx = real_of(0.0f, 0.0f), g = gx;
    for (ulong t = 0; t < tiles; t += apart) {
      const ulong statistics = min(inner_tile, statistics_count - t / apart * inner_tile);
      const ulong before = group + (group < phase ? parameter_groups : 0) - phase;
      if (before < statistics) {
        const __global float *kept = partials + t * parameters_count + p;
        gx = real_add(gx, real_of(kept[0], kept[plane]));
        g = real_add(g, real_of(kept[2 * plane], kept[3 * plane]));
      }
      phase += step;
      phase -= phase < parameter_groups ? 0 : parameter_groups;
    }
    if (dgamma) {
      dgamma[p] = gathered(real_hi(gx), dgamma + p, ADDS_DGAMMA);
    }
    if (dbeta) {
      dbeta[p] = gathered(real_hi(g), dbeta + p, ADDS_DBETA);
    }
  }
}
