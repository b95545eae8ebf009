"""Idempotency-Key where the power fails: what is sent again is there once (P3)."""

import http.client
import itertools
import threading

import pytest

from support.power import CUTS, cut_under, needs_power
from support.resources import KINDS, Resource
from support.server import Server

pytestmark = needs_power


def record(client, number):
    return f"<{client}:{number}:{'x' * (number * 37 % 90)}>"


class Sender(threading.Thread):
    """Appends batches under keys, without end, as long as there is a server."""

    def __init__(self, server, resource, number):
        super().__init__()
        self.server, self.resource, self.number = server, resource, number
        self.stop = threading.Event()
        self.sent, self.acknowledged = [], []

    def run(self):
        try:
            with self.server.new_client() as client:
                for number in itertools.count():
                    if self.stop.is_set():
                        return
                    batch = [record(self.number * 100_000 + number, place)
                             for place in range(1 + number % 4)]
                    self.sent.append((f"{self.number}-{number}", batch))
                    answer = self.resource.append(client, batch, self.sent[-1][0])
                    assert answer.status == 200, answer
                    self.acknowledged.append(self.sent[-1])
        except (OSError, http.client.HTTPException):
            return


def judge(data, resource, acknowledged, sent):
    """What is wrong once all that was sent has been sent again."""
    with Server(data) as server:
        faults = []
        for key, batch in acknowledged[-200:]:
            if not resource.append(server.client, batch, key).json.get("duplicate"):
                faults.append(f"{key} was acknowledged, and is not known")
        known = dict(acknowledged)
        for key, batch in sent:
            if key not in known:
                answer = resource.append(server.client, batch, key)
                if answer.status != 200:
                    return [f"{answer}"]
        found = resource.records(server.client)
        place = {each: number for number, each in enumerate(found)}
        if len(place) < len(found):
            faults.append("records are there twice")
        for key, batch in sent:
            start = place.get(batch[0], len(found))
            if found[start:start + len(batch)] != batch:
                faults.append(f"{key} is not there in one piece")
        if len(found) != sum(len(batch) for _, batch in sent):
            faults.append(f"{len(found)} records are there")
        return faults[:5]


def cut(disk, server, resource, cuts, dice):
    senders = [Sender(server, resource, number) for number in range(4)]

    def acknowledged():
        return [each for sender in senders for each in list(sender.acknowledged)]

    def found(data, known):
        sent = [each for sender in senders for each in list(sender.sent)]
        return judge(data, resource, known, sent)

    faults = cut_under(senders, disk, cuts, dice, acknowledged, found)
    assert all(sender.acknowledged for sender in senders)
    return faults


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_power_cut_all_that_is_sent_again_is_there_once(disk, dice, kind):
    resource = Resource(kind)
    with Server(disk.mount / "data") as server:
        resource.create(server.client)
        faults = cut(disk, server, resource, max(2, CUTS // 4), dice)
    assert not faults, "\n".join(faults)


def test_control_keys_that_never_reach_the_disk_are_missed(disk, no_flushes, dice):
    resource = Resource("halt")
    with Server(disk.mount / "data", preload=no_flushes) as server:
        resource.create(server.client)
        assert any(cut(disk, server, resource, 4, dice) for _ in range(5)), "the rig notices nothing"
