"""What would kill a careless server: its environment, strange files, files cut under it."""

import http.client
import json
import os
import stat
import threading
import time

import pytest

from support import pmemlog, poolfile
from support.client import POOL_MINIMUM, Raw
from support.machine import as_nobody, needs_root, small_disk
from support.problems import check_problem
from support.server import Server, StartFailed


def works(server, name="works"):
    api = server.client
    api.create(name)
    api.append(name, b"alive")
    assert api.walk(name).endswith(b"alive")


@pytest.mark.parametrize("variables", [
    {"PMEMLOG_CONF": "garbage"}, {"PMEMLOG_CONF": "no.such=1;"}, {"PMEMLOG_CONF_FILE": "/none"},
    {"PMEM_CONF": "x"}, {"PMEM_IS_PMEM_FORCE": "1"}, {"PMEM_NO_FLUSH": "1"},
    {"PMEMLOG_CONF": "copy_on_write.at_open=1"}, {"PMEMLOG_CONF": "fallocate.at_create=0"},
], ids=lambda variables: "=".join(*variables.items()))
def test_environment_for_libpmemlog_neither_ends_it_nor_costs_data(start, variables):
    server = start(env=variables)
    works(server)
    assert server.stop() == 0
    pmemlog.assert_accepted(server.data / "pools" / "works", b"alive")


def flushes(server, tmp_path):
    """How often the server calls msync and fsync while it appends ten times."""
    import subprocess

    server.client.create("traced")
    log = tmp_path / "trace"
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-e", "trace=msync,fsync,fdatasync", "-o", log, "-p",
         str(server.pid)], stderr=subprocess.PIPE)
    from support.server import wait_until

    wait_until(
        lambda: "TracerPid:\t0" not in open(f"/proc/{server.pid}/status").read(), what="strace")
    for _ in range(10):
        server.client.append("traced", b"x")
    tracer.terminate()
    tracer.wait()
    return log.read_text().count("sync(")


@needs_root
@pytest.mark.parametrize("variable", ["PMEM_IS_PMEM_FORCE", "PMEM_NO_FLUSH"])
def test_variables_that_turn_flushing_off_are_not_obeyed(start, tmp_path, variable):
    assert flushes(start(env={variable: "1"}), tmp_path) >= 20


@needs_root
def test_pool_file_without_permissions_is_file_access(tmp_path):
    data = tmp_path / "data"
    with Server(data) as server:
        for name in ("good", "shut", "readonly"):
            server.client.create(name)
    os.chmod(data / "pools" / "shut", 0)
    os.chmod(data / "pools" / "readonly", 0o400)
    with Server(data, prefix=as_nobody(data)) as server:
        for name in ("shut", "readonly"):
            for method, path in (("GET", ""), ("POST", "/open"), ("GET", "/check")):
                answer = server.client.request(method, f"/v1/pools/{name}{path}")
                if name == "shut" or path:
                    document = check_problem(answer, "file_access")
                    assert document["errno"] == "EACCES" and "/" + name not in document.get("title")
        works(server, "good")


@needs_root
def test_data_directory_that_may_not_be_written_keeps_it_from_starting(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    prefix = as_nobody(data)
    os.chown(data, 0, 0)
    os.chmod(data, 0o755)
    with pytest.raises(StartFailed) as failure:
        Server(data, prefix=prefix)
    assert failure.value.code == 1 and "data directory" in " ".join(failure.value.lines)


def test_files_and_folders_are_not_open_to_the_world(start):
    server = start()
    works(server)
    for folder, folders, files in os.walk(server.data):
        for name in (*folders, *files):
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            assert mode & 0o007 == 0, f"{name}: {mode:o}"


@pytest.mark.parametrize("name_length", [236, 240, 255])
def test_file_name_that_the_library_cannot_open_is_a_problem_of_that_pool(start, name_length):
    server = start()
    api = server.client
    folder = server.data / "far"
    folder.mkdir()
    pmemlog.make(folder / "made", POOL_MINIMUM, [b"x"])
    (folder / "made").rename(folder / ("n" * name_length))
    answer = api.put("/v1/pools/long", {"file": f"far/{'n' * name_length}"})
    assert answer.status == 400 and answer.code == "bad_parameter"
    works(server)


@pytest.mark.parametrize("size", [2**63 - 1, 2**63 - 4096, 2**62, 2**32])
@pytest.mark.parametrize("form", ["application/octet-stream", "application/x-ndjson",
                                  "application/x-record-frames", "application/json"])
def test_huge_chunk_size_never_gives_what_lies_below_the_data(start, size, form):
    server = start()
    works(server)
    path = f"/v1/pools/works/walk?chunk_size={size}"
    for query in ("", "&from=2", "&from=5", "&limit=9223372036854775807"):
        answer = server.client.get(path + query, {"Accept": form})
        assert answer.status == 200 and len(answer.body) < 1000
        assert b"PMEMLOG" not in answer.body and b"UE1FTUxPR" not in answer.body
    works(server)


def cut_pool(server, size):
    """An open pool with a mebibyte of data, whose file is then cut short."""
    server.client.create("cut")
    server.client.append("cut", b"x" * (1 << 20))
    os.truncate(server.data / "pools" / "cut", size)


@pytest.mark.parametrize("size", [0, 4096, 8192, 1 << 20])
def test_file_cut_under_an_open_pool_is_a_problem_and_not_the_end(start, size):
    server = start()
    cut_pool(server, size)
    api = server.client
    for method, suffix, body in (
        ("POST", "/append", b"y" * 5000), ("GET", "/tell", None), ("GET", "/check?live=true", None),
        ("POST", "/rewind", None), ("POST", "/append", b"z"), ("POST", "/close", None),
        ("GET", "", None), ("GET", "/check", None), ("DELETE", "", None),
    ):
        answer = api.request(method, "/v1/pools/cut" + suffix, body)
        assert (method, suffix) != ("POST", "/append") or answer.status >= 400, answer
        assert api.get("/healthz").status == 200, (method, suffix, server.lines)
    works(server)
    assert server.stop() == 0


@pytest.mark.parametrize("size", [0, 8192, 500_000])
@pytest.mark.parametrize("path, form", [
    ("walk", "*/*"), ("data", "*/*"), ("export", "*/*"), ("walk", "application/x-ndjson"),
    ("walk", "application/x-record-frames"), ("walk", "application/json")])
def test_reading_a_file_cut_underneath_is_a_problem_or_a_cut(start, path, form, size):
    server = start()
    cut_pool(server, size)
    with server.new_client(timeout=5) as client:
        try:
            answer = client.get(f"/v1/pools/cut/{path}", {"Accept": form})
        except (http.client.IncompleteRead, http.client.RemoteDisconnected):
            pass
        else:
            assert answer.status == 500 and answer.code in ("io_error", "sync_failed"), answer
    assert server.client.get("/healthz").status == 200


@pytest.mark.parametrize("form", ["application/octet-stream", "application/x-ndjson"])
def test_file_cut_while_it_is_walked_ends_the_walk(start, form):
    server = start()
    filled(server, "cut", 64 << 20)
    with Raw(server.port, receive_buffer=4096) as raw:
        raw.send(f"GET /v1/pools/cut/walk HTTP/1.1\r\nHost: h\r\nAccept: {form}\r\n\r\n".encode())
        raw.fill()
        os.truncate(server.data / "pools" / "cut", 16 << 20)
        body = raw.read_answer().body
    assert len(body) < 64 << 20
    if form == "application/x-ndjson":
        end = json.loads(body.splitlines()[-1])
        assert end["end"] is True and end["error"]["status"] == 500
    works(server)


def test_pool_that_was_cut_and_made_whole_again_can_be_opened_again(start):
    server = start()
    api = server.client
    api.create("cut")
    api.append("cut", b"x" * 100_000)
    path = server.data / "pools" / "cut"
    good = poolfile.contents(path)
    os.truncate(path, 8192)
    assert api.try_append("cut", b"y" * 5000).status >= 500
    api.post("/v1/pools/cut/close")
    path.write_bytes(good)
    assert api.post("/v1/pools/cut/open").status == 200
    assert api.walk("cut") == b"x" * 100_000 and api.append("cut", b"!")["first"] == 100_000


@needs_root
def test_sparse_pool_on_a_full_disk_is_a_problem_and_not_the_end(tmp_path):
    with small_disk(tmp_path / "disk", "5m") as disk, Server(disk) as server:
        path = disk / "pools" / "sparse"
        with open(tmp_path / "whole", "wb") as file:
            file.truncate(POOL_MINIMUM * 2)
        pmemlog.make(tmp_path / "made", POOL_MINIMUM * 2)
        head = poolfile.contents(tmp_path / "made")[:8192]
        with open(path, "wb") as file:
            file.write(head)
            file.truncate(POOL_MINIMUM * 2)
        (disk / "filler").write_bytes(bytes(3 << 20))
        check_problem(server.client.try_append("sparse", b"x" * 1_900_000), "no_space")
        assert server.client.get("/healthz").status == 200
        assert path.stat().st_blocks * 512 < POOL_MINIMUM * 2
        (disk / "filler").unlink()
        assert server.client.append("sparse", b"x" * 1_900_000)["next"] == 1_900_000


@pytest.mark.parametrize("first, second", [("open", "open"), ("check", "open"), ("open", "check")])
def test_set_whose_part_has_another_size_can_be_mended_and_opened(start, tmp_path, first, second):
    server = start()
    api = server.client
    text = f"PMEMPOOLSET\n{POOL_MINIMUM} {tmp_path}/a\n{POOL_MINIMUM} {tmp_path}/b\n"
    (server.data / "pools" / "set").write_text(text)
    pmemlog.make(server.data / "pools" / "set", 0, [b"s" * 3_000_000])
    os.truncate(tmp_path / "b", POOL_MINIMUM + 4096)
    for what in (first, second, first):
        if what == "open":
            check_problem(api.post("/v1/pools/set/open"), "not_a_pool")
        else:
            assert api.get("/v1/pools/set/check").json["consistent"] is False
    os.truncate(tmp_path / "b", POOL_MINIMUM)
    assert api.post("/v1/pools/set/open").status == 200
    assert api.walk("set") == b"s" * 3_000_000


def filled(server, name, size):
    server.client.create(name, pool_size=size + (1 << 20))
    for _ in range(size >> 23):
        server.client.append(name, b"w" * (8 << 20))


def append_for(api, name, seconds):
    """The slowest of the appends in that time, and how many there were."""
    slowest, count, end = 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert api.try_append(name, b"x").status == 200
        slowest = max(slowest, time.monotonic() - began)
        count += 1
    return slowest, count


@pytest.mark.parametrize("form", ["application/octet-stream", "application/x-ndjson"])
def test_reader_that_reads_nothing_does_not_hold_up_appends(start, form):
    server = start()
    filled(server, "big", 256 << 20)
    with Raw(server.port, receive_buffer=4096) as raw:
        raw.send(f"GET /v1/pools/big/walk HTTP/1.1\r\nHost: h\r\nAccept: {form}\r\n\r\n".encode())
        raw.fill()
        slowest, count = append_for(server.client, "big", 1)
        assert slowest < 1 and count > 50
        assert server.client.get("/healthz").status == 200


def test_many_walkers_do_not_starve_appends(start):
    server = start()
    filled(server, "big", 64 << 20)
    stop = threading.Event()

    def walk():
        with server.new_client() as client:
            while not stop.is_set():
                client.get("/v1/pools/big/walk")

    walkers = [threading.Thread(target=walk) for _ in range(3)]
    for walker in walkers:
        walker.start()
    slowest, count = append_for(server.client, "big", 3)
    stop.set()
    for walker in walkers:
        walker.join()
    assert count > 30 and slowest < 1.5, (count, slowest)


def test_second_server_on_the_same_data_refuses_to_start_and_the_first_goes_on(start):
    first = start()
    works(first)
    with pytest.raises(StartFailed) as failure:
        Server(first.data)
    assert failure.value.code == 1 and "another server" in " ".join(failure.value.lines)
    works(first)
    first.kill9()
    third = start(first.data)
    assert third.client.walk("works") == b"alivealive"


def test_taken_port_keeps_it_from_starting_and_leaves_the_data_free(start, tmp_path):
    first = start()
    with pytest.raises(StartFailed) as failure:
        Server(tmp_path / "other", port=first.port)
    assert "cannot listen" in " ".join(failure.value.lines)
    start(tmp_path / "other")


@pytest.mark.parametrize("lines, is_found", [
    (["WARNING: ThreadSanitizer: data race (pid=1)"], True),
    (["==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1"], True),
    (["==1==ERROR: LeakSanitizer: detected memory leaks", "", "Direct leak of 96 byte(s)"], True),
    (["==1==ERROR: LeakSanitizer: detected memory leaks", "", "Indirect leak of 9 byte(s)"], False),
    ([], False),
])
def test_report_of_a_sanitizer_fails_the_test_of_its_server(start, lines, is_found):
    server = start()
    server.kill9()
    server.lines += lines
    if is_found:
        with pytest.raises(AssertionError, match="Sanitizer"):
            server.check_sanitizers()
    else:
        server.check_sanitizers()
    server.lines.clear()
