"""The power fails, or the service is killed, under buffer pools: flushed pages are there (P1, P3)."""

import os
import random
import time

import pytest

from support.mpools import PAGE, MPool
from support.page_writer import OPTIONS, PageWriter, judge, open_pool
from support.power import CUTS, cut_under, needs_power
from support.progress import progress
from support.server import Server, wait_until

CYCLES = int(os.environ.get("TIDEMARK_CYCLES", 10))
FILTERS = ["plain", "checksums"]


def on_a_disk(test):
    for mark in needs_power:
        test = mark(test)
    return test


def opened(client, filters):
    """The pool with its file; with checksums a torn page can't be read."""
    if filters == "plain":
        return open_pool(client)
    pool = MPool(client, "m", **OPTIONS)
    assert client.put("/v1/mpools/m/ftypes/1", {"pgin": "crc32c", "pgout": "crc32c"}).status < 300
    pool.open(path="f.db", ftype=1)
    return pool


def three_writers(server, dice):
    return [PageWriter(server, number, random.Random(dice.random())) for number in range(3)]


def check_answers(writers):
    odd = [answer for writer in writers for answer in writer.odd]
    assert not odd, odd[:3]


def merged(maps):
    return {pgno: version for each in maps for pgno, version in dict(each).items()}


def test_killed_under_load_no_flushed_page_is_lost(start, dice):
    server = start()
    known, asked = {}, {}
    for cycle in progress(range(CYCLES), "kill"):
        pool = open_pool(server.client)
        assert not judge(pool, known, asked)
        for pgno in asked:
            # Versions start anew.
            assert pool.put(pgno, bytes(PAGE)).status in (201, 204)
        wait_until(lambda: pool.fsync().status == 200, what="a flush of all")
        writers = three_writers(server, dice)
        for writer in writers:
            writer.start()
        time.sleep(dice.uniform(0.02, 0.2))  # the moment is random on purpose
        server.kill9()
        for writer in writers:
            writer.join()
        check_answers(writers)
        known = merged(writer.flushed for writer in writers)
        asked = merged(writer.put for writer in writers)
        server.start()
    assert known


def cut(disk, server, cuts, dice, filters):
    writers = three_writers(server, dice)

    def found(data, flushed):
        with Server(data) as other:
            return judge(
                opened(other.client, filters), flushed,
                merged(writer.put for writer in writers))

    faults = cut_under(
        writers, disk, cuts, dice, lambda: merged(writer.flushed for writer in writers), found)
    check_answers(writers)
    assert all(writer.flushed for writer in writers)
    return faults[:5]


@pytest.mark.parametrize("filters", FILTERS)
@on_a_disk
def test_no_flushed_page_is_lost_in_a_power_cut(disk, dice, filters):
    with Server(disk.mount / "data") as server:
        opened(server.client, filters)
        faults = cut(disk, server, CUTS, dice, filters)
    assert not faults, "\n".join(faults)


@on_a_disk
def test_control_server_whose_flushes_do_nothing_is_caught(disk, no_flushes, dice):
    with Server(disk.mount / "data", preload=no_flushes) as server:
        opened(server.client, "plain")
        assert any(cut(disk, server, 6, dice, "plain") for _ in range(5)), "the rig notices nothing"
