/* As copy_plain.cl with stores that pass by the caches, which saves a CPU the reading of what is overwritten. A compiler
 * that does not know such stores refuses this program, and the device has no streaming copy. */
__kernel void copy_stream(__global const float *from, __global float *to, ulong count, ulong block)
{
  __global const VECTOR *source = (__global const VECTOR *)from;
  __global VECTOR *target = (__global VECTOR *)to;
  const ulong vectors = count / WIDTH;
  const ulong begin = (ulong)get_global_id(0) * block;
  const ulong end = min(begin + block, vectors);
  for (ulong i = begin; i < end; i++) {
    __builtin_nontemporal_store(source[i], &target[i]);
  }
  if (get_global_id(0) == 0) {
    for (ulong i = vectors * WIDTH; i < count; i++) {
      to[i] = from[i];
    }
  }
}
