#ifndef CCRC32C_H
#define CCRC32C_H

/* CRC32C (Castagnoli) with the processor's own instruction where it has one: Swift has no name for it.
 *
 * `crc` is 0 to begin with, or the result for the bytes before, to go on. */
unsigned ccrc32c(unsigned crc, const void *bytes, unsigned long count);

#endif
