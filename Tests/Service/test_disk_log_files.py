"""Files that real Erlang, or an older one, has left behind: opened, read and written alike."""

import os
import struct

import pytest

from support.disk_log import padded

RINGS = int(os.environ.get("TIDEMARK_RINGS", 60))
OPENED, CLOSED = bytes([6, 7, 8, 9]), bytes([99, 88, 77, 11])


def make_ring(both, size=(100, 4), items=7, head=None, format="internal"):
    both.open("wrap", size, head, format)
    for number in range(items):
        both.log(b"%d " % number * 20 if format == "external" else padded(number, 30))
    both.do("close")
    both.files()


def write_index(directory, version):
    data = (directory / "log.idx").read_bytes()
    current = struct.unpack(">I", data[6:10])[0]
    counts = [count for (count,) in struct.iter_unpack(">Q", data[10:])]
    if version is None:
        (directory / "log.idx").unlink()
        return
    head = {0: bytes([current]), 1: b"\0" + struct.pack(">I", current), 2: data[:10]}[version]
    width = ">Q" if version == 2 else ">I"
    (directory / "log.idx").write_bytes(
        head + b"".join(struct.pack(width, count) for count in counts))


def write_size(directory, version):
    data = (directory / "log.siz").read_bytes()
    _, max_bytes, max_files = struct.unpack(">BQI", data)
    if version == 0:
        (directory / "log.siz").unlink()
    elif version == 1:
        (directory / "log.siz").write_bytes(struct.pack(">II", max_bytes, max_files))


@pytest.mark.parametrize("index", [None, 0, 1, 2])
@pytest.mark.parametrize("siz", [0, 1, 2])
@pytest.mark.parametrize("size", [None, "infinity", (100, 4), (150, 6), (120, 2), 77])
def test_ring_of_every_version_is_opened_with_every_size(both, index, siz, size):
    make_ring(both)
    both.change_files(lambda directory: (write_index(directory, index), write_size(directory, siz)))
    if siz == 0 and size == 77:
        pytest.skip("the original's log process dies of it")
    if not both.open("wrap", size):
        both.files()
        return
    both.files()
    both.info("no_items", "items", "no_overflows")
    both.items()
    for number in range(9):
        both.log(padded(number, 30))
    both.info("no_items", "items", "no_overflows")
    both.do("inc_wrap_file")
    both.finish()
    assert both.open("wrap")
    both.finish()


@pytest.mark.parametrize("mode", ["read_only", "read_write"])
@pytest.mark.parametrize("size", [None, (100, 4), (150, 6), (100, 5)])
def test_ring_is_opened_for_a_mode_with_a_size(both, mode, size):
    make_ring(both)
    if both.open("wrap", size, mode=mode):
        both.info("no_items", "items")
        both.items()
        both.items(2)
        both.log(padded(1, 2))
        both.do("inc_wrap_file")
        both.do("sync")
        both.do("close")
    both.files()


SPOILS = {
    "missing": lambda path: path.unlink(missing_ok=True),
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"what is this?"),
    "short": lambda path: path.write_bytes(b"\1\2\3\4" + CLOSED[:2]),
    "not closed": lambda path: path.write_bytes(
        b"\1\2\3\4" + OPENED + path.read_bytes()[8:]),
    "not closed and cut": lambda path: path.write_bytes(
        b"\1\2\3\4" + OPENED + path.read_bytes()[8:-3]),
}


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", ["read_only", "read_write"])
def test_ring_with_a_file_that_is_missing_or_none(both, spoil, number, mode):
    # File 3 is the one that is written.
    make_ring(both, items=7)
    both.change_files(lambda directory: SPOILS[spoil](directory / f"log.{number}"))
    if not both.open("wrap", mode=mode):
        both.files()
        return
    # What was cut short in a file that is not the current one is corrupt in both, at the end.
    both.items()
    if mode == "read_write":
        for each in range(5):
            both.log(padded(each, 30))
        both.info("no_items", "items", "no_overflows")
        both.items()
    both.do("close")
    both.files()


@pytest.mark.parametrize("head", [None, b"head of the file\n"])
def test_external_ring_is_the_same_to_the_byte(both, dice, head):
    both.open("wrap", (100, 3), head, "external")
    for _ in range(30):
        match dice.randrange(8):
            case 0: both.do("inc_wrap_file")
            case 1:
                both.do("close")
                both.files()
                both.open("wrap", format="external")
            case 2: both.info("no_items", "items", "no_overflows")
            case 3: both.do("sync")
            case _:
                both.log(*(dice.randbytes(dice.choice([0, 1, 30, 150]))
                           .hex().encode() for _ in range(dice.randrange(1, 4))))
    both.do("close")
    both.files()


@pytest.mark.parametrize("type, size", [("halt", None), ("wrap", (80, 3))])
def test_changed_heads_go_to_the_files_that_are_made_from_then_on(both, type, size):
    both.open(type, size, ("first", 1))
    for head in (("second", 2), "none", b"third", [1, 2]):
        both.do("change_header", ("head", head))
        for number in range(4):
            both.log(padded(number, 10))
        if type == "wrap":
            both.do("inc_wrap_file")
        both.do("truncate")
        both.log(padded(9, 9))
    both.finish()


@pytest.mark.parametrize("type, size", [("halt", None), ("wrap", (80, 3))])
@pytest.mark.parametrize("head", [None, ("own", "head")])
def test_reopened_log_leaves_its_files_under_the_new_name(both, type, size, head):
    both.open(type, size, head)
    for number in range(6):
        both.log(padded(number, 20))
    both.do("reopen", '"OLD"')
    both.info("no_items", "items", "size", "no_written_items")
    both.log(padded(1, 1))
    both.do("close")
    both.files()


def test_steps_from_everywhere_lead_to_the_same_items(both, dice, real):
    for _ in range(RINGS):
        real.clear()
        both.ours.remove()
        both.steps = []
        files = dice.randrange(1, 7)
        head = ("head",) if dice.random() < 0.5 else None
        # With one file the original overwrites what it has not written yet.
        both.open("wrap", (80, max(2, files)), head)
        for number in range(dice.randrange(0, 16)):
            both.log(padded(number, 30))
        for _ in range(12):
            both.do("step", dice.randrange(0, 8), dice.randrange(-9, 10))
        both.do("close")


def test_random_sizes_and_modes_of_rings_that_exist(both, dice, real):
    for _ in range(RINGS):
        real.clear()
        both.ours.remove()
        both.steps = []
        size = (60 + dice.randrange(100), 2 + dice.randrange(5))
        make_ring(both, size, dice.randrange(0, 12), dice.choice([None, ("head",)]))
        for _ in range(4):
            new = dice.choice([None, size, (60 + dice.randrange(100), size[1] + dice.randrange(3))])
            mode = dice.choice(["read_only", "read_write", "read_write"])
            repair = dice.choice(["true", "false", "truncate"])
            if both.open("wrap", new, mode=mode, repair=repair):
                size = new if new and mode == "read_write" else size
                both.items(dice.choice([None, 1, 2]))
                both.log(padded(1, 20), padded(2, 30))
                both.info("no_items", "items", "no_overflows")
                both.items()
                both.do("close")
            both.files()
