/* Which device a subcommand works on: --device, else $CLNORM_DEVICE, else the first GPU, else the first OpenCL device,
 * else the CPU backend. */
#ifndef CLNORM_TOOLS_DEVICE_CHOICE_H
#define CLNORM_TOOLS_DEVICE_CHOICE_H

#include <stddef.h>

/* CLNORM_HAVE_OPENCL comes from the build: 1 if the library has its OpenCL half. */
#if CLNORM_HAVE_OPENCL
#include <clnorm/opencl.h>
#endif

/* Said wherever no OpenCL device is found. */
#if CLNORM_HAVE_OPENCL
#define DEVICE_ADVICE "for an OpenCL device on any CPU: sudo apt-get install pocl-opencl-icd"
#else
#define DEVICE_ADVICE \
  "this build has no OpenCL: build with -DCLNORM_OPENCL=ON, then sudo apt-get install pocl-opencl-icd"
#endif

typedef struct device_choice {
  int number;       /* in the list of `clnorm devices`; -1: the CPU backend */
  char name[256];   /* of the device; "cpu (MODEL)" for the CPU backend */
  char driver[400]; /* platform, version and driver; "clnorm VERSION" for the CPU backend */
#if CLNORM_HAVE_OPENCL
  clnorm_cl_device device; /* if number >= 0 */
#endif
} device_choice;

/* Chooses and says on stderr what was chosen.
 *   selector   the text of --device, or NULL if it was not given
 * Returns EXIT_OK, or another exit code after a line on stderr: EXIT_USAGE if the selector fits no device. */
int device_choose(const char *selector, device_choice *choice);

/* As device_choose, but "all" gives every OpenCL device and then the CPU backend. Free *choices. */
int device_choose_several(const char *selector, device_choice **choices, size_t *count);

/* Every OpenCL device in the list's order and then the CPU backend, which is always there; says nothing unless it
 * fails. Free *choices. */
int device_list(device_choice **choices, size_t *count);

/* "0" or "cpu". */
const char *device_number_text(const device_choice *choice, char *text, size_t capacity);

#endif
