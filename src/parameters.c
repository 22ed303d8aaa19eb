#include "parameters.h"

static const clnorm__parameters host = {
#define HOST_ROW(name, host, wide, lanes, ...) .name = (host),
    CLNORM__PARAMETER_TABLE(HOST_ROW, CLNORM__UNUSED)
#undef HOST_ROW
};

static const clnorm__parameters wide = {
#define WIDE_ROW(name, host, wide, lanes, ...) .name = (wide),
    CLNORM__PARAMETER_TABLE(WIDE_ROW, CLNORM__UNUSED)
#undef WIDE_ROW
};

static const clnorm__parameters lanes = {
#define LANES_ROW(name, host, wide, lanes, ...) .name = (lanes),
    CLNORM__PARAMETER_TABLE(LANES_ROW, CLNORM__UNUSED)
#undef LANES_ROW
};

const clnorm__parameters *clnorm__parameters_built_in(clnorm__engine engine)
{
  switch (engine) {
    case CLNORM__ENGINE_HOST:
      return &host;
    case CLNORM__ENGINE_CL_WIDE:
      return &wide;
    case CLNORM__ENGINE_CL_LANES:
      break;
  }
  return &lanes;
}
