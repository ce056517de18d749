/* The safety unit of the reaction bench, on Modbus TCP: a running exposure that it was given as blocks of registers, whose door opens when it is told to.
   It notes when the door's bit was set and when the frame that takes the beam off arrived; it guards nothing and judges nobody.

   react_device BLOCKS PERIOD_US: BLOCKS are the identity (30 registers at 0000), status (32 at 0100), slow (32 at 0120), active (30 at 0340) and history
   (108 at 0400) blocks, one behind the other. Prints its port; then for each line "WARM COUNT" of stdin opens the door so often, three to five periods
   apart at a moment of no tick, and prints the times. */

#include "common.h"
#include "crc32.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define CONNECTIONS 3
#define STATUS_AT 0x0100
#define DISARM_AT 0x0210
#define DOOR 2
#define RATE_1 2700
#define RATE_2 1350

struct block {
    int at, registers, offset;
};
static struct block blocks[] = {{0x0000, 30, 0}, {STATUS_AT, 32, 60}, {0x0120, 32, 124}, {0x0340, 30, 188}, {0x0400, 108, 248}};
static uint8_t registers[464], status[64];
static uint32_t echo;
static int64_t begun_ns, beam_ns, set_ns;

/* The status as it is now: the clocks go on, the counters count, the door is what it is. */
static void refresh(void)
{
    const uint8_t *base = registers + 60;
    int64_t now = now_ns(), ms = (now - beam_ns) / 1000000;
    memcpy(status, base, 64);
    uint32_t scan = get32(base) + (uint32_t)((now - begun_ns) / 1000000);
    put32(status, scan);
    put32(status + 4, echo);
    put32(status + 28, get32(base + 28) + (uint32_t)ms);
    put32(status + 32, get32(base + 32) + (uint32_t)(ms * RATE_1 / 1000));
    put32(status + 36, get32(base + 36) + (uint32_t)(ms * RATE_2 / 1000));
    put32(status + 40, get32(base + 40) + (uint32_t)((now - begun_ns) / 1000));
    put16(status + 58, (uint16_t)scan);
    if (set_ns)
        for (int at = 18; at <= 20; at += 2)
            put16(status + at, get16(status + at) & (uint16_t)~DOOR);
    put32(status + 60, crc32_of(status, 60));
}

static int reply(const uint8_t *pdu, uint8_t *out)
{
    int function = pdu[0], at = get16(pdu + 1), count = get16(pdu + 3);
    out[0] = (uint8_t)function;
    if (function == 6 || function == 16) {
        memcpy(out + 1, pdu + 1, 4);
        return 5;
    }
    if (function == 23)
        echo = get32(pdu + 10);
    if (function == 3 || function == 23) {
        for (unsigned n = 0; n < sizeof blocks / sizeof *blocks; n++)
            if (blocks[n].at == at && blocks[n].registers == count) {
                out[1] = (uint8_t)(2 * count);
                if (at == STATUS_AT)
                    refresh();
                memcpy(out + 2, at == STATUS_AT ? status : registers + blocks[n].offset, 2 * count);
                return 2 + 2 * count;
            }
    }
    out[0] |= 0x80;
    out[1] = 2;
    return 2;
}

/* Every whole frame of a connection; the time at which a DISARM came, 0 for none, -1 where the connection has ended. */
static int64_t serve(int fd)
{
    static uint8_t in[4096];
    uint8_t out[512];
    int64_t disarmed = 0;
    ssize_t length = recv(fd, in, sizeof in, 0);
    int64_t came = now_ns();
    if (length <= 0)
        return length < 0 && errno == EAGAIN ? 0 : -1;
    for (ssize_t at = 0; at + 8 <= length; at += 6 + get16(in + at + 4)) {
        const uint8_t *pdu = in + at + 7;
        if (pdu[0] == 6 && get16(pdu + 1) == DISARM_AT)
            disarmed = came;
        memcpy(out, in + at, 7);
        int size = reply(pdu, out + 7);
        put16(out + 4, (uint16_t)(size + 1));
        if (send(fd, out, (size_t)(7 + size), MSG_NOSIGNAL) < 0)
            return -1;
    }
    return disarmed;
}

int main(int argc, char **argv)
{
    end_with_parent();
    crc_prepare();
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!file || fread(registers, 1, sizeof registers, file) != sizeof registers) {
        fprintf(stderr, "react_device BLOCKS PERIOD_US\n");
        return 2;
    }
    int64_t period_ns = 1000 * atoll(argv[2]), open_ns = 0;
    int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1, warm = 0, count = 0, done = 0, connected = 0;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    if (bind(listening, (struct sockaddr *)&here, size) || listen(listening, CONNECTIONS) || getsockname(listening, (struct sockaddr *)&here, &size))
        die("listen");
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    srand(1);
    begun_ns = beam_ns = now_ns();
    struct pollfd fds[2 + CONNECTIONS] = {{.fd = 0, .events = POLLIN}, {.fd = listening, .events = POLLIN}};
    for (;;) {
        int64_t now = now_ns();
        if (count && !set_ns && now >= open_ns)
            set_ns = now;
        struct timespec wait = {.tv_sec = 1};
        if (count && !set_ns)
            wait = (struct timespec){.tv_sec = (open_ns - now) / 1000000000, .tv_nsec = (open_ns - now) % 1000000000};
        if (ppoll(fds, (nfds_t)(2 + connected), &wait, NULL) < 0)
            die("poll");
        if (fds[0].revents) {
            if (!next_window(&warm, &count))
                return 0;
            count += warm;
            done = 0;
            open_ns = now_ns() + 5 * period_ns;
        }
        for (int n = 2; n < 2 + connected; n++) {
            int64_t disarmed = fds[n].revents ? serve(fds[n].fd) : 0;
            if (disarmed < 0) {
                close(fds[n].fd);
                fds[n--] = fds[1 + connected--];
                continue;
            }
            if (disarmed && set_ns) {
                if (done >= warm)
                    took_ns[done - warm] = disarmed - set_ns;
                done++;
                set_ns = 0;
                beam_ns = now_ns();
                open_ns = beam_ns + 3 * period_ns + rand() % 1000 * (2 * period_ns / 1000);
                if (done == count) {
                    tell(count - warm);
                    count = 0;
                }
            }
        }
        if (fds[1].revents && connected < CONNECTIONS) {
            int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
            if (fd >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                fds[2 + connected++] = (struct pollfd){.fd = fd, .events = POLLIN};
            }
        }
    }
}
