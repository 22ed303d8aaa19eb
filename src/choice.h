/* A choice: which variant computes a plan, and parameters that differ from the built-in ones. As text, for people, files and
 * the public API: "rows_split tasks_per_unit=4 min_tile=8192". */
#ifndef CLNORM_SRC_CHOICE_H
#define CLNORM_SRC_CHOICE_H

#include "parameters.h"

typedef struct clnorm__choice {
  const char *variant;           /* of the table of variants; NULL: as that table decides */
  clnorm__parameters parameters; /* CLNORM__UNUSED: as built in */
} clnorm__choice;

/* Longest text of a choice: every parameter with a value of 20 digits. */
#define CLNORM__CHOICE_BYTES 1024

/* The choice that changes nothing. */
void clnorm__choice_clear(clnorm__choice *choice);

/* Reads `length` characters of text: [variant] {name=value}, one space between two words.
 * Returns NULL, or why it was refused; then *choice is not to be used. */
const char *clnorm__choice_read(const char *text, size_t length, clnorm__engine engine, clnorm__choice *choice);

/* Writes the text of a variant (NULL: none) with parameters, those that are built in left out; like snprintf. */
size_t clnorm__choice_write(const char *variant, const clnorm__parameters *parameters, clnorm__engine engine,
                            char *text, size_t capacity);

/* A number without sign or leading zeros that ends the text; 1 if it is one. */
int clnorm__number_read(const char *text, size_t length, uint64_t *value);

#endif
