"""Idempotency-Key where calls fail: still once."""

import errno
import pytest

from support.faults import Faults
from support.resources import KINDS, Resource

DATA = {"pools": "pools/r", "logs": "logs/r", "journals": "WiredTigerLog"}
CALLS = [
    ("pwrite", "keys", errno.ENOSPC), ("pwrite", "keys", errno.EIO), ("fsync", "keys", errno.EIO),
    ("open", "keys", errno.EMFILE), ("ftruncate", "keys", errno.EIO),
    ("pwrite", "data", errno.ENOSPC), ("pwrite", "data", errno.EIO), ("fsync", "data", errno.EIO),
]


def record(client, number):
    return f"<{client}:{number}:{'x' * (number * 37 % 90)}>"


def until_done(client, resource, records, key=None):
    """Sends it until it is done; opens anew what has failed."""
    for _ in range(20):
        answer = resource.append(client, records, key)
        if answer.status == 200:
            return answer
        assert answer.status in (404, 500, 503, 507), answer
        client.post(resource.path + "/close")
        assert client.post(resource.path + "/open").status == 200
    raise AssertionError(answer)


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("call, place, error", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_call_neither_loses_nor_doubles(start, tmp_path, kind, call, place, error, sticky):
    faults = Faults(tmp_path / "faults")
    server, resource = start(**faults.options), Resource(kind)
    resource.create(server.client)
    path = DATA[resource.folder] if place == "data" else "keys/"
    for nth in range(1, 4):
        batch = [record(nth, number) for number in range(3)]
        faults.arm(call, nth, sticky=sticky, error=error, path=path)
        answer = resource.append(server.client, batch, f"k{nth}")
        assert answer.status in (200, 500, 503, 507), answer
        applied = "yes" if answer.status == 200 else answer.json["applied"]
        faults.disarm()
        # As long as the batch that failed, and behind it: it must not be taken for it.
        until_done(server.client, resource, [record(nth + 6, number) for number in range(3)])
        if nth == 3:
            server.restart(kill=True)
        answer = until_done(server.client, resource, batch, f"k{nth}")
        if applied != "unknown":
            assert answer.json["duplicate"] is (applied == "yes")
        found = resource.records(server.client)
        assert [each for each in found if each in batch] == batch
    assert len(found) == 18 and server.client.get("/healthz").status == 200
