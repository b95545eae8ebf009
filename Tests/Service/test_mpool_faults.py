"""Disks that fail under buffer pools: every error is an answer, what was flushed stays, and a page that
was written by half is never given out as a whole one (P10, P11, P12)."""

import errno
import os

import pytest

from support.faults import Faults, calls_in, chosen
from support.mpools import MPool, b64
from support.page_writer import page, version_of
from support.problems import CODES, check_problem
from support.progress import progress

# Of the calls of each kind, how many fail, picked anew each time; or all.
FAULTS = os.environ.get("TIDEMARK_MPOOL_FAULTS", "3")
CACHE = 8 * 4096
PAGES = 14


class Run:
    """One pool's life with a call that fails in it, and what is known of each page."""

    def __init__(self, server, name, filters):
        self.server, self.name, self.filters = server, name, filters
        self.pool = MPool.__new__(MPool)
        self.pool.client, self.pool.name = server.client, name
        self.pool.path = f"/v1/mpools/{name}"
        # The version that a page has in the pool, all that were asked for since, and the durable one.
        self.now, self.asked, self.flushed = {}, {}, {}
        self.version = 0
        self.has_failed = False

    def ask(self, method, path, body=None, type=None):
        answer = self.pool.client.request(method, self.pool.path + path, body, type=type)
        if answer.status >= 400:
            self.has_failed = True
            document = check_problem(answer, answer.code, applied=answer.json.get("applied"))
            assert document["code"] in CODES and document["code"] != "internal", document
        return answer

    def open(self):
        answer = self.ask("PUT", "", {"cachesize": CACHE})
        if answer.status >= 400:
            return answer
        if self.filters != "none":
            self.ask("PUT", "/ftypes/1", {"pgin": self.filters, "pgout": self.filters})
        # A file whose last page is there by half has an odd size.
        return self.ask("PUT", "/files/f", {
            "pagesize": 4096, "create": True, "oddsize": True,
            "ftype": int(self.filters != "none")})

    def put(self, pgno, how="put"):
        self.version += 1
        data = page(pgno, self.version)
        self.asked.setdefault(pgno, set()).add(self.version)
        if how == "put":
            answer = self.ask("PUT", f"/files/f/pages/{pgno}", data, "application/octet-stream")
        else:
            pin = self.ask("POST", "/files/f/fget", {"pgno": pgno, "flags": ["create"]})
            if pin.status != 200:
                self.asked[pgno].discard(self.version)
                return
            body = {"pin": pin.json["pin"], "flags": ["dirty"], "page": b64(data)}
            answer = self.ask("POST", "/files/f/fput", body)
            if answer.status != 200:
                self.ask("DELETE", f"/pins/{pin.json['pin']}")
        if answer.status in (200, 201, 204):
            self.now[pgno] = self.version

    def get(self, pgno):
        answer = self.ask("GET", f"/files/f/pages/{pgno}")
        if answer.status == 200:
            found = version_of(pgno, answer.body)
            wanted = self.now.get(pgno, 0)
            assert found is not None and found >= wanted, f"page {pgno} is {found}, not {wanted}"
            assert found == wanted or found in self.asked.get(pgno, ()), f"{pgno} is {found}"
        elif answer.code == "no_such_page":
            assert not self.now.get(pgno), f"page {pgno} is gone"

    def flush(self, path):
        before = dict(self.now)
        if self.ask("POST", path).status == 200:
            self.flushed = before

    def live(self):
        self.open()
        for pgno in range(6):
            self.put(pgno)
        self.flush("/files/f/fsync")
        # More than fit: pages have to leave.
        for pgno in range(3, PAGES):
            self.put(pgno, "put" if pgno % 3 else "pin")
        for pgno in range(PAGES):
            self.get(pgno)
        self.ask("POST", "/trickle", {"pct": 60})
        self.flush("/sync")
        for pgno in (0, 5, 13):
            self.put(pgno)
        self.flush("/files/f/fsync")
        for pgno in (1, 6, 12):
            self.put(pgno, "pin")
        before = dict(self.now)
        if self.ask("DELETE", "/files/f?sync=true").status == 200:
            self.flushed = before
        self.open()
        for pgno in range(PAGES):
            self.get(pgno)
        for pgno in (2, 7):
            self.put(pgno)

    def judge_alive(self):
        """What is wrong once the disk is well again: the pool has lost nothing that it took."""
        self.open()
        for pgno in range(PAGES):
            self.get(pgno)
        for pgno in list(self.now):
            self.put(pgno)
        before = dict(self.now)
        answer = self.ask("POST", "/files/f/fsync")
        if answer.status != 200:
            # A failed flush of pages that have left: the file takes no sync until it is closed.
            assert answer.code == "sync_failed", answer
            assert self.ask("DELETE", "/files/f").status == 200
            self.now = dict(self.flushed)
            self.open()
            for pgno in before:
                self.put(pgno)
            before = dict(self.now)
            answer = self.ask("POST", "/files/f/fsync")
            assert answer.status == 200, answer
        self.flushed = before

    def judge_dead(self):
        """What is wrong after a kill: nothing that was flushed is missing, no page is half."""
        server = self.server
        server.kill9()
        server.start()
        self.pool.client = server.client
        answer = self.open()
        assert answer.status in (200, 201), answer
        for pgno in range(PAGES):
            answer = self.ask("GET", f"/files/f/pages/{pgno}")
            wanted = self.flushed.get(pgno, 0)
            if answer.status == 404:
                assert not wanted, f"page {pgno}, flushed as {wanted}, is gone"
            elif answer.status == 200:
                found = version_of(pgno, answer.body)
                assert found is not None, f"page {pgno} is half one and half another"
                assert found >= wanted, f"page {pgno} is {found}, flushed was {wanted}"
                assert found == 0 or found in self.asked[pgno], f"page {pgno} is {found}"
            else:
                # A write that failed in the middle, of which somebody was told.
                assert answer.code == "filter_failed" and self.has_failed, answer


CALLS = [("pwrite", errno.ENOSPC), ("pwrite", errno.EIO), ("fsync", errno.EIO),
         ("fsync", errno.ENOSPC), ("open", errno.EMFILE), ("open", errno.EIO),
         ("open", errno.EACCES), ("pread", errno.EIO), ("fallocate", errno.ENOSPC),
         ("ftruncate", errno.EIO), ("unlink", errno.EIO)]


@pytest.fixture
def faults(tmp_path):
    return Faults(tmp_path / "faults")


def count(server, faults, call, filters):
    healthy = Run(server, f"{filters}-0", filters)
    calls = calls_in(faults, call, healthy)
    assert not healthy.has_failed
    healthy.judge_alive()
    return calls


@pytest.mark.parametrize("call, error", [
    pytest.param(call, error, id=f"{call}-{errno.errorcode[error]}") for call, error in CALLS])
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
def test_every_call_that_fails_is_an_answer_and_loses_nothing_flushed(
    start, faults, dice, call, error, sticky
):
    server = start(**faults.options)
    calls = count(server, faults, call, "none")
    # A pool that has never been there removes nothing.
    assert calls > 0 or call in ("unlink",)
    for nth in progress(chosen(calls, FAULTS, dice), call):
        run = Run(server, f"p-{nth}", "none")
        faults.arm(call, nth, sticky=sticky, error=error)
        run.live()
        faults.disarm()
        assert server.is_alive and server.client.get("/healthz").status == 200
        if dice.random() < 0.5:
            run.judge_alive()
        run.judge_dead()
        faults.disarm()
        server.client.delete(f"{run.pool.path}?force=true")


@pytest.mark.parametrize("short", [1, 2048, 4095])
def test_a_page_written_by_half_is_never_given_out_as_a_whole_one(start, faults, dice, short):
    """The write stops in the middle, and what would go on with it fails."""
    server = start(**faults.options)
    calls = count(server, faults, "pwrite", "crc32c")
    for nth in progress(chosen(calls, FAULTS, dice), "pwrite"):
        run = Run(server, f"h-{nth}", "crc32c")
        faults.arm("pwrite", nth, sticky=True, short=short, error=0, path="/f")
        # One short write makes all that follow as short: a page takes many, and dies among them.
        faults.die(dice.randrange(1, 20 * 4096 // short))
        try:
            run.live()
        except OSError:
            pass
        except Exception as failure:
            if server.is_alive:
                raise failure
        faults.disarm()
        faults.die(0)
        run.has_failed = True
        run.judge_dead()
        server.client.delete(f"{run.pool.path}?force=true")


def test_a_failed_flush_is_never_made_up_for_by_a_later_one(start, faults):
    """Pages that had left the pool before the flush failed are nobody's to write again."""
    server = start(**faults.options)
    pool = MPool(server.client, "m", cachesize=CACHE)
    pool.open()
    for pgno in range(20):
        pool.put(pgno, page(pgno, 1))
    faults.arm("fsync", 1, error=errno.EIO, path="/mpools/m/f")
    assert pool.fsync().code == "sync_failed"
    for path in ("/files/f/fsync", "/sync"):
        assert pool.post(path).code == "sync_failed"
    assert pool.get(19).status == 200
    server.client.delete(f"{pool.path}/files/f")
    pool.open()
    pool.put(0, page(0, 2))
    assert pool.fsync().status == 200


def test_pages_that_are_still_in_the_pool_are_written_again_after_a_failed_flush(start, faults):
    server = start(**faults.options)
    pool = MPool(server.client, "m", cachesize=CACHE)
    pool.open()
    for pgno in range(4):
        pool.put(pgno, page(pgno, 1))
    # Written, but by no flush.
    assert pool.post("/trickle", {"pct": 100}).json == {"nwrote": 4}
    faults.arm("fsync", 1, error=errno.EIO, path="/mpools/m/f")
    assert pool.fsync().code == "sync_failed"
    assert pool.stat["st_page_dirty"] == 4
    written = pool.stat["st_page_out"]
    assert pool.fsync().status == 200
    assert pool.stat["st_page_out"] == written + 4


def test_a_checkpoint_whose_last_page_is_put_back_later_is_flushed(start, faults):
    server = start(**faults.options)
    pool = MPool(server.client, "m", cachesize=CACHE, logging=True)
    pool.open()
    pin = pool.fget(0, "create").json["pin"]
    assert pool.fset(pin, "dirty", page=b64(page(0, 1))).status == 200
    lsn = {"lsn": {"file": 1, "offset": 5}}
    assert pool.post("/sync", lsn).status == 202
    assert pool.fput(pin).status == 200
    faults.watch("fsync", path="/mpools/m/f")
    seen = faults.seen("fsync")
    assert pool.post("/sync", lsn).status == 200
    assert faults.seen("fsync") == seen + 1
