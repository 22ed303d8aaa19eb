#include "net_products.h"

/* After opencl.h, which says which version of OpenCL's headers is meant. */
#include <clblast_c.h>

/* Of XgemmDirect, which takes the small products: a tile's rows, columns and depth, elements a vector, steps unrolled. */
static void set_direct(net_device *device, size_t tile, size_t vector, size_t unroll)
{
  const char *names[] = {"WGD", "MDIMCD", "NDIMCD", "MDIMAD", "NDIMBD", "KWID", "VWMD", "VWND", "PADA", "PADB"};
  const size_t values[] = {tile, 8, 8, 8, 8, unroll, vector, vector, 0, 0};
  if (!net_device_ok(device)) {
    return;
  }
  const CLBlastStatusCode status = CLBlastOverrideParameters(device->info.device, "XgemmDirect", CLBlastPrecisionSingle,
                                                             sizeof values / sizeof values[0], names, values);
  if (status != CLBlastSuccess) {
    net_device_fail(device, "CLBlastOverrideParameters failed with %d", (int)status);
  }
}

void net_products_tune(net_device *device)
{
  /* Two tiles of 64 x 64 floats lie in local memory, and a little more. */
  if ((device->info.type & CL_DEVICE_TYPE_CPU) != 0 && device->info.local_memory >= 65536) {
    /* Measured on PoCL 3.1 (AVX-512): 64 x 128 x 784 takes 0.6 ms instead of 6 ms, 64 x 64 x 128 0.09 ms instead of 0.14 ms. */
    set_direct(device, 64, 8, 2);
  }
}

void net_products_shrink(net_device *device) { set_direct(device, 8, 1, 1); }
