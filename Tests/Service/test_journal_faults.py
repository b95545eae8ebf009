"""Disks that fail under journals: every error is an answer, and nothing that was acknowledged suffers
(P10, P11, P12)."""

import errno
import os

import pytest

from support.faults import Faults, calls_in, chosen, fail_each
from support.journal import Journal, envelope, texts
from support.problems import CODES, check_problem
from support.progress import progress
from support.wiredtiger import NOT_FOUND

# Of the calls of each kind, how many fail, picked anew each time; or all.
FAULTS = os.environ.get("TIDEMARK_JOURNAL_FAULTS", "3")
KINDS = {
    "plain": {"file_max": 102_400, "prealloc": False},
    "ready": {"file_max": 102_400, "prealloc": True},
    "packed": {"file_max": 102_400, "prealloc": False, "compressor": "zlib"},
}
CALLS = [("pwrite", errno.ENOSPC), ("pwrite", errno.EIO), ("fsync", errno.EIO),
         ("ftruncate", errno.EIO), ("rename", errno.EIO), ("unlink", errno.EIO),
         ("open", errno.ENOSPC), ("open", errno.EMFILE), ("open", errno.EIO),
         ("pread", errno.EIO)]


class Run:
    """One journal's life with a call that fails in it, and what is known of each record."""

    def __init__(self, server, name, kind):
        self.api, self.name = server.client, name
        self.server = server
        self.path = f"/v1/journals/{name}"
        self.options = KINDS[kind]
        # Acknowledged: text by LSN; refused; where archiving may have removed what is before.
        self.kept, self.absent, self.archived = {}, set(), (0, 0)
        self.count = 0

    def ask(self, method, path, body=None):
        answer = self.api.request(method, self.path + path, body)
        if answer.status >= 400:
            document = check_problem(answer, answer.code, applied=answer.json.get("applied"))
            assert document["code"] in CODES and document["code"] != "internal", document
        return answer

    def text(self, size):
        self.count += 1
        return b"%s:%d:" % (self.name.encode(), self.count) + b"r" * size

    def note(self, answer, written):
        """Takes down what became of the records."""
        if answer.status == 200:
            place = answer.json.get("first") or answer.json["lsn"]
            # Of several, only the first one's place is told.
            self.kept[(place["file"], place["offset"])] = written[0]
        elif answer.json.get("applied") == "no":
            self.absent |= set(written)

    def append(self, *sizes):
        written = [self.text(size) for size in sizes]
        self.note(self.ask(
            "POST", "/append", {"records": [envelope(text) for text in written]}), written)

    def commit(self, size):
        text = self.text(size)
        self.note(self.ask("POST", "/transactions", {"ops": [
            {"op": "row_put", "fileid": 1000, "key": envelope(b"k"), "value": envelope(text)}]}),
            [text])

    def read(self):
        """A read that fails is an error of its own, before it begins or at its end."""
        self.ask("GET", "/walk")
        for file, offset in list(self.kept)[:2]:
            self.ask("GET", f"/records/{file},{offset}")

    def live(self):
        self.ask("PUT", "", self.options)
        self.append(10)
        self.append(10, 300, 5)
        self.commit(40)
        self.read()
        # These go on to other files.
        self.append(60_000)
        self.append(60_000)
        self.commit(50_000)
        self.read()
        if self.ask("POST", "/checkpoint").status == 200:
            self.archived = max(self.kept, default=(0, 0))
        self.ask("POST", "/archive")
        self.append(90)
        self.ask("POST", "/close")
        self.ask("PUT", "", self.options)
        self.commit(20)
        self.append(30, 30)
        self.read()

    def judge(self):
        """What is wrong once the disk is well again; None if nothing is."""
        self.api.post(self.path + "/close")
        answer = self.api.put(self.path, self.options)
        if answer.status not in (200, 201):
            return f"it does not open again: {answer}"
        journal = Journal(self.api, self.name, **self.options)
        rows, code = journal.rows()
        if code != NOT_FOUND:
            return f"the walk ends with {code}"
        found = texts(rows)
        first = min(found, default=(1, 0))
        for place, text in self.kept.items():
            is_archived = place < first and place <= self.archived
            if found.get(place) != text and not is_archived:
                return f"{text[:30]}, acknowledged at {place}, is lost"
        if there := self.absent & set(found.values()):
            return f"{sorted(there)[0][:30]} was refused, and is there"
        answer = journal.append(b"works")
        if answer.status != 200:
            return f"it does not work again: {answer}"
        if b"works" not in texts(journal.rows()[0]).values():
            return "what it took since is not there"
        return None


@pytest.mark.parametrize("call, error", [
    pytest.param(call, error, id=f"{call}-{errno.errorcode[error]}") for call, error in CALLS])
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "for good"])
def test_every_call_that_fails_is_an_answer_and_loses_nothing(
    start, tmp_path, dice, call, error, sticky
):
    faults = Faults(tmp_path / "faults")
    server = start(**faults.options)
    wrong = []
    for kind in progress(KINDS, "kind"):
        healthy = Run(server, f"{kind}0", kind)
        calls = calls_in(faults, call, healthy)
        assert calls > 0 or call in ("unlink", "ftruncate", "rename")
        assert healthy.judge() is None, healthy.judge()
        assert len(healthy.kept) == 9 and not healthy.absent
        found = fail_each(
            faults, call, chosen(calls, FAULTS, dice),
            lambda nth: Run(server, f"{kind}{nth}", kind), sticky=sticky, error=error)
        wrong += [f"{kind}, {fault}" for fault in found]
    assert not wrong, "\n".join(wrong)


def test_control_a_lost_record_and_one_that_came_back_are_noticed(start):
    server = start()
    run = Run(server, "j", "plain")
    run.live()
    assert run.judge() is None
    place, text = max(run.kept.items())
    run.kept[(place[0], place[1] + 128)] = text
    assert "is lost" in run.judge()
    del run.kept[(place[0], place[1] + 128)]
    run.absent.add(text)
    assert "was refused, and is there" in run.judge()
