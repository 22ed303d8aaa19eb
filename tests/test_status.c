/* Status codes and the sentence of the last error. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "clnorm/clnorm.h"
#include "error.h"

static const struct {
  int code;
  const char *name;
  const char *message;
} rows[] = {
#define ROW(code, name, message) {code, #name, message},
    CLNORM_STATUS_TABLE(ROW)
#undef ROW
};

#define ROWS (sizeof rows / sizeof rows[0])

Test(status, codes_names_and_messages_are_each_unique)
{
  for (size_t i = 0; i < ROWS; i++) {
    for (size_t j = i + 1; j < ROWS; j++) {
      cr_assert(rows[i].code != rows[j].code, "%s and %s share a code", rows[i].name, rows[j].name);
      cr_assert(strcmp(rows[i].name, rows[j].name) != 0, "%s stands twice", rows[i].name);
      cr_assert(strcmp(rows[i].message, rows[j].message) != 0, "%s and %s share a message", rows[i].name, rows[j].name);
    }
  }
}

Test(status, every_code_gives_its_name_and_message)
{
  for (size_t i = 0; i < ROWS; i++) {
    cr_assert_str_eq(clnorm_status_name((clnorm_status)rows[i].code), rows[i].name);
    cr_assert_str_eq(clnorm_status_message((clnorm_status)rows[i].code), rows[i].message);
  }
}

Test(status, success_is_zero) { cr_assert(CLNORM_SUCCESS == 0); }

Test(status, an_unknown_code_has_a_name_and_a_message_too)
{
  cr_assert_str_eq(clnorm_status_name((clnorm_status)9999), "UNKNOWN");
  cr_assert_str_eq(clnorm_status_name((clnorm_status)-1), "UNKNOWN");
  cr_assert(clnorm_status_message((clnorm_status)9999)[0] != '\0');
}

Test(status, last_error_is_empty_before_any_call_fails)
{
  clnorm_desc desc;
  cr_assert_str_eq(clnorm_last_error(), "");
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  cr_assert_str_eq(clnorm_last_error(), "");
}

Test(status, success_never_clears_the_last_error)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(NULL, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_INVALID_ARGUMENT);
  cr_assert(strstr(clnorm_last_error(), "desc") != NULL);
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_SUCCESS);
  cr_assert(strstr(clnorm_last_error(), "desc") != NULL);
}

Test(status, a_later_failing_call_replaces_the_sentence)
{
  clnorm_desc desc;
  cr_assert(clnorm_desc_init(NULL, sizeof desc, CLNORM_BATCH, CLNORM_PRESET_TORCH) == CLNORM_INVALID_ARGUMENT);
  cr_assert(clnorm_desc_init(&desc, sizeof desc, CLNORM_BATCH, (clnorm_preset)77) == CLNORM_INVALID_ARGUMENT);
  cr_assert(strstr(clnorm_last_error(), "preset") != NULL && strstr(clnorm_last_error(), "77") != NULL, "%s",
            clnorm_last_error());
}

Test(status, within_one_call_the_first_failure_wins)
{
  clnorm__error_begin();
  cr_assert(clnorm__fail(CLNORM_OVERLAP, "the cause, %d", 1) == CLNORM_OVERLAP);
  cr_assert(clnorm__fail(CLNORM_OPENCL_ERROR, "while cleaning up") == CLNORM_OPENCL_ERROR);
  cr_assert_str_eq(clnorm_last_error(), "the cause, 1");
}

Test(status, a_sentence_longer_than_its_room_is_cut_and_closed)
{
  static char longer[3 * CLNORM__ERROR_CAPACITY];
  memset(longer, 'a', sizeof longer - 1);
  clnorm__error_begin();
  (void)clnorm__fail(CLNORM_BUILD_FAILED, "%s", longer);
  cr_assert(strlen(clnorm_last_error()) == CLNORM__ERROR_CAPACITY - 1);
}

static void *fail_elsewhere(void *result)
{
  const int was_empty = clnorm_last_error()[0] == '\0';
  (void)clnorm_desc_init(NULL, 0, CLNORM_BATCH, CLNORM_PRESET_TORCH);
  *(int *)result = was_empty && clnorm_last_error()[0] != '\0';
  return NULL;
}

Test(status, each_thread_has_its_own_last_error)
{
  pthread_t thread;
  int other_is_right = 0;
  clnorm__error_begin();
  (void)clnorm__fail(CLNORM_OVERLAP, "mine");
  cr_assert(pthread_create(&thread, NULL, fail_elsewhere, &other_is_right) == 0);
  cr_assert(pthread_join(thread, NULL) == 0);
  cr_assert(other_is_right);
  cr_assert_str_eq(clnorm_last_error(), "mine");
}

Test(status, the_version_is_that_of_the_header)
{
  char text[32];
  (void)snprintf(text, sizeof text, "%d.%d.%d", CLNORM_VERSION_MAJOR, CLNORM_VERSION_MINOR, CLNORM_VERSION_PATCH);
  cr_assert_str_eq(clnorm_version(), text);
}
