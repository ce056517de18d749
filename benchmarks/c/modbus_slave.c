/* The Modbus slave that all contestants read: libmodbus's own server over 128 holding registers, on TCP or on a pseudo-terminal.
   It knows no contestant; register n holds 257 n + 3. */

#include "common.h"
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define REGISTERS 128

static void serve(modbus_t *ctx, modbus_mapping_t *map)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(ctx, request);
        if (length < 0)
            return;
        if (length > 0 && modbus_reply(ctx, request, length, map) < 0)
            return;
    }
}

static void serve_tcp(modbus_mapping_t *map)
{
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    int listening = ctx ? modbus_tcp_listen(ctx, 1) : -1;
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    if (listening < 0 || getsockname(listening, (struct sockaddr *)&at, &size) != 0)
        die("listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        if (modbus_tcp_accept(ctx, &listening) < 0)
            die("accept");
        serve(ctx, map);
        modbus_close(ctx);
    }
}

static void serve_rtu(modbus_mapping_t *map)
{
    int master = pseudo_terminal();
    modbus_t *ctx = modbus_new_rtu("/dev/ptmx", 115200, 'N', 8, 1);
    if (!ctx || modbus_set_slave(ctx, 1) != 0 || modbus_set_socket(ctx, master) != 0)
        die("rtu");
    for (;;)
        serve(ctx, map);
}

int main(int argc, char **argv)
{
    end_with_parent();
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, 0);
    if (argc != 2 || !map) {
        fprintf(stderr, "modbus_slave tcp|rtu\n");
        return 2;
    }
    for (int n = 0; n < REGISTERS; n++)
        map->tab_registers[n] = (uint16_t)(257 * n + 3);
    if (strcmp(argv[1], "tcp") == 0)
        serve_tcp(map);
    else
        serve_rtu(map);
    return 0;
}
