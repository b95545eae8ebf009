"""Arms support/faults.c while a server runs with it."""

import errno
import mmap
import struct

from support.machine import build

CALLS = ["msync", "fsync", "pwrite", "fallocate", "pread", "open", "link", "unlink", "rename",
         "madvise", "ftruncate"]
SLOT = 128
DEATH = 3072


class Faults:
    """The control file, and what to start a server with: `start(**faults.options)`."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "control"
        path.write_bytes(bytes(4096))
        self.file = open(path, "r+b")
        self.memory = mmap.mmap(self.file.fileno(), 4096)
        self.options = {"env": {"FAULTS": str(path)}, "preload": build("faults", folder)}

    def arm(self, call, nth=1, *, sticky=False, error=errno.EIO, short=-1, path="", hold=False):
        """The nth call from now on fails; all after it too, if sticky. With `hold` it does not
        fail, but waits until it is disarmed."""
        place = CALLS.index(call) * SLOT
        self.memory[place:place + 4] = bytes(4)
        self.memory[place + 4:place + SLOT] = struct.pack(
            "<iiiiiqq88s", nth, sticky, error, short, hold, 0, 0, path.encode())
        self.memory[place:place + 4] = struct.pack("<i", 1)

    def watch(self, call, path=""):
        """Counts the calls from now on, and fails none."""
        self.arm(call, 2**31 - 1, path=path)

    def disarm(self, *calls):
        for call in calls or CALLS:
            place = CALLS.index(call) * SLOT
            self.memory[place:place + 4] = bytes(4)

    def die(self, nth, after=False):
        """The process dies at the nth of all its calls that change something, from now on counted;
        before the call is made or after it; 0: it only counts."""
        struct.pack_into("<qqi", self.memory, DEATH, 0, nth, after)

    @property
    def changes(self):
        """Calls that change something since `die`, begun by all threads together."""
        return struct.unpack_from("<q", self.memory, DEATH)[0]

    def _number(self, call, offset):
        return struct.unpack_from("<q", self.memory, CALLS.index(call) * SLOT + offset)[0]

    def seen(self, call):
        return self._number(call, 24)

    def hits(self, call):
        return self._number(call, 32)


def calls_in(faults, call, healthy):
    """How often a life in which nothing fails makes the call."""
    faults.watch(call)
    healthy.live()
    calls = faults.seen(call)
    faults.disarm()
    return calls


def chosen(calls, wanted, dice):
    """Which of so many calls are to fail: all of them, or as many as wanted, picked anew each time."""
    every = range(1, calls + 1)
    return every if wanted == "all" else sorted(dice.sample(every, min(calls, int(wanted))))


def fail_each(faults, call, numbers, begin, **how):
    """What is wrong when each of the calls has failed in a life of its own, in words.

    `begin` gives such a life, by the call's number: something with a server and a path, that can live
    and be judged.
    """
    for nth in numbers:
        run = begin(nth)
        faults.arm(call, nth, **how)
        try:
            run.live()
            faults.disarm()
            fault = run.judge()
        except AssertionError as failure:
            fault = str(failure)
        faults.disarm()
        client = run.server.client
        assert run.server.is_alive and client.get("/healthz").status == 200
        if fault:
            yield f"{call} {nth}: {fault}"
        answer = client.delete(run.path)
        assert answer.status in (204, 404), answer
