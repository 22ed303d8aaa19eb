/* The images of a user's folder of IDX files, by the names that MNIST and its successors use. */
#ifndef CLNORM_TOOLS_DIGITS_H
#define CLNORM_TOOLS_DIGITS_H

#include "array.h"

/* Reads train-images-idx3-ubyte or, if that is missing, t10k-images-idx3-ubyte, gzipped or not: (N, height, width).
 *   command   "check", for the message
 *   file      receives the file's name without the folder; may be NULL
 * Returns EXIT_OK, or another exit code after a line on stderr. Free *digits. */
int digits_load(const char *command, const char *folder, array *digits, char *file, size_t capacity);

#endif
