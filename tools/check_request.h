/* What the user asked `clnorm check` for. */
#ifndef CLNORM_TOOLS_CHECK_REQUEST_H
#define CLNORM_TOOLS_CHECK_REQUEST_H

typedef struct check_request {
  char *device, *json, *data; /* NULL: not given */
  int quick;
  unsigned ops, types; /* a bit each: 1u << CLNORM_BATCH, 1u << CLNORM_F32 ... */
} check_request;

/* Returns OPTIONS_GO_ON or an exit code; free in any case. */
int check_request_read(int argc, const char **argv, check_request *request);
void check_request_free(check_request *request);

#endif
