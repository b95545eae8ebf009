"""Damaged and strange files: refused with the right problem, unharmed, and nobody else notices."""

import os
import pathlib
import struct

import pytest

from support import pmemlog, poolfile
from support.client import POOL_MINIMUM
from support.problems import check_problem
from support.server import Server, wait_until

DATA = b"0123456789" * 100


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value)


def patch(offset, data, mend=False):
    return lambda path: poolfile.write_at(path, offset, data, mend)


def resize(size):
    return lambda path: os.truncate(path, size)


def replace(data):
    return lambda path: pathlib.Path(path).write_bytes(data)


REFUSED = {
    "empty": resize(0), "one byte": resize(1), "header cut": resize(4095),
    "only the header": resize(4096), "no data": resize(8192), "1 MiB": resize(1 << 20),
    "cut by a page": resize(POOL_MINIMUM - 4096), "cut by a byte": resize(POOL_MINIMUM - 1),
    "longer by a page": resize(POOL_MINIMUM + 4096),
    "signature": patch(0, b"X", True), "checksum": patch(poolfile.CHECKSUM, b"\1\2"),
    "unused byte below 0x800": patch(0x100, b"U"), "major 2": patch(poolfile.MAJOR, u32(2), True),
    "unknown incompat bit": patch(poolfile.INCOMPAT, u32(0x86), True),
    "other machine": patch(poolfile.MACHINE, u16(183), True),
    "part identifier": patch(poolfile.IDENTIFIERS + 16, b"zz"),
    "part identifier with checksum": patch(poolfile.IDENTIFIERS + 16, b"zz", True),
    "start offset": patch(poolfile.START, u64(4096)),
    "start offset 0": patch(poolfile.START, u64(0)),
    "end offset": patch(poolfile.END, u64(POOL_MINIMUM + 4096)),
    "end offset 2^64-1": patch(poolfile.END, u64(2**64 - 1)),
    "write offset low": patch(poolfile.WRITE, u64(8191)),
    "write offset 0": patch(poolfile.WRITE, u64(0)),
    "write offset high": patch(poolfile.WRITE, u64(POOL_MINIMUM + 1)),
    "write offset 2^63": patch(poolfile.WRITE, u64(2**63)),
    "page 0 zero": patch(0, bytes(4096)), "page 1 zero": patch(4096, bytes(4096)),
    "all zero": replace(bytes(POOL_MINIMUM)), "text": replace(b"just text\n" * 300_000),
    "signature alone": replace(b"PMEMLOG\0"), "set alone": replace(b"PMEMPOOLSET"),
    "set of binary": replace(b"PMEMPOOLSET\n" + bytes(range(128, 256)) * 100),
    "large set": replace(b"PMEMPOOLSET\n" + b"#" * (1 << 20)),
}

# What no one can notice by the headers: accepted, as the library does.
ACCEPTED = {
    "longer by less than a page": resize(POOL_MINIMUM + 100),
    "unused byte above 0x800": patch(0x900, b"U"),
    "shutdown state": patch(poolfile.SHUTDOWN, b"\xff" * 24),
    "unknown compat bit": patch(poolfile.COMPAT, u32(0x81), True),
    "creation time": patch(poolfile.CREATED, u64(2**64 - 1), True),
    "creation time far away": patch(poolfile.CREATED, u64(2**63 - 1), True),
    "left of an earlier process": patch(poolfile.RUNTIME, b"\xaa" * 56),
    "data byte": patch(8192 + 5, b"5"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server with a healthy pool that must go on in every case."""
    with Server(tmp_path_factory.mktemp("data")) as server:
        server.client.create("healthy")
        yield server
        assert server.is_alive, f"the server died: {server.lines}"


@pytest.fixture
def file(shared, api, name):
    """The closed file of a pool with some data."""
    api.create(name)
    api.append(name, DATA)
    api.post(f"/v1/pools/{name}/close")
    return shared.data / "pools" / name


def healthy_goes_on(api):
    before = api.tell("healthy")
    assert api.append("healthy", b"on")["next"] == before + 2



@pytest.mark.parametrize("damage", REFUSED)
def test_damaged_file_is_not_a_pool_and_stays_as_it_is(api, file, name, damage):
    REFUSED[damage](file)
    before = poolfile.contents(file)
    for method, path, body in (
        ("POST", "/open", None), ("PUT", "", None), ("GET", "", None), ("GET", "/walk", None),
        ("POST", "/append", b"x"), ("POST", "/rewind", None), ("GET", "/export", None),
    ):
        answer = api.request(method, f"/v1/pools/{name}{path}", body)
        if answer.status == 404:
            # It was closed by request, which is looked at first.
            assert answer.json["state"] == "closed" and path
            continue
        check_problem(answer, "not_a_pool")
    check = api.get(f"/v1/pools/{name}/check")
    assert check.status == 200 and check.json["consistent"] is False and check.json["detail"]
    listed = {pool["name"]: pool for pool in api.get("/v1/pools?limit=1000").json["pools"]}
    assert listed[name]["state"] == "damaged"
    assert poolfile.contents(file) == before
    healthy_goes_on(api)


@pytest.mark.parametrize("damage", REFUSED)
def test_import_refuses_what_check_refuses(shared, api, file, name, damage):
    REFUSED[damage](file)
    data = poolfile.contents(file)
    answer = api.post(f"/v1/pools/{name}i/import", data, type="application/octet-stream")
    check_problem(answer, "not_a_pool")
    assert not (shared.data / "pools" / f"{name}i").exists()
    # The upload goes with its request, a moment after the answer.
    wait_until(lambda: os.listdir(shared.data / ".tidemark" / "new") == [], what="the upload to go")


@pytest.mark.parametrize("damage", ACCEPTED)
def test_harmless_damage_is_passed_over_as_the_library_does(api, file, name, damage):
    ACCEPTED[damage](file)
    assert pmemlog.check(file) is True
    assert api.get(f"/v1/pools/{name}/check").json["consistent"] is True
    opened = api.post(f"/v1/pools/{name}/open")
    assert opened.status == 200 and opened.json["tell"] == len(DATA)
    assert api.walk(name) == DATA
    assert api.append(name, b"more")["first"] == len(DATA)


def test_pool_can_be_mended_and_opened_while_the_service_runs(api, file, name):
    good = poolfile.contents(file)
    poolfile.write_at(file, 0, b"X")
    check_problem(api.post(f"/v1/pools/{name}/open"), "not_a_pool")
    file.write_bytes(good)
    assert api.post(f"/v1/pools/{name}/open").status == 200 and api.walk(name) == DATA


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "device", "dangling link"])
def test_what_is_no_regular_file_is_refused_without_waiting(shared, api, name, kind):
    import socket

    path = shared.data / "pools" / f"{name}{kind[:3]}"
    problem = "not_a_pool"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        # The path of a socket is short; made elsewhere and moved here.
        with socket.socket(socket.AF_UNIX) as one:
            here = os.getcwd()
            os.chdir(path.parent)
            one.bind(path.name)
            os.chdir(here)
        problem = "io_error"
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("nowhere")
        problem = "no_such_pool"
    check_problem(api.get(f"/v1/pools/{path.name}"), problem)
    healthy_goes_on(api)


def test_every_changed_byte_of_the_headers_is_refused_or_harmless(start):
    """Whatever byte is changed: the service answers as the library does, and lives."""
    server = start()
    api = server.client
    api.create("p")
    api.append("p", DATA)
    api.post("/v1/pools/p/close")
    path = server.data / "pools" / "p"
    good = poolfile.contents(path)[:8192]
    different = []
    for place in (*range(0, 0x90), *range(poolfile.CHECKSUM, poolfile.RUNTIME)):
        for value in {0x00, 0xFF, good[place] ^ 0x01, good[place] ^ 0x80} - {good[place]}:
            poolfile.write_at(path, place, bytes([value]))
            ours = api.get("/v1/pools/p/check").json["consistent"]
            answer = api.get("/v1/pools/p")
            if (answer.status == 200) != ours:
                different.append((place, value, ours, answer.status))
            poolfile.write_at(path, place, good[place:place + 1])
    assert api.get("/v1/pools/p/check").json["consistent"] is True
    assert different == []


def test_file_cut_at_many_lengths_never_ends_the_service(start, dice):
    server = start()
    api = server.client
    api.create("p")
    api.append("p", DATA)
    api.post("/v1/pools/p/close")
    path = server.data / "pools" / "p"
    good = poolfile.contents(path)
    lengths = {0, 1, 4095, 4096, 4097, 8191, 8192, 8193, POOL_MINIMUM - 1}
    lengths |= {dice.randrange(POOL_MINIMUM) for _ in range(100)}
    for length in lengths:
        path.write_bytes(good[:length])
        assert api.post("/v1/pools/p/open").code == "not_a_pool", length
        assert api.get("/v1/pools/p/check").json["consistent"] is False, length
    path.write_bytes(good)
    assert api.post("/v1/pools/p/open").status == 200 and api.walk("p") == DATA


def test_live_check_notices_damage_below_an_open_pool(shared, api, name):
    api.create(name)
    api.append(name, DATA)
    path = shared.data / "pools" / name
    poolfile.write_at(path, 0, b"X")
    answer = api.get(f"/v1/pools/{name}/check?live=true")
    assert answer.status == 200 and answer.json["consistent"] is False
    poolfile.write_at(path, 0, b"P")
    assert api.get(f"/v1/pools/{name}/check?live=true").json["consistent"] is True
