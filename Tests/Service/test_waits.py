"""Readers that wait for more are answered when nothing will come, whichever of the two was first."""

import threading

import pytest

from support.machine import patient
from support.problems import check_problem
from support.server import wait_until

RINGLESS = {"format": "internal"}
# A path to wait with, behind the resource's; how the resource is made; how its absence is called.
READERS = {
    "pool": ("pools", {}, "/walk?from=4&wait_ms=60000", "no_such_pool"),
    "chunk": ("logs", RINGLESS, "/chunk?cont={cont}&wait_ms=60000", "no_such_log"),
    "log": ("logs", RINGLESS, "/walk?from=1&wait_ms=60000", "no_such_log"),
    "journal": ("journals", {}, "/walk?from={lsn}&wait_ms=60000", "no_such_journal"),
}


class Reader:
    """Somebody who is at the end of a resource and asks for more."""

    def __init__(self, server, kind):
        self.server, self.client = server, server.client
        folder, self.options, self.query, self.missing = READERS[kind]
        self.path = f"/v1/{folder}/waited"
        self.answers = []

    def make(self):
        assert self.client.put(self.path, self.options).status in (200, 201)
        assert self.client.post(self.path + "/append", b"some", type="text/plain").status == 200
        places = {}
        if "{cont}" in self.query:
            end = self.client.get(self.path + "/walk").lines[-1]
            places["cont"] = end["next"]
        elif "{lsn}" in self.query:
            places["lsn"] = self.client.get(self.path + "/walk").lines[-1]["next"]
        self.target = self.path + self.query.format(**places)

    def start(self):
        def wait():
            with self.server.new_client() as client:
                self.answers.append(client.get(self.target))

        self.answers.clear()
        self.thread = threading.Thread(target=wait)
        self.thread.start()

    def wait_for_the_wait(self):
        text = b"tidemark_http_requests_in_flight 2\n"
        wait_until(lambda: text in self.client.get("/metrics").body, what="the wait")

    def end(self, how):
        answer = (self.client.delete(self.path) if how == "delete"
                  else self.client.post(f"{self.path}/{how}"))
        assert answer.status in (200, 204), answer

    def join(self):
        self.thread.join(patient(20))
        assert self.answers, "it waits still"
        return self.answers[0]


@pytest.mark.parametrize("end", ["close", "delete"])
@pytest.mark.parametrize("kind", READERS)
def test_a_wait_ends_with_what_it_waits_for(start, kind, end):
    reader = Reader(start(), kind)
    reader.make()
    reader.start()
    reader.wait_for_the_wait()
    reader.end(end)
    check_problem(reader.join(), reader.missing)


@pytest.mark.parametrize("kind, end", [("pool", "rewind"), ("chunk", "truncate"),
                                       ("log", "truncate")])
def test_a_wait_ends_when_what_it_waits_for_is_emptied(start, kind, end):
    reader = Reader(start(), kind)
    reader.make()
    reader.start()
    reader.wait_for_the_wait()
    reader.end(end)
    check_problem(reader.join(), "position_gone")


@pytest.mark.parametrize("end", ["close", "delete"])
@pytest.mark.parametrize("kind", READERS)
def test_an_end_while_a_wait_begins_is_not_missed(start, kind, end):
    reader = Reader(start(), kind)
    for _ in range(20):
        reader.make()
        reader.start()
        reader.end(end)
        answer = reader.join()
        # It may have come first and been told all, or last.
        assert answer.status in (200, 404), answer


@pytest.mark.parametrize("end", ["close", "delete"])
def test_a_cursor_that_waits_ends_with_its_journal(start, end):
    reader = Reader(start(), "journal")
    reader.make()
    cursor = reader.client.post(reader.path + "/cursors", {}).json["cursor"]
    reader.target = f"{reader.path}/cursors/{cursor}/next"
    while not (page := reader.client.post(reader.target + "?n=100").json)["end"]:
        assert page["rows"]

    def wait():
        with reader.server.new_client() as client:
            reader.answers.append(client.post(reader.target + "?wait_ms=60000"))

    reader.thread = threading.Thread(target=wait)
    reader.thread.start()
    reader.wait_for_the_wait()
    reader.end(end)
    assert reader.join().status == 404
