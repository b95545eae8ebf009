"""Logs against real Erlang: the same operations on both sides give the same answers and files."""

import os

import pytest

from support.disk_log import padded

SEQUENCES = int(os.environ.get("TIDEMARK_SEQUENCES", 120))


@pytest.mark.parametrize("type, size", [("halt", None), ("wrap", (300, 4))])
@pytest.mark.parametrize("format", ["internal", "external"])
@pytest.mark.parametrize("head", [None, b"head"])
def test_what_is_logged_closed_and_opened_again_is_the_same(both, type, size, format, head):
    for turn in range(3):
        both.open(type, size, head, format)
        for number in range(7):
            both.log(*(record(format, number + part, 20 * part) for part in range(3)))
            both.info("no_items", "items")
        if format == "internal":
            both.items()
        both.do("close")
        both.files()


def record(format, number, size):
    return b"record %d " % number + b"x" * size if format == "external" else padded(number, size)


def test_items_around_the_size_of_large_ones_are_framed_alike(both):
    both.open()
    for size in (0, 1, 65521, 65522, 65523, 65524, 65528, 65536, 200_000):
        both.log(b"x" * size)
        both.log(padded(size, 3))
    both.finish()


def test_a_full_halt_log_says_so_and_takes_what_fitted(both):
    both.open(size=200)
    both.info()
    for number in range(8):
        both.log(*(padded(number, 10) for _ in range(3)))
        both.info()
    both.do("change_size", 120)
    both.do("change_size", 1000)
    both.log(padded(9, 9))
    both.do("truncate")
    both.log(padded(10, 9))
    both.info()
    both.finish()


@pytest.mark.parametrize("head", [None, ("head", 1)])
def test_moving_on_and_changing_the_size_of_a_wrap_log(both, head):
    both.open("wrap", (200, 3), head)
    for files in (5, 2, 4, 1, 3, 10, 6):
        for number in range(9):
            both.log(*(padded(number, 15) for _ in range(4)))
        both.info("no_items", "items", "no_overflows")
        if files == 1:
            continue
        both.do("change_size", (150 + files, files))
        both.do("inc_wrap_file")
        both.items()
    both.do("close")


def test_random_sequences_give_the_same_answers_items_and_files(both, dice, real):
    for number in range(SEQUENCES):
        real.clear()
        both.ours.remove()
        both.steps = []
        run_sequence(both, dice)
        both.finish()


def run_sequence(both, dice):
    is_wrap = dice.random() < 0.7
    head = ("head", dice.randrange(1000)) if dice.random() < 0.5 else None
    size = (40 + dice.randrange(400), 2 + dice.randrange(6)) if is_wrap else dice.choice(
        [None, 500 + dice.randrange(2000)])
    # While a decrease is pending the original may read without end after a kill, and forgets
    # files when it is truncated.
    shrinking = False
    # The original leaves a truncated ring marked as closed, so that it is not repaired.
    truncated = False
    both.open("wrap" if is_wrap else "halt", size, head)
    for _ in range(dice.randrange(5, 40)):
        choice = dice.randrange(20)
        if choice < 10:
            both.log(padded(dice.randrange(1000), dice.randrange(60)))
        elif choice < 13:
            count = 1 + dice.randrange(6)
            both.log(*(padded(dice.randrange(9), dice.randrange(30)) for _ in range(count)))
        elif choice == 13 and is_wrap:
            both.do("inc_wrap_file")
        elif choice == 14 and is_wrap:
            # A second change while one is pending is where the original forgets files.
            if not shrinking:
                new = (40 + dice.randrange(400), 2 + dice.randrange(6))
                shrinking = new[1] < size[1]
                size = new
                both.do("change_size", new)
        elif choice == 14:
            both.do("change_size", 400 + dice.randrange(4000))
        elif choice in (15, 16):
            if choice == 15 or truncated or shrinking:
                both.do("close")
                both.files()
                truncated = False
            else:
                both.kill()
            both.open("wrap" if is_wrap else "halt")
        elif choice == 17 and not shrinking:
            new = ("new", "head") if dice.random() < 0.5 else None
            truncated = is_wrap
            both.do("truncate", *([new] if new else []))
        elif choice == 18:
            both.info("no_items", "items", "no_overflows", "size")
        else:
            both.items(dice.choice([None, 1, 3]))


DAMAGES = int(os.environ.get("TIDEMARK_LOG_DAMAGES", 50))


def test_damaged_logs_are_repaired_as_the_original_repairs_them(both, dice, real):
    for number in range(DAMAGES):
        real.clear()
        both.ours.remove()
        both.steps = []
        both.open("halt")
        for _ in range(dice.randrange(1, 8)):
            both.log(*(
                dice.choice([
                    padded(dice.randrange(70000), dice.choice([0, 3, 30, 300])),
                    b"x" * dice.choice([10, 65530, 70000]), [1, 2, 3], "ok", "#{a => 1}"])
                for _ in range(dice.randrange(1, 4))))
        both.do("close")
        damage(both, dice)
        for repair in ("false", "true"):
            both.open_repairing(repair)
        both.items()
        both.do("close")
        both.files()


def test_damaged_logs_are_read_as_the_original_reads_them(both, dice, real):
    for number in range(DAMAGES):
        real.clear()
        both.ours.remove()
        both.steps = []
        both.open("halt")
        for _ in range(dice.randrange(1, 8)):
            both.log(padded(dice.randrange(70000), dice.choice([0, 3, 30, 300])))
        both.do("close")
        damage(both, dice, sizes=[0, 1, 5, 11, 3000])
        mark = dice.choice(["opened", "closed"])
        mode = dice.choice(["read_only", "read_write"]) if mark == "closed" else "read_only"
        if mark == "closed":
            set_mark(both, bytes([99, 88, 77, 11]))
        both.open_for(mode)
        if both.items():
            both.items(dice.choice([1, 2, 3]))
            both.do("close")
            both.files()


def set_mark(both, mark):
    def change(directory):
        data = bytearray((directory / "log").read_bytes())
        data[4:8] = mark
        (directory / "log").write_bytes(data)

    both.change_files(change)


def damage(both, dice, sizes=(0, 1, 5, 11, 65528, 70000, 2**32 - 1)):
    """Marks the file as open, and spoils some of it, on both sides alike."""
    data = bytearray(both.real.files()["log"])
    data[4:8] = bytes([6, 7, 8, 9])
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(8, len(data)) if len(data) > 8 else 8
        kind = dice.randrange(6)
        if kind == 0:
            del data[place:]
        elif kind == 1:
            data[place:place] = dice.randbytes(dice.randrange(1, 40))
        elif kind == 2:
            data[place:place + 1] = bytes([dice.randrange(256)])
        elif kind == 3 and place < len(data):
            data[place] ^= 1 << dice.randrange(8)
        elif kind == 4:
            data += bytes(dice.choice([1, 7, 8, 512]))
        else:
            spot = data.find(b"bWLA", place)
            if spot >= 8:
                new = dice.choice(sizes)
                data[spot - 4:spot] = new.to_bytes(4, "big")
    for directory in (both.real.directory, both.ours.directory):
        (directory / "log").write_bytes(data)
    both.steps.append(bytes(data) if len(data) < 2000 else len(data))
