#include "guarded.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

guarded guarded_make(size_t bytes, guarded_side side)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t usable = (bytes + page - 1) / page * page;
  guarded made = {.bytes = bytes, .mapped = usable + page};
  if (bytes == 0) {
    return (guarded){0};
  }
  made.mapping = mmap(NULL, made.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  cr_assert(made.mapping != MAP_FAILED, "the test needs %zu bytes", made.mapped);
  char *const start = made.mapping;
  char *const forbidden = side == GUARDED_END ? start + usable : start;
  cr_assert(mprotect(forbidden, page, PROT_NONE) == 0);
  made.data = side == GUARDED_END ? start + usable - bytes : start + page;
  return made;
}

void guarded_free(guarded *memory)
{
  if (memory->mapping != NULL) {
    cr_assert(munmap(memory->mapping, memory->mapped) == 0);
  }
  *memory = (guarded){0};
}

/* ---- what a fault tells --------------------------------------------------------------------------------------- */

#define NAMES 16

static char explanation[256];
static struct {
  const guarded *memory;
  const char *name;
} names[NAMES];
static int named;

static void say(const char *text) { (void)!write(STDERR_FILENO, text, strlen(text)); }

static void on_fault(int number, siginfo_t *info, void *context)
{
  (void)context;
  say("access outside of ");
  for (int i = 0; i < named; i++) {
    const char *first = names[i].memory->mapping;
    if ((const char *)info->si_addr >= first && (const char *)info->si_addr < first + names[i].memory->mapped) {
      say(names[i].name);
    }
  }
  say(" in ");
  say(explanation);
  say("\n");
  (void)signal(number, SIG_DFL); /* the access is repeated, and ends the process */
}

void guarded_explain(const char *what)
{
  const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  (void)snprintf(explanation, sizeof explanation, "%s", what);
  named = 0;
  cr_assert(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
}

void guarded_name(const guarded *memory, const char *name)
{
  if (named < NAMES && memory->mapping != NULL) {
    names[named].memory = memory;
    names[named++].name = name;
  }
}

int guarded_dies(void (*call)(void *of), void *of)
{
  int state = 0;
  const pid_t child = fork();
  cr_assert(child >= 0);
  if (child == 0) {
    (void)signal(SIGSEGV, SIG_DFL);
    (void)signal(SIGBUS, SIG_DFL);
    (void)alarm(60);
    call(of);
    _exit(0);
  }
  cr_assert(waitpid(child, &state, 0) == child);
  return WIFSIGNALED(state) && (WTERMSIG(state) == SIGSEGV || WTERMSIG(state) == SIGBUS);
}
