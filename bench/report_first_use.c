#include "report_first_use.h"

#include "report_grid.h"

void report_first_use_print(FILE *file, const bench_record *records, size_t count)
{
  int headed = 0;
  for (size_t i = 0; i < count; i++) {
    const bench_record *record = &records[i];
    char name[160];
    char cold[32];
    char cached[32];
    if (record->outcome != RECORD_OK || record->first_use.cached <= 0.0) {
      continue;
    }
    if (!headed) {
      (void)fprintf(file,
                    "\nFirst use in a new process, to the end of the first run: compiled; with programs from the cache "
                    "on disk:\n");
      headed = 1;
    }
    (void)fprintf(file, "- %s %s: %s; %s\n", record_pass_name(record->pass),
                  record_case_text(record, 1, name, sizeof name),
                  report_time_text(record->first_use.compiled, cold, sizeof cold),
                  report_time_text(record->first_use.cached, cached, sizeof cached));
  }
}
