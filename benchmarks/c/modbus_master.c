/* The contestant in C: libmodbus reads 20 holding registers, as often as the bench says, over TCP or a serial line.
   It knows the registers' values and stops at a wrong one. */

#include "common.h"
#include <errno.h>
#include <modbus/modbus.h>

#define COUNT 20

static void transact(modbus_t *ctx)
{
    uint16_t values[COUNT];
    if (modbus_read_registers(ctx, 0, COUNT, values) != COUNT) {
        fprintf(stderr, "read: %s\n", modbus_strerror(errno));
        exit(1);
    }
    for (int n = 0; n < COUNT; n++)
        if (values[n] != (uint16_t)(257 * n + 3)) {
            fprintf(stderr, "register %d is %d\n", n, values[n]);
            exit(1);
        }
}

int main(int argc, char **argv)
{
    int warm, count;
    if (argc != 3) {
        fprintf(stderr, "modbus_master tcp PORT | rtu PATH\n");
        return 2;
    }
    end_with_parent();
    while (next_window(&warm, &count)) {
        modbus_t *ctx = strcmp(argv[1], "tcp") == 0 ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                                                    : modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
        if (!ctx || modbus_set_slave(ctx, 1) != 0 || modbus_connect(ctx) != 0)
            die("connect");
        for (int i = 0; i < warm; i++)
            transact(ctx);
        for (int i = 0; i < count; i++) {
            int64_t begun = now_ns();
            transact(ctx);
            took_ns[i] = now_ns() - begun;
        }
        modbus_close(ctx);
        modbus_free(ctx);
        tell(count);
    }
    return 0;
}
