/* Tensors: up to four axes of four-byte elements, dense, row-major, in a buffer on the device. float, where nothing else is
 * said; labels, indices and lengths are int32_t. */
#ifndef CLNORM_EXAMPLES_NET_TENSOR_H
#define CLNORM_EXAMPLES_NET_TENSOR_H

#include "net_device.h"

#define NET_MAX_RANK 4

typedef struct net_tensor {
  net_device *device;
  cl_mem memory;
  size_t offset;   /* of the first element in the buffer, in elements */
  size_t capacity; /* elements of an owner's buffer; 0: a view, which owns nothing */
  size_t rank;
  size_t shape[NET_MAX_RANK]; /* shape[0] is N where there are samples */
  size_t count;               /* product of the shape */
} net_tensor;

/* A tensor of zeros; release with net_tensor_free. shape has `rank` entries, 1 to 4. After a failure it has no memory. */
net_tensor net_tensor_make(net_device *device, size_t rank, const size_t *shape);
net_tensor net_vector(net_device *device, size_t count);
net_tensor net_matrix(net_device *device, size_t rows, size_t columns);

/* The same with what a host array holds: count elements of the tensor's type. */
net_tensor net_tensor_from(net_device *device, size_t rank, const size_t *shape, const void *data);

/* Releases an owner's memory; a tensor of zeros (a {0} one) and a view are allowed. */
void net_tensor_free(net_tensor *tensor);

/* Gives the tensor that shape, with other memory if there is too little: then it holds zeros. Makes one of a {0} one. */
void net_tensor_reserve(net_tensor *tensor, net_device *device, size_t rank, const size_t *shape);

/* Views, valid as long as the owner's memory: rows [first, first + rows) of axis 0; the same elements in another shape;
 * `count` elements from `first` on as a vector. */
net_tensor net_tensor_rows(const net_tensor *tensor, size_t first, size_t rows);
net_tensor net_tensor_reshape(const net_tensor *tensor, size_t rank, const size_t *shape);
net_tensor net_tensor_part(const net_tensor *tensor, size_t first, size_t count);

/* Copies all elements from or to the host; blocks. For data, results and tests: no step of training calls it. */
void net_tensor_upload(net_tensor *tensor, const void *data);
void net_tensor_download(const net_tensor *tensor, void *data); /* zeros after a failure */

/* Sets every element. */
void net_tensor_fill(net_tensor *tensor, double value);

/* Copies all elements; as many on both sides. */
void net_tensor_copy(const net_tensor *from, net_tensor *to);

/* to += from. */
void net_tensor_add(const net_tensor *from, net_tensor *to);

/* Elements of one sample: count / shape[0]. */
size_t net_tensor_width(const net_tensor *tensor);

/* For clnorm's calls. */
clnorm_buffer net_tensor_buffer(const net_tensor *tensor);

/* C = A * B + beta * C by CLBlast, row-major. A is rows x inner, B inner x columns, each of them given transposed if so
 * said; lda, ldb, ldc are the distances between rows as they lie in memory. */
typedef struct net_factor {
  const net_tensor *tensor;
  size_t offset; /* of the first element in the tensor */
  size_t stride; /* between rows */
  int transposed;
} net_factor;
void net_gemm(size_t rows, size_t columns, size_t inner, net_factor a, net_factor b, double beta, net_tensor *c,
              size_t c_offset, size_t c_stride);

#endif
