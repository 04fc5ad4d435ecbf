/*
 * The programs that a shifted process starts have the shifted clock too:
 *
 * - Each gets LD_PRELOAD and CLOCK_SHIFT_SECONDS, also when whoever starts it gives it an environment of its own.
 * - A program written in Go asks the kernel's vDSO and not the C library. The page of code that the kernel maps into
 *   each process is private to it, so a helper writes another clock_gettime there before the first instruction runs: it
 *   traces the process until its execve is done (PTRACE_O_TRACEEXEC), writes, and lets go.
 *
 * The command `go` keeps the true time: its build cache removes what is older than some days. What a Go program starts
 * keeps it as well, because Go makes its own system calls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_VARIABLES 4096
#define VDSO_BYTES 8192
#define PRELOAD "LD_PRELOAD="
#define SHIFT "CLOCK_SHIFT_SECONDS="

extern char **environ;

static char preload[PATH_MAX + sizeof PRELOAD];
static char shift[64];
static long shift_seconds;

__attribute__((constructor)) static void read_variables(void) {
  const char *library = getenv("LD_PRELOAD"), *seconds = getenv("CLOCK_SHIFT_SECONDS");
  if (library == NULL || seconds == NULL) return;
  snprintf(preload, sizeof preload, PRELOAD "%s", library);
  snprintf(shift, sizeof shift, SHIFT "%s", seconds);
  shift_seconds = atol(seconds);
}

/* The environment with our two variables, in a place of the caller: a child of vfork must not change its parent's. */
static char **with_variables(char *const *from, char **to) {
  int count = 0, has_preload = 0, has_shift = 0;
  for (; from != NULL && from[count] != NULL && count < MAX_VARIABLES; count++) {
    to[count] = from[count];
    has_preload |= strncmp(from[count], PRELOAD, strlen(PRELOAD)) == 0;
    has_shift |= strncmp(from[count], SHIFT, strlen(SHIFT)) == 0;
  }
  if (preload[0] != '\0' && !has_preload) to[count++] = preload;
  if (preload[0] != '\0' && !has_shift) to[count++] = shift;
  to[count] = NULL;
  return to;
}

/* Whether the file has the note by which the Go linker marks what it makes. */
static int is_go(const char *path) {
  const char *name = strrchr(path, '/');
  Elf64_Ehdr head;
  int file, found = 0;
  if (strcmp(name == NULL ? path : name + 1, "go") == 0) return 0;
  if ((file = open(path, O_RDONLY | O_CLOEXEC)) < 0) return 0;
  if (pread(file, &head, sizeof head, 0) == sizeof head && memcmp(head.e_ident, ELFMAG, SELFMAG) == 0) {
    for (int i = 0; i < head.e_phnum && !found; i++) {
      Elf64_Phdr part;
      struct {
        Elf64_Nhdr head;
        char name[4];
      } note;
      if (pread(file, &part, sizeof part, head.e_phoff + i * sizeof part) != sizeof part) break;
      found = part.p_type == PT_NOTE && pread(file, &note, sizeof note, part.p_offset) == sizeof note &&
              note.head.n_namesz == 4 && memcmp(note.name, "Go", 3) == 0;
    }
  }
  close(file);
  return found;
}

#ifdef __x86_64__
/* The system call, then the shift for CLOCK_REALTIME, CLOCK_REALTIME_COARSE and CLOCK_TAI. */
static const unsigned char CODE[] = {
    0xb8, 0xe4, 0, 0, 0,              /* mov $228, %eax (clock_gettime) */
    0x0f, 0x05,                       /* syscall */
    0x85, 0xff,                       /* test %edi, %edi */
    0x74, 0x0a,                       /* je add */
    0x83, 0xff, 0x05,                 /* cmp $5, %edi */
    0x74, 0x05,                       /* je add */
    0x83, 0xff, 0x0b,                 /* cmp $11, %edi */
    0x75, 0x11,                       /* jne end */
    0x48, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0, /* add: movabs $shift, %rcx */
    0x85, 0xc0,                       /* test %eax, %eax */
    0x75, 0x03,                       /* jne end */
    0x48, 0x01, 0x0e,                 /* add %rcx, (%rsi) */
    0xc3,                             /* end: ret */
};
#define SHIFT_OFFSET 23

static unsigned long vdso_of(pid_t pid) {
  char path[64];
  Elf64_auxv_t entry;
  unsigned long address = 0;
  snprintf(path, sizeof path, "/proc/%d/auxv", pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  while (file >= 0 && read(file, &entry, sizeof entry) == sizeof entry && entry.a_type != AT_NULL)
    if (entry.a_type == AT_SYSINFO_EHDR) address = entry.a_un.a_val;
  if (file >= 0) close(file);
  return address;
}

/* Where in the vDSO the function begins; 0 when it is not there, or too short. */
static unsigned long find_function(const char *image) {
  const Elf64_Ehdr *head = (const Elf64_Ehdr *)image;
  const Elf64_Shdr *parts = (const Elf64_Shdr *)(image + head->e_shoff);
  for (int i = 0; i < head->e_shnum; i++) {
    if (parts[i].sh_type != SHT_DYNSYM) continue;
    const Elf64_Sym *symbols = (const Elf64_Sym *)(image + parts[i].sh_offset);
    const char *names = image + parts[parts[i].sh_link].sh_offset;
    for (unsigned k = 0; k < parts[i].sh_size / sizeof *symbols; k++)
      if (strcmp(names + symbols[k].st_name, "__vdso_clock_gettime") == 0 && symbols[k].st_size >= sizeof CODE)
        return symbols[k].st_value;
  }
  return 0;
}

static int write_clock(pid_t pid) {
  static char image[VDSO_BYTES];
  unsigned char code[sizeof CODE];
  char path[64];
  unsigned long vdso = vdso_of(pid), function;
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int memory = open(path, O_RDWR | O_CLOEXEC);
  if (vdso == 0 || memory < 0 || pread(memory, image, sizeof image, (off_t)vdso) <= 0) return 0;
  if ((function = find_function(image)) == 0) return 0;
  memcpy(code, CODE, sizeof code);
  memcpy(code + SHIFT_OFFSET, &shift_seconds, sizeof shift_seconds);
  return pwrite(memory, code, sizeof code, (off_t)(vdso + function)) == sizeof code;
}
#else
static int write_clock(pid_t pid) {
  (void)pid;
  return 0;
}
#endif

/* In the helper. A process whose clock cannot be shifted is killed: one with another clock would mislead its test. */
static void shift_after_exec(pid_t pid) {
  int status;
  while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
      if (!write_clock(pid)) {
        dprintf(STDERR_FILENO, "cannot shift the clock of process %d: this needs x86-64, /proc and ptrace\n", pid);
        kill(pid, SIGKILL);
      }
      ptrace(PTRACE_DETACH, pid, NULL, NULL);
      return;
    }
    ptrace(PTRACE_CONT, pid, NULL, (void *)(long)(status >> 16 == 0 ? WSTOPSIG(status) : 0));
  }
}

/* Starts a helper that waits for our execve. Its parent ends at once, so that no child is left to the program. */
static pid_t start_helper(void) {
  pid_t pid = getpid(), helper = -1, between;
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return -1;
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  between = fork();
  if (between == 0) {
    if (fork() != 0) _exit(0);
    pid_t self = getpid();
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACEEXEC) != 0) _exit(1);
    if (write(ready[1], &self, sizeof self) != sizeof self) _exit(1);
    shift_after_exec(pid);
    _exit(0);
  }
  close(ready[1]);
  while (between > 0 && waitpid(between, NULL, __WALL) < 0 && errno == EINTR) continue;
  if (read(ready[0], &helper, sizeof helper) != sizeof helper) helper = -1;
  close(ready[0]);
  return helper;
}

int execve(const char *path, char *const arguments[], char *const variables[]) {
  static int (*real)(const char *, char *const *, char *const *);
  char *completed[MAX_VARIABLES + 3];
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "execve");
  if (shift_seconds == 0 || !is_go(path)) return real(path, arguments, with_variables(variables, completed));
  pid_t helper = start_helper();
  if (helper < 0) {
    dprintf(STDERR_FILENO, "cannot shift the clock of %s: this needs ptrace: %s\n", path, strerror(errno));
    errno = EPERM;
    return -1;
  }
  real(path, arguments, with_variables(variables, completed));
  int reason = errno;
  kill(helper, SIGKILL);
  errno = reason;
  return -1;
}

/* As the C library looks for it, apart from a file without an interpreter, which nobody here starts. */
int execvpe(const char *name, char *const arguments[], char *const variables[]) {
  const char *folders = getenv("PATH");
  char path[PATH_MAX];
  int reason = ENOENT;
  if (strchr(name, '/') != NULL) return execve(name, arguments, variables);
  for (const char *next = folders == NULL ? "/bin:/usr/bin" : folders; next != NULL;) {
    const char *end = strchrnul(next, ':');
    snprintf(path, sizeof path, "%.*s%s%s", (int)(end - next), next, end == next ? "" : "/", name);
    if (access(path, F_OK) == 0) {
      execve(path, arguments, variables);
      if (errno != EACCES) return -1;
      reason = EACCES;
    }
    next = *end == '\0' ? NULL : end + 1;
  }
  errno = reason;
  return -1;
}

int execvp(const char *name, char *const arguments[]) { return execvpe(name, arguments, environ); }

int execv(const char *path, char *const arguments[]) { return execve(path, arguments, environ); }
