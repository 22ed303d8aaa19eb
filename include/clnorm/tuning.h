/* clnorm's tuning: plans with a variant and parameters of the caller's choice, and a small database of choices that were
 * measured to be faster than the built-in ones. `clnorm tune` measures and writes it; docs/tuning.md tells its format.
 *
 * Nobody has to call anything here. clnorm_plan_create and clnorm_cl_create look for the database of their device by
 * themselves and take from it what it has for exactly the shape and pass of a plan; for anything else, and without a database,
 * the built-in table serves. A database that is broken, of another device, driver or version, or holds a value outside of
 * its range, is not used. Whatever stands in it, results stay within the same bounds.
 *
 * A choice is text: a variant, then parameters that differ from the built-in ones, "rows_split tasks_per_unit=4".
 */
#ifndef CLNORM_TUNING_H
#define CLNORM_TUNING_H

#include "clnorm/clnorm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Plans of the caller's choice --------------------------------------------------------------------------- */

/* The choice that no database has a say in. */
#define CLNORM_BUILT_IN "built-in"

/* As clnorm_plan_create, but for the choice.
 *   choice   NULL: as clnorm_plan_create chooses; CLNORM_BUILT_IN: as the built-in table does; else a choice, "variant
 *            parameter=value ...", in which each part may be missing
 * Errors: those of clnorm_plan_create; INVALID_ARGUMENT also for a choice that names something unknown or a value that is
 *         not allowed; UNSUPPORTED also if the variant cannot compute this pass of this shape. */
CLNORM_API clnorm_status clnorm_plan_create_with(const clnorm_desc *desc, clnorm_pass pass, const char *choice,
                                                 clnorm_plan **plan);

/* Who chose: "built-in", "tuned" (the database), "forced" (the caller). NULL: "". */
CLNORM_API const char *clnorm_plan_tuning(const clnorm_plan *plan);

/* Writes the plan's choice, by which clnorm_plan_create_with makes the same plan again.
 *   text   receives at most `capacity` bytes with the closing NUL; may be NULL if capacity is 0
 * Returns the length that the whole text has without the NUL. */
CLNORM_API size_t clnorm_plan_choice(const clnorm_plan *plan, char *text, size_t capacity);

/* Writes the choice of a plan that computes the same in another way: another variant, or one parameter that is one or two
 * steps away. All that differ from this plan are numbered from 0 on.
 * Returns the length of the text without the NUL; 0 past the last. */
CLNORM_API size_t clnorm_plan_neighbour(const clnorm_plan *plan, size_t index, char *text, size_t capacity);

/* ---- The database of one device ----------------------------------------------------------------------------- */

/* The choices for one device, by pass and shape. Opaque; for one thread at a time. */
typedef struct clnorm_tuning clnorm_tuning;

/* Reads the database of the CPU backend. One that cannot be used is no failure: it counts as empty, and
 * clnorm_tuning_problem tells why. The library itself reads it at a process's first plan.
 *   folder   NULL: $CLNORM_TUNING_DB, if that is "off" none; if it is unset or empty, clnorm/tuning in $XDG_CONFIG_HOME, or
 *            in $HOME/.config
 *   tuning   receives the database; untouched on failure. Release with clnorm_tuning_close.
 * Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
CLNORM_API clnorm_status clnorm_tuning_open(const char *folder, clnorm_tuning **tuning);

/* NULL is allowed. */
CLNORM_API void clnorm_tuning_close(clnorm_tuning *tuning);

/* The file that the choices were looked for in, whether or not there is one; "" if the database is off. */
CLNORM_API const char *clnorm_tuning_file(const clnorm_tuning *tuning);

/* How many choices there are. */
CLNORM_API size_t clnorm_tuning_count(const clnorm_tuning *tuning);

/* Why a file that is there was not used, "line 5: unknown variant"; "" if it was, or if there is none. */
CLNORM_API const char *clnorm_tuning_problem(const clnorm_tuning *tuning);

/* Keeps the plan's choice for its pass and shape, in place of one before; a plan whose choice is the built-in one removes
 * it. Plans that exist do not change.
 *   plan   of the database's device
 * Errors: INVALID_ARGUMENT (NULL, or a plan for another kind of device), OUT_OF_MEMORY (also above 4096 choices). */
CLNORM_API clnorm_status clnorm_tuning_keep(clnorm_tuning *tuning, const clnorm_plan *plan);

/* Writes the file, in whose place nobody ever sees half of it. Folders that are missing are made.
 * Errors: INVALID_ARGUMENT (NULL, the database is off, or the file cannot be written: last_error tells why),
 *         OUT_OF_MEMORY. */
CLNORM_API clnorm_status clnorm_tuning_save(const clnorm_tuning *tuning);

#ifdef __cplusplus
}
#endif
#endif
