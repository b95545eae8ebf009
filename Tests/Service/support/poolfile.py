"""The bytes of a pool file, read and changed without any library; x86-64."""

import os
import struct

PAGE = 4096
DATA = 8192
MAJOR, COMPAT, INCOMPAT, RO_COMPAT = 0x08, 0x0C, 0x10, 0x14
IDENTIFIERS, CREATED, MACHINE, SHUTDOWN, CHECKSUM = 0x18, 0x78, 0x8E, 0xFB8, 0xFF8
START, END, WRITE, RUNTIME, RUNTIME_END = 0x1000, 0x1008, 0x1010, 0x1018, 0x1050


def fletcher64(header, incompat):
    """The checksum of a header page; its own field, and with CKSUM_2K the upper half, are zero."""
    low = high = 0
    for index, (word,) in enumerate(struct.iter_unpack("<I", header[:PAGE])):
        place = index * 4
        if place in (CHECKSUM, CHECKSUM + 4) or (incompat & 2 and place >= 0x800):
            word = 0
        low = (low + word) & 0xFFFFFFFF
        high = (high + low) & 0xFFFFFFFF
    return high << 32 | low


def write_at(path, offset, data, mend_checksum=False):
    """Overwrites some bytes; `mend_checksum` makes the header's checksum right again."""
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)
        if mend_checksum:
            file.seek(0)
            header = file.read(PAGE)
            (incompat,) = struct.unpack_from("<I", header, INCOMPAT)
            file.seek(CHECKSUM)
            file.write(struct.pack("<Q", fletcher64(header, incompat)))


def tell(path):
    """The length of the data by the write offset."""
    with open(path, "rb") as file:
        file.seek(WRITE)
        return struct.unpack("<Q", file.read(8))[0] - DATA


def used(path):
    """The data of a pool of one file."""
    with open(path, "rb") as file:
        file.seek(DATA)
        return file.read(tell(path))


def is_clean(path):
    """True if the pool was closed: nothing of a process is left in its shutdown state."""
    with open(path, "rb") as file:
        file.seek(SHUTDOWN)
        return not any(file.read(64))


def contents(path):
    """The whole file, or None if there is none."""
    return open(path, "rb").read() if os.path.exists(path) else None
