/*
 * Another clock for a process and its children: LD_PRELOAD this library and set CLOCK_SHIFT_SECONDS, and the wall clock
 * reads so many seconds more (or fewer). Clocks that only count, and what the kernel writes to files, stay as they are.
 *
 * It is used instead of libfaketime, in whose epoll_wait a signal handler sees the true time: PostgreSQL's lock_timeout
 * and statement_timeout then set themselves again for the whole shift and never end a statement.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift_seconds;

__attribute__((constructor)) static void read_shift(void) {
  const char *text = getenv("CLOCK_SHIFT_SECONDS");
  if (text != NULL) shift_seconds = atol(text);
}

static int is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

/* Straight to the kernel: it may be called in a signal handler, and before anything is set up. */
int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (failed == 0 && is_wall_clock(clock)) now->tv_sec += shift_seconds;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != NULL) *seconds = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
  if (base != TIME_UTC) return 0;
  clock_gettime(CLOCK_REALTIME, now);
  return base;
}

/* The kernel waits by its own clock, so an end that was computed from ours is moved back. */
static struct timespec kernel_time(const struct timespec *end) {
  struct timespec moved = *end;
  /* A clock that counts from the start of the machine has not come so far; the wall clock has since 2001. */
  if (moved.tv_sec > 1000000000L) moved.tv_sec -= shift_seconds;
  return moved;
}

static void *next(const char *name, const char *version) {
  void *found = version == NULL ? NULL : dlvsym(RTLD_NEXT, name, version);
  if (found == NULL) found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict end) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  struct timespec moved = kernel_time(end);
  if (real == NULL) real = next("pthread_cond_timedwait", "GLIBC_2.3.2");
  return real(cond, mutex, &moved);
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, clockid_t clock,
                           const struct timespec *restrict end) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
  struct timespec moved = kernel_time(end);
  if (real == NULL) real = next("pthread_cond_clockwait", NULL);
  return real(cond, mutex, clock, &moved);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict end) {
  static int (*real)(pthread_mutex_t *, const struct timespec *);
  struct timespec moved = kernel_time(end);
  if (real == NULL) real = next("pthread_mutex_timedlock", NULL);
  return real(mutex, &moved);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict end) {
  static int (*real)(sem_t *, const struct timespec *);
  struct timespec moved = kernel_time(end);
  if (real == NULL) real = next("sem_timedwait", NULL);
  return real(semaphore, &moved);
}
