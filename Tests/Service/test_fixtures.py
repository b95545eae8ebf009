"""What each released version left behind opens and reads the same, and others can still read it."""

import base64
import json

import pytest

from support import fixtures, pmemlog, wiredtiger
from support.disk_log import Erlang
from support.machine import needs_program
from support.server import Server
from support.tokens import As

VERSIONS = sorted(path.name for path in fixtures.FOLDER.iterdir())
CASES = [(version, end) for version in VERSIONS for end in ("stopped", "killed")]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def left(request, tmp_path):
    """The data directory, the token and what is in it."""
    version, end = request.param
    expected = fixtures.unpack(version, tmp_path)
    return tmp_path / end, expected["token"], expected["found"]


def test_there_is_a_fixture_of_this_version(start):
    assert start().client.get("/v1").json["version"] in VERSIONS


def test_all_is_read_as_it_was(left):
    data, token, found = left
    for _ in range(2):
        with Server(data) as server, As(server, token) as api:
            assert json.loads(json.dumps(fixtures.read(api))) == found


def test_what_was_named_is_not_done_again(left):
    data, token, found = left
    with Server(data) as server, As(server, token) as api:
        for kind in fixtures.KEYED:
            for answer in fixtures.again(api, kind):
                assert (answer.status, answer["Idempotency-Replayed"]) == (200, "true"), answer
        assert json.loads(json.dumps(fixtures.read(api))) == found


def test_more_can_be_written(left):
    data, token, found = left
    with Server(data) as server, As(server, token) as api:
        for path in ("pools/pool", "logs/halt", "logs/wrap", "logs/rotate", "journals/plain",
                     "journals/packed"):
            answer = api.post(f"/v1/{path}/append", b"<more>", type="text/plain")
            assert answer.status == 200, answer
        server.restart(kill=True)
    with Server(data) as server, As(server, token) as api:
        now = fixtures.read(api)
        assert now["logs"]["keyed"] == found["logs"]["keyed"]
        assert len(now["journals"]["plain"]) == len(found["journals"]["plain"]) + 1


@needs_program("pmempool")
@needs_program("escript")
@pytest.mark.skipif(not wiredtiger.is_there(), reason="needs libwiredtiger-dev")
def test_files_are_left_as_other_programs_read_them(left, tmp_path):
    data, token, found = left
    with Server(data) as server, As(server, token) as api:
        fixtures.read(api)
        pools = {name: api.walk(name) for name in found["pools"]}
    for name, content in pools.items():
        pmemlog.assert_accepted(data / "pools" / name, content)
    for name in fixtures.JOURNALS:
        config = wiredtiger.READ_ONLY
        if name == "packed":
            config = ("readonly=true,log=(enabled=false,compressor=snappy),"
                      + wiredtiger.extension("snappy"))
        rows, code = wiredtiger.rows_of_copy(data / "journals" / name, tmp_path / "copy", config)
        assert code == wiredtiger.NOT_FOUND, name
        assert [fixtures.shown(row) for row in rows if row[4] in fixtures.CONTENT] == found["journals"][name]
    erlang = Erlang(tmp_path / "erlang")
    try:
        for name, options in (("halt", ""), ("head", ""), ("wrap", "{type,wrap}")):
            erlang.clear()
            for path in (data / "logs").glob(f"{name}.LOG*"):
                copy = erlang.directory / path.name.replace(f"{name}.LOG", "log", 1)
                copy.write_bytes(path.read_bytes())
            assert erlang.result(f"{{open,[{options}]}}") == "{ok,l}", name
            chunks = erlang.do("items")["chunks"]
            items = [base64.b64decode(item) for chunk in chunks[:-1] for item in chunk["items"]]
            held = found["logs"][name][4]
            assert [item[6:].decode() for item in items] == [
                held[place] for place in sorted(held, key=int)]
            assert erlang.result("close") == "ok"
    finally:
        erlang.close()
