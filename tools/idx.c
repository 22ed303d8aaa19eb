#include "idx.h"

int idx_recognize(const unsigned char *bytes, size_t count) { return count >= 2 && bytes[0] == 0 && bytes[1] == 0; }

static int find_type(stream *s, unsigned code, element_type *type)
{
  static const struct {
    unsigned code;
    element_type type;
  } types[] = {
      {0x08, {'u', 1, 1}}, {0x09, {'i', 1, 1}}, {0x0b, {'i', 2, 1}},
      {0x0c, {'i', 4, 1}}, {0x0d, {'f', 4, 1}}, {0x0e, {'f', 8, 1}},
  };
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (types[i].code == code) {
      *type = types[i].type;
      return 0;
    }
  }
  return stream_fail(s, 2, "the type 0x%02x is no type of an IDX file; expected 08, 09, 0b, 0c, 0d or 0e", code);
}

int idx_read(array *a, stream *s)
{
  unsigned char lead[4];
  unsigned char bytes[4 * ARRAY_MAX_RANK];
  uint64_t dims[ARRAY_MAX_RANK] = {0};
  element_type type = {0};
  if (stream_read(s, lead, sizeof lead, "its magic number") != 0 || find_type(s, lead[2], &type) != 0) {
    return -1;
  }
  const int rank = lead[3];
  if (rank < 1 || rank > ARRAY_MAX_RANK) {
    return stream_fail(s, 3, "expected 1 to %d dimensions, got %d", ARRAY_MAX_RANK, rank);
  }
  if (stream_read(s, bytes, 4 * (size_t)rank, "its dimensions") != 0) {
    return -1;
  }
  for (int axis = 0; axis < rank; axis++) {
    const unsigned char *dim = bytes + 4 * axis;
    dims[axis] = (uint64_t)dim[0] << 24 | (uint64_t)dim[1] << 16 | (uint64_t)dim[2] << 8 | dim[3];
  }
  if (array_set_shape(a, s, 4, rank, dims, type) != 0) {
    return -1;
  }
  return array_read_elements(a, s, type);
}
