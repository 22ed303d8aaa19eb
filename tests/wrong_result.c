/* Loaded before the library (LD_PRELOAD), this makes the CPU backend wrong in one element of its tensor, to prove that
 * the benchmark sees it and gives no speed, and that the check sees it. */
#include <clnorm/clnorm.h>
#include <dlfcn.h>
#include <string.h>

typedef clnorm_status execute_function(const clnorm_plan *plan, const clnorm_args *args);

__attribute__((visibility("default"))) clnorm_status clnorm_execute(const clnorm_plan *plan, const clnorm_args *args)
{
  execute_function *real;
  void *symbol = dlsym(RTLD_NEXT, "clnorm_execute");
  /* ISO C has no conversion from void * to a function. */
  memcpy(&real, &symbol, sizeof real);
  const clnorm_status status = real(plan, args);
  float *tensor = args->y.data != NULL ? args->y.data : args->dx.data;
  if (status == CLNORM_SUCCESS && tensor != NULL) {
    tensor[1] += 0.01f;
  }
  return status;
}
