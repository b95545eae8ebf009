"""The power fails under journals: what was acknowledged as synced is on the disk, at its LSN (P3)."""

import random

from support.journal import Journal, Writer, texts
from support.power import CUTS, cut_under, needs_power
from support.server import Server
from support.wiredtiger import NOT_FOUND

pytestmark = needs_power


def judge(data, known, asked):
    """What is wrong with the journal of a disk whose power has failed."""
    with Server(data) as server:
        journal = Journal(server.client, "j")
        rows, code = journal.rows()
        if code != NOT_FOUND:
            return [f"the walk ends with {code}"]
        found = texts(rows)
        faults = [f"{place} is {found.get(place)}, not {text}" for place, text in known.items()
                  if found.get(place) != text]
        faults += [f"{text} was never sent" for text in set(found.values()) - asked]
        # And it goes on behind that.
        assert journal.append(b"on").status == 200
        return faults


def cut(disk, server, cuts, dice):
    writers = [Writer(server, number, "synced", random.Random(dice.random()))
               for number in range(4)]

    def acknowledged():
        return {place: text for writer in writers
                for place, text in dict(writer.acknowledged).items()}

    def found(data, known):
        return judge(data, known, set().union(*(set(writer.asked) for writer in writers)))

    faults = cut_under(writers, disk, cuts, dice, acknowledged, found)
    assert all(writer.acknowledged for writer in writers)
    return faults


def test_no_synced_record_is_lost_nor_found_elsewhere(disk, dice):
    with Server(disk.mount / "data") as server:
        Journal(server.client, "j", file_max=102_400)
        faults = cut(disk, server, CUTS, dice)
    assert not faults, "\n".join(faults)


def test_control_server_whose_flushes_do_nothing_is_caught(disk, no_flushes, dice):
    with Server(disk.mount / "data", preload=no_flushes) as server:
        Journal(server.client, "j", file_max=102_400)
        assert any(cut(disk, server, 4, dice) for _ in range(5)), "the rig notices nothing"
