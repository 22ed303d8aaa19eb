#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The same limit as NumPy's own reader has. */
#define MAX_HEADER 10000

/* Data begins at a multiple of this many bytes. */
#define ALIGNMENT 64

/* The header is a Python dictionary literal; `at` walks over its text. */
typedef struct header {
  stream *s;
  uint64_t begin; /* the text's first byte in the file */
  const char *text;
  const char *at;
  const char *end;
} header;

int npy_recognize(const unsigned char *bytes, size_t count) { return count >= 4 && memcmp(bytes, magic, 4) == 0; }

/* ---- the header's words ------------------------------------------------------------------------------------- */

static uint64_t place(const header *h) { return h->begin + (uint64_t)(h->at - h->text); }

static int unexpected(header *h, const char *expected)
{
  if (h->at == h->end) {
    return stream_fail(h->s, place(h), "expected %s in the header, it ends there", expected);
  }
  const unsigned char c = (unsigned char)*h->at;
  return stream_fail(h->s, place(h), "expected %s in the header, got the byte 0x%02x", expected, c);
}

static void skip_spaces(header *h)
{
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\t' || *h->at == '\n' || *h->at == '\r')) {
    h->at++;
  }
}

static int accept(header *h, char wanted)
{
  skip_spaces(h);
  if (h->at < h->end && *h->at == wanted) {
    h->at++;
    return 1;
  }
  return 0;
}

static int read_string(header *h, char *text, size_t capacity, const char *expected)
{
  skip_spaces(h);
  if (h->at == h->end || (*h->at != '\'' && *h->at != '"')) {
    return unexpected(h, expected);
  }
  const char quote = *h->at++;
  size_t length = 0;
  while (h->at < h->end && *h->at != quote) {
    if (length + 1 == capacity || (unsigned char)*h->at < ' ' || (unsigned char)*h->at > '~') {
      return unexpected(h, expected);
    }
    text[length++] = *h->at++;
  }
  text[length] = '\0';
  return accept(h, quote) ? 0 : unexpected(h, "the closing quote");
}

static int read_word(header *h, const char *word)
{
  skip_spaces(h);
  const size_t length = strlen(word);
  if ((size_t)(h->end - h->at) >= length && memcmp(h->at, word, length) == 0) {
    h->at += length;
    return 1;
  }
  return 0;
}

/* ---- the three values --------------------------------------------------------------------------------------- */

static int read_type(header *h, element_type *type)
{
  char text[32];
  skip_spaces(h);
  const uint64_t at = place(h);
  if (h->at < h->end && *h->at == '[') {
    return stream_fail(h->s, at, "a structured type; expected one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8");
  }
  if (read_string(h, text, sizeof text, "a type such as '<f4'") != 0) {
    return -1;
  }
  static const char *const known[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (text[0] == '\0' || strcmp(text + 1, known[i]) != 0 || strchr("<>|=", text[0]) == NULL) {
      continue;
    }
    *type = (element_type){.kind = known[i][0], .size = (size_t)(known[i][1] - '0')};
    if (type->size > 1 && text[0] == '>') {
      return stream_fail(h->s, at, "big-endian values ('%s'); expected little-endian ones ('<%s')", text, known[i]);
    }
    if (type->size == 1 || text[0] == '<') {
      return 0;
    }
  }
  return stream_fail(h->s, at, "values of type '%s'; expected one of <f2 <f4 <f8 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8",
                     text);
}

static int read_order(header *h)
{
  skip_spaces(h);
  const uint64_t at = place(h);
  if (read_word(h, "False")) {
    return 0;
  }
  if (read_word(h, "True")) {
    return stream_fail(h->s, at, "Fortran order; expected C order (numpy.ascontiguousarray)");
  }
  return unexpected(h, "True or False");
}

static int read_dimension(header *h, uint64_t *dim)
{
  *dim = 0;
  if (h->at == h->end || *h->at < '0' || *h->at > '9') {
    return unexpected(h, "a dimension");
  }
  for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++) {
    const uint64_t digit = (uint64_t)(*h->at - '0');
    if (*dim > (UINT64_MAX - digit) / 10) {
      return stream_fail(h->s, place(h), "a dimension beyond 64 bits");
    }
    *dim = *dim * 10 + digit;
  }
  return 0;
}

static int read_shape(header *h, uint64_t dims[ARRAY_MAX_RANK], int *rank)
{
  *rank = 0;
  if (!accept(h, '(')) {
    return unexpected(h, "a shape such as (2, 3)");
  }
  while (!accept(h, ')')) {
    if (*rank == ARRAY_MAX_RANK) {
      return stream_fail(h->s, place(h), "expected at most %d dimensions, got more", ARRAY_MAX_RANK);
    }
    if (read_dimension(h, &dims[*rank]) != 0) {
      return -1;
    }
    (*rank)++;
    if (!accept(h, ',')) {
      /* Without its comma, (3) is a number and no tuple. */
      return *rank > 1 && accept(h, ')') ? 0 : unexpected(h, "a comma or the end of the shape");
    }
  }
  return 0;
}

/* ---- the whole header --------------------------------------------------------------------------------------- */

static int read_entry(header *h, array *a, element_type *type, unsigned *seen, uint64_t dims[ARRAY_MAX_RANK])
{
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  char key[32];
  unsigned which = 0;
  skip_spaces(h);
  const uint64_t at = place(h);
  if (read_string(h, key, sizeof key, "a key") != 0) {
    return -1;
  }
  while (which < 3 && strcmp(key, keys[which]) != 0) {
    which++;
  }
  if (which == 3 || (*seen >> which & 1u) != 0) {
    return stream_fail(h->s, at, "the key '%s' %s", key, which == 3 ? "is unknown" : "stands there twice");
  }
  *seen |= 1u << which;
  if (!accept(h, ':')) {
    return unexpected(h, "a colon");
  }
  switch (which) {
    case 0:
      return read_type(h, type);
    case 1:
      return read_order(h);
    default:
      return read_shape(h, dims, &a->rank);
  }
}

static int parse(header *h, array *a, element_type *type)
{
  unsigned seen = 0;
  uint64_t dims[ARRAY_MAX_RANK] = {0};
  if (!accept(h, '{')) {
    return unexpected(h, "a dictionary");
  }
  while (!accept(h, '}')) {
    if (read_entry(h, a, type, &seen, dims) != 0) {
      return -1;
    }
    if (!accept(h, ',')) {
      if (!accept(h, '}')) {
        return unexpected(h, "a comma or the end of the dictionary");
      }
      break;
    }
  }
  if (seen != 7) {
    return stream_fail(h->s, place(h), "the header lacks '%s'",
                       !(seen & 1) ? "descr" : (!(seen & 2) ? "fortran_order" : "shape"));
  }
  skip_spaces(h);
  if (h->at != h->end) {
    return unexpected(h, "its end");
  }
  return array_set_shape(a, h->s, h->begin, a->rank, dims, *type);
}

static int read_header_length(stream *s, size_t *length)
{
  unsigned char lead[8];
  unsigned char bytes[4] = {0};
  if (stream_read(s, lead, sizeof lead, "its magic and version") != 0) {
    return -1;
  }
  if (memcmp(lead, magic, sizeof magic) != 0) {
    return stream_fail(s, 0, "no .npy file: its magic is damaged");
  }
  if (lead[6] < 1 || lead[6] > 3 || lead[7] != 0) {
    return stream_fail(s, 6, "expected version 1.0, 2.0 or 3.0 of the format, got %d.%d", lead[6], lead[7]);
  }
  if (stream_read(s, bytes, lead[6] == 1 ? 2 : 4, "the length of its header") != 0) {
    return -1;
  }
  *length = bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
  if (*length > MAX_HEADER) {
    return stream_fail(s, 8, "the header claims %zu bytes; expected at most %d", *length, MAX_HEADER);
  }
  return 0;
}

int npy_read(array *a, stream *s)
{
  char text[MAX_HEADER];
  size_t length = 0;
  element_type type = {0};
  if (read_header_length(s, &length) != 0) {
    return -1;
  }
  header h = {.s = s, .begin = s->offset, .text = text, .at = text, .end = text + length};
  if (stream_read(s, text, length, "its header") != 0 || parse(&h, a, &type) != 0) {
    return -1;
  }
  return array_read_elements(a, s, type);
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* Returns the whole header's length. */
static size_t make_header(const array *a, char *text, size_t capacity)
{
  char shape[ARRAY_MAX_RANK * 24];
  const int length = snprintf(text + 10, capacity - 10, "{'descr': '<f%d', 'fortran_order': False, 'shape': %s, }",
                              a->type == CLNORM_F64 ? 8 : 4, array_shape_text(a, shape, sizeof shape));
  const size_t used = 10 + (size_t)length + 1;
  const size_t total = (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  memset(text + used - 1, ' ', total - used);
  text[total - 1] = '\n';
  memcpy(text, magic, sizeof magic);
  text[6] = 1;
  text[7] = 0;
  text[8] = (char)((total - 10) & 255);
  text[9] = (char)((total - 10) >> 8);
  return total;
}

/* The word that stands in the file: of a double, or of the float that any other type fits into. */
static uint64_t word_of(const array *a, size_t i)
{
  const double wide = array_get(a, i);
  const float narrow = (float)wide;
  uint64_t word = 0;
  uint32_t bits = 0;
  memcpy(&word, &wide, sizeof word);
  memcpy(&bits, &narrow, sizeof bits);
  return a->type == CLNORM_F64 ? word : bits;
}

static int write_values(const array *a, FILE *file)
{
  unsigned char bytes[8 * 4096];
  const size_t size = a->type == CLNORM_F64 ? 8 : 4;
  const size_t most = sizeof bytes / size;
  for (size_t done = 0; done < a->count;) {
    const size_t now = a->count - done < most ? a->count - done : most;
    for (size_t i = 0; i < now; i++) {
      const uint64_t word = word_of(a, done + i);
      for (size_t byte = 0; byte < size; byte++) {
        bytes[size * i + byte] = (unsigned char)(word >> (8 * byte));
      }
    }
    if (fwrite(bytes, size, now, file) != now) {
      return -1;
    }
    done += now;
  }
  return 0;
}

int npy_write(const array *a, const char *path, file_error *error)
{
  char text[512];
  FILE *file = fopen(path, "wbe");
  if (file == NULL) {
    return file_fail(error, path, "cannot be made: %s", strerror(errno));
  }
  const size_t length = make_header(a, text, sizeof text);
  int result = fwrite(text, 1, length, file) == length ? write_values(a, file) : -1;
  int cause = errno;
  if (fclose(file) != 0 && result == 0) {
    cause = errno;
    result = -1;
  }
  return result == 0 ? 0 : file_fail(error, path, "cannot be written: %s", strerror(cause));
}
