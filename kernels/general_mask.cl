/* A bit an element, in the order of dims: 1 where the stored y is greater than 0.
 *
 * Work:    a work-group owns outer_tile words of 32 elements.
 * Traffic: y is read once.
 * Macros:  LOCAL, STORAGE. */
__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void general_mask(
    const __global storage *y, ulong y_offset, strides y_strides, __global uint *mask, ulong mask_offset, axes g,
    ulong elements, ulong outer_tile)
{
  const ulong words = (elements + 31) / 32, first = get_group_id(0) * outer_tile;
  const ulong end = min(first + outer_tile, words);
  place p;
  start(&p);
  for (ulong w = first + get_local_id(0); w < end; w += LOCAL) {
    uint word = 0;
    for (uint bit = 0; bit < 32 && w * 32 + bit < elements; bit++) {
      move_to(&p, &g, ALL_AXES, w * 32 + bit);
      word |= (LOAD(y + y_offset + offset_of(&p, &g, &y_strides)) > ZERO ? 1u : 0u) << bit;
    }
    mask[mask_offset + w] = word;
  }
}
