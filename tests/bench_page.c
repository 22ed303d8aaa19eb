/* Checks a page of `clnorm bench --html`: its elements are closed in order, its text is escaped, it needs nothing from
 * outside, it has plots and every coordinate in them is a number.
 *   usage: bench_page FILE PLOTS
 * PLOTS: the least number of plots. Prints what is amiss and exits with 1. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 32
#define NAME 16

static int failures = 0;

static void fail(const char *what, const char *at)
{
  (void)fprintf(stderr, "%s: %.60s\n", what, at);
  failures++;
}

static char *read_whole(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    return NULL;
  }
  const long size = ftell(file);
  char *text = size < 0 ? NULL : malloc((size_t)size + 1);
  rewind(file);
  if (text != NULL) {
    text[fread(text, 1, (size_t)size, file)] = '\0';
  }
  (void)fclose(file);
  return text;
}

static const char *check_entity(const char *at)
{
  static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strncmp(at, known[i], strlen(known[i])) == 0) {
      return at + strlen(known[i]);
    }
  }
  fail("an & that is not escaped", at);
  return at + 1;
}

/* name="value" up to > or />; returns what follows the attribute, NULL at the end of the element. */
static const char *check_attribute(const char *at)
{
  at += strspn(at, " \n");
  if (*at == '>' || *at == '/') {
    return NULL;
  }
  const size_t name = strcspn(at, "= \n>/");
  if (strncmp(at + name, "=\"", 2) != 0) {
    fail("an attribute without a value in quotes", at);
    return NULL;
  }
  const char *value = at + name + 2;
  const size_t length = strcspn(value, "\"<");
  const int numeric = memchr("xycrdw", at[0], 6) != NULL && at[0] != 'c' ? name <= 2 : (name == 2 && at[0] == 'c');
  if (numeric || (name == 6 && strncmp(at, "points", 6) == 0)) {
    for (size_t i = 0; i < length; i++) {
      if (isalpha((unsigned char)value[i]) && strchr("MlzLHV", value[i]) == NULL) {
        fail("a coordinate that is no number", at);
        break;
      }
    }
  }
  if (value[length] != '"') {
    fail("an attribute that does not end", at);
    return NULL;
  }
  return value + length + 1;
}

typedef struct stack {
  char names[DEPTH][NAME];
  size_t depth;
  size_t plots;
} stack;

static const char *end_of(const char *at)
{
  const char *end = strchr(at, '>');
  return end != NULL ? end + 1 : at + strlen(at);
}

static const char *close_element(stack *open, const char *at)
{
  const size_t length = strcspn(at + 2, ">");
  if (open->depth == 0 || strlen(open->names[open->depth - 1]) != length ||
      strncmp(open->names[open->depth - 1], at + 2, length) != 0) {
    fail("an end without its beginning", at);
  } else {
    open->depth--;
  }
  return end_of(at);
}

static const char *open_element(stack *open, const char *at)
{
  const size_t length = strcspn(at + 1, " \n/>");
  const char *rest = at + 1 + length;
  if (length == 0 || length >= NAME || open->depth == DEPTH) {
    fail("no element", at);
    return at + 1;
  }
  for (const char *next = check_attribute(rest); next != NULL; next = check_attribute(rest)) {
    rest = next;
  }
  rest += strspn(rest, " \n");
  if (strncmp(rest, "/>", 2) != 0) {
    (void)snprintf(open->names[open->depth++], NAME, "%.*s", (int)length, at + 1);
  }
  if (strncmp(at, "<svg viewBox=\"0 0 5", 19) == 0) {
    open->plots += strstr(at, "role=\"img\" aria-label=\"") != NULL;
  }
  return end_of(rest);
}

static void check_elements(const char *text, size_t plots)
{
  stack open = {.depth = 0};
  const char *at = text;
  while (*at != '\0' && failures < 10) {
    if (strncmp(at, "<!DOCTYPE html>", 15) == 0 && at == text) {
      at += 15;
    } else if (strncmp(at, "</", 2) == 0) {
      at = close_element(&open, at);
    } else if (*at == '<') {
      at = open_element(&open, at);
    } else {
      at = *at == '&' ? check_entity(at) : at + 1;
    }
  }
  if (open.depth != 0) {
    fail("an element that is not closed", open.names[open.depth - 1]);
  }
  if (open.plots < plots) {
    (void)fprintf(stderr, "%zu plots, expected %zu\n", open.plots, plots);
    failures++;
  }
}

int main(int argc, char **argv)
{
  static const char *const foreign[] = {
      "<script", "http:", "https:", " src=", " href=", "url(", "@import", "\"nan", "\"inf", "-nan"};
  char *text = argc == 3 ? read_whole(argv[1]) : NULL;
  if (text == NULL) {
    (void)fprintf(stderr, "usage: bench_page FILE PLOTS\n");
    return 2;
  }
  check_elements(text, (size_t)atoi(argv[2]));
  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    const char *found = strstr(text, foreign[i]);
    if (found != NULL) {
      fail("what a page of its own has not", found);
    }
  }
  if (strncmp(text, "<!DOCTYPE html>", 15) != 0 || strstr(text, "</html>\n") == NULL) {
    fail("no whole page", text);
  }
  free(text);
  return failures == 0 ? 0 : 1;
}
