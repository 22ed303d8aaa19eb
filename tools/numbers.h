/* Strict numbers from the command line: the whole text or nothing. */
#ifndef CLNORM_TOOLS_NUMBERS_H
#define CLNORM_TOOLS_NUMBERS_H

#include <stdint.h>

/* A decimal number in [least, most] such as "0.1" or "1e-5". No space, hexadecimal, infinity or NaN.
 * Returns NULL, or why not: "is empty", "is no number", "is out of its range". */
const char *parse_decimal(const char *text, double least, double most, double *value);

/* A whole number without sign. The same answers. */
const char *parse_whole(const char *text, uint64_t least, uint64_t most, uint64_t *value);

#endif
