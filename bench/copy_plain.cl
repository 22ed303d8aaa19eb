/* to[i] = from[i] for `count` floats, by plain loads and stores: half of the yardstick of a device's memory.
 *
 * A work-item owns `block` neighbouring vectors: one on GPUs, so that neighbours read neighbouring addresses; a long run
 * on CPUs, which have few work-items. The last floats that fill no vector belong to the first work-item. Each element is
 * read once and written once. VECTOR: a vector type of WIDTH floats. */
__kernel void copy_plain(__global const float *from, __global float *to, ulong count, ulong block)
{
  __global const VECTOR *source = (__global const VECTOR *)from;
  __global VECTOR *target = (__global VECTOR *)to;
  const ulong vectors = count / WIDTH;
  const ulong begin = (ulong)get_global_id(0) * block;
  const ulong end = min(begin + block, vectors);
  for (ulong i = begin; i < end; i++) {
    target[i] = source[i];
  }
  if (get_global_id(0) == 0) {
    for (ulong i = vectors * WIDTH; i < count; i++) {
      to[i] = from[i];
    }
  }
}
