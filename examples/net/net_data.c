#include "net_data.h"

#include <stdlib.h>
#include <string.h>

#include "net_random.h"

void net_data_make(net_data *data, net_device *device, size_t rank, const size_t *shape, const float *x,
                   const void *labels, const int32_t *lengths)
{
  memset(data, 0, sizeof *data);
  data->device = device;
  data->samples = shape[0];
  data->stream = net_device_stream(device);
  data->x = net_tensor_from(device, rank, shape, x);
  data->labels = net_tensor_from(device, 1, shape, labels);
  if (lengths != NULL) {
    data->lengths = net_tensor_from(device, 1, shape, lengths);
  }
  data->order = net_vector(device, shape[0]);
  data->host_order = malloc((shape[0] + 1) * sizeof *data->host_order);
  if (data->host_order == NULL) {
    net_device_fail(device, "out of memory for the order of %zu samples", shape[0]);
    return;
  }
  for (size_t i = 0; i < shape[0]; i++) {
    data->host_order[i] = (int32_t)i;
  }
  net_tensor_upload(&data->order, data->host_order);
}

void net_data_free(net_data *data)
{
  net_tensor *tensors[] = {&data->x,       &data->labels,       &data->lengths,      &data->order,
                           &data->batch_x, &data->batch_labels, &data->batch_lengths};
  for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
    net_tensor_free(tensors[i]);
  }
  free(data->host_order);
  data->host_order = NULL;
}

void net_data_shuffle(net_data *data)
{
  if (data->host_order != NULL) {
    net_random_order(data->device, net_device_stream(data->device), data->host_order, data->samples);
    net_tensor_upload(&data->order, data->host_order);
  }
}

static void gather(const net_data *data, const net_tensor *from, const net_tensor *rows, net_tensor *to)
{
  size_t shape[NET_MAX_RANK];
  if (from->memory == NULL) {
    return;
  }
  memcpy(shape, from->shape, sizeof shape);
  shape[0] = rows->count;
  net_tensor_reserve(to, data->device, from->rank, shape);
  NET_LAUNCH(data->device, "net_gather", to->count, net_t(from), net_t(rows), net_t(to), net_u(net_tensor_width(from)));
}

void net_data_batch(net_data *data, size_t first, size_t count)
{
  const net_tensor rows = net_tensor_part(&data->order, first, count);
  if (first + count > data->samples) {
    net_device_fail(data->device, "samples %zu to %zu of %zu", first, first + count, data->samples);
    return;
  }
  gather(data, &data->x, &rows, &data->batch_x);
  gather(data, &data->labels, &rows, &data->batch_labels);
  gather(data, &data->lengths, &rows, &data->batch_lengths);
}
