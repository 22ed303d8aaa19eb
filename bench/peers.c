#include "peers.h"

#include <string.h>

const peer peers[] = {
#if CLNORM_HAVE_ONEDNN
    {"onednn", peer_open_onednn},
#endif
    {NULL, NULL},
};

const peer *peer_find(const char *name)
{
  for (const peer *p = peers; p->name != NULL; p++) {
    if (strcmp(p->name, name) == 0) {
      return p;
    }
  }
  return NULL;
}
