/* Inference from saved statistics: a layer is trained, what it has learned goes into a file, and another program (here
 * another layer) normalizes single samples with it.
 *
 * Four numbers a channel are all there is to save: gamma, beta, running mean, running variance. */
#include <clnorm/layer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { C = 3, POSITIONS = 16, BATCH = 32, STEPS = 100, SAMPLE = C * POSITIONS };

static const clnorm_layer_value saved[] = {CLNORM_VALUE_GAMMA, CLNORM_VALUE_BETA, CLNORM_VALUE_RUNNING_MEAN,
                                           CLNORM_VALUE_RUNNING_VAR};
enum { SAVED = sizeof saved / sizeof saved[0] };

static int fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, clnorm_last_error());
  return 1;
}

/* Channel c varies by 1 around 100 * c. */
static void fill(float *x, size_t samples)
{
  for (size_t i = 0; i < samples * SAMPLE; i++) {
    x[i] = 100.0f * (float)(i / POSITIONS % C) + 2.0f * (float)rand() / (float)RAND_MAX - 1.0f;
  }
}

static int train(clnorm_layer *layer)
{
  static float x[BATCH * SAMPLE], y[BATCH * SAMPLE];
  /* An optimizer would have trained these two. */
  const float gamma[C] = {1, 2, 3}, beta[C] = {0, 0.5f, 1};
  if (clnorm_layer_write(layer, CLNORM_VALUE_GAMMA, gamma, C) != CLNORM_SUCCESS ||
      clnorm_layer_write(layer, CLNORM_VALUE_BETA, beta, C) != CLNORM_SUCCESS) {
    return fail("write");
  }
  for (int step = 0; step < STEPS; step++) {
    fill(x, BATCH);
    if (clnorm_layer_forward(layer, BATCH, (clnorm_input){x, BATCH * SAMPLE}, (clnorm_output){y, BATCH * SAMPLE}) !=
        CLNORM_SUCCESS) {
      return fail("forward");
    }
  }
  return 0;
}

static int save(clnorm_layer *layer, FILE *file)
{
  for (int i = 0; i < SAVED; i++) {
    float values[C];
    if (clnorm_layer_read(layer, saved[i], values, C) != CLNORM_SUCCESS) {
      return fail("read");
    }
    if (fwrite(values, sizeof *values, C, file) != C) {
      perror("the file");
      return 1;
    }
  }
  return 0;
}

static int load(clnorm_layer *layer, FILE *file)
{
  rewind(file);
  for (int i = 0; i < SAVED; i++) {
    float values[C];
    if (fread(values, sizeof *values, C, file) != C) {
      fprintf(stderr, "the file is too short\n");
      return 1;
    }
    if (clnorm_layer_write(layer, saved[i], values, C) != CLNORM_SUCCESS) {
      return fail("write");
    }
    printf("saved:%10.4f%10.4f%10.4f\n", values[0], values[1], values[2]);
  }
  return 0;
}

/* One sample through the layer in mode infer: no batch is needed any more. */
static int infer(clnorm_layer *layer, const float *x, float *y)
{
  if (clnorm_layer_set_mode(layer, CLNORM_MODE_INFER) != CLNORM_SUCCESS ||
      clnorm_layer_forward(layer, 1, (clnorm_input){x, SAMPLE}, (clnorm_output){y, SAMPLE}) != CLNORM_SUCCESS) {
    return fail("inference");
  }
  return 0;
}

/* Both layers must give the same bits of one sample. */
static int use(clnorm_layer *trained, clnorm_layer *loaded)
{
  float x[SAMPLE], expected[SAMPLE], y[SAMPLE];
  FILE *file = tmpfile();
  if (file == NULL) {
    perror("a temporary file");
    return 1;
  }
  fill(x, 1);
  const int failed =
      train(trained) || save(trained, file) || load(loaded, file) || infer(trained, x, expected) || infer(loaded, x, y);
  fclose(file);
  if (failed) {
    return 1;
  }
  for (int c = 0; c < C; c++) {
    printf("channel %d: x %9.4f   y %9.4f\n", c, x[c * POSITIONS], y[c * POSITIONS]);
  }
  const int same = memcmp(y, expected, sizeof y) == 0;
  puts(same ? "the loaded layer gives the same bits as the trained one" : "the loaded layer gives something else");
  return same ? 0 : 1;
}

int main(void)
{
  clnorm_desc desc;
  clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  desc.rank = 3;
  desc.dims[0] = 1; /* only an example: each call tells its own */
  desc.dims[1] = C;
  desc.dims[2] = POSITIONS;
  clnorm_layer *trained = NULL;
  clnorm_layer *loaded = NULL;
  int ended = 1;
  if (clnorm_layer_create(&desc, &trained) != CLNORM_SUCCESS || clnorm_layer_create(&desc, &loaded) != CLNORM_SUCCESS) {
    fail("layer_create");
  } else {
    ended = use(trained, loaded);
  }
  clnorm_layer_destroy(loaded);
  clnorm_layer_destroy(trained);
  return ended;
}
