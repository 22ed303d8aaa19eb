/* In place of program_cache.c where the build found no xxHash: the cache is off, and says why. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "program_cache.h"

static const char reason[] = "this build has no cache, because xxHash was not found or CLNORM_CACHE=OFF";

clnorm_status clnorm__program_cache_open(clnorm__program_cache *cache, const clnorm_cl_device *device,
                                         const char *folder)
{
  (void)device;
  if (folder != NULL && strcmp(folder, "off") != 0) {
    return clnorm__fail(CLNORM_UNSUPPORTED, "folder: no cache of compiled programs here: %s", reason);
  }
  (void)snprintf(cache->state.off_reason, sizeof cache->state.off_reason, "%s", reason);
  return CLNORM_SUCCESS;
}

void clnorm__program_cache_close(clnorm__program_cache *cache) { (void)cache; }

cl_program clnorm__program_cache_load(clnorm__program_cache *cache, cl_context context, cl_device_id device,
                                      const clnorm__recipe *recipe)
{
  (void)cache, (void)context, (void)device, (void)recipe;
  return NULL;
}

void clnorm__program_cache_save(clnorm__program_cache *cache, const clnorm__recipe *recipe, cl_program program)
{
  (void)cache, (void)recipe, (void)program;
}
