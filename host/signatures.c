#include "signatures.h"

#include <stddef.h>

/* clang-format off */
#define ARG(name)        {CLNORM__PARAMETER_OPERAND, CLNORM__ARG_##name}
#define OPERAND(name)    {CLNORM__PARAMETER_OPERAND, CLNORM__OPERAND_##name}
#define GEOMETRY(member) {CLNORM__PARAMETER_GEOMETRY, offsetof(clnorm__geometry, member)}
#define PLAN(member)     {CLNORM__PARAMETER_PLAN, offsetof(clnorm_plan, member)}
#define STEP(member)     {CLNORM__PARAMETER_STEP, offsetof(clnorm__step, member)}
#define STEP_32(member)  {CLNORM__PARAMETER_STEP_32, offsetof(clnorm__step, member)}
#define DESC_32(member)  {CLNORM__PARAMETER_DESC_32, offsetof(clnorm_desc, member)}
#define NUMBER(member)   {CLNORM__PARAMETER_NUMBER, offsetof(clnorm__call, member)}
#define TENSOR(name)     ARG(name), {CLNORM__PARAMETER_STRIDES, CLNORM_TENSOR_##name}
#define AXES             {CLNORM__PARAMETER_AXES, 0}
#define END              {CLNORM__PARAMETER_END, 0}

#define ROWS_GEOMETRY    GEOMETRY(segments), GEOMETRY(run), GEOMETRY(segment_stride), GEOMETRY(statistic_stride), \
                         GEOMETRY(statistics)
#define ROWS_TILES       ROWS_GEOMETRY, STEP(outer_tile), STEP(outer_tiles), STEP(inner_tile)
#define COLUMNS_TILES    STEP(rows), STEP(columns), STEP(outer_tile), STEP(inner_tile), STEP(inner_tiles), \
                         GEOMETRY(repeat)
#define MERGE_EXTENT     GEOMETRY(values), PLAN(merged), STEP(outer_tile), PLAN(partials)
#define SAMPLES_GEOMETRY GEOMETRY(run), GEOMETRY(repeat), GEOMETRY(run_parameters), GEOMETRY(parameter_groups)
#define MATRICES         GEOMETRY(values), GEOMETRY(columns), GEOMETRY(run_parameters), GEOMETRY(parameter_groups), \
                         GEOMETRY(statistics), STEP(outer_tile), STEP(inner_tiles), PLAN(partials)
#define AVERAGING        NUMBER(epsilon), NUMBER(weight), NUMBER(keep)

/* One table a kernel, in the order of its parameters. */
#define TABLE(name) static const clnorm__parameter name[]

TABLE(rows_train) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                     OPERAND(STORED_MEAN), OPERAND(STORED_INV_STD), ROWS_GEOMETRY, PLAN(stats_divisor), STEP_32(lanes),
                     AVERAGING, NUMBER(alpha), END};

TABLE(rows_backward) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA),
                        ARG(DBETA), OPERAND(CENTER), OPERAND(SPREAD), ROWS_GEOMETRY, STEP_32(lanes), NUMBER(alpha),
                        END};

TABLE(rows_train_held) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                          ARG(MEAN), ARG(INV_STD), GEOMETRY(segments), GEOMETRY(run), GEOMETRY(segment_stride),
                          GEOMETRY(statistic_stride), PLAN(stats_divisor), AVERAGING, NUMBER(alpha), END};

TABLE(rows_backward_held) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA),
                             ARG(DGAMMA), ARG(DBETA), OPERAND(CENTER), OPERAND(SPREAD), GEOMETRY(segments),
                             GEOMETRY(run), GEOMETRY(segment_stride), GEOMETRY(statistic_stride), NUMBER(alpha), END};

TABLE(rows_train_flow) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                          OPERAND(STORED_MEAN), OPERAND(STORED_INV_STD), ROWS_GEOMETRY, STEP(outer_tile),
                          PLAN(stats_divisor), AVERAGING, NUMBER(alpha), END};

TABLE(rows_backward_flow) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA),
                             ARG(DGAMMA), ARG(DBETA), OPERAND(CENTER), OPERAND(SPREAD), ROWS_GEOMETRY,
                             STEP(outer_tile), NUMBER(alpha), END};

TABLE(rows_frozen) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA),
                      ARG(DBETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), OPERAND(PARTIALS), ROWS_TILES, PLAN(partials),
                      STEP_32(lanes), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(rows_stats) = {ARG(X), OPERAND(GIVEN_MEAN), OPERAND(GIVEN_INV_STD), OPERAND(PARTIALS), ROWS_TILES, PLAN(partials),
                     STEP_32(lanes), END};

TABLE(rows_gradients) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(GAMMA), ARG(BETA), OPERAND(CENTER), OPERAND(SPREAD),
                         OPERAND(COEFFICIENTS), OPERAND(PARTIALS), ROWS_TILES, PLAN(partials), STEP_32(lanes),
                         NUMBER(alpha), END};

TABLE(rows_apply) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                     OPERAND(COEFFICIENTS), ROWS_TILES, STEP_32(lanes), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(rows_dx) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN),
                  ARG(RUNNING_VAR), OPERAND(COEFFICIENTS), ROWS_TILES, STEP_32(lanes), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(columns_train) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                        OPERAND(STORED_MEAN), OPERAND(STORED_INV_STD), COLUMNS_TILES, PLAN(stats_divisor),
                        STEP_32(lanes), AVERAGING, NUMBER(alpha), END};

TABLE(columns_backward) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA),
                           ARG(DBETA), OPERAND(CENTER), OPERAND(SPREAD), COLUMNS_TILES, STEP_32(lanes),
                           NUMBER(alpha), END};

TABLE(columns_frozen) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA),
                         ARG(DBETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), OPERAND(PARTIALS), COLUMNS_TILES,
                         STEP(outer_tiles), PLAN(partials), GEOMETRY(columns), STEP_32(lanes), NUMBER(epsilon),
                         NUMBER(alpha), END};

TABLE(columns_stats) = {ARG(X), OPERAND(GIVEN_MEAN), OPERAND(GIVEN_INV_STD), OPERAND(PARTIALS), COLUMNS_TILES,
                        GEOMETRY(run_parameters), GEOMETRY(parameter_groups), STEP(outer_tiles), GEOMETRY(columns),
                        STEP_32(lanes), END};

TABLE(columns_gradients) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(GAMMA), ARG(BETA), OPERAND(CENTER), OPERAND(SPREAD),
                            OPERAND(COEFFICIENTS), OPERAND(PARTIALS), COLUMNS_TILES, STEP(outer_tiles),
                            GEOMETRY(columns), STEP_32(lanes), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(columns_apply) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                        OPERAND(COEFFICIENTS), COLUMNS_TILES, STEP_32(lanes), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(columns_dx) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN),
                     ARG(RUNNING_VAR), OPERAND(COEFFICIENTS), COLUMNS_TILES, STEP_32(lanes), NUMBER(epsilon),
                     NUMBER(alpha), END};

TABLE(merge_stats) = {OPERAND(PARTIALS), OPERAND(COEFFICIENTS), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                      OPERAND(STORED_MEAN), OPERAND(STORED_INV_STD), OPERAND(GIVEN_MEAN), OPERAND(GIVEN_INV_STD),
                      MERGE_EXTENT, PLAN(stats_divisor), AVERAGING, END};

TABLE(merge_gradients) = {OPERAND(PARTIALS), OPERAND(COEFFICIENTS), ARG(GAMMA), ARG(BETA), ARG(DGAMMA), ARG(DBETA),
                          OPERAND(CENTER), OPERAND(SPREAD), MERGE_EXTENT, DESC_32(activation), NUMBER(epsilon), END};

TABLE(samples_forward) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR),
                          ARG(MEAN), ARG(INV_STD), OPERAND(MOMENTS), SAMPLES_GEOMETRY, GEOMETRY(statistics),
                          STEP(outer_tile), PLAN(stats_divisor), DESC_32(op), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(samples_backward) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA),
                           ARG(DBETA), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), ARG(MEAN), ARG(INV_STD), OPERAND(PARTIALS),
                           SAMPLES_GEOMETRY, GEOMETRY(statistics), GEOMETRY(parameters), STEP(outer_tile),
                           PLAN(partials), DESC_32(op), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(samples_flow) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(MEAN), ARG(INV_STD), GEOMETRY(run),
                       GEOMETRY(statistics), STEP(outer_tile), DESC_32(op), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(samples_backward_flow) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA),
                                ARG(DGAMMA), ARG(DBETA), ARG(MEAN), ARG(INV_STD), OPERAND(PARTIALS), GEOMETRY(run),
                                GEOMETRY(statistics), STEP(outer_tile), PLAN(partials), DESC_32(op), NUMBER(epsilon),
                                NUMBER(alpha), END};

TABLE(samples_forward_held) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(MEAN), ARG(INV_STD),
                               OPERAND(MOMENTS), SAMPLES_GEOMETRY, GEOMETRY(statistics), STEP(outer_tile),
                               PLAN(stats_divisor), DESC_32(op), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(samples_backward_held) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA),
                                ARG(DGAMMA), ARG(DBETA), ARG(MEAN), ARG(INV_STD), OPERAND(PARTIALS), GEOMETRY(run),
                                GEOMETRY(run_parameters), GEOMETRY(parameter_groups), GEOMETRY(statistics),
                                GEOMETRY(parameters), STEP(outer_tile), PLAN(partials), DESC_32(op), NUMBER(epsilon),
                                NUMBER(alpha), END};

TABLE(samples_merge) = {OPERAND(PARTIALS), ARG(DGAMMA), ARG(DBETA), GEOMETRY(run_parameters),
                        GEOMETRY(parameter_groups), GEOMETRY(statistics), GEOMETRY(parameters), STEP(outer_tile),
                        STEP(inner_tile), STEP(inner_tiles), PLAN(partials), END};

TABLE(matrix_stats) = {OPERAND(PARTIALS), OPERAND(COEFFICIENTS), OPERAND(STORED_MEAN), OPERAND(STORED_INV_STD),
                       OPERAND(GIVEN_MEAN), OPERAND(GIVEN_INV_STD), OPERAND(MOMENTS), MATRICES, PLAN(stats_divisor),
                       DESC_32(activation), NUMBER(epsilon), END};

TABLE(matrix_gradients) = {OPERAND(PARTIALS), OPERAND(COEFFICIENTS), ARG(GAMMA), ARG(BETA), MATRICES,
                           DESC_32(activation), END};

TABLE(matrix_forward) = {ARG(X), ARG(RESIDUAL), ARG(Y), ARG(GAMMA), ARG(BETA), ARG(MEAN), ARG(INV_STD),
                         OPERAND(MOMENTS), COLUMNS_TILES, GEOMETRY(run_parameters), GEOMETRY(statistics),
                         PLAN(stats_divisor), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(matrix_backward) = {ARG(X), ARG(DY), ARG(RESIDUAL), ARG(DX), ARG(DRESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA),
                          ARG(DBETA), ARG(MEAN), ARG(INV_STD), OPERAND(PARTIALS), COLUMNS_TILES,
                          GEOMETRY(run_parameters), PLAN(partials), NUMBER(epsilon), NUMBER(alpha), END};

TABLE(merge_running) = {OPERAND(MOMENTS), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), GEOMETRY(statistics),
                        GEOMETRY(parameters), STEP(outer_tile), NUMBER(weight), NUMBER(keep), END};

TABLE(general_forward) = {TENSOR(X), TENSOR(Y), TENSOR(RESIDUAL), ARG(GAMMA), ARG(BETA), ARG(RUNNING_MEAN),
                          ARG(RUNNING_VAR), ARG(MEAN), ARG(INV_STD), OPERAND(MOMENTS), ARG(LENGTHS), AXES,
                          GEOMETRY(statistics), DESC_32(op), DESC_32(running_variance), AVERAGING,
                          DESC_32(activation), NUMBER(alpha), END};

TABLE(general_running) = {OPERAND(MOMENTS), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), AXES, GEOMETRY(statistics),
                          NUMBER(weight), NUMBER(keep), END};

TABLE(general_mask) = {TENSOR(Y), ARG(MASK), AXES, GEOMETRY(elements), STEP(outer_tile), END};

TABLE(general_moments) = {TENSOR(X), ARG(RUNNING_MEAN), ARG(RUNNING_VAR), ARG(MEAN), ARG(INV_STD), OPERAND(MOMENTS),
                          ARG(LENGTHS), AXES, GEOMETRY(statistics), DESC_32(op), NUMBER(epsilon), END};

TABLE(general_parameters) = {TENSOR(X), TENSOR(DY), TENSOR(RESIDUAL), ARG(GAMMA), ARG(BETA), ARG(DGAMMA), ARG(DBETA),
                             OPERAND(MOMENTS), ARG(LENGTHS), ARG(MASK), AXES, GEOMETRY(statistics), DESC_32(flags),
                             DESC_32(activation), NUMBER(alpha), END};

TABLE(general_dx) = {TENSOR(X), TENSOR(DY), TENSOR(DX), TENSOR(RESIDUAL), TENSOR(DRESIDUAL), ARG(GAMMA), ARG(BETA),
                     OPERAND(MOMENTS), ARG(LENGTHS), ARG(MASK), AXES, GEOMETRY(statistics), DESC_32(op), DESC_32(flags),
                     DESC_32(activation), NUMBER(alpha), END};
/* clang-format on */

const clnorm__parameter *clnorm__signature(clnorm__role role)
{
  static const clnorm__parameter *const signatures[CLNORM__ROLE_COUNT] = {
#define SIGNATURE(name, kernel) [CLNORM__##name] = kernel,
      CLNORM__CL_ROLE_TABLE(SIGNATURE) CLNORM__ROLE_TABLE(SIGNATURE)
#undef SIGNATURE
  };
  return signatures[role];
}
