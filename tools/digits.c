#include "digits.h"

#include <stdio.h>

#include "message.h"

int digits_load(const char *command, const char *folder, array *digits, char *file, size_t capacity)
{
  static const char *const names[] = {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "t10k-images-idx3-ubyte",
                                      "t10k-images.idx3-ubyte"};
  file_error error = {{0}};
  char path[4096];
  for (size_t i = 0; i < 2 * (sizeof names / sizeof names[0]); i++) {
    const char *ending = i % 2 == 0 ? ".gz" : "";
    const int length = snprintf(path, sizeof path, "%s/%s%s", folder, names[i / 2], ending);
    FILE *there = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
    if (there == NULL) {
      continue;
    }
    (void)fclose(there);
    if (array_load(digits, CLNORM_F32, path, &error) != 0) {
      return complain(EXIT_USAGE, "%s: --data: %s", command, error.text);
    }
    if (digits->rank != 3 || digits->dims[0] < 2 || digits->count == 0) {
      char shape[200];
      return complain(EXIT_USAGE, "%s: --data: %s has the shape %s; expected (N, height, width)", command, path,
                      array_shape_text(digits, shape, sizeof shape));
    }
    if (file != NULL) {
      (void)snprintf(file, capacity, "%s%s", names[i / 2], ending);
    }
    return EXIT_OK;
  }
  return complain(EXIT_USAGE, "%s: --data %s: no train-images-idx3-ubyte (.gz or not) in this folder", command, folder);
}
