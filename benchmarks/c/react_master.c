/* The reaction bench's host in C: each tick it asks the safety unit for its status, waits one slot for the reply, looks at the door, and sends DISARM on a
   second connection when it is open. It keeps no state, judges nothing else, and is as near to the least that such a host must do as can be.

   react_master PORT PERIOD_US SLOT_US CPU PRIORITY (a priority of 0 asks for none) */

#include "common.h"
#include "crc32.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

static int status, stop;
static uint32_t sequence;

static int connected(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&there, sizeof there) || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
        die("connect");
    return fd;
}

/* Whatever replies are there, one that came after its slot too, so that no later one stands behind it. */
static void look(void)
{
    static const uint8_t disarm[12] = {0, 0, 0, 0, 0, 6, 1, 6, 2, 16, 0, 1};
    uint8_t in[512];
    ssize_t length = recv(status, in, sizeof in, MSG_DONTWAIT);
    for (ssize_t from = 0; from + 73 <= length; from += 73) {
        const uint8_t *block = in + from + 9;
        if (in[from + 7] != 23 || get32(block + 4) > sequence || crc32_of(block, 60) != get32(block + 60))
            continue;
        if ((get16(block + 18) & get16(block + 20) & 2) == 0 && send(stop, disarm, sizeof disarm, MSG_NOSIGNAL) < 0)
            die("disarm");
    }
}

int main(int argc, char **argv)
{
    end_with_parent();
    crc_prepare();
    if (argc != 6) {
        fprintf(stderr, "react_master PORT PERIOD_US SLOT_US CPU PRIORITY\n");
        return 2;
    }
    int priority = atoi(argv[5]);
    status = connected(atoi(argv[1])), stop = connected(atoi(argv[1]));
    int64_t period_ns = 1000 * atoll(argv[2]), slot_ns = 1000 * atoll(argv[3]);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(atoi(argv[4]), &cpus);
    struct sched_param param = {.sched_priority = priority};
    if (sched_setaffinity(0, sizeof cpus, &cpus) || (priority && sched_setscheduler(0, SCHED_FIFO, &param)) || mlockall(MCL_CURRENT | MCL_FUTURE))
        die("scheduling");
    uint8_t ask[33] = {0, 0, 0, 0, 0, 27, 1, 23, 1, 0, 0, 32, 2, 0, 0, 8, 16}, in[512];
    int64_t deadline = now_ns();
    for (;;) {
        deadline += period_ns;
        int64_t now = now_ns();
        if (deadline < now)
            deadline += (now - deadline) / period_ns * period_ns + period_ns;
        struct timespec at = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000}, slot = {.tv_nsec = slot_ns};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        look();
        put16(ask, (uint16_t)++sequence);
        put32(ask + 17, sequence);
        if (send(status, ask, sizeof ask, MSG_NOSIGNAL) < 0)
            die("ask");
        struct pollfd fds = {.fd = status, .events = POLLIN};
        if (ppoll(&fds, 1, &slot, NULL) < 0)
            die("wait");
        look();
        while (recv(stop, in, sizeof in, MSG_DONTWAIT) > 0)
            ;
    }
}
