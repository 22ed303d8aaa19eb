#include "parameters.h"

#include <string.h>

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

#define VALUES_ROW(name, host, wide, lanes, ...) static const uint64_t name##_values[] = {__VA_ARGS__};
CLNORM__PARAMETER_TABLE(VALUES_ROW, CLNORM__UNUSED)
#undef VALUES_ROW

static const clnorm__tunable rows[] = {
#define PARAMETER_ROW(name, ...) \
  {#name, offsetof(clnorm__parameters, name), name##_values, sizeof name##_values / sizeof name##_values[0]},
    CLNORM__PARAMETER_TABLE(PARAMETER_ROW, CLNORM__UNUSED)
#undef PARAMETER_ROW
};

const clnorm__tunable *clnorm__tunable_at(size_t index)
{
  return index < sizeof rows / sizeof rows[0] ? &rows[index] : NULL;
}

uint64_t clnorm__tunable_get(const clnorm__parameters *parameters, const clnorm__tunable *parameter)
{
  uint64_t value;
  memcpy(&value, (const char *)parameters + parameter->offset, sizeof value);
  return value;
}

void clnorm__tunable_set(clnorm__parameters *parameters, const clnorm__tunable *parameter, uint64_t value)
{
  memcpy((char *)parameters + parameter->offset, &value, sizeof value);
}

int clnorm__tunable_is_used(const clnorm__tunable *parameter, clnorm__engine engine)
{
  return clnorm__tunable_get(clnorm__parameters_built_in(engine), parameter) != CLNORM__UNUSED;
}

size_t clnorm__tunable_index(const clnorm__tunable *parameter, uint64_t value)
{
  size_t index = 0;
  while (index < parameter->count && parameter->values[index] != value) {
    index++;
  }
  return index;
}
