#include "choice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "variants.h"

void clnorm__choice_clear(clnorm__choice *choice)
{
  choice->variant = NULL;
  for (size_t i = 0; clnorm__tunable_at(i) != NULL; i++) {
    clnorm__tunable_set(&choice->parameters, clnorm__tunable_at(i), CLNORM__UNUSED);
  }
}

int clnorm__number_read(const char *text, size_t length, uint64_t *value)
{
  uint64_t read = 0;
  if (length == 0 || (length > 1 && text[0] == '0')) {
    return 0;
  }
  for (size_t i = 0; i < length; i++) {
    const uint64_t digit = (uint64_t)(text[i] - '0');
    if (text[i] < '0' || text[i] > '9' || read > (UINT64_MAX - digit) / 10) {
      return 0;
    }
    read = read * 10 + digit;
  }
  *value = read;
  return 1;
}

static const clnorm__tunable *find_parameter(const char *name, size_t length)
{
  const clnorm__tunable *parameter;
  for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    if (strlen(parameter->name) == length && memcmp(parameter->name, name, length) == 0) {
      return parameter;
    }
  }
  return NULL;
}

static const char *read_parameter(const char *name, size_t length, const char *digits, size_t count,
                                  clnorm__engine engine, clnorm__choice *choice)
{
  const clnorm__tunable *parameter = find_parameter(name, length);
  uint64_t value;
  if (parameter == NULL) {
    return "unknown parameter";
  }
  if (!clnorm__tunable_is_used(parameter, engine)) {
    return "a parameter that this kind of device does not have";
  }
  if (clnorm__tunable_get(&choice->parameters, parameter) != CLNORM__UNUSED) {
    return "a parameter twice";
  }
  if (!clnorm__number_read(digits, count, &value) || clnorm__tunable_index(parameter, value) == parameter->count) {
    return "a value that is not allowed";
  }
  clnorm__tunable_set(&choice->parameters, parameter, value);
  return NULL;
}

const char *clnorm__choice_read(const char *text, size_t length, clnorm__engine engine, clnorm__choice *choice)
{
  const char *const end = text + length;
  const char *why = NULL;
  clnorm__choice_clear(choice);
  if (length == 0) {
    return "nothing";
  }
  for (const char *word = text; why == NULL;) {
    const char *stop = memchr(word, ' ', (size_t)(end - word));
    const size_t size = (size_t)((stop != NULL ? stop : end) - word);
    const char *equals = memchr(word, '=', size);
    if (equals != NULL) {
      const size_t name = (size_t)(equals - word);
      why = read_parameter(word, name, equals + 1, size - name - 1, engine, choice);
    } else if (word != text || (choice->variant = clnorm__variant_find(word, size)) == NULL) {
      why = word == text ? "unknown variant" : "a word that is no parameter";
    }
    if (stop == NULL) {
      break;
    }
    word = stop + 1;
  }
  return why;
}

size_t clnorm__choice_write(const char *variant, const clnorm__parameters *parameters, clnorm__engine engine,
                            char *text, size_t capacity)
{
  const clnorm__parameters *built_in = clnorm__parameters_built_in(engine);
  const clnorm__tunable *parameter;
  char whole[CLNORM__CHOICE_BYTES];
  size_t length = (size_t)snprintf(whole, sizeof whole, "%s", variant != NULL ? variant : "");
  for (size_t i = 0; (parameter = clnorm__tunable_at(i)) != NULL; i++) {
    const uint64_t value = clnorm__tunable_get(parameters, parameter);
    if (value != CLNORM__UNUSED && value != clnorm__tunable_get(built_in, parameter)) {
      length += (size_t)snprintf(whole + length, sizeof whole - length, "%s%s=%" PRIu64, length == 0 ? "" : " ",
                                 parameter->name, value);
    }
  }
  if (capacity != 0) {
    (void)snprintf(text, capacity, "%s", whole);
  }
  return length;
}
