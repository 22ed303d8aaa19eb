/* Sums over a work-group: a fixed tree, so the same bits each run.
 *
 * Axis:
 *   SUB_GROUPS   0, 1   1: the device has sub-groups, whose work-items can read each other's registers (cl_khr_subgroups and
 *                       cl_khr_subgroup_shuffle) */

#if SUB_GROUPS != 0 && SUB_GROUPS != 1
#error "SUB_GROUPS has to be 0 or 1"
#endif

#if SUB_GROUPS
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable

/* Makes *sum the sum of all: within sub-groups of `size`, a power of two that divides LOCAL, then over these, in the same order in
 * every work-item. */
INLINE_LOCAL void sub_groups_sum(real *sum, uint size, __local real *scratch)
{
  real other = *sum;
  for (uint distance = size / 2; distance > 0; distance /= 2) {
    TAKE_FROM_LANE(other, *sum, distance);
    *sum = real_add(*sum, other);
  }
  /* All of a sub-group have the same sum, but for the order of the terms of each addition: one of them tells it. */
  if (get_sub_group_local_id() == 0) {
    scratch[get_sub_group_id()] = *sum;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  *sum = scratch[0];
  for (uint i = 1; i < LOCAL / size; i++) {
    *sum = real_add(*sum, scratch[i]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
#endif

/* Sum over the work-group, the same in every work-item. `scratch` has LOCAL elements. */
INLINE_LOCAL real work_group_sum(real mine, __local real *scratch)
{
  if (LOCAL == 1) {
    return mine;
  }
#if SUB_GROUPS
  /* The size is the driver's choice when it compiles. */
  const uint size = get_max_sub_group_size();
  if (size > 1 && (size & (size - 1)) == 0 && size <= LOCAL) {
    sub_groups_sum(&mine, size, scratch);
    return mine;
  }
#endif
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
