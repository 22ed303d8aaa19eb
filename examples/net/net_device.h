/* The device that a network lives on: an OpenCL context and one in-order queue, clnorm's programs, the kit's own small
 * program, and the source of random numbers. Everything of the kit is float32 and stays on the device.
 *
 * Errors are kept, not returned: the first one is written to `error`, and from then on every call of the kit that would
 * enqueue or make something does nothing. So a whole training run is written without checks, and asked once:
 *
 *   net_device device;
 *   net_device_open(&device, NULL, 1);
 *   ... layers, models, steps ...
 *   if (!net_device_ok(&device)) fprintf(stderr, "%s\n", device.error);
 *   net_device_close(&device);
 *
 * One thread at a time a device. */
#ifndef CLNORM_EXAMPLES_NET_DEVICE_H
#define CLNORM_EXAMPLES_NET_DEVICE_H

#include <clnorm/opencl.h>
#include <stddef.h>
#include <stdint.h>

#define NET_KERNELS 48

typedef struct net_device {
  clnorm_cl_device info; /* name, memory, ... */
  cl_context context;
  cl_command_queue queue;
  clnorm_cl *cl;
  cl_program program; /* net_kernels.cl */
  cl_kernel kernels[NET_KERNELS];
  cl_uint kernel_count;
  uint64_t seed;
  uint32_t streams; /* of random numbers handed out since the seed was set */
  char error[512];  /* of the first call that failed; "" while all is well */
} net_device;

/* Opens the device that `selector` names by the rules of clnorm_cl_select_device; NULL or "": the first GPU, else the first
 * device. Compiles the kit's own program. The device's error tells what went wrong. Close it also after a failure.
 *   seed   of all random numbers, see net_device_seed */
void net_device_open(net_device *device, const char *selector, uint64_t seed);

/* Waits for the queue and releases all, with it what CLBlast has compiled. Tensors, layers, ... are released before. */
void net_device_close(net_device *device);

/* 1 while no call has failed. */
int net_device_ok(const net_device *device);

/* Records an error in the way of printf, unless there is one already. */
void net_device_fail(net_device *device, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the error, for a program that goes on with something else (a run that could not be done is one result of many).
 * What the failing call left behind is not to be used. */
void net_device_clear(net_device *device);

/* Records a failing status of clnorm or OpenCL under the name of the call; returns 1 if it is a success. */
int net_check(net_device *device, clnorm_status status, const char *call);
int net_check_cl(net_device *device, cl_int status, const char *call);

/* Starts the random numbers anew. The same seed, the same calls in the same order and the same device give the same bits. */
void net_device_seed(net_device *device, uint64_t seed);

/* A number that no other layer, initialization or data set has had since the seed was set. Random numbers are Philox4x32-10
 * of (seed, stream, call, index), the same on host and device. */
uint32_t net_device_stream(net_device *device);

/* Waits until the queue is empty. */
void net_device_finish(net_device *device);

/* ---- launching the kit's own kernels -------------------------------------------------------------------------- */

struct net_tensor;

/* An argument of a kernel of net_kernels.cl: a tensor is two arguments there, the buffer and the first element. */
typedef struct net_arg {
  const struct net_tensor *tensor; /* NULL: a number */
  int is_real;
  cl_float real;
  cl_uint whole;
} net_arg;

static inline net_arg net_t(const struct net_tensor *tensor) { return (net_arg){.tensor = tensor}; }
static inline net_arg net_f(double real) { return (net_arg){.is_real = 1, .real = (cl_float)real}; }
static inline net_arg net_u(size_t whole) { return (net_arg){.whole = (cl_uint)whole}; }

/* Enqueues `count` work-items of a kernel. `count` is its first argument, the others follow. */
void net_launch(net_device *device, const char *kernel, size_t count, const net_arg *args, size_t arg_count);
#define NET_LAUNCH(device, kernel, count, ...)                      \
  net_launch(device, kernel, count, (const net_arg[]){__VA_ARGS__}, \
             sizeof((const net_arg[]){__VA_ARGS__}) / sizeof(net_arg))

#endif
