/* Which elements belong to which statistic: the library's walks against the reference's own rule, element by element,
 * and the numbers of shapes that are too large to walk. */
#include "geometry.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "problem.h"

static clnorm__geometry derive(clnorm_layout layout, uint32_t flags, uint32_t rank, const size_t *dims)
{
  clnorm_desc desc;
  clnorm__geometry geometry;
  desc_set(&desc, layout, flags, rank, dims);
  clnorm__geometry_derive(&desc, &geometry);
  return geometry;
}

/* Marks each element with its statistic, the way the walk says, and compares. */
static void check_walk(const clnorm_desc *desc)
{
  clnorm__geometry g;
  oracle o;
  clnorm__geometry_derive(desc, &g);
  oracle_shape(&o, desc);
  cr_assert(g.elements == o.elements && g.statistics == o.statistics && g.values == o.values &&
            g.parameters == o.statistics);
  uint64_t *owner = malloc(o.elements * sizeof *owner);
  cr_assert(owner != NULL);
  for (uint64_t i = 0; i < o.elements; i++) {
    owner[i] = UINT64_MAX;
  }
  uint64_t marked = 0;
  if (g.pattern == CLNORM__ROWS) {
    for (uint64_t c = 0; c < g.statistics; c++) {
      for (uint64_t segment = 0; segment < g.segments; segment++) {
        for (uint64_t j = 0; j < g.run; j++, marked++) {
          owner[c * g.statistic_stride + segment * g.segment_stride + j] = c;
        }
      }
    }
  } else {
    for (uint64_t row = 0; row < g.rows; row++) {
      for (uint64_t c = 0; c < g.columns; c++, marked++) {
        owner[row * g.columns + c] = c;
      }
    }
  }
  cr_assert(marked == o.elements);
  for (uint64_t i = 0; i < o.elements; i++) {
    cr_assert(owner[i] == oracle_statistic_of(&o, i), "%s: element %llu", desc_text(desc), (unsigned long long)i);
  }
  free(owner);
}

Test(geometry, every_element_belongs_to_the_statistic_of_its_channel)
{
  static const size_t dims[5] = {3, 4, 2, 5, 3};
  for (uint32_t rank = 2; rank <= 5; rank++) {
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      for (uint32_t flags = 0; flags <= CLNORM_PER_ACTIVATION; flags++) {
        clnorm_desc desc;
        desc_set(&desc, (clnorm_layout)layout, flags, rank, dims);
        check_walk(&desc);
      }
    }
  }
}

Test(geometry, the_case_table_is_walked_right)
{
  for (size_t i = 0; i < cases_count(); i++) {
    const oracle_case *c = cases_at(i);
    for (int layout = CLNORM_CHANNELS_FIRST; layout <= CLNORM_CHANNELS_LAST; layout++) {
      if ((c->suites & CASES_CHECK) && case_has_layout(c, (clnorm_layout)layout)) {
        clnorm_desc desc;
        cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
        case_apply(c, (clnorm_layout)layout, &desc);
        check_walk(&desc);
      }
    }
  }
}

Test(geometry, channels_first_walks_rows_and_channels_last_columns)
{
  static const size_t dims[4] = {2, 3, 4, 5};
  const clnorm__geometry rows = derive(CLNORM_CHANNELS_FIRST, 0, 4, dims);
  cr_assert(rows.pattern == CLNORM__ROWS && rows.segments == 2 && rows.run == 20 && rows.segment_stride == 60 &&
            rows.statistic_stride == 20);
  const clnorm__geometry columns = derive(CLNORM_CHANNELS_LAST, 0, 4, dims);
  cr_assert(columns.pattern == CLNORM__COLUMNS && columns.rows == 40 && columns.columns == 3);
  const clnorm__geometry activations = derive(CLNORM_CHANNELS_FIRST, CLNORM_PER_ACTIVATION, 4, dims);
  cr_assert(activations.pattern == CLNORM__COLUMNS && activations.rows == 2 && activations.columns == 60);
}

Test(geometry, runs_of_one_element_are_walked_as_columns)
{
  cr_assert(derive(CLNORM_CHANNELS_FIRST, 0, 2, (const size_t[]){70, 9}).pattern == CLNORM__COLUMNS);
  cr_assert(derive(CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){4, 9, 1, 1}).pattern == CLNORM__COLUMNS);
}

/* Counts past 2^31, 2^32 and 2^33: products of 32-bit numbers would have wrapped. */
Test(geometry, counts_beyond_32_bits_are_exact)
{
  const clnorm__geometry two31 = derive(CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){33, 64, 1024, 1024});
  cr_assert(two31.elements == UINT64_C(2214592512) && two31.segment_stride == UINT64_C(67108864) &&
            two31.values == UINT64_C(34603008));
  const clnorm__geometry two33 = derive(CLNORM_CHANNELS_FIRST, 0, 5, (const size_t[]){3, 2, 1290, 1291, 1292});
  cr_assert(two33.elements == UINT64_C(12910103280) && two33.run == UINT64_C(2151683880) &&
            two33.segment_stride == UINT64_C(4303367760));
  const clnorm__geometry columns = derive(CLNORM_CHANNELS_LAST, 0, 3, (const size_t[]){65536, 3, 65537});
  cr_assert(columns.rows == UINT64_C(4295032832) && columns.elements == UINT64_C(12885098496));
}

Test(geometry, a_zero_makes_the_tensor_empty_and_nothing_else)
{
  const clnorm__geometry g = derive(CLNORM_CHANNELS_FIRST, 0, 4, (const size_t[]){0, 3, 4, 5});
  cr_assert(g.elements == 0 && g.values == 0 && g.statistics == 3 && g.parameters == 3);
}
