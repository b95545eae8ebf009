#include "CCRC32C.h"

#include <stdint.h>
#include <string.h>

static uint32_t table[8][256];

/* Eight bytes at a time, for processors without the instruction. */
static uint32_t by_table(uint32_t crc, const unsigned char *bytes, unsigned long count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint32_t low, high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + 4, 4);
        low ^= crc;
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255]
            ^ table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255]
            ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; count > 0; bytes++, count--) crc = table[0][(crc ^ *bytes) & 255] ^ crc >> 8;
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const unsigned char *bytes, unsigned long count) {
    uint64_t wide = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; bytes++, count--) crc = __builtin_ia32_crc32qi(crc, *bytes);
    return crc;
}
#endif

static uint32_t (*best)(uint32_t, const unsigned char *, unsigned long) = by_table;

/* Before main, so that no thread sees half a table. */
__attribute__((constructor)) static void choose(void) {
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
        table[0][byte] = crc;
    }
    for (unsigned byte = 0; byte < 256; byte++)
        for (int slice = 1; slice < 8; slice++)
            table[slice][byte] = table[slice - 1][byte] >> 8 ^ table[0][table[slice - 1][byte] & 255];
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2")) best = by_instruction;
#endif
}

unsigned ccrc32c(unsigned crc, const void *bytes, unsigned long count) {
    return ~best(~crc, bytes, count);
}
