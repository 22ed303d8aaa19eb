/* The results of all experiments as Markdown, in blocks that docs/experiments.md takes over (update_docs.sh). */
#ifndef CLNORM_EXPERIMENTS_WRITE_RESULTS_H
#define CLNORM_EXPERIMENTS_WRITE_RESULTS_H

#include "write_page.h"

/* Writes FOLDER/results.md: the block `run` (device, driver), the block `verdicts` (a table of all) and a block of each
 * experiment's name, each between the lines "<!-- begin NAME -->" and "<!-- end NAME -->". 0, or -1 with errno set. */
int write_results(const page_view *view);

#endif
