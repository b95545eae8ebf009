"""Every bit, byte and length of a pool's file: the service says what libpmemlog says (P6).

The format has no checksum over data and the second page, so that not all damage can be noticed; but
what the library refuses is refused, and what it takes is read as the library reads it.
"""

import contextlib
import os

import pytest

from support import poolfile
from support.client import POOL_MINIMUM
from support.judge import DIED, Judge
from support.progress import progress

# How many damages of each kind, picked anew each time; or all.
FLIPS = os.environ.get("TIDEMARK_FLIPS", "150")
RECORDS = [b"<first:" + b"0123456789" * 30 + b">", b"<last:" + bytes(range(64)) + b">"]
DATA = b"".join(RECORDS)
LAST = range(8192 + len(RECORDS[0]), 8192 + len(DATA))
END = 8192 + len(DATA)


def some(items, dice):
    items = list(items)
    return items if FLIPS == "all" else dice.sample(items, min(len(items), int(FLIPS)))


class Rig:
    """A closed pool, whose file is damaged, judged by both, and made whole again."""

    def __init__(self, server):
        self.server, self.api = server, server.client
        self.api.create("p")
        for record in RECORDS:
            self.api.append("p", record)
        self.api.create("healthy")
        self._close()
        self.path = server.data / "pools" / "p"
        self.good = poolfile.contents(self.path)
        self.file = os.open(self.path, os.O_RDWR)
        self.judge = Judge()
        self.wrong = []

    def _close(self):
        answer = self.api.post("/v1/pools/p/close")
        assert answer.status == 200, answer

    def mend(self):
        """Makes the file what it was; only what may have been changed is written."""
        if os.fstat(self.file).st_size != len(self.good):
            os.ftruncate(self.file, 0)
            os.pwrite(self.file, self.good, 0)
        else:
            os.pwrite(self.file, self.good[:16384], 0)

    def look(self, what):
        """Compares the verdicts on the file as it is now; then it is whole again."""
        fault = self._fault()
        if fault:
            self.wrong.append(f"{what}: {fault}")
        assert self.server.is_alive, f"{what} ended the service: {self.server.lines[-5:]}"
        assert len(self.wrong) < 20, self.wrong
        self.mend()

    def _fault(self):
        theirs = self.judge.check(self.path)
        if theirs is DIED:
            theirs = False
        before = os.pread(self.file, 16384, 0)
        answer = self.api.get("/v1/pools/p/check")
        if answer.status != 200 or answer.json["consistent"] is not theirs:
            return f"check says {answer.json}, the library {theirs}"
        if not theirs:
            answer = self.api.post("/v1/pools/p/open")
            if answer.code != "not_a_pool":
                return f"opening it gives {answer}"
            return None if os.pread(self.file, 16384, 0) == before else "it was changed"
        return self._fault_of_open()

    def _fault_of_open(self):
        theirs = self.judge.read(self.path)
        answer = self.api.post("/v1/pools/p/open")
        if answer.status != 200:
            return f"the library opens it; here it is {answer}"
        try:
            ours = self.api.get("/v1/pools/p/walk")
            if ours.status != 200 or ours.body != theirs:
                return f"the library reads {len(theirs)} bytes, the service {ours}"
            answer = self.api.try_append("p", b"+")
            if answer.status not in (200, 409, 507):
                return f"appending gives {answer}"
            if self.api.tell("p") != len(theirs) + (answer.status == 200):
                return "tell is wrong after an append"
        finally:
            self._close()
        return None if self.judge.check(self.path) is True else "it is inconsistent afterwards"

    def flip(self, place, bit):
        os.pwrite(self.file, bytes([self.good[place] ^ 1 << bit]), place)
        self.look(f"bit {bit} of byte {place:#x}")


@pytest.fixture
def rig(start):
    rig = Rig(start())
    with contextlib.closing(rig.judge):
        yield rig
        os.close(rig.file)
        # Nobody else noticed, and the pool is what it was.
        assert rig.api.append("healthy", b"on")["next"] == 2
        assert rig.api.post("/v1/pools/p/open").status == 200 and rig.api.walk("p") == DATA
        assert rig.wrong == []
        print(f"the library died {rig.judge.deaths} times")


def test_every_bit_of_the_header_page(rig, dice):
    for place, bit in progress(some(bits(range(4096)), dice), "bit"):
        rig.flip(place, bit)


def test_every_bit_of_the_descriptor_page(rig, dice):
    fields = range(poolfile.START, poolfile.RUNTIME_END)
    for place, bit in progress(some(bits(fields), dice) + some(bits(range(
            poolfile.RUNTIME_END, 8192)), dice), "bit"):
        rig.flip(place, bit)


def test_every_bit_of_the_last_record_and_what_follows(rig, dice):
    for place, bit in progress(some(bits([*LAST, *range(END, END + 16)]), dice), "bit"):
        rig.flip(place, bit)


@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_every_byte_of_the_headers_set(rig, dice, value):
    places = [place for place in range(8192) if rig.good[place] != value]
    for place in progress(some(places, dice), "byte"):
        os.pwrite(rig.file, bytes([value]), place)
        rig.look(f"byte {place:#x} as {value:#x}")


def test_file_cut_at_every_border(rig, dice):
    lengths = {*range(0, POOL_MINIMUM, 4096)}
    for border in (0, 4096, 8192, END, 12288, POOL_MINIMUM):
        lengths |= {*range(max(0, border - 64), min(POOL_MINIMUM, border + 65))}
    for length in progress(some(sorted(lengths), dice), "length"):
        os.ftruncate(rig.file, length)
        rig.look(f"cut to {length}")


def test_garbage_behind_the_end(rig, dice):
    for length in progress(some(range(1, 4097), dice) + [4096, 8192, 1 << 20], "length"):
        os.pwrite(rig.file, dice.randbytes(length), POOL_MINIMUM)
        rig.look(f"{length} bytes of garbage")


def bits(places):
    return [(place, bit) for place in places for bit in range(8)]


def test_control_judge_outlives_files_that_the_library_dies_of(tmp_path):
    """An empty file ends a program that opens it with the library."""
    with contextlib.closing(Judge()) as judge:
        (tmp_path / "empty").write_bytes(b"")
        first = judge.check(tmp_path / "empty")
        assert first in (DIED, False) and judge.read(tmp_path / "empty") in (DIED, None)
        assert judge.check(tmp_path / "absent") is False
