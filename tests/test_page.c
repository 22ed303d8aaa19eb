/* Text in HTML, and files that are there whole or not at all. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page.h"

static void expect_text(const char *text, const char *expected)
{
  char written[256] = "";
  FILE *file = fmemopen(written, sizeof written, "w");
  cr_assert(file != NULL);
  page_text(file, text);
  (void)fclose(file);
  cr_expect(strcmp(written, expected) == 0, "'%s' became '%s', expected '%s'", text, written, expected);
}

#define UNKNOWN "\xef\xbf\xbd"

Test(page, markup_is_escaped)
{
  expect_text("a < b & \"c\" > 'd'", "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
  expect_text("</title><script>x</script>", "&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;");
  expect_text("line\none\ttwo\x7f", "line one two ");
}

Test(page, only_utf_8_passes)
{
  expect_text("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xb2", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xb2");
  expect_text(
      "a\xff"
      "b",
      "a" UNKNOWN "b");
  expect_text("\xe2\x82", UNKNOWN UNKNOWN);
  expect_text(
      "\xc0\xbc"
      "script",
      UNKNOWN UNKNOWN "script");                        /* an overlong < */
  expect_text("\xe0\x80\xbc", UNKNOWN UNKNOWN UNKNOWN); /* another one */
  expect_text("\xed\xa0\x80", UNKNOWN UNKNOWN UNKNOWN); /* a surrogate */
  expect_text("\xf5\x80\x80\x80", UNKNOWN UNKNOWN UNKNOWN UNKNOWN);
}

static char folder[] = "/tmp/clnorm-page-XXXXXX";

static void enter(void)
{
  cr_assert(mkdtemp(folder) != NULL);
  cr_assert(chdir(folder) == 0);
}

static size_t entries(void)
{
  size_t count = 0;
  DIR *open = opendir(".");
  cr_assert(open != NULL);
  for (const struct dirent *found = readdir(open); found != NULL; found = readdir(open)) {
    count += found->d_name[0] != '.';
  }
  (void)closedir(open);
  return count;
}

static void leave(void)
{
  (void)unlink("report.html");
  (void)rmdir("taken");
  cr_assert(chdir("/") == 0);
  cr_expect(rmdir(folder) == 0, "something is left in %s", folder);
}

static const char *content(const char *path)
{
  static char text[64];
  FILE *file = fopen(path, "r");
  cr_assert(file != NULL);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  (void)fclose(file);
  return text;
}

Test(page, a_file_appears_when_it_is_done, .init = enter, .fini = leave)
{
  page p;
  struct stat found;
  (void)umask(022);
  cr_assert(page_check("report.html") == 0);
  cr_expect(entries() == 0, "the check left something behind");
  cr_assert(page_open(&p, "report.html") == 0);
  (void)fprintf(p.file, "new");
  cr_expect(access("report.html", F_OK) != 0);
  cr_assert(page_commit(&p) == 0);
  cr_expect(strcmp(content("report.html"), "new") == 0);
  cr_expect(entries() == 1);
  cr_assert(stat("report.html", &found) == 0);
  cr_expect((found.st_mode & 0777) == 0644, "mode %o", found.st_mode & 0777);
}

Test(page, a_failed_write_leaves_what_was_there, .init = enter, .fini = leave)
{
  page p;
  FILE *old = fopen("report.html", "w");
  cr_assert(old != NULL && fputs("old", old) >= 0 && fclose(old) == 0);
  cr_assert(page_open(&p, "report.html") == 0);
  cr_assert(freopen("/dev/full", "w", p.file) != NULL);
  (void)fprintf(p.file, "new");
  cr_expect(page_commit(&p) == -1 && errno == ENOSPC, "%s", strerror(errno));
  cr_expect(strcmp(content("report.html"), "old") == 0);
  cr_expect(entries() == 1, "a temporary file is left");
}

Test(page, devices_folders_and_missing_folders_are_refused, .init = enter, .fini = leave)
{
  page p;
  cr_assert(mkdir("taken", 0755) == 0);
  cr_expect(page_check("/dev/null") == -1 && errno == EINVAL);
  cr_expect(page_check("taken") == -1 && errno == EISDIR);
  cr_expect(page_check("missing/report.html") == -1 && errno == ENOENT);
  cr_expect(page_open(&p, "/dev/null") == -1);
  cr_expect(page_open(&p, "missing/report.html") == -1);
}
