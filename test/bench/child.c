// The service of the benchmark: tiny, so that what is measured is its supervisor; it tells the time itself.

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Appends "NAME PID NANOSECONDS" of CLOCK_MONOTONIC: short enough that the lines of all children stay whole. */
static void tell(const char *path, const char *name) {
  struct timespec now;
  char line[256];
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  clock_gettime(CLOCK_MONOTONIC, &now);
  int length = snprintf(line, sizeof line, "%.200s %d %lld\n", name, (int)getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
  if (fd < 0 || write(fd, line, length) != length) _exit(2);
  close(fd);
}

/* A beat each second, at a moment of its own, so that a thousand of them do not come at once. */
static void beat(const char *path) {
  usleep(getpid() % 1000 * 1000);
  for (;; sleep(1)) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) futimens(fd, NULL), close(fd);
  }
}

/* Lines of 100 bytes, 64 KiB at a time. */
static void flood(long long bytes) {
  static char block[65536];
  for (size_t i = 0; i < sizeof block; i++) block[i] = i % 100 == 99 ? '\n' : 'a' + i % 26;
  while (bytes > 0) {
    ssize_t written = write(1, block, bytes < (long long)sizeof block ? (size_t)bytes : sizeof block);
    if (written <= 0) _exit(2);
    bytes -= written;
  }
}

static int lingering;
static void linger(int signal) {
  (void)signal;
  usleep(lingering * 1000);
  _exit(0);
}

/* child CLOCKS NAME [beat | flood BYTES | live MILLISECONDS | linger MILLISECONDS] */
int main(int argc, char **argv) {
  if (argc < 3) return 1;
  if (argc > 4 && !strcmp(argv[3], "linger")) {
    /* Takes that long to stop. */
    lingering = atoi(argv[4]);
    signal(SIGTERM, linger);
  }
  tell(argv[1], argv[2]);
  if (argc > 4 && !strcmp(argv[3], "flood")) {
    flood(atoll(argv[4]));
    tell(argv[1], argv[2]);
  }
  if (argc > 4 && !strcmp(argv[3], "live")) {
    /* Anything up to twice that, so that a thousand of them do not end at once. */
    usleep(getpid() % 1000 * (atoi(argv[4]) * 2));
    return 3;
  }
  const char *file = getenv("OPSD_HEARTBEAT_FILE");
  if (argc > 3 && !strcmp(argv[3], "beat") && file) beat(file);
  for (;;) pause();
}
