"""Log files of journals, byte by byte: what the service never writes, and others might."""

import struct

from support.mpools import crc32c

ALIGNMENT = 128


def packed(number):
    """A number as the format packs it."""
    if number <= 63:
        return bytes([0x80 | number])
    if number <= 8255:
        return bytes([0xC0 | number - 64 >> 8, number - 64 & 255])
    rest = number - 8256
    length = max(1, (rest.bit_length() + 7) // 8)
    return bytes([0xE0 | length]) + rest.to_bytes(length, "big")


def record(body, flags=0, size=0):
    """A record around a body; `size` is what it has unpacked."""
    length = -(-(16 + len(body)) // ALIGNMENT) * ALIGNMENT
    raw = bytearray(struct.pack("<IIHHI", length, 0, flags, 0, size) + body)
    raw += bytes(length - len(raw))
    struct.pack_into("<I", raw, 4, crc32c(raw))
    return bytes(raw)


def head(file_max, previous=(1, 0)):
    """What a file begins with: its header, and a record that says where the file before ended."""
    header = record(struct.pack("<IHHQ", 0x101064, 3, 0, file_max))
    place = packed(previous[0]) + packed(previous[1])
    return header + record(packed(4) + packed(8) + packed(2 + len(place)) + place)


def message(text):
    return record(packed(3) + text + b"\0")


def commit(transaction, *operations):
    return record(packed(1) + transaction + b"".join(operations))


def name(number):
    return f"WiredTigerLog.{number:010d}"
