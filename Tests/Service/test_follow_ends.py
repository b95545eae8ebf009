"""What followers are told of the end of what they follow: its removal, its closing, its failure."""

import pytest

from support.faults import Faults
from support.problems import check_problem
from support.server import wait_until
from test_follow import KINDS, contents, follow


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def resource(request, start, faults):
    server = start(**faults.options)
    resource = request.param(server.client)
    resource.server = server
    resource.file = resource.path.removeprefix("/v1/")
    return resource


@pytest.mark.parametrize("end, event", [("delete", "deleted"), ("close", "closed")])
def test_an_end_while_a_follower_reads_is_told_as_what_it_is(resource, faults, end, event):
    resource.append(b"some")
    faults.arm("pread", hold=True, path=resource.file)
    with follow(resource.server, resource) as events:
        wait_until(lambda: faults.hits("pread"), what="the follower's reading")
        if end == "delete":
            assert resource.client.delete(resource.path).status == 204
        else:
            assert resource.client.post(resource.path + "/close").status == 200
        faults.disarm()
        names = []
        while told := events.next():
            names.append(told.name)
        assert names[-1] == event and "error" not in names, names


def test_a_failure_is_told(resource, faults):
    resource.append(b"safe")
    with follow(resource.server, resource) as events:
        told = events.until("caught_up")
        faults.arm("fsync", sticky=True, path=resource.file)
        check_problem(resource.client.post(resource.path + "/append", b"lost"), "sync_failed",
                      "unknown")
        error = events.next()
        assert (error.name, error.data["code"]) == ("error", "sync_failed")
        assert events.next() is None
    # Who comes afterwards is told what is safe, and then the same.
    for _ in range(2):
        with follow(resource.server, resource) as events:
            again = events.until("error")
            assert contents(resource, again) == contents(resource, told) == [b"safe"]
            assert events.next() is None
    faults.disarm()


def test_a_failure_is_told_to_all_at_once(resource, faults):
    streams = [follow(resource.server, resource) for _ in range(20)]
    for stream in streams:
        stream.until("caught_up")
    faults.arm("fsync", sticky=True, path=resource.file)
    resource.client.post(resource.path + "/append", b"lost")
    for stream in streams:
        assert stream.next().data["code"] == "sync_failed"
        assert stream.next() is None
        stream.close()
    faults.disarm()
