"""The power fails under journals: what was acknowledged as synced is on the disk, at its LSN (P3)."""

import random

from support.journal import Journal, Writer, texts
from support.power import CUTS, cut_under, needs_power
from support.server import Server
from support.wiredtiger import NOT_FOUND

pytestmark = needs_power


# All that was ever written is read after each cut: no journal is there for all of them.
CUTS_OF_ONE = 50


def judge(data, name, known, asked):
    """What is wrong with the journal of a disk whose power has failed."""
    with Server(data) as server:
        journal = Journal(server.client, name)
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


def cut(disk, server, cuts, dice, name):
    """The faults of a new journal after so many cuts."""
    with server.new_client() as client:
        Journal(client, name, file_max=102_400)
    writers = [Writer(server, number, "synced", random.Random(dice.random()), name)
               for number in range(4)]

    def acknowledged():
        return {place: text for writer in writers
                for place, text in dict(writer.acknowledged).items()}

    def found(data, known):
        return judge(data, name, known, set().union(*(set(writer.asked) for writer in writers)))

    faults = cut_under(writers, disk, cuts, dice, acknowledged, found)
    assert all(writer.acknowledged for writer in writers)
    with server.new_client() as client:
        assert Journal(client, name).delete().status == 204
    return faults


def test_no_synced_record_is_lost_nor_found_elsewhere(disk, dice):
    with Server(disk.mount / "data") as server:
        for first in range(0, CUTS, CUTS_OF_ONE):
            faults = cut(disk, server, min(CUTS_OF_ONE, CUTS - first), dice, f"j{first}")
            assert not faults, "\n".join(faults)


def test_control_server_whose_flushes_do_nothing_is_caught(disk, no_flushes, dice):
    with Server(disk.mount / "data", preload=no_flushes) as server:
        assert any(cut(disk, server, 4, dice, f"j{turn}") for turn in range(5)), \
            "the rig notices nothing"
