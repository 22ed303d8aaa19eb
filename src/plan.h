/* A plan: which steps compute one pass over one shape. Pure data, computed from geometry and capabilities alone; host/
 * enqueues its steps on OpenCL, cpu_execute.c runs them on the CPU.
 *
 * A step is one kernel (its role) over `tasks` independent tasks: work-groups on OpenCL, loop iterations on the CPU. A
 * task covers one tile of outer_tile x inner_tile:
 *
 *   role                        task index t                       outer             inner
 *   rows_train, rows_backward   t: group of `group` statistics     -                 -
 *   rows_stats, rows_gradients  t = statistic_group                segments          elements of a run
 *                                 + groups * (outer + outer_tiles * inner)
 *   rows_apply, rows_dx         OpenCL: as rows_stats              segments          elements of a run
 *                               CPU, runs > CLNORM__MATRIX_RUN: t = outer + outer_tiles * inner, outer of all runs
 *   columns_train,              t                                  all rows          columns
 *   columns_backward
 *   columns_*                   t = inner + inner_tiles * outer    rows              columns
 *   merge_*                     t                                  statistics, of merge_running parameters
 *   samples_forward,            t                                  statistics        -
 *   samples_backward,           columns: t = inner + inner_tiles * outer
 *   samples_*flow                                                  samples           columns
 *   rows_*_flow                 t                                  statistics        -
 *   *_held                      as without                         as without, with one statistic at a time
 *   samples_merge               t                                  parameters        statistics of samples_backward, of a
 *                                                                                    sample; inner_tiles: its partial results
 *   matrix_stats,               t                                  statistics        inner_tiles: tiles of a sample
 *   matrix_gradients
 *   matrix_forward,             t = inner + inner_tiles * outer    samples           columns
 *   matrix_backward
 *   general_*                   t: a statistic; of general_running and general_parameters a parameter, of general_mask
 *                               outer_tile words
 *
 * Partial results of a split: component k of statistic c from tile p (p = outer + outer_tiles * inner for rows, the outer
 * index for columns) lies at partials[(k * partials + p) * statistics + c].
 *   stats       OpenCL (float): count hi, count lo, sum hi, sum lo, M2 hi, M2 lo (M2 about the tile's own mean)
 *               CPU (double):   count, mean, M2
 *   gradients   OpenCL (float): sum g hi, lo, sum g*(x-mean) hi, lo, sum (x-mean) hi, lo
 *               CPU (double):   sum g, sum g*(x-mean), sum (x-mean)
 * Partial results of samples_backward, samples_backward_* and matrix_backward: component k of parameter p from task t at
 * partials[(k * partials + t) * parameters + p]; written where one of the task's statistics has that parameter.
 *               OpenCL (float): sum g*xh hi, lo, sum g hi, lo; behind all of them for each task with copied parameters gamma,
 *               beta and these four of each element of a run
 *               CPU (double):   sum g*xh, sum g
 *               of matrix_gradients the same at the first of each sample's tiles
 * Coefficients (float): number k of statistic c lies at coefficients[k * statistics + c]. mean is a float of it; what it has
 * not is in shift and c.
 *   forward     CPU: mean, scale, shift; OpenCL: mean hi, mean lo, inv_std      y = (x - mean) * scale + shift
 *   backward    mean, a, b, c                                                   dx = a * (g + ((x - mean) * b + c))
 *               CPU, with something fused, besides: scale, shift of z           g = dy * act'((x - mean) * scale + shift)
 *               OpenCL, with an activation, besides: shift; a is the scale of z. Number 1 is mean lo until merge_gradients has
 *               run: what merge_stats found that a saved mean has not, 0 where that does not matter.
 *   of matrices one for each column of each sample; a is inv_std, and gamma weighs g on its way to dx. */
#ifndef CLNORM_SRC_PLAN_H
#define CLNORM_SRC_PLAN_H

#include "arguments.h"
#include "capabilities.h"
#include "geometry.h"
#include "parameters.h"

/* X(NAME, kernel): what one step does; the kernel's name is the stem of its file in kernels/. First what only OpenCL has: of
 * samples that are matrices (channels-last) columns_* take each sample's own statistics, and matrix_* are their merges; *_flow, of
 * CPU devices, write statistics while they sum others; *_held read a tensor once where the work-items of a work-group can hold what a
 * statistic has of it. */
#define CLNORM__CL_ROLE_TABLE(X)                                                                                       \
  X(MATRIX_STATS, matrix_stats)         /* partials of columns_stats -> mean, inv_std, coefficients of each sample */  \
  X(MATRIX_GRADIENTS, matrix_gradients) /* partials of columns_gradients -> coefficients, partials of samples_merge */ \
  X(MATRIX_FORWARD, matrix_forward)     /* statistics and y of whole samples that are matrices */                      \
  X(MATRIX_BACKWARD, matrix_backward)   /* dx of these, and partial sums of dgamma and dbeta */                        \
  X(SAMPLES_FLOW, samples_flow)         /* samples_forward, a sample written while another is summed */                \
  X(SAMPLES_BACKWARD_FLOW, samples_backward_flow) /* dx of some written while others are summed */                     \
  X(ROWS_TRAIN_FLOW, rows_train_flow)             /* rows_train, a statistic written while the next is summed */       \
  X(ROWS_BACKWARD_FLOW, rows_backward_flow)                                                                            \
  X(ROWS_TRAIN_HELD, rows_train_held)                                                                                  \
  X(ROWS_BACKWARD_HELD, rows_backward_held)                                                                            \
  X(SAMPLES_FORWARD_HELD, samples_forward_held)                                                                        \
  X(SAMPLES_BACKWARD_HELD, samples_backward_held)

#define CLNORM__ROLE_TABLE(X)                                                                                          \
  X(ROWS_TRAIN, rows_train)         /* reduce and apply, statistics and coefficients on the way */                     \
  X(ROWS_BACKWARD, rows_backward)   /* sums, dgamma, dbeta and dx */                                                   \
  X(ROWS_FROZEN, rows_frozen)       /* the same with frozen statistics, of tiles too, in one sweep */                  \
  X(ROWS_STATS, rows_stats)         /* partial statistics of tiles */                                                  \
  X(ROWS_APPLY, rows_apply)         /* y from coefficients or from running statistics */                               \
  X(ROWS_GRADIENTS, rows_gradients) /* partial sums of tiles */                                                        \
  X(ROWS_DX, rows_dx)               /* dx from coefficients or from running statistics */                              \
  X(COLUMNS_TRAIN, columns_train)   /* the same seven walking columns */                                               \
  X(COLUMNS_BACKWARD, columns_backward)                                                                                \
  X(COLUMNS_FROZEN, columns_frozen)                                                                                    \
  X(COLUMNS_STATS, columns_stats)                                                                                      \
  X(COLUMNS_APPLY, columns_apply)                                                                                      \
  X(COLUMNS_GRADIENTS, columns_gradients)                                                                              \
  X(COLUMNS_DX, columns_dx)                                                                                            \
  X(MERGE_STATS, merge_stats)               /* partials -> mean, inv_std, running statistics, coefficients */          \
  X(MERGE_GRADIENTS, merge_gradients)       /* partials -> dgamma, dbeta, coefficients */                              \
  X(SAMPLES_FORWARD, samples_forward)       /* statistics and y of rows whose elements have parameters of their own */ \
  X(SAMPLES_BACKWARD, samples_backward)     /* dx, and partial sums of dgamma and dbeta */                             \
  X(SAMPLES_MERGE, samples_merge)           /* partials -> dgamma, dbeta */                                            \
  X(MERGE_RUNNING, merge_running)           /* running statistics from moments of several samples */                   \
  X(GENERAL_FORWARD, general_forward)       /* statistics and y of anything: see general.h */                          \
  X(GENERAL_RUNNING, general_running)       /* running statistics from those of several samples */                     \
  X(GENERAL_MASK, general_mask)             /* a bit an element: y > 0 */                                              \
  X(GENERAL_MOMENTS, general_moments)       /* mean as two numbers, inv_std, for the two below */                      \
  X(GENERAL_PARAMETERS, general_parameters) /* dgamma, dbeta */                                                        \
  X(GENERAL_DX, general_dx)                 /* dx, dresidual */

typedef enum clnorm__role {
#define CLNORM__ROLE_ENUM(name, kernel) CLNORM__##name,
  CLNORM__CL_ROLE_TABLE(CLNORM__ROLE_ENUM) CLNORM__ROLE_TABLE(CLNORM__ROLE_ENUM)
#undef CLNORM__ROLE_ENUM
      CLNORM__ROLE_COUNT
} clnorm__role;

/* The kernel's name, "rows_train". */
const char *clnorm__role_name(clnorm__role role);

/* 1 for the roles of the variant `general`. */
static inline int clnorm__role_is_general(clnorm__role role) { return role >= CLNORM__GENERAL_FORWARD; }

/* When a step is needed; decided by each call's arguments. */
typedef enum clnorm__when {
  CLNORM__ALWAYS = 0,
  CLNORM__WITHOUT_STATISTICS, /* backward, mean or inv_std not given: compute them from x */
  CLNORM__WITH_SUMS,          /* backward: batch statistics, or dgamma or dbeta asked for */
  CLNORM__WITHOUT_SUMS,       /* backward: dx or dresidual is asked for, and neither dgamma nor dbeta */
  CLNORM__WITH_RUNNING,       /* running_mean or running_var is given */
  CLNORM__WITH_PARAMETERS,    /* dgamma or dbeta is asked for */
  CLNORM__WITH_INPUTS         /* dx or dresidual is asked for */
} clnorm__when;

/* Whether neighbouring elements of a sample have the same parameter, as the kernels are told. */
typedef enum clnorm__sharing {
  CLNORM__OWN = 0, /* each its own */
  CLNORM__SHARED,  /* the same */
  CLNORM__COPIED   /* the same, and a task makes copies of it for them, and their sums apart: where they are few */
} clnorm__sharing;

/* How rows of columns that are no whole vectors are walked on OpenCL, as the kernels are told: see rows. */
typedef enum clnorm__folding {
  CLNORM__UNFOLDED = 0,
  CLNORM__FOLDED,
  CLNORM__PIECES /* element-wise: rows are longer than a tile; each piece is written in aligned vectors */
} clnorm__folding;

typedef struct clnorm__step {
  clnorm__role role;
  clnorm__when when;
  int from_running;       /* 1: coefficients come from the running statistics, not from the batch's */
  int stream;             /* 1: results go past the caches */
  clnorm__sharing shared; /* samples */
  int per_sample;         /* 1: columns: of each sample by itself; no tile has rows of two */
  int aligned; /* 1: OpenCL: all vectors are whole and aligned if the tensors are, so they are loaded at once */
  clnorm__folding folded;
  int owns_saved; /* 1: this step's mean and inv_std are the workspace's, whatever the caller gave */
  uint64_t tasks;
  uint64_t outer_tile, outer_tiles;
  uint64_t inner_tile, inner_tiles;
  /* columns: the matrix that is walked. Folded, reductions take several rows beside each other for one, in which each column
   * appears several times; element-wise steps take all rows of a tile for one, in which the columns repeat themselves. Rows in
   * pieces are not put together. */
  uint64_t rows, columns;
  uint32_t group; /* rows_train, rows_backward: statistics a task; columns: vectors of columns a work-item */
  uint32_t width; /* elements a vector */
  uint32_t local; /* work-items a work-group */
  uint32_t held;  /* *_held: vectors of each tensor that a work-item holds; else 0 */
  uint32_t lanes; /* of which so many lie side by side along the run or the columns; a power of two dividing local */
} clnorm__step;

/* Runs up to this length are columns of a matrix on the CPU backend: 16 statistics of them fit into one, and a run of its
 * own would spend more time on its ends than on its middle. */
#define CLNORM__MATRIX_RUN 64

/* Most columns of a matrix there. */
#define CLNORM__MATRIX_COLUMNS 1024

#define CLNORM__MAX_STEPS 6

/* Who chose variant and parameters: the built-in table, the database, the caller. */
typedef enum clnorm__chooser { CLNORM__BUILT_IN = 0, CLNORM__TUNED, CLNORM__FORCED } clnorm__chooser;

struct clnorm_plan {
  clnorm_desc desc;
  clnorm_pass pass;
  clnorm__geometry geometry;
  clnorm__engine engine;
  clnorm__capabilities capabilities; /* that it was made for */
  clnorm__chooser chooser;
  clnorm__parameters parameters; /* that it was made with */
  const char *variant;
  int num_steps;
  clnorm__step steps[CLNORM__MAX_STEPS];
  uint64_t merged;        /* statistics that merge_* make */
  uint64_t partials;      /* tiles a statistic */
  uint64_t stats_divisor; /* running_var = M2 / stats_divisor: n - 1 or n */
  /* Byte offsets into the caller's workspace. The four pieces never overlap. */
  uint64_t partials_offset;
  uint64_t coefficients_offset;
  uint64_t own_mean_offset; /* [statistics] float, then inv_std */
  uint64_t own_inv_std_offset;
  /* Numbers (float, for F64 double) of each statistic, number k of statistic s at k * statistics + s; 0: none. Training what running
   * ones follow: mean, variance, and of the variant `general` 1 (0: there are no values). Its backward passes: mean hi, mean lo,
   * inv_std. */
  uint64_t moments;
  uint64_t moments_offset;
  uint64_t workspace_size;
};

/* Validates and fills *plan. Errors: those of clnorm_plan_create, OUT_OF_MEMORY above capabilities->max_allocation. */
clnorm_status clnorm__plan_make(const clnorm_desc *desc, clnorm_pass pass, const clnorm__capabilities *capabilities,
                                clnorm_plan *plan);

/* The same with the text of a choice, as clnorm_plan_create_with takes it, and its errors. */
clnorm_status clnorm__plan_make_with(const clnorm_desc *desc, clnorm_pass pass, const char *choice,
                                     const clnorm__capabilities *capabilities, clnorm_plan *plan);

/* 1 if one of the plan's steps has the role. */
int clnorm__plan_has_role(const clnorm_plan *plan, clnorm__role role);

/* 1 if lines of results are gone from a cache of so many bytes before anyone reads them: then reading them first was in vain. */
int clnorm__plan_exceeds(const clnorm_plan *plan, uint64_t cache);

/* Elements beside each other that a step which walks rows takes as one piece, whose vectors do not reach into the next. */
uint64_t clnorm__step_piece(const clnorm__geometry *geometry, const clnorm__step *step);

/* 1 if a call with these arguments needs the step. */
int clnorm__step_needed(const clnorm_plan *plan, const clnorm__step *step, const clnorm__span spans[CLNORM__ARG_COUNT]);

#endif
