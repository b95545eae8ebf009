"""Journals keep what they acknowledged: killed under load, failing calls, a full disk."""

import errno
import os
import random
import shutil
import time

import pytest

from support import wiredtiger
from support.faults import Faults
from support.journal import Journal, Writer, texts
from support.progress import progress
from support.wiredtiger import NOT_FOUND, rows_of

CYCLES = int(os.environ.get("TIDEMARK_CYCLES", 12))


# All that was ever written is read after each kill: no journal is there for all of them.
CYCLES_OF_ONE = 50


@pytest.mark.parametrize("level", ["written", "synced"])
def test_killed_under_load_no_acknowledged_record_is_lost(start, dice, level, tmp_path):
    server = start()
    for first in range(0, CYCLES, CYCLES_OF_ONE):
        name = f"j{first}"
        Journal(server.client, name, file_max=102_400, prealloc=dice.random() < 0.5)
        rows = kill_often(server, dice, name, level, min(CYCLES_OF_ONE, CYCLES - first))
        if wiredtiger.is_there():
            copy = tmp_path / "copy"
            Journal(server.client, name).close()
            shutil.copytree(server.data / "journals" / name, copy)
            assert rows_of(copy)[0] == rows
            shutil.rmtree(copy)
        assert Journal(server.client, name).delete().status == 204


def kill_often(server, dice, name, level, cycles):
    """The rows after so many kills under load, each of which lost nothing."""
    known, asked = {}, set()
    for cycle in progress(range(cycles), "kill"):
        writers = [Writer(server, cycle * 10 + number, level, random.Random(dice.random()), name)
                   for number in range(4)]
        for writer in writers:
            writer.start()
        time.sleep(dice.random() * 0.3)  # the moment is random on purpose
        server.kill9()
        for writer in writers:
            writer.join()
            known |= writer.acknowledged
            asked |= writer.asked
        server.start()
        rows, code = Journal(server.client, name).rows()
        assert code == NOT_FOUND
        found = texts(rows)
        missing = {place: text for place, text in known.items() if found.get(place) != text}
        assert not missing, (cycle, missing)
        assert set(found.values()) <= asked
        assert len(found) == len(set(found.values())), "a record is there twice"
    return rows


CALLS = [("pwrite", errno.ENOSPC), ("pwrite", errno.EIO), ("fsync", errno.EIO),
         ("ftruncate", errno.EIO), ("open", errno.EMFILE), ("rename", errno.EIO)]


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("call, error", CALLS)
@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_a_failing_call_loses_nothing_that_was_acknowledged(
    start, tmp_path, call, error, nth, sticky
):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    journal = Journal(server.client, "j", file_max=102_400, prealloc=False)
    kept, refused = {}, []

    def append(number):
        text = b"%d:" % number + b"x" * 2000
        answer = journal.append(text)
        if answer.status == 200:
            place = answer.json["first"]
            kept[(place["file"], place["offset"])] = text
        else:
            assert answer.status in (500, 503, 507), answer
            if answer.json["applied"] == "no":
                refused.append(text)

    for number in range(45):
        append(number)
    faults.arm(call, nth, sticky=sticky, error=error, path="WiredTiger")
    for number in range(45, 105):
        append(number)
    faults.disarm()
    assert server.client.get("/healthz").status == 200
    rows, code = journal.rows()
    assert {place: texts(rows).get(place) for place in kept} == kept
    server.client.post("/v1/journals/j/close")
    assert journal.call("open").status == 200
    append(200)
    rows, code = journal.rows()
    found = texts(rows)
    assert code == NOT_FOUND
    assert {place: found.get(place) for place in kept} == kept
    assert not set(refused) & set(found.values()), "what was refused is there"
    assert (200, True) in [(int(text.split(b":")[0]), True) for text in found.values()]


def test_a_full_disk_refuses_and_what_was_refused_does_not_come_back(start, tmp_path):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    journal = Journal(server.client, "j")
    journal.append(b"one")
    faults.arm("pwrite", 1, sticky=True, error=errno.ENOSPC, path="WiredTigerLog")
    refused = journal.append(b"two", b"three")
    assert (refused.status, refused.code, refused.json["applied"]) == (507, "no_space", "no")
    faults.disarm()
    assert journal.append(b"four").json["first"] == {"file": 1, "offset": 384}
    server.restart(kill=True)
    journal.client = server.client
    assert list(texts(journal.rows()[0]).values()) == [b"one", b"four"]
