#include "net_tensor.h"

#include <stdlib.h>
#include <string.h>

static size_t product(size_t rank, const size_t *shape)
{
  size_t count = 1;
  for (size_t i = 0; i < rank; i++) {
    count *= shape[i];
  }
  return count;
}

static void set_shape(net_tensor *tensor, size_t rank, const size_t *shape)
{
  memmove(tensor->shape, shape, rank * sizeof *shape);
  tensor->rank = rank;
  tensor->count = product(rank, shape);
}

net_tensor net_tensor_make(net_device *device, size_t rank, const size_t *shape)
{
  net_tensor tensor = {.device = device};
  const cl_uint zero = 0;
  cl_int status;
  set_shape(&tensor, rank, shape);
  if (!net_device_ok(device)) {
    return tensor;
  }
  tensor.capacity = tensor.count != 0 ? tensor.count : 1; /* a buffer of no bytes is an error in OpenCL */
  const size_t bytes = tensor.capacity * sizeof zero;
  tensor.memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &status);
  if (net_check_cl(device, status, "clCreateBuffer")) {
    net_check_cl(device, clEnqueueFillBuffer(device->queue, tensor.memory, &zero, sizeof zero, 0, bytes, 0, NULL, NULL),
                 "clEnqueueFillBuffer");
  }
  return tensor;
}

net_tensor net_vector(net_device *device, size_t count) { return net_tensor_make(device, 1, &count); }

net_tensor net_matrix(net_device *device, size_t rows, size_t columns)
{
  return net_tensor_make(device, 2, (size_t[]){rows, columns});
}

net_tensor net_tensor_from(net_device *device, size_t rank, const size_t *shape, const void *data)
{
  net_tensor tensor = net_tensor_make(device, rank, shape);
  net_tensor_upload(&tensor, data);
  return tensor;
}

void net_tensor_free(net_tensor *tensor)
{
  if (tensor->memory != NULL && tensor->capacity != 0) {
    clReleaseMemObject(tensor->memory);
  }
  memset(tensor, 0, sizeof *tensor);
}

void net_tensor_reserve(net_tensor *tensor, net_device *device, size_t rank, const size_t *shape)
{
  if (tensor->memory != NULL && tensor->capacity >= product(rank, shape)) {
    set_shape(tensor, rank, shape);
    return;
  }
  net_tensor made = net_tensor_make(device, rank, shape);
  net_tensor_free(tensor);
  *tensor = made;
}

net_tensor net_tensor_part(const net_tensor *tensor, size_t first, size_t count)
{
  net_tensor view = *tensor;
  view.capacity = 0;
  view.offset += first;
  set_shape(&view, 1, &count);
  return view;
}

net_tensor net_tensor_rows(const net_tensor *tensor, size_t first, size_t rows)
{
  size_t shape[NET_MAX_RANK];
  memcpy(shape, tensor->shape, sizeof shape);
  shape[0] = rows;
  net_tensor view = *tensor;
  view.capacity = 0;
  view.offset += first * net_tensor_width(tensor);
  set_shape(&view, tensor->rank, shape);
  return view;
}

net_tensor net_tensor_reshape(const net_tensor *tensor, size_t rank, const size_t *shape)
{
  net_tensor view = *tensor;
  view.capacity = 0;
  if (product(rank, shape) != tensor->count) {
    net_device_fail(tensor->device, "a tensor of %zu elements cannot be seen as one of %zu", tensor->count,
                    product(rank, shape));
    return view;
  }
  set_shape(&view, rank, shape);
  return view;
}

void net_tensor_upload(net_tensor *tensor, const void *data)
{
  const size_t size = sizeof(cl_uint);
  if (tensor->count != 0 && net_device_ok(tensor->device)) {
    net_check_cl(tensor->device,
                 clEnqueueWriteBuffer(tensor->device->queue, tensor->memory, CL_TRUE, tensor->offset * size,
                                      tensor->count * size, data, 0, NULL, NULL),
                 "clEnqueueWriteBuffer");
  }
}

void net_tensor_download(const net_tensor *tensor, void *data)
{
  const size_t size = sizeof(cl_uint);
  memset(data, 0, tensor->count * size);
  if (tensor->count != 0 && net_device_ok(tensor->device)) {
    net_check_cl(tensor->device,
                 clEnqueueReadBuffer(tensor->device->queue, tensor->memory, CL_TRUE, tensor->offset * size,
                                     tensor->count * size, data, 0, NULL, NULL),
                 "clEnqueueReadBuffer");
  }
}

void net_tensor_fill(net_tensor *tensor, double value)
{
  NET_LAUNCH(tensor->device, "net_fill", tensor->count, net_t(tensor), net_f(value));
}

void net_tensor_copy(const net_tensor *from, net_tensor *to)
{
  const size_t size = sizeof(cl_uint);
  if (from->count != to->count) {
    net_device_fail(from->device, "%zu elements cannot be copied to %zu", from->count, to->count);
  } else if (from->count != 0 && net_device_ok(from->device)) {
    net_check_cl(from->device,
                 clEnqueueCopyBuffer(from->device->queue, from->memory, to->memory, from->offset * size,
                                     to->offset * size, from->count * size, 0, NULL, NULL),
                 "clEnqueueCopyBuffer");
  }
}

void net_tensor_add(const net_tensor *from, net_tensor *to)
{
  NET_LAUNCH(from->device, "net_add", from->count, net_t(from), net_t(to));
}

size_t net_tensor_width(const net_tensor *tensor)
{
  return tensor->shape[0] == 0 ? product(tensor->rank - 1, tensor->shape + 1) : tensor->count / tensor->shape[0];
}

clnorm_buffer net_tensor_buffer(const net_tensor *tensor)
{
  return (clnorm_buffer){tensor->memory, tensor->offset, tensor->count};
}
