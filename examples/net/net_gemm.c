/* The kit's one way to CLBlast's matrix product. */
#include "net_tensor.h"

/* After opencl.h, which says which version of OpenCL's headers is meant. */
#include <clblast_c.h>

static CLBlastTranspose transpose(net_factor factor)
{
  return factor.transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

void net_gemm(size_t rows, size_t columns, size_t inner, net_factor a, net_factor b, double beta, net_tensor *c,
              size_t c_offset, size_t c_stride)
{
  net_device *device = c->device;
  if (rows == 0 || columns == 0 || inner == 0 || !net_device_ok(device)) {
    return;
  }
  const CLBlastStatusCode status =
      CLBlastSgemm(CLBlastLayoutRowMajor, transpose(a), transpose(b), rows, columns, inner, 1.0f, a.tensor->memory,
                   a.tensor->offset + a.offset, a.stride, b.tensor->memory, b.tensor->offset + b.offset, b.stride,
                   (float)beta, c->memory, c->offset + c_offset, c_stride, &device->queue, NULL);
  if (status != CLBlastSuccess) {
    net_device_fail(device, "CLBlastSgemm of %zu x %zu x %zu failed with %d", rows, columns, inner, (int)status);
  }
}
