/* Sum over the work-group, the same in every work-item. `scratch` has LOCAL elements. A fixed tree: the same bits each run. */
INLINE_LOCAL real work_group_sum(real mine, __local real *scratch)
{
  if (LOCAL == 1) {
    return mine;
  }
  const uint id = (uint)get_local_id(0);
  scratch[id] = mine;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_size = LOCAL / 2; half_size > 0; half_size /= 2) {
    if (id < half_size) {
      scratch[id] = real_add(scratch[id], scratch[id + half_size]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const real total = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return total;
}
