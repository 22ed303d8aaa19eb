#include "process.h"

#include <stdatomic.h>
#include <unistd.h>

#include "error.h"

clnorm_status clnorm__process_check(void)
{
  static atomic_long first_user;
  const long here = (long)getpid();
  long first = 0;
  if (!atomic_compare_exchange_strong(&first_user, &first, here) && first != here) {
    return clnorm__fail(
        CLNORM_FORKED,
        "process: %ld is a child of %ld, which used OpenCL before fork(); use it after exec(), or for the "
        "first time in the child",
        here, first);
  }
  return CLNORM_SUCCESS;
}
