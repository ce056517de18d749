/* What the bench's C programs share: raw terminal, pseudo-terminal, clock, and the talk with the bench over stdin and stdout.
   It knows no protocol. */

#ifndef KERMA_BENCH_COMMON_H
#define KERMA_BENCH_COMMON_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MOST 100000

static int64_t took_ns[MOST];

static inline void die(const char *words)
{
    perror(words);
    exit(1);
}

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Ends with the bench, however the bench ends. */
static inline void end_with_parent(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        die("prctl");
    if (getppid() == 1)
        exit(1);
}

/* 8N1, 115200 baud, every byte as it is. */
static inline void raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        die("tcgetattr");
    cfmakeraw(&t);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    cfsetspeed(&t, B115200);
    if (tcsetattr(fd, TCSANOW, &t) != 0)
        die("tcsetattr");
}

/* A pseudo-terminal: its name is printed, its master end returned. The other end is kept open here too, so that the line stays while contestants come and go. */
static inline int pseudo_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        die("pty");
    int held = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (held < 0)
        die("pty slave");
    raw(held);
    printf("%s\n", ptsname(master));
    fflush(stdout);
    return master;
}

/* The bench's next order: "WARM COUNT"; 0 at its end. */
static inline int next_window(int *warm, int *count)
{
    if (scanf("%d %d", warm, count) != 2)
        return 0;
    if (*warm < 0 || *count < 1 || *count > MOST) {
        fprintf(stderr, "WARM %d COUNT %d: COUNT is 1 to %d\n", *warm, *count, MOST);
        exit(1);
    }
    return 1;
}

static inline void tell(int count)
{
    for (int i = 0; i < count; i++)
        printf(i ? " %lld" : "%lld", (long long)took_ns[i]);
    printf("\n");
    fflush(stdout);
}

#endif
