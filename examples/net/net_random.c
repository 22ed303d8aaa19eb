#include "net_random.h"

#include <Random123/philox.h>
#include <math.h>

void net_random_words(uint64_t seed, uint32_t stream, uint32_t call, uint32_t index, uint32_t words[4])
{
  const philox4x32_ctr_t counter = {{index, call, stream, 0}};
  const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  const philox4x32_ctr_t drawn = philox4x32(counter, key);
  for (int i = 0; i < 4; i++) {
    words[i] = drawn.v[i];
  }
}

static double unit(uint32_t bits) { return ((double)bits + 0.5) * 0x1p-32; }

double net_random_uniform(const net_device *device, uint32_t stream, uint32_t index)
{
  uint32_t words[4];
  net_random_words(device->seed, stream, 0, index, words);
  return unit(words[0]);
}

double net_random_normal(const net_device *device, uint32_t stream, uint32_t index)
{
  const double pi = 3.14159265358979323846;
  uint32_t words[4];
  net_random_words(device->seed, stream, 0, index, words);
  return sqrt(-2.0 * log(unit(words[0]))) * cos(2.0 * pi * unit(words[1]));
}

void net_random_order(const net_device *device, uint32_t stream, int32_t *order, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    order[i] = (int32_t)i;
  }
  for (size_t i = count; i > 1; i--) {
    const size_t other = (size_t)(net_random_uniform(device, stream, (uint32_t)i) * (double)i);
    const int32_t moved = order[i - 1];
    order[i - 1] = order[other];
    order[other] = moved;
  }
}

void net_random_fill_normal(net_tensor *tensor, uint32_t stream, uint32_t call, double mean, double deviation)
{
  const uint64_t seed = tensor->device->seed;
  NET_LAUNCH(tensor->device, "net_random_normal", tensor->count, net_t(tensor), net_f(mean), net_f(deviation),
             net_u(stream), net_u(call), net_u((uint32_t)seed), net_u(seed >> 32));
}
