/* IDX files, the format of the MNIST digits: two zero bytes, the type, the rank, the dimensions as big-endian 32-bit
 * numbers, then the values, big-endian. Types u1 (0x08), i1 (0x09), i2 (0x0b), i4 (0x0c), f4 (0x0d), f8 (0x0e). */
#ifndef CLNORM_TOOLS_IDX_H
#define CLNORM_TOOLS_IDX_H

#include "array.h"

/* 1 if a file that begins with these bytes may be an IDX file. */
int idx_recognize(const unsigned char *bytes, size_t count);

/* Reads the whole stream into the empty array. 0, or -1 with the stream's error set (then free the array). */
int idx_read(array *a, stream *s);

#endif
