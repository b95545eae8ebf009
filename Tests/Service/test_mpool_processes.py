"""Processes share a buffer pool, and die in it, without harm to the others."""

import os
import signal
import subprocess

import pytest

from support.machine import patient
from support.mpool_drivers import trace_program
from support.server import environment

OPERATIONS = int(os.environ.get("TIDEMARK_MPOOL_OPERATIONS", 20_000))
PAGES = 200
PAGE = 4096


@pytest.fixture(scope="module")
def program():
    return trace_program()


class Drivers:
    """Processes on one folder, none of which outlives the test."""

    def __init__(self, program, folder):
        self.program, self.folder, self.running = program, folder, []

    def start(self, mode, *words):
        process = subprocess.Popen(
            [self.program, mode, self.folder, *map(str, words)], env=environment(),
            stdout=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def hold(self, pgno):
        process = self.start("hold", "f", pgno)
        assert process.stdout.readline() == f"held {pgno}\n"
        return process

    def hammer(self, seed):
        return self.start("hammer", "f", PAGES, 4, OPERATIONS, seed)

    def ask(self, mode, *words):
        process = self.start(mode, *words)
        text, _ = process.communicate(timeout=patient(60))
        return process.returncode, text

    def check(self):
        code, text = self.ask("check", "f", PAGES)
        assert code == 0, text
        words = text.replace(",", "").split()
        return {words[at]: int(words[at + 1]) for at in range(0, len(words) - 1, 2)}


@pytest.fixture
def drivers(program, tmp_path):
    drivers = Drivers(program, tmp_path)
    yield drivers
    for process in drivers.running:
        process.kill()
        process.wait()


def test_pins_of_all_processes_count_and_end_with_them(drivers):
    first, second = drivers.hold(3), drivers.hold(4)
    assert drivers.check()["pins"] == 2
    first.kill()
    first.wait()
    assert drivers.check()["pins"] == 1
    second.kill()
    second.wait()
    assert drivers.check()["pins"] == 0


def test_a_page_that_another_process_has_cached_is_a_hit(drivers):
    drivers.hold(5)
    before = drivers.check()
    after = drivers.check()
    assert after["hit+miss"] - before["hit+miss"] == PAGES
    assert after["pages"] > 0


def test_a_pool_in_use_is_only_unlinked_by_force(drivers):
    holder = drivers.hold(1)
    region = drivers.folder / "__db_mpool.share"
    code, text = drivers.ask("unlink", "kindly")
    assert code == 1 and "EBUSY" in text
    assert region.exists()
    code, text = drivers.ask("unlink", "force")
    assert code == 0 and not region.exists(), text
    assert holder.poll() is None
    assert drivers.check()["pins"] == 0, "a newcomer has a pool of its own"


def test_a_pool_that_nobody_uses_is_unlinked(drivers):
    drivers.check()
    assert drivers.ask("unlink", "kindly")[0] == 0
    assert drivers.ask("unlink", "kindly")[0] == 0, "one that is not there is no error"


def test_processes_that_are_killed_stop_nobody_and_tear_nothing(drivers, dice):
    hammers = [drivers.hammer(dice.randrange(1 << 30)) for _ in range(4)]
    finished = kills = 0
    while finished < 4 or kills < 20:
        place = dice.randrange(4)
        process = hammers[place]
        try:
            process.wait(timeout=dice.random() * 0.2)
            assert process.returncode == 0, process.stdout.read()
            finished += 1
        except subprocess.TimeoutExpired:
            if kills >= 40:
                continue
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        hammers[place] = drivers.hammer(dice.randrange(1 << 30))
    for process in hammers:
        text, _ = process.communicate(timeout=patient(120))
        assert process.returncode == 0, text
    left = drivers.check()
    assert left["pins"] == 0 and left["torn"] == 0
    assert left["hit+miss"] == left["searches"]
    data = (drivers.folder / "f").read_bytes()
    for at in range(0, len(data), PAGE):
        page = data[at:at + PAGE]
        assert page == page[:8] * (PAGE // 8), f"page {at // PAGE} is torn"
