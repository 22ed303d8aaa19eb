/* The program cache of one clnorm_cl: which folder, under which keys, and programs to and from bytes. A cache that fails is no
 * error: the program is compiled. In a build without xxHash program_cache_none.c stands in for it and keeps it off. */
#ifndef CLNORM_HOST_PROGRAM_CACHE_H
#define CLNORM_HOST_PROGRAM_CACHE_H

#include "cache_file.h"
#include "clnorm/opencl.h"

/* What one program is made from. */
typedef struct clnorm__recipe {
  const char **texts; /* in the order of the sources */
  size_t count;
  const char *kernel;
  const char *options;
} clnorm__recipe;

typedef struct clnorm__program_cache {
  clnorm__cache_bytes machine; /* the part of every key that tells device, driver and library */
  clnorm_cl_cache state;
} clnorm__program_cache;

/* Chooses the folder: as clnorm_cl_cache_use describes it. `folder` NULL: by the environment.
 * Errors: INVALID_ARGUMENT if a given folder cannot be one, UNSUPPORTED if it cannot be used here. */
clnorm_status clnorm__program_cache_open(clnorm__program_cache *cache, const clnorm_cl_device *device,
                                         const char *folder);
void clnorm__program_cache_close(clnorm__program_cache *cache);

/* The program from its file, built; NULL if it has to be compiled. Counts. */
cl_program clnorm__program_cache_load(clnorm__program_cache *cache, cl_context context, cl_device_id device,
                                      const clnorm__recipe *recipe);

/* Keeps a program that was compiled, for one device. */
void clnorm__program_cache_save(clnorm__program_cache *cache, const clnorm__recipe *recipe, cl_program program);

#endif
