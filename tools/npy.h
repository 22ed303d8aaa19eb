/* NumPy's .npy files: versions 1.0, 2.0 and 3.0, little-endian, C order, of the types f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8.
 * Format: numpy.lib.format in NumPy's documentation. */
#ifndef CLNORM_TOOLS_NPY_H
#define CLNORM_TOOLS_NPY_H

#include "array.h"

/* 1 if a file that begins with these bytes is a .npy file. */
int npy_recognize(const unsigned char *bytes, size_t count);

/* Reads the whole stream into the empty array. 0, or -1 with the stream's error set (then free the array). */
int npy_read(array *a, stream *s);

/* Writes version 1.0, little-endian, an array of CLNORM_F64 as f8, any other as f4. 0, or -1 with error->text set; a file cut short may then stay. */
int npy_write(const array *a, const char *path, file_error *error);

#endif
