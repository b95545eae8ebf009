"""What a pool's file may hold when the power fails, from the stores and flushes of a run (stores.c)."""

import struct

from support import poolfile

FLUSH, DRAIN, PERSIST = 1, 2, 3
LINE = 64
POINTER = poolfile.WRITE // LINE * LINE


class Event:
    """Lines that changed before a call of libpmem, and what the call flushes."""

    def __init__(self, kind, offset, count, lines):
        self.kind, self.offset, self.count, self.lines = kind, offset, count, lines

    @property
    def moves_pointer(self):
        return POINTER in self.lines

    def covers(self, line):
        return self.offset // LINE * LINE <= line < self.offset + self.count


def events_of(data):
    """The events of a trace."""
    found, place = [], 0
    while place < len(data):
        kind, offset, count, lines = struct.unpack_from("<4Q", data, place)
        place += 32
        changed = {}
        for _ in range(lines):
            at, = struct.unpack_from("<Q", data, place)
            changed[at] = data[place + 8:place + 8 + LINE]
            place += 8 + LINE
        found.append(Event(kind, offset, count, changed))
    return found


def pointer_first(events):
    """The trace of a program that moves the write offset before it writes the data."""
    events = list(events)
    for place in range(1, len(events)):
        pointer = events[place]
        if not (pointer.moves_pointer and pointer.kind == PERSIST):
            continue
        data = place
        while data and not events[data - 1].moves_pointer:
            data -= 1
        events[data:place + 1] = [pointer, *events[data:place]]
    return events


def images(before, events, dice, wanted):
    """Pairs of an event's number and a file as it may be found if the power fails just before it is done.

    Of the lines that were stored and not drained yet, any may have reached the file: all are dropped,
    all kept, each kept alone, each dropped alone, and some at random.
    """
    durable, pending, flushed = bytearray(before), {}, set()
    for number, event in enumerate(events):
        for line, content in event.lines.items():
            if line in pending or durable[line:line + LINE] != content:
                pending[line] = content
        flushed -= event.lines.keys()
        lines = sorted(pending)
        choices = [(), tuple(lines)] if lines else []
        if len(lines) > 1:
            some = lines if len(lines) <= wanted else dice.sample(lines, wanted)
            choices += [(each,) for each in some]
            choices += [tuple(line for line in lines if line != each) for each in some]
            choices += [tuple(line for line in lines if dice.random() < 0.5)
                        for _ in range(wanted)]
        for choice in dict.fromkeys(choices):
            image = bytearray(durable)
            for line in choice:
                image[line:line + LINE] = pending[line]
            yield number, bytes(image)
        if event.kind in (FLUSH, PERSIST):
            flushed |= {line for line in pending if event.covers(line)}
        if event.kind in (DRAIN, PERSIST):
            for line in flushed:
                durable[line:line + LINE] = pending.pop(line)
            flushed = set()
