#include "signatures.h"

#include <stddef.h>

#define ARG(name)                                 \
  {                                               \
    CLNORM__PARAMETER_OPERAND, CLNORM__ARG_##name \
  }
#define OPERAND(name)                                 \
  {                                                   \
    CLNORM__PARAMETER_OPERAND, CLNORM__OPERAND_##name \
  }
#define GEOMETRY(member)                                           \
  {                                                                \
    CLNORM__PARAMETER_GEOMETRY, offsetof(clnorm__geometry, member) \
  }
#define PLAN(member)                                      \
  {                                                       \
    CLNORM__PARAMETER_PLAN, offsetof(clnorm_plan, member) \
  }
#define STEP(member)                                       \
  {                                                        \
    CLNORM__PARAMETER_STEP, offsetof(clnorm__step, member) \
  }
#define STEP_32(member)                                       \
  {                                                           \
    CLNORM__PARAMETER_STEP_32, offsetof(clnorm__step, member) \
  }
#define CALL(member)                                       \
  {                                                        \
    CLNORM__PARAMETER_CALL, offsetof(clnorm__call, member) \
  }
#define NUMBER(member)                                      \
  {                                                         \
    CLNORM__PARAMETER_FLOAT, offsetof(clnorm__call, member) \
  }
#define END                  \
  {                          \
    CLNORM__PARAMETER_END, 0 \
  }

#define ROWS_GEOMETRY GEOMETRY(segments), GEOMETRY(run), GEOMETRY(segment_stride), GEOMETRY(statistic_stride)

static const clnorm__parameter rows_train[] = {ARG(X),
                                               ARG(Y),
                                               ARG(GAMMA),
                                               ARG(BETA),
                                               ARG(RUNNING_MEAN),
                                               ARG(RUNNING_VAR),
                                               OPERAND(STORED_MEAN),
                                               OPERAND(STORED_INV_STD),
                                               ROWS_GEOMETRY,
                                               GEOMETRY(statistics),
                                               PLAN(stats_divisor),
                                               STEP_32(lanes),
                                               NUMBER(epsilon),
                                               NUMBER(weight),
                                               NUMBER(keep),
                                               END};

static const clnorm__parameter rows_backward[] = {ARG(X),
                                                  ARG(DY),
                                                  ARG(DX),
                                                  ARG(GAMMA),
                                                  ARG(DGAMMA),
                                                  ARG(DBETA),
                                                  OPERAND(CENTER),
                                                  OPERAND(SPREAD),
                                                  ROWS_GEOMETRY,
                                                  GEOMETRY(statistics),
                                                  STEP_32(lanes),
                                                  NUMBER(epsilon),
                                                  END};

static const clnorm__parameter rows_stats[] = {ARG(X),           OPERAND(PARTIALS),
                                               ROWS_GEOMETRY,    GEOMETRY(statistics),
                                               STEP(outer_tile), STEP(outer_tiles),
                                               STEP(inner_tile), PLAN(partials),
                                               STEP_32(lanes),   END};

static const clnorm__parameter rows_gradients[] = {
    ARG(X),           ARG(DY),           OPERAND(CENTER),  OPERAND(PARTIALS), ROWS_GEOMETRY,  GEOMETRY(statistics),
    STEP(outer_tile), STEP(outer_tiles), STEP(inner_tile), PLAN(partials),    STEP_32(lanes), END};

#define RUNS_AND_TILES \
  CALL(runs), GEOMETRY(run), GEOMETRY(statistics), STEP(outer_tile), STEP(outer_tiles), STEP(inner_tile), STEP_32(lanes)

static const clnorm__parameter rows_apply[] = {
    ARG(X),         ARG(Y),          ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), OPERAND(COEFFICIENTS),
    RUNS_AND_TILES, NUMBER(epsilon), END};

static const clnorm__parameter rows_dx[] = {
    ARG(X),         ARG(DY),         ARG(DX), ARG(GAMMA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), OPERAND(COEFFICIENTS),
    RUNS_AND_TILES, NUMBER(epsilon), END};

#define MATRIX_AND_TILES GEOMETRY(rows), GEOMETRY(columns), STEP(outer_tile), STEP(inner_tile), STEP(inner_tiles)

static const clnorm__parameter columns_stats[] = {ARG(X),         OPERAND(PARTIALS), MATRIX_AND_TILES,
                                                  PLAN(partials), STEP_32(lanes),    END};

static const clnorm__parameter columns_gradients[] = {
    ARG(X), ARG(DY), OPERAND(CENTER), OPERAND(PARTIALS), MATRIX_AND_TILES, PLAN(partials), STEP_32(lanes), END};

static const clnorm__parameter columns_apply[] = {ARG(X),
                                                  ARG(Y),
                                                  ARG(GAMMA),
                                                  ARG(BETA),
                                                  ARG(RUNNING_MEAN),
                                                  ARG(RUNNING_VAR),
                                                  OPERAND(COEFFICIENTS),
                                                  MATRIX_AND_TILES,
                                                  STEP_32(lanes),
                                                  NUMBER(epsilon),
                                                  END};

static const clnorm__parameter columns_dx[] = {ARG(X),
                                               ARG(DY),
                                               ARG(DX),
                                               ARG(GAMMA),
                                               ARG(RUNNING_MEAN),
                                               ARG(RUNNING_VAR),
                                               OPERAND(COEFFICIENTS),
                                               MATRIX_AND_TILES,
                                               STEP_32(lanes),
                                               NUMBER(epsilon),
                                               END};

#define MERGE_EXTENT GEOMETRY(values), GEOMETRY(statistics), STEP(outer_tile), PLAN(partials)

static const clnorm__parameter merge_stats[] = {OPERAND(PARTIALS), OPERAND(COEFFICIENTS), ARG(RUNNING_MEAN),
                                                ARG(RUNNING_VAR),  OPERAND(STORED_MEAN),  OPERAND(STORED_INV_STD),
                                                MERGE_EXTENT,      PLAN(stats_divisor),   NUMBER(epsilon),
                                                NUMBER(weight),    NUMBER(keep),          END};

static const clnorm__parameter merge_gradients[] = {
    OPERAND(PARTIALS), OPERAND(COEFFICIENTS), ARG(GAMMA),   ARG(DGAMMA),     ARG(DBETA),
    OPERAND(CENTER),   OPERAND(SPREAD),       MERGE_EXTENT, NUMBER(epsilon), END};

const clnorm__parameter *clnorm__signature(clnorm__role role)
{
  static const clnorm__parameter *const signatures[CLNORM__ROLE_COUNT] = {
#define SIGNATURE(name, kernel) [CLNORM__##name] = kernel,
      CLNORM__ROLE_TABLE(SIGNATURE)
#undef SIGNATURE
  };
  return signatures[role];
}
