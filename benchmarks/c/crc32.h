/* CRC-32 as zlib has it, eight bits at a time from a table made at the start. It knows no block. */

#ifndef KERMA_BENCH_CRC32_H
#define KERMA_BENCH_CRC32_H

#include <stdint.h>

static uint32_t crc_table[256];

static inline void crc_prepare(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
        crc_table[n] = c;
    }
}

static inline uint32_t crc32_of(const uint8_t *data, int length)
{
    uint32_t c = 0xFFFFFFFFu;
    for (int i = 0; i < length; i++)
        c = crc_table[(c ^ data[i]) & 0xFF] ^ (c >> 8);
    return c ^ 0xFFFFFFFFu;
}

static inline uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void put32(uint8_t *at, uint32_t value)
{
    at[0] = value >> 24, at[1] = value >> 16, at[2] = value >> 8, at[3] = value;
}

static inline uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void put16(uint8_t *at, uint16_t value)
{
    at[0] = value >> 8, at[1] = value;
}

#endif
