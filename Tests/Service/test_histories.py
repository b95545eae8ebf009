"""Eight writers, four readers and an administrator at once, while servers are killed and calls fail:
what each of them saw must fit together (P9)."""

import copy
import errno
import os
import threading
import time

import pytest

from support.faults import Faults
from support.histories import KINDS, History
from support.progress import progress

HISTORIES = int(os.environ.get("TIDEMARK_HISTORIES", 2))
LIVES = 3
CALLS = ["pwrite", "fsync", "rename", "open", "unlink", "ftruncate", "link", "pread"]


def live(start, folder, kind, dice):
    """One history: a few servers over one directory, killed, each with a call that fails."""
    faults = Faults(folder / "faults")
    server = start(folder / "data", **faults.options)
    history = History(kind, dice)
    path, options = history.subject.path, history.subject.options
    assert server.client.put(path, options).status == 201
    for _ in range(LIVES):
        until = threading.Event()
        threads = history.run(server, until)
        time.sleep(dice.uniform(0.05, 0.2))  # the moment is random on purpose
        if dice.random() < 0.5:
            faults.arm(dice.choice(CALLS), dice.randrange(1, 20),
                       error=dice.choice([errno.EIO, errno.ENOSPC]), path="/h")
            time.sleep(dice.uniform(0.02, 0.1))
        server.kill9()
        until.set()
        for thread in threads:
            thread.join()
        faults.disarm()
        server.start()
    last = history.subject.look(server.client)
    if last is None:
        server.client.post(path + "/open")
        last = history.subject.look(server.client)
    assert last is not None, server.client.get(path)
    server.close()
    return history, last


@pytest.mark.parametrize("kind", KINDS)
def test_what_everyone_saw_fits_together(start, tmp_path, kind, dice):
    counts = [0, 0]
    for number in progress(range(HISTORIES), "history"):
        history, last = live(start, tmp_path / str(number), kind, dice)
        fault = history.judge(last)
        assert fault is None, f"history {number}: {fault}"
        counts[0] += len(history.acknowledged)
        counts[1] += len(history.seen)
    print(f"{counts[0]} records acknowledged, {counts[1]} looks")
    assert counts[0] > 50 and counts[1] > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_is_missing_doubled_or_out_of_order_is_noticed(start, tmp_path, kind, dice):
    """The control: the judge is shown histories in which one thing was changed."""
    for number in range(9):
        history, last = live(start, tmp_path / str(number), kind, dice)
        assert history.judge(last) is None
        there = [place for place in history.acknowledged if place in last.records]
        # The administrator may have emptied it at last.
        if len(there) > 3:
            break
    gone, other = dice.sample(sorted(there)[1:], 2)

    def judged(change):
        changed = copy.copy(last)
        changed.records = dict(last.records)
        change(changed.records)
        return history.judge(changed)

    assert judged(lambda records: records.pop(gone))
    assert judged(lambda records: records.update({gone: records[other]}))
    assert judged(lambda records: records.update({gone: records[gone][:-1]}))
    looked = next(seen for seen in reversed([*history.seen, last]) if len(seen.records) > 3)
    middle = sorted(looked.records)[1:-1]
    acknowledged = [place for place in middle if place in history.acknowledged]
    if acknowledged and looked is not last:
        looked.records.pop(acknowledged[0])
        assert history.judge(last)
