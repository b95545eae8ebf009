"""Owners, blocks and notices against real Erlang, with several processes on both sides."""

import os

import pytest

from support.disk_log import Service, erlang, notice, padded
from support.events import Events

ROUNDS = int(os.environ.get("TIDEMARK_NOTICES", 60))

KINDS = {
    "halt": {"type": "halt"},
    "ring": {"type": "wrap", "size": (200, 3)},
    "external halt": {"type": "halt", "format": "external"},
    "external ring": {"type": "wrap", "size": (200, 3), "format": "external"},
    "read-only halt": {"type": "halt", "mode": "read_only"},
    "read-only ring": {"type": "wrap", "size": (200, 3), "mode": "read_only"},
}
STATES = ["open", "false by another", "false by the caller", "true by the caller",
          "true by another"]

# Requests as the original takes them, and as they are sent.
REQUESTS = {
    "log": (("log", "x"), lambda log: log.request(
        "POST", "/append?wait_ms=0", {"record": {"term": "x"}})),
    "blog": (("blog", b"\x83j"), lambda log: log.request(
        "POST", "/append?wait_ms=0&raw=true", {"record": {"b64": "g2o="}})),
    "sync": ("sync", lambda log: log.request("POST", "/sync?wait_ms=0")),
    "truncate": ("truncate", lambda log: log.request("POST", "/truncate?wait_ms=0")),
    "change_header": (("change_header", ("head", "none")), lambda log: log.request(
        "PATCH", "?wait_ms=0", {"head": None})),
    "change_size": (("change_size", (300, 4)), lambda log: log.request(
        "PATCH", "?wait_ms=0", {"size": {"max_no_bytes": 300, "max_no_files": 4}})),
    "inc_wrap_file": ("inc_wrap_file", lambda log: log.request("POST", "/inc_wrap_file?wait_ms=0")),
    "reopen": (("reopen", '"OLD"'), lambda log: log.request(
        "POST", "/reopen", {"file": f"{log.folder}/logOLD"})),
    "reopen as itself": (("reopen", '""'), lambda log: log.request(
        "POST", "/reopen", {"file": f"{log.folder}/log"})),
    "chunk": (("chunk", "start"), lambda log: log.request("GET", "/chunk?wait_ms=0")),
    "chunk_step": (("chunk_step", "start", 0), lambda log: log.request(
        "GET", "/chunk_step?wait_ms=0&step=0")),
    "block": ("block", lambda log: log.request("POST", "/block?wait_ms=0")),
    "unblock": ("unblock", lambda log: log.request("POST", "/unblock")),
    "info": ("info", lambda log: log.request("POST", "/info")),
    "close": ("close", lambda log: log.request("POST", "/close")),
}


def outcome(text):
    """An error as it is; everything else is well."""
    return text if text.startswith("{error") or text == "queued" else "ok"


def answered(response):
    if response.status == 504:
        return "queued"
    return outcome(Service.text(response))


def make(both, kind):
    """A log of that kind with two records, open for one owner."""
    options = dict(KINDS[kind])
    both.open(**{**options, "mode": None})
    both.log(*([b"a", b"b"] if options.get("format") else ["a", "b"]))
    if options.get("mode"):
        both.do("close")
        both.open(**options)


class Process:
    """A process on both sides: a worker of Erlang's, and a handle."""

    def __init__(self, both, name):
        self.both, self.name = both, name
        opened = both.real.result(erlang(("done_by", name, ("open", [("notify", "false")]))))
        self.log = Service(both.ours.server, both.ours.name, both.ours.folder)
        both.same((name, "open"), opened, self.log.open(notify=False))

    def do(self, request):
        wanted, send = REQUESTS[request]
        # What info tells has a form of its own.
        wanted = self.both.real.do(erlang(("as", self.name, wanted))).get("result", "ok")
        self.both.same((self.name, request), outcome(wanted), answered(send(self.log)))

    def block(self, queues):
        flag = str(queues).lower()
        wanted = self.both.real.result(erlang(("as", self.name, ("block", flag))))
        self.both.same((self.name, "block", flag), wanted, self.log.block(queues))


@pytest.fixture
def processes(both):
    yield lambda: (Process(both, "a"), Process(both, "b"))
    both.real.result("stop_workers")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", STATES)
def test_every_request_in_every_state_is_answered_alike(both, real, processes, kind, state):
    for request in REQUESTS:
        real.clear()
        both.ours.remove()
        both.steps = []
        make(both, kind)
        blocker, other = processes()
        if state != "open":
            blocker.block(queues=state.startswith("true"))
        (blocker if "by the caller" in state else other).do(request)
        real.result("stop_workers")
        real.result("close")


def test_end_of_a_process_ends_its_block_and_its_ownership(both, processes):
    make(both, "halt")
    for _ in range(2):
        blocker, other = processes()
        blocker.block(queues=False)
        other.do("log")
        both.real.result("stop_workers")
        for process in (blocker, other):
            assert process.log.request("DELETE", f"/handles/{process.log.handle}").status == 204
        both.log("x")
        both.info()
    both.finish()


# Opening what is open


OPTIONS = {
    "file": ["log", "elsewhere"], "mode": ["read_write", "read_only"], "type": ["halt", "wrap"],
    "format": ["internal", "external"], "repair": ["true", "false", "truncate"],
    "size": [(200, 3), (200, 4), (300, 3)],
}


def test_options_of_a_log_that_is_open_are_compared_alike(both, dice, real):
    for kind in ("halt", "ring", "external ring", "read-only halt", "read-only ring"):
        real.clear()
        both.ours.remove()
        both.steps = []
        make(both, kind)
        for number in range(ROUNDS):
            given = {name: dice.choice(values) for name, values in OPTIONS.items()
                     if dice.random() < 0.4}
            # Not what no log can have.
            if given.get("type") == "halt" or "type" not in given:
                given.pop("size", None)
            if given.get("type") == "wrap" and "size" not in given:
                given["size"] = (200, 3)
            if given.get("mode") == "read_only" and given.get("repair") == "truncate":
                del given["repair"]
            # The original looks into the size file before it compares anything.
            if given.get("mode") == "read_only" and "size" in given:
                given["size"] = (200, 3)
            compare_opening(both, given, number)
        both.finish()


def compare_opening(both, given, number):
    name = f"w{number}"
    options = [("notify", "false")] + [
        (key, f'"{both.real.directory}/{value}"' if key == "file" else value)
        for key, value in given.items()]
    wanted = both.real.result(erlang(("done_by", name, ("open", options))))
    caller = Service(both.ours.server, both.ours.name, both.ours.folder)
    repair = {"true": True, "false": False}.get(given.get("repair"), given.get("repair"))
    got = caller.open(**{**given, "repair": repair, "notify": False})
    both.same(("open", given), wanted, got)
    both.real.result("stop_workers")
    if caller.handle:
        caller.request("DELETE", f"/handles/{caller.handle}")


# Notices


class Listening:
    """What the owner of both logs is told."""

    def __init__(self, both):
        self.both = both
        both.real.do("flush")
        self.events = Events(both.ours.server.port, both.ours.path, both.ours.handle, "?as=b64")

    def compare(self):
        """Ends both logs."""
        wanted = self.both.real.do("flush")["notes"]
        assert self.both.ours.request("DELETE", "?keep_files=true").status == 204
        got = [notice(event) for event in self.events.until("deleted")[:-1]]
        self.events.close()
        self.both.same("notices", wanted, got)
        self.both.real.result("close")


def test_random_sequences_are_told_alike(both, dice, real):
    for _ in range(ROUNDS):
        real.clear()
        both.ours.remove()
        both.steps = []
        kind = dice.choice(["halt", "ring", "ring"])
        head = ("head", dice.randrange(9)) if dice.random() < 0.5 else None
        size = (60 + dice.randrange(200), 2 + dice.randrange(3)) if kind == "ring" else (
            80 + dice.randrange(200))
        both.open("wrap" if kind == "ring" else "halt", size, head)
        listening = Listening(both)
        for number in range(dice.randrange(5, 25)):
            one_change(both, dice, kind, head)
        listening.compare()


def one_change(both, dice, kind, head):
    terms = [padded(dice.randrange(9), dice.randrange(60)) for _ in range(dice.randrange(1, 5))]
    match dice.randrange(9):
        case 0 | 1 | 2: both.log(*terms)
        case 3 | 4:
            both.do("alog", terms[0])
            both.do("sync")
        case 5: both.do("sync")
        case 6: both.do("truncate", *([("new", "head")] if dice.random() < 0.5 else []))
        # The original does not count the head that this writes.
        case 7 if kind == "ring" and not head: both.do("inc_wrap_file")
        case 7 if kind == "halt": both.do("change_size", 300 + dice.randrange(300))
        case 8:
            queues = dice.choice(["true", "false"])
            both.do("block", queues)
            both.do("alog", terms[0])
            both.log(*terms)
            both.do("unblock")
            both.do("sync")


@pytest.mark.parametrize("kind", [
    "external halt", "external ring", "read-only halt", "read-only ring"])
def test_terms_that_cannot_be_logged_are_told_alike(both, kind):
    make(both, kind)
    listening = Listening(both)
    for terms in ([1], ["a"], [("t", b"x")], [[1, 2], "b"]):
        both.do("alog", terms[0]) if len(terms) == 1 else both.do("alog_terms", terms)
        both.do("sync")
    listening.compare()
