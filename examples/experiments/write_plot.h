/* Pictures by gnuplot: a script that holds its numbers, and the SVG that it draws. */
#ifndef CLNORM_EXPERIMENTS_WRITE_PLOT_H
#define CLNORM_EXPERIMENTS_WRITE_PLOT_H

#include "results.h"

/* Writes FOLDER/NAME.gnuplot: medians of the seeds, with the range from the lower to the upper quartile. 0, or -1 with errno set. */
int write_plot_script(const results *r, const char *folder, const char *name);

typedef enum plot_outcome { PLOT_DRAWN = 0, PLOT_NO_GNUPLOT = 1, PLOT_FAILED = 2 } plot_outcome;

/* Runs gnuplot on FOLDER/NAME.gnuplot, which leaves FOLDER/NAME.svg. */
plot_outcome write_plot_draw(const char *folder, const char *name);

#endif
