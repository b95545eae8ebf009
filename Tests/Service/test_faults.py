"""Disks that fail: every error is an answer, and nothing that was acknowledged suffers."""

import errno
import os
import resource
import threading

import pytest

from support import pmemlog
from support.client import POOL_MINIMUM
from support.faults import Faults
from support.machine import needs_root, small_disk
from support.problems import CODES, check_problem
from support.server import Server, wait_until


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


@pytest.fixture
def server(start, faults):
    """A server whose calls can be made to fail, with a pool p that holds `kept`."""
    server = start(**faults.options)
    server.client.create("p")
    server.client.append("p", b"kept")
    return server


def reopen(api, name="p"):
    assert api.post(f"/v1/pools/{name}/close").status == 200
    answer = api.post(f"/v1/pools/{name}/open")
    assert answer.status == 200, answer
    return answer.json


# P11: a flush that fails. An append has two: of its data, and of the write offset behind it.


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("sticky", [False, True])
def test_failed_flush_is_500_sync_failed_and_unknown(server, faults, nth, sticky):
    api = server.client
    faults.arm("fsync", nth, sticky=sticky, path="pools/p")
    document = check_problem(api.try_append("p", b"lost?"), "sync_failed", applied="unknown")
    assert document["errno"] == "EIO" and faults.hits("fsync") >= 1
    item = api.item("p")
    assert item["state"] == "failed" and item["failure"] and item["tell"] == 4
    check_problem(api.try_append("p", b"later"), "sync_failed", applied="no")
    check_problem(api.post("/v1/pools/p/rewind"), "sync_failed", applied="no")
    ready = api.get("/readyz")
    assert ready.status == 503 and "p" in ready.json["checks"]["pools"]
    assert api.get("/healthz").status == 200 and api.walk("p") == b"kept"
    faults.disarm()
    # The disk is well again, and yet nothing may be trusted before the pool was opened again.
    check_problem(api.try_append("p", b"later"), "sync_failed", applied="no")
    assert reopen(api)["tell"] == 4
    assert api.walk("p") == b"kept" and api.get("/readyz").status == 200
    assert api.append("p", b"new") == {
        "first": 4, "next": 7, "count": 1, "bytes": 3, "durability": "synced", "duplicate": False}
    assert 'result="failed"} 1' in api.get("/metrics").body.decode()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_lost_record_does_not_come_back_with_a_restart(server, faults, how):
    faults.arm("fsync", 2, path="pools/p")
    assert server.client.try_append("p", b"lost?").status == 500
    faults.disarm()
    server.restart(kill=how == "kill")
    assert server.client.walk("p") == b"kept"
    assert server.client.append("p", b"!")["first"] == 4


def test_lost_record_does_not_come_back_if_its_note_cannot_be_written_either(server, faults):
    faults.arm("fsync", 2, sticky=True)
    assert server.client.try_append("p", b"lost?").status == 500
    faults.disarm()
    reopen(server.client)
    assert server.client.walk("p") == b"kept"


def test_every_waiter_of_a_failed_commit_is_told(server, faults):
    answers = []
    faults.arm("fsync", 1, sticky=True, path="pools/p")

    def append():
        with server.new_client() as client:
            answers.append(client.try_append("p", b"x"))

    threads = [threading.Thread(target=append) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.code for answer in answers} == {"sync_failed"}
    assert "unknown" in {answer.json["applied"] for answer in answers}
    faults.disarm()
    reopen(server.client)
    assert server.client.walk("p") == b"kept"


def test_failure_of_one_pool_leaves_the_others_alone(server, faults):
    server.client.create("other")
    faults.arm("fsync", 1, path="pools/p")
    assert server.client.try_append("p", b"x").status == 500
    assert server.client.append("other", b"fine")["next"] == 4
    assert server.client.item("other")["state"] == "open"


@pytest.mark.parametrize("nth", [1, 2])
def test_rewind_whose_flush_fails_is_unknown_and_whole_afterwards(server, faults, nth):
    api = server.client
    generation = api.item("p")["generation"]
    faults.arm("msync", nth)
    answer = api.post("/v1/pools/p/rewind")
    if faults.hits("msync"):
        check_problem(answer, "sync_failed", applied="unknown")
        faults.disarm()
        reopen(api)
    assert api.walk("p") in (b"kept", b"")
    assert api.item("p")["generation"] > generation, "a reader may take new bytes for old ones"


def test_pages_that_cannot_be_made_writable_are_a_failure_and_not_a_signal(server, faults):
    api = server.client
    faults.arm("madvise", 1, sticky=True, error=errno.EFAULT)
    answer = api.post("/v1/pools/p/rewind")
    assert answer.status == 500 and faults.hits("madvise") > 0
    faults.disarm()
    reopen(api)
    assert api.walk("p") == b"kept" and api.append("p", b"y")["first"] == 4


def test_append_that_finds_no_space_is_507_and_the_pool_goes_on(server, faults):
    api = server.client
    faults.arm("pwrite", 1, sticky=True, error=errno.ENOSPC, path="pools/p")
    check_problem(api.try_append("p", b"x"), "no_space", applied="no")
    faults.disarm()
    assert api.append("p", b"y")["first"] == 4 and api.walk("p") == b"kepty"


# P10: every call of a run of requests fails once, with every error that it may have

# What a request that is answered as done makes of what the pool held before; None: no pool.
STEPS = [
    ("PUT", "", None, lambda data: data or b""),
    ("POST", "/append", b"first", lambda data: data + b"first"),
    ("POST", "/rewind", None, lambda data: data[:0]),
    ("POST", "/append", b"second", lambda data: data + b"second"),
    ("POST", "/close", None, lambda data: data + b""),
    ("POST", "/open", None, lambda data: data + b""),
    ("DELETE", "?keep_file=true", None, lambda data: data + b""),
    ("PUT", "", None, lambda data: data or b""),
    ("DELETE", "", None, lambda data: None if data is not None else data + b""),
]


def after(possible, change):
    """The states after a step that was done; it cannot have been done without a pool."""
    found = []
    for data in possible:
        try:
            found.append(change(data))
        except TypeError:
            continue
    return found


def run_steps(api, path):
    """Runs the steps; the states that are possible afterwards."""
    possible = [None]
    for method, suffix, body, change in STEPS:
        answer = api.request(method, path + suffix, body)
        if answer.status < 400:
            possible = after(possible, change)
            continue
        document = check_problem(answer, answer.code, applied=answer.json["applied"])
        assert document["code"] in CODES and document["code"] != "internal"
        if document["applied"] == "unknown":
            possible = possible + after(possible, change)
        elif document["applied"] == "yes":
            possible = after(possible, change)
    return possible


def mend(api, path):
    """What the pool holds once the disk is well again; None if there is none."""
    if api.get(path).status == 404:
        return None
    assert api.post(path + "/close").status == 200
    assert api.post(path + "/open").status == 200
    return api.get(path + "/walk").body


CALLS = [("pwrite", errno.ENOSPC), ("pwrite", errno.EIO), ("fallocate", errno.ENOSPC),
         ("fsync", errno.EIO), ("fsync", errno.ENOSPC), ("link", errno.ENOSPC), ("link", errno.EIO),
         ("unlink", errno.EIO), ("rename", errno.ENOSPC), ("rename", errno.EIO),
         ("open", errno.ENOSPC), ("open", errno.EMFILE), ("open", errno.EIO), ("open", errno.EACCES),
         ("pread", errno.EIO), ("msync", errno.EIO), ("madvise", errno.EFAULT)]


@pytest.mark.parametrize("call, error", [
    pytest.param(call, error, id=f"{call}-{errno.errorcode[error]}") for call, error in CALLS])
@pytest.mark.parametrize("sticky", [False, True])
def test_every_call_that_fails_is_an_answer_and_leaves_one_of_the_states(
    start, faults, call, error, sticky
):
    server = start(**faults.options)
    api = server.client
    nth, hit = 0, True
    while hit and nth < 40:
        nth += 1
        path = f"/v1/pools/n{nth}"
        faults.arm(call, nth, sticky=sticky, error=error)
        possible = run_steps(api, path)
        hit = faults.hits(call) > 0
        faults.disarm()
        found = mend(api, path)
        assert found in possible, f"{call} {nth}: {found} is none of {possible}"
        assert server.is_alive and api.get("/healthz").status == 200
        api.delete(path)
        assert api.put(path).status == 201, f"{call} number {nth}: it cannot be made anew"
        api.delete(path)
        assert os.listdir(server.data / "pools") == []
    assert nth > 1, f"{call} was never called"
    leftovers = os.listdir(server.data / ".tidemark" / "new")
    assert leftovers == [] or call == "unlink", leftovers


@pytest.mark.parametrize("short", [0, 1, 4095])
@pytest.mark.parametrize("call", ["pwrite", "pread"])
def test_short_counts_are_carried_on_with(start, faults, call, short):
    if call == "pread" and short == 0:
        short = 7
    server = start(**faults.options)
    for nth in range(1, 6):
        faults.arm(call, nth, short=short)
        name = f"s{nth}"
        assert server.client.put(f"/v1/pools/{name}").status == 201
        server.client.append(name, b"data" * 3000)
        assert server.client.walk(name) == b"data" * 3000
        server.client.post(f"/v1/pools/{name}/close")
        assert pmemlog.check(server.data / "pools" / name) is True
    assert faults.seen(call) > 0


# P12: reading


@pytest.mark.parametrize("call", ["pread", "pwrite", "open"])
def test_interrupted_call_is_made_again(server, faults, call):
    faults.arm(call, 1, error=errno.EINTR)
    assert server.client.put("/v1/pools/new").status == 201
    assert server.client.walk("p") == b"kept"
    server.client.post("/v1/pools/p/close")
    assert server.client.post("/v1/pools/p/open").status == 200
    assert faults.hits(call) == 1


def test_read_that_fails_is_an_error_of_that_request_only(server, faults):
    api = server.client
    accept = {"Accept": "application/json"}
    faults.arm("pread", 1)
    check_problem(api.get("/v1/pools/p/walk", accept), "io_error")
    assert api.get("/v1/pools/p/walk", accept).status == 200
    faults.arm("pread", 1)
    end = api.get("/v1/pools/p/walk", {"Accept": "application/x-ndjson"}).lines[-1]
    assert end["error"]["code"] == "io_error"
    assert api.walk("p") == b"kept" and api.append("p", b"!")["first"] == 4
    assert api.item("p")["state"] == "open"


# Real full disks


@needs_root
def test_full_disk_is_507_and_pools_that_are_there_go_on(tmp_path):
    with small_disk(tmp_path / "disk", "5m") as disk, Server(disk) as server:
        api = server.client
        api.create("a")
        api.create("b")
        answer = api.put("/v1/pools/c")
        check_problem(answer, "no_space")
        exported = api.get("/v1/pools/a/export").body
        answer = api.post("/v1/pools/c/import", exported, type="application/octet-stream")
        check_problem(answer, "no_space")
        wait_until(lambda: not os.listdir(disk / ".tidemark" / "new"), what="the rest to go")
        assert sorted(os.listdir(disk / "pools")) == ["a", "b"]
        (disk / "filler").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096))
        assert api.append("a", b"x" * (POOL_MINIMUM - 8192))["next"] == POOL_MINIMUM - 8192
        assert api.walk("a") == b"x" * (POOL_MINIMUM - 8192)
        for method, path in (("POST", "/v1/pools/a/rewind"), ("POST", "/v1/pools/b/close")):
            before = api.item(path.split("/")[3])
            answer = api.request(method, path)
            if answer.status != 200:
                check_problem(answer, "no_space")
                assert api.item(path.split("/")[3]) == before
        assert api.delete("/v1/pools/b").status == 204
        assert api.put("/v1/pools/c").status == 201
        assert api.append("c", b"works again")["next"] == 11


@needs_root
def test_disk_without_inodes_is_507_and_works_again(tmp_path):
    with small_disk(tmp_path / "disk", "50m", ",nr_inodes=20") as disk, Server(disk) as server:
        made = 0
        while (answer := server.client.put(f"/v1/pools/i{made}")).status == 201:
            made += 1
            assert made < 20
        check_problem(answer, "no_space")
        assert server.client.append("i0", b"fine")["next"] == 4
        assert server.client.delete("/v1/pools/i0").status == 204
        assert server.client.put("/v1/pools/again").status == 201


def test_file_size_limit_is_bad_parameter_as_for_every_size_that_cannot_be(start):
    server = start(limits={resource.RLIMIT_FSIZE: 3 << 20})
    answer = server.client.put("/v1/pools/big", {"pool_size": 4 << 20})
    assert check_problem(answer, "bad_parameter")["option"] == "pool_size"


def test_file_size_limit_is_a_problem_and_not_the_end(start):
    server = start(limits={resource.RLIMIT_FSIZE: 3 << 20})
    assert server.client.put("/v1/pools/big", {"pool_size": 4 << 20}).status >= 400
    assert os.listdir(server.data / "pools") == []
    assert server.client.put("/v1/pools/small").status == 201
