"""Data directories that somebody has put strange things into: the rest is served, and all is told."""

import os

import pytest

from support.log import Log, ring
from support.problems import check_problem
from support.server import wait_until

PATHS = {"log": "logs/l.LOG", "ring": "logs/r.LOG.1", "index": "logs/r.LOG.idx",
         "journal": "journals/j/WiredTigerLog.0000000001", "note of a log": ".tidemark/logs/l",
         "note of a journal": ".tidemark/journals/j", "place": ".tidemark/places/l"}


@pytest.fixture
def stopped(start):
    """A server that has ended, and left one of each kind that it held open."""
    server = start()
    Log(server.client, "l").made("a")
    Log(server.client, "r").made("a", **ring(1000, 3))
    Log(server.client, "other").made("a")
    assert server.client.put("/v1/journals/j").status == 201
    assert server.client.put("/v1/journals/other").status == 201
    server.stop()
    return server


def recovered(server):
    """What readiness says once all that can be opened is open."""
    def checks():
        found = server.client.get("/readyz").json["checks"]
        return None if "recovery" in found else found

    return wait_until(checks, what="the opening of all")


def note(server, kind, name, **values):
    """Changes what is remembered of a resource."""
    path = server.data / ".tidemark" / kind / name
    lines = dict(line.split("=", 1) for line in path.read_text().splitlines())
    lines.update({key: str(value) for key, value in values.items()})
    path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))


def others_go_on(server):
    assert Log(server.client, "other").records() == ["a"]
    assert server.client.get("/v1/journals/other").json["state"] == "open"


@pytest.mark.parametrize("kind, name, key, value", [
    ("logs", "r", "size", "-5,3"), ("logs", "r", "size", "1000,-3"), ("logs", "r", "size", "1000,0"),
    ("logs", "r", "size", "x"), ("logs", "l", "size", "-1"), ("logs", "l", "type", "tape"),
    ("logs", "l", "file", "../l"), ("logs", "l", "mode", "x"), ("logs", "l", "head", "fixed"),
    ("journals", "j", "file_max", "-5"), ("journals", "j", "file_max", "x"),
    ("journals", "j", "hold", "-1"), ("journals", "j", "path", "../j"),
    ("journals", "j", "durability", "x"),
])
def test_a_damaged_note_keeps_its_own_resource_closed_only(stopped, kind, name, key, value):
    note(stopped, kind, name, **{key: value})
    server = stopped.start()
    assert name in recovered(server)[kind]
    line = server.wait_line(f"{kind[:-1]} {name} could not be opened")
    assert f".tidemark/{kind}/{name} is damaged" in line and key in line
    others_go_on(server)
    path = f"/v1/{kind}/{name}"
    found = server.client.get(path + ("/walk" if kind == "journals" else "/chunk"))
    assert "is damaged" in found.json["detail"], found.json
    assert server.client.delete(path + "?keep_files=true").status == 204
    assert server.client.get("/readyz").status == 200


@pytest.mark.parametrize("value", ["9223372036854775807", "9999999999999999999"])
def test_the_generation_of_a_journal_can_always_rise(stopped, value):
    note(stopped, "journals", "j", generation=value)
    server = stopped.start()
    assert recovered(server) == {"storage": "ok"}
    assert server.client.request(
        "PATCH", "/v1/journals/j", {"archive": False}).status == 200


def test_readiness_counts_what_should_be_open_and_is_not(stopped):
    (stopped.data / "logs" / "l.LOG").write_bytes(b"what is this?")
    for path in (stopped.data / "journals" / "j").glob("WiredTigerLog.*"):
        path.write_bytes(b"x" * 1000)
    server = stopped.start()
    checks = recovered(server)
    assert (checks["logs"], checks["journals"]) == ("failed: l", "failed: j")
    assert server.client.get("/readyz").status == 503
    assert "does not begin as a log file does" in server.wait_line("log l could not be opened")
    assert "it has failed" not in server.wait_line("journal j could not be opened")
    others_go_on(server)
    # What somebody fails to make is nothing that should be open.
    assert server.client.put("/v1/logs/new", {"file": "logs/l.LOG", "type": "halt"}).status == 423
    # What is put right, let go of or removed is counted no more.
    Log(server.client, "l").put(repair="truncate")
    assert "logs" not in recovered(server)
    assert server.client.post("/v1/journals/j/close").status in (200, 204)
    assert server.client.get("/readyz").status == 200


def test_a_note_that_cannot_be_read_is_told(stopped):
    for kind, name in (("logs", "l"), ("journals", "j")):
        path = stopped.data / ".tidemark" / kind / name
        path.unlink()
        path.mkdir()
    server = stopped.start()
    checks = recovered(server)
    assert (checks["logs"], checks["journals"]) == ("failed: l", "failed: j")
    for kind, name in (("log", "l"), ("journal", "j")):
        line = server.wait_line(f"{kind} {name} could not be opened")
        assert f".tidemark/{kind}s/{name} is not a regular file" in line
    others_go_on(server)


@pytest.mark.parametrize("place", PATHS)
def test_a_fifo_in_the_place_of_a_file_holds_nothing_up(stopped, place):
    path = stopped.data / PATHS[place]
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    server = stopped.start()
    recovered(server)
    others_go_on(server)
    name = path.parent.name if place == "journal" else path.name.split(".")[0]
    kind = "journals" if "journal" in place else "logs"
    walk = "/walk" if kind == "journals" else "/chunk"
    check_problem(server.client.get(f"/v1/{kind}/{name}{walk}"), "io_error")
    assert server.stop(10) == 0


@pytest.mark.parametrize("length", [124, 125, 128])
@pytest.mark.parametrize("options", [{}, ring(1000, 3)], ids=["halt", "wrap"])
def test_a_log_may_have_as_long_a_name_as_any_resource(start, length, options):
    server = start()
    log = Log(server.client, "n" * length)
    log.made("a", **options)
    server.restart()
    wait_until(lambda: server.client.get("/readyz").status == 200, what="the opening of logs")
    assert Log(server.client, log.name).records() == ["a"]
    too_long = server.client.put("/v1/logs/x", {"file": "logs/" + "n" * 125 + ".LOG"})
    check_problem(too_long, "bad_parameter")
