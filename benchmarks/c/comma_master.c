/* The contestant in C: writes command 22 to a serial line, polls, and reads to the end of the reply; nothing is parsed.
   It knows the length of the reply and its first bytes. */

#include "common.h"
#include <poll.h>

static void transact(int fd)
{
    static const char request[] = "\00222,p\003";
    char reply[128];
    size_t held = 0;
    if (write(fd, request, sizeof request - 1) != (ssize_t)sizeof request - 1)
        die("write");
    while (held == 0 || reply[held - 1] != 0x03) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 1000) != 1)
            die("no reply");
        ssize_t got = read(fd, reply + held, sizeof reply - held);
        if (got <= 0)
            die("read");
        held += (size_t)got;
    }
    if (held != 40 || memcmp(reply, "\00222,0,1,1,", 10) != 0) {
        fprintf(stderr, "a reply of %zu bytes\n", held);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int warm, count;
    if (argc != 2) {
        fprintf(stderr, "comma_master PATH\n");
        return 2;
    }
    end_with_parent();
    while (next_window(&warm, &count)) {
        int fd = open(argv[1], O_RDWR | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
            die("open");
        raw(fd);
        for (int i = 0; i < warm; i++)
            transact(fd);
        for (int i = 0; i < count; i++) {
            int64_t begun = now_ns();
            transact(fd);
            took_ns[i] = now_ns() - begun;
        }
        close(fd);
        tell(count);
    }
    return 0;
}
