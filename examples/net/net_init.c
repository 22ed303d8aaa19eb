#include "net_init.h"

#include <math.h>
#include <stdlib.h>

#include "net_random.h"

/* The deviation of a normal distribution, or half the width of a uniform one. */
static double extent(net_init init, size_t inputs, size_t outputs)
{
  const double scale = init.scale == 0.0 ? 1.0 : init.scale;
  switch (init.kind) {
    case NET_INIT_HE:
      return scale * sqrt(2.0 / (double)inputs);
    case NET_INIT_GLOROT:
      return scale * sqrt(6.0 / (double)(inputs + outputs));
    case NET_INIT_NORMAL:
    case NET_INIT_UNIFORM:
      return scale;
    case NET_INIT_ZERO:
      break;
  }
  return 0.0;
}

void net_init_fill(net_tensor *tensor, net_init init, size_t inputs, size_t outputs)
{
  net_device *device = tensor->device;
  const uint32_t stream = net_device_stream(device);
  const double width = extent(init, inputs, outputs);
  const int is_uniform = init.kind == NET_INIT_GLOROT || init.kind == NET_INIT_UNIFORM;
  float *values = malloc((tensor->count + 1) * sizeof *values);
  if (values == NULL) {
    net_device_fail(device, "out of memory for %zu initial values", tensor->count);
    return;
  }
  for (size_t i = 0; i < tensor->count; i++) {
    values[i] = (float)(width * (is_uniform ? 2.0 * net_random_uniform(device, stream, (uint32_t)i) - 1.0
                                            : net_random_normal(device, stream, (uint32_t)i)));
  }
  net_tensor_upload(tensor, values);
  free(values);
}
