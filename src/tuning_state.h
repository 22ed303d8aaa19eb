/* The database of choices for one device: a list of problems with the choice that was measured to be the fastest for each.
 * A problem is a pass over one walk of memory, whatever descriptor led to it, so (32,64,56,56) and (32,64,3136) are one. */
#ifndef CLNORM_SRC_TUNING_STATE_H
#define CLNORM_SRC_TUNING_STATE_H

#include "choice.h"
#include "clnorm/tuning.h"
#include "plan.h"

typedef struct clnorm__problem {
  clnorm_op op;
  clnorm_pass pass;
  clnorm_dtype dtype;
  clnorm__pattern pattern;
  uint64_t counts[3]; /* rows: statistics, segments, run; columns: columns, rows, 1 */
} clnorm__problem;

/* What choices hold for. One line each, printable. */
typedef struct clnorm__identity {
  clnorm__engine engine;
  char device[256];
  char driver[256];
  uint64_t units; /* compute units; threads on the CPU backend */
} clnorm__identity;

typedef struct clnorm__tuned {
  clnorm__problem problem;
  clnorm__choice choice;
} clnorm__tuned;

#define CLNORM__MOST_TUNED 4096

struct clnorm_tuning {
  clnorm__identity identity;
  char *file; /* "" if the database is off */
  char problem[256];
  clnorm__tuned *list;
  size_t count, capacity;
};

/* ---- the object (tuning.c) -------------------------------------------------------------------------------------- */

/* Opens the database of a device; NULL if there is not the memory. */
clnorm_tuning *clnorm__tuning_open(const clnorm__identity *identity, const char *folder);

/* The choice for the plan's problem; NULL if there is none, or no database. The plan's descriptor, pass and geometry are set. */
const clnorm__choice *clnorm__tuning_find(const clnorm_tuning *tuning, const clnorm_plan *plan);

/* The database that plans of the CPU backend use, read at its first use in this process; NULL if there is not the memory. */
const clnorm_tuning *clnorm__tuning_of_host(void);

/* Keeps a choice. 0, or -1 if there is not the memory or no room. */
int clnorm__tuning_put(clnorm_tuning *tuning, const clnorm__problem *problem, const clnorm__choice *choice);

/* Copies text as one printable line without spaces at its ends. */
void clnorm__identity_text(char *to, size_t capacity, const char *from);

/* ---- its text (tuning_text.c) ----------------------------------------------------------------------------------- */

/* Fills an empty database from a file's text, all of it or nothing. Returns 0, or -1 with tuning->problem set. */
int clnorm__tuning_read(clnorm_tuning *tuning, const char *text, size_t length);

/* The file's text, to be freed; NULL if there is not the memory. */
char *clnorm__tuning_write(const clnorm_tuning *tuning, size_t *length);

/* FNV-1a over bytes, going on from `hash`; begin with CLNORM__HASH. */
#define CLNORM__HASH UINT64_C(0xcbf29ce484222325)
uint64_t clnorm__hash(uint64_t hash, const void *bytes, size_t count);

/* ---- its file (tuning_file.c) ----------------------------------------------------------------------------------- */

/* The device's file in a folder (NULL: the environment's), to be freed; "" if the database is off, NULL if there is not the
 * memory. */
char *clnorm__tuning_path(const clnorm__identity *identity, const char *folder);

/* Reads a whole file into memory to be freed. NULL with `why` empty if there is no such file, else with the reason. */
char *clnorm__file_read(const char *path, size_t *length, char *why, size_t capacity);

/* Writes a file anew beside the old one and puts it in its place. 0, or an errno. */
int clnorm__file_write(const char *path, const char *text, size_t length);

#endif
