/* The kit's own kernels: what neither CLBlast nor clnorm computes. One work-item an element, a row or a channel; none waits
 * for another, so any number of them, rounded up to whole work-groups, is right.
 *
 * A tensor is two arguments, the buffer and the number of its first element in it. */
#define IN(type, name) __global const type *name##_memory, const uint name##_at
#define OUT(type, name) __global type *name##_memory, const uint name##_at
#define AT(name) (name##_memory + name##_at)

/* The number of this work-item; those beyond `count` end here. */
#define WORK_ITEM(i)              \
  const uint i = get_global_id(0); \
  if (i >= count) return

/* ---- random numbers --------------------------------------------------------------------------------------------- */

/* Philox4x32 of ten rounds (Salmon et al. 2011). The counter is (index, call, stream, 0), the key the seed. */
uint4 philox(uint index, uint call, uint stream, uint seed_low, uint seed_high)
{
  uint4 c = (uint4)(index, call, stream, 0u);
  uint key0 = seed_low, key1 = seed_high;
  for (int round = 0; round < 10; round++) {
    const uint high0 = mul_hi(0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
    const uint high1 = mul_hi(0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
    c = (uint4)(high1 ^ c.y ^ key0, low1, high0 ^ c.w ^ key1, low0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return c;
}

/* In (0, 1): 23 bits, so that neither end is met after rounding. */
float unit(uint bits) { return ((float)(bits >> 9) + 0.5f) * 0x1p-23f; }

float normal(uint a, uint b) { return sqrt(-2.0f * log(unit(a))) * cospi(2.0f * unit(b)); }

__kernel void net_random_bits(uint count, OUT(uint, y), uint stream, uint call, uint seed_low, uint seed_high)
{
  WORK_ITEM(i);
  vstore4(philox(i, call, stream, seed_low, seed_high), i, AT(y));
}

__kernel void net_random_normal(uint count, OUT(float, y), float mean, float deviation, uint stream, uint call,
                                uint seed_low, uint seed_high)
{
  WORK_ITEM(i);
  const uint4 bits = philox(i, call, stream, seed_low, seed_high);
  AT(y)[i] = mean + deviation * normal(bits.x, bits.y);
}

/* ---- elements ----------------------------------------------------------------------------------------------------- */

__kernel void net_fill(uint count, OUT(float, y), float value)
{
  WORK_ITEM(i);
  AT(y)[i] = value;
}

__kernel void net_add(uint count, IN(float, from), OUT(float, to))
{
  WORK_ITEM(i);
  AT(to)[i] += AT(from)[i];
}

__kernel void net_multiply(uint count, IN(float, a), IN(float, b), OUT(float, y))
{
  WORK_ITEM(i);
  AT(y)[i] = AT(a)[i] * AT(b)[i];
}

/* Rows of four-byte elements, `width` a row. */
__kernel void net_gather(uint count, IN(uint, from), IN(int, rows), OUT(uint, to), uint width)
{
  WORK_ITEM(i);
  AT(to)[i] = AT(from)[(uint)AT(rows)[i / width] * width + i % width];
}

/* ---- bias: y is (N, channels, positions) -------------------------------------------------------------------------- */

__kernel void net_bias(uint count, IN(float, bias), OUT(float, y), uint channels, uint positions)
{
  WORK_ITEM(i);
  AT(y)[i] += AT(bias)[i / positions % channels];
}

/* A work-item a channel. */
__kernel void net_bias_gradient(uint count, IN(float, dy), OUT(float, dbias), uint samples, uint positions)
{
  WORK_ITEM(c);
  float sum = 0.0f;
  for (uint n = 0; n < samples; n++) {
    __global const float *run = AT(dy) + (n * count + c) * positions;
    for (uint s = 0; s < positions; s++) sum += run[s];
  }
  AT(dbias)[c] = sum;
}

/* ---- activations ---------------------------------------------------------------------------------------------------- */

#define RELU 1u
#define SIGMOID 2u
#define TANH 3u /* and, as the last one, leaky ReLU */
#define SLOPE 0.2f

__kernel void net_activation(uint count, IN(float, x), OUT(float, y), uint curve)
{
  WORK_ITEM(i);
  const float x = AT(x)[i];
  AT(y)[i] = curve == RELU      ? fmax(x, 0.0f)
             : curve == SIGMOID ? 1.0f / (1.0f + exp(-x))
             : curve == TANH    ? tanh(x)
                                : (x > 0.0f ? x : SLOPE * x);
}

/* The derivative follows from y alone. */
__kernel void net_activation_backward(uint count, IN(float, y), IN(float, dy), OUT(float, dx), uint curve)
{
  WORK_ITEM(i);
  const float y = AT(y)[i];
  const float slope = curve == RELU      ? (y > 0.0f ? 1.0f : 0.0f)
                      : curve == SIGMOID ? y * (1.0f - y)
                      : curve == TANH    ? 1.0f - y * y
                                         : (y > 0.0f ? 1.0f : SLOPE);
  AT(dx)[i] = AT(dy)[i] * slope;
}

/* ---- dropout and noise ------------------------------------------------------------------------------------------------ */

/* Forward from x to y and backward from dy to dx alike: the random numbers are drawn a second time. */
__kernel void net_dropout(uint count, IN(float, x), OUT(float, y), uint threshold, float scale, uint stream, uint call,
                          uint seed_low, uint seed_high)
{
  WORK_ITEM(i);
  AT(y)[i] = philox(i, call, stream, seed_low, seed_high).x < threshold ? 0.0f : AT(x)[i] * scale;
}

/* See net_noise in net_layers.h. The units' own numbers have the indices behind those of the elements. */
__kernel void net_noise(uint count, IN(float, x), OUT(float, y), OUT(float, factors), uint units, float mean,
                        float deviation, float spread, uint stream, uint call, uint seed_low, uint seed_high)
{
  WORK_ITEM(i);
  const uint4 of_unit = philox(count + i % units, call, stream, seed_low, seed_high);
  const uint4 own = philox(i, call, stream, seed_low, seed_high);
  const float center = mean * (2.0f * unit(of_unit.x) - 1.0f);
  const float width = 1.0f + (deviation - 1.0f) * unit(of_unit.y);
  const float shift = center + spread * (2.0f * unit(own.x) - 1.0f);
  const float factor = width + spread * normal(own.y, own.z);
  AT(factors)[i] = factor;
  AT(y)[i] = factor * AT(x)[i] + shift;
}

/* ---- max pooling: x is (N * channels, height, width), y (N * channels, rows, columns) -------------------------------------- */

__kernel void net_pool(uint count, IN(float, x), OUT(float, y), OUT(int, chosen), uint height, uint width, uint rows,
                       uint columns, uint size)
{
  WORK_ITEM(i);
  const uint column = i % columns, row = i / columns % rows, plane = i / (columns * rows);
  uint best = (plane * height + row * size) * width + column * size;
  for (uint v = 0; v < size; v++) {
    for (uint h = 0; h < size; h++) {
      const uint at = (plane * height + row * size + v) * width + column * size + h;
      if (AT(x)[at] > AT(x)[best]) best = at;
    }
  }
  AT(y)[i] = AT(x)[best];
  AT(chosen)[i] = (int)best;
}

/* dx is 0 everywhere before: squares do not overlap, and what is in none stays 0. */
__kernel void net_pool_backward(uint count, IN(float, dy), IN(int, chosen), OUT(float, dx))
{
  WORK_ITEM(i);
  AT(dx)[AT(chosen)[i]] = AT(dy)[i];
}

/* ---- convolution: x is (N, channels, height, width), y (N, filters, rows, columns) --------------------------------------- */

/* A work-item a position of y, of all samples: writes the patch of x that the position sees, 0 where that is padding.
 * patches is (N * rows * columns, channels * size * size). */
__kernel void net_unfold(uint count, IN(float, x), OUT(float, patches), uint channels, uint height, uint width,
                         uint rows, uint columns, uint size, uint stride, uint padding)
{
  WORK_ITEM(i);
  const int left = (int)(i % columns * stride) - (int)padding;
  const int top = (int)(i / columns % rows * stride) - (int)padding;
  __global float *to = AT(patches) + i * channels * size * size;
  for (uint c = 0; c < channels; c++) {
    __global const float *plane = AT(x) + (i / (columns * rows) * channels + c) * height * width;
    for (int row = top; row < top + (int)size; row++) {
      for (int column = left; column < left + (int)size; column++) {
        const int is_inside = row >= 0 && row < (int)height && column >= 0 && column < (int)width;
        *to++ = is_inside ? plane[row * (int)width + column] : 0.0f;
      }
    }
  }
}

/* A work-item an element of dx: adds up what all patches that saw it have. */
__kernel void net_fold(uint count, IN(float, patches), OUT(float, dx), uint channels, uint height, uint width,
                       uint rows, uint columns, uint size, uint stride, uint padding)
{
  WORK_ITEM(i);
  const int column = (int)(i % width + padding), row = (int)(i / width % height + padding);
  const uint c = i / (width * height) % channels, n = i / (width * height * channels);
  const int first_row = max(row - (int)size + (int)stride, 0) / (int)stride;
  const int first_column = max(column - (int)size + (int)stride, 0) / (int)stride;
  float sum = 0.0f;
  for (int r = first_row; r < (int)rows && r * (int)stride <= row; r++) {
    for (int k = first_column; k < (int)columns && k * (int)stride <= column; k++) {
      const uint patch = ((n * rows + (uint)r) * columns + (uint)k) * channels + c;
      sum += AT(patches)[(patch * size + (uint)(row - r * (int)stride)) * size + (uint)(column - k * (int)stride)];
    }
  }
  AT(dx)[i] = sum;
}

/* (samples, a, b) to (samples, b, a). A work-item an element of the result. */
__kernel void net_swap(uint count, IN(float, from), OUT(float, to), uint a, uint b)
{
  WORK_ITEM(i);
  AT(to)[i] = AT(from)[(i / (a * b) * a + i % a) * b + i / a % b];
}

/* ---- losses: a row of `rows` is the loss of a sample and whether its answer is right ----------------------------------------- */

__kernel void net_softmax_loss(uint count, IN(float, logits), IN(int, labels), OUT(float, dlogits), OUT(float, rows),
                               uint classes)
{
  WORK_ITEM(n);
  __global const float *z = AT(logits) + n * classes;
  __global float *dz = AT(dlogits) + n * classes;
  const uint label = (uint)AT(labels)[n];
  uint best = 0;
  for (uint k = 1; k < classes; k++) {
    if (z[k] > z[best]) best = k;
  }
  float sum = 0.0f;
  for (uint k = 0; k < classes; k++) sum += exp(z[k] - z[best]);
  for (uint k = 0; k < classes; k++) {
    dz[k] = (exp(z[k] - z[best]) / sum - (k == label ? 1.0f : 0.0f)) / (float)count;
  }
  AT(rows)[2 * n] = log(sum) - (z[label] - z[best]);
  AT(rows)[2 * n + 1] = best == label ? 1.0f : 0.0f;
}

__kernel void net_sigmoid_loss(uint count, IN(float, logits), IN(float, labels), OUT(float, dlogits), OUT(float, rows))
{
  WORK_ITEM(n);
  const float z = AT(logits)[n], label = AT(labels)[n];
  const float small = exp(-fabs(z)); /* never overflows */
  const float probability = z >= 0.0f ? 1.0f / (1.0f + small) : small / (1.0f + small);
  AT(dlogits)[n] = (probability - label) / (float)count;
  AT(rows)[2 * n] = fmax(z, 0.0f) - z * label + log1p(small);
  AT(rows)[2 * n + 1] = (z > 0.0f) == (label > 0.5f) ? 1.0f : 0.0f;
}

/* One work-item: the order of the sum is always the same. totals: losses, right answers, samples. */
__kernel void net_loss_add(uint count, IN(float, rows), OUT(float, totals), uint samples)
{
  WORK_ITEM(i);
  float loss = 0.0f, right = 0.0f;
  for (uint n = 0; n < samples; n++) {
    loss += AT(rows)[2 * n];
    right += AT(rows)[2 * n + 1];
  }
  AT(totals)[0] += loss;
  AT(totals)[1] += right;
  AT(totals)[2] += (float)samples;
}

/* ---- optimizers --------------------------------------------------------------------------------------------------------------- */

__kernel void net_sgd(uint count, IN(float, gradient), OUT(float, value), OUT(float, velocity), float rate,
                      float momentum)
{
  WORK_ITEM(i);
  const float v = momentum * AT(velocity)[i] + AT(gradient)[i];
  AT(velocity)[i] = v;
  AT(value)[i] -= rate * v;
}

/* correction1 = 1 / (1 - beta1^t), and 2 likewise. */
__kernel void net_adam(uint count, IN(float, gradient), OUT(float, value), OUT(float, first), OUT(float, second),
                       float rate, float beta1, float beta2, float epsilon, float correction1, float correction2)
{
  WORK_ITEM(i);
  const float g = AT(gradient)[i];
  const float m = beta1 * AT(first)[i] + (1.0f - beta1) * g;
  const float v = beta2 * AT(second)[i] + (1.0f - beta2) * g * g;
  AT(first)[i] = m;
  AT(second)[i] = v;
  AT(value)[i] -= rate * (m * correction1) / (sqrt(v * correction2) + epsilon);
}

/* ---- recurrent cell: h, a, c are (samples, units); a row that is not active has ended ------------------------------------------- */

/* active is (steps, samples). */
__kernel void net_recurrent_active(uint count, IN(int, lengths), OUT(int, active), uint samples)
{
  WORK_ITEM(i);
  AT(active)[i] = (int)(i / samples) < AT(lengths)[i % samples];
}

__kernel void net_fill_int(uint count, OUT(int, y), uint value)
{
  WORK_ITEM(i);
  AT(y)[i] = (int)value;
}

__kernel void net_recurrent_step(uint count, IN(float, a), IN(float, c), IN(float, bias), IN(float, h),
                                 IN(int, active), OUT(float, next), uint units)
{
  WORK_ITEM(i);
  AT(next)[i] = AT(active)[i / units] ? tanh(AT(a)[i] + AT(c)[i] + AT(bias)[i % units]) : AT(h)[i];
}

/* dz is the gradient in front of tanh, rest what goes past the step. dnext and rest may be the same. */
__kernel void net_recurrent_step_backward(uint count, IN(float, next), IN(float, dnext), IN(int, active),
                                          OUT(float, dz), OUT(float, rest), uint units)
{
  WORK_ITEM(i);
  const float dh = AT(dnext)[i], y = AT(next)[i];
  const int is_active = AT(active)[i / units];
  AT(dz)[i] = is_active ? dh * (1.0f - y * y) : 0.0f;
  AT(rest)[i] = is_active ? 0.0f : dh;
}
