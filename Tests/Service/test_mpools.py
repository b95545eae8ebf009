"""The life of a buffer pool over HTTP: pools, files, figures, filters, syncs, batches."""

import base64
import fcntl
import os
import time

import pytest

from support.machine import needs_root, small_disk
from support.mpools import PAGE, MPool, b64, crc32c, page_of, with_lsn
from support.problems import check_problem


def test_the_pool_of_the_readme(api, shared, name):
    pool = f"/v1/mpools/{name}"
    assert api.put(pool, {"cachesize": 67108864}).status == 201
    assert api.put(
        pool + "/files/f", {"path": f"{name}.db", "pagesize": 4096, "create": True}).status == 201
    answer = api.put(pool + "/files/f/pages/7", b"x" * 4096, type="application/octet-stream")
    assert answer.status == 201 and answer["Location"] == pool + "/files/f/pages/7"
    figures = api.get(pool + "/stat").json["global"]
    assert figures["st_page_dirty"] == 1 and figures["st_page_create"] == 1
    assert api.post(pool + "/files/f/fsync").json == {"complete": True}
    data = (shared.data / f"{name}.db").read_bytes()
    assert data == bytes(7 * 4096) + b"x" * 4096


def test_opening_again_wants_the_same_options(api, name):
    pool = MPool(api, name, cachesize=65536, policy="s3fifo")
    assert api.put(pool.path).status == 200
    assert api.put(pool.path, {"cachesize": 65536, "policy": "s3fifo"}).status == 200
    document = check_problem(api.put(pool.path, {"cachesize": 65537}), "arg_mismatch")
    assert document["option"] == "cachesize" and document["expected"] == "65536"
    shown = api.get(pool.path).json
    assert shown["policy"] == "s3fifo" and shown["mode"] == "0640" and shown["files"] == 0
    assert [each["state"] for each in api.get(f"/v1/mpools?prefix={name}").json["mpools"]] == [
        "open"]


def test_if_none_match_makes_a_pool_and_never_opens_one(api, name):
    path, new = f"/v1/mpools/{name}", {"If-None-Match": "*"}
    assert api.put(path, {}, headers=new).status == 201
    check_problem(api.put(path, {}, headers=new), "precondition_failed")
    assert api.post(path + "/close").status == 200
    check_problem(api.put(path, {}, headers=new), "precondition_failed")
    assert api.put(path, {}).status == 201
    assert api.delete(path + "?force=true").status == 204
    assert api.put(path, {}, headers=new).status == 201


@pytest.mark.parametrize("body, option", [
    ({"cachesize": 20479}, "cachesize"), ({"max_pinned_pct": 0}, "max_pinned_pct"),
    ({"policy": "random"}, "policy"), ({"mmapsize": 0}, "mmapsize"), ({"mode": "0400"}, "mode"),
], ids=str)
def test_options_that_no_pool_can_have(api, name, body, option):
    assert check_problem(
        api.put(f"/v1/mpools/{name}", body), "bad_parameter")["option"] == option


def test_a_pool_that_is_not_there(api, name):
    check_problem(api.get(f"/v1/mpools/{name}"), "no_such_mpool")
    check_problem(api.put(f"/v1/mpools/{name}", {"create": False}), "no_such_mpool")
    check_problem(api.delete(f"/v1/mpools/{name}"), "no_such_mpool")
    check_problem(api.post(f"/v1/mpools/{name}/close"), "no_such_mpool")


def test_closing_drops_what_was_not_synced_and_says_so(api, shared, name):
    pool = MPool(api, name)
    pool.open()
    pool.put(0, b"a" * PAGE)
    pool.fsync()
    pool.put(0, b"b" * PAGE)
    pool.put(1, b"b" * PAGE)
    pin = pool.fget(1).json["pin"]
    answer = api.post(pool.path + "/close")
    assert answer.json == {"pins_dropped": 1, "dirty_pages_dropped": 2}
    check_problem(api.get(pool.path), "no_such_mpool")
    assert (shared.data / "mpools" / name / "f").read_bytes() == b"a" * PAGE
    pool = MPool(api, name)
    pool.open()
    check_problem(pool.fput(pin), "no_such_pin")
    assert pool.get(0).body == b"a" * PAGE
    pool.put(1, b"c" * PAGE)
    assert api.post(pool.path + "/close?sync=true").json["dirty_pages_dropped"] == 0
    assert (shared.data / "mpools" / name / "f").read_bytes() == b"a" * PAGE + b"c" * PAGE


def test_deleting_needs_force_while_it_is_open(api, shared, name):
    pool = MPool(api, name)
    region = shared.data / "mpools" / name / "__db_mpool.share"
    assert region.exists()
    check_problem(api.delete(pool.path), "mpool_in_use")
    assert api.delete(pool.path + "?force=true").status == 204
    assert not region.exists()
    MPool(api, name)
    api.post(pool.path + "/close")
    assert api.get(f"/v1/mpools?prefix={name}").json["mpools"] == [
        {"name": name, "state": "closed"}]
    assert api.delete(pool.path).status == 204
    assert api.get(f"/v1/mpools?prefix={name}").json["mpools"] == []


def test_a_folder_that_stays_locked_is_busy(api, shared, name):
    MPool(api, name)
    api.post(f"/v1/mpools/{name}/close")
    folder = os.open(shared.data / "mpools" / name, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        check_problem(api.put(f"/v1/mpools/{name}"), "busy")
    finally:
        os.close(folder)
    assert api.put(f"/v1/mpools/{name}").status == 201


def test_a_private_pool_makes_no_region(api, shared, name):
    MPool(api, name, private=True)
    assert not (shared.data / "mpools" / name / "__db_mpool.share").exists()


def test_several_handles_share_the_pages_of_a_path(api, name):
    pool = MPool(api, name)
    path = f"{name}.db"
    pool.open("a", path=path)
    pool.open("b", path=path, rdonly=True, create=False)
    pool.put(0, b"a" * PAGE, "a")
    assert pool.get(0, "b").body == b"a" * PAGE
    shown = api.get(pool.path + "/files/b").json
    assert shown["rdonly"] and shown["path"] == path and shown["stat"]["st_cache_hit"] == 1
    check_problem(pool.put(0, b"b" * PAGE, "b"), "read_only_file")
    answer = api.put(pool.path + "/files/c", {"path": path, "pagesize": 512})
    assert check_problem(answer, "arg_mismatch")["option"] == "pagesize"
    assert api.put(pool.path + "/files/a", {
        "path": path, "pagesize": PAGE, "create": True}).status == 200
    answer = api.put(pool.path + "/files/a", {"path": path, "pagesize": PAGE})
    assert answer.status == 200, "create says nothing of an open handle"
    assert [file["file"] for file in api.get(pool.path + "/files").json["files"]] == ["a", "b"]
    assert api.delete(pool.path + "/files/a").json["dirty_pages_dropped"] == 0
    assert pool.get(0, "b").body == b"a" * PAGE
    assert api.delete(pool.path + "/files/b").json["dirty_pages_dropped"] == 1
    check_problem(pool.get(0, "b"), "no_such_file")


@pytest.mark.parametrize("body, code", [
    ({"pagesize": 1000}, "bad_parameter"), ({}, "bad_parameter"),
    ({"pagesize": 512, "lsn_offset": 505}, "bad_parameter"),
    ({"pagesize": 512, "uid": "12"}, "bad_parameter"),
    ({"pagesize": 512, "path": "../f"}, "bad_parameter"),
    ({"pagesize": 512, "path": "logs/f"}, "bad_parameter"),
    ({"pagesize": 512, "private": True, "rdonly": True}, "bad_parameter"),
    ({"pagesize": 512, "path": "absent.db"}, "no_such_file"),
    ({"pagesize": 512, "other": 1}, "unknown_property"),
], ids=str)
def test_files_that_cannot_be_opened(api, name, body, code):
    pool = MPool(api, name)
    check_problem(api.put(pool.path + "/files/f", body), code)


def test_a_length_that_is_no_multiple_needs_oddsize(api, shared, name):
    pool = MPool(api, name)
    (shared.data / f"{name}.odd").write_bytes(b"a" * 5000)
    body = {"path": f"{name}.odd", "pagesize": PAGE}
    assert check_problem(api.put(pool.path + "/files/f", body), "bad_parameter")[
        "option"] == "pagesize"
    assert api.put(pool.path + "/files/f", {**body, "oddsize": True, "nommap": True}).status == 201
    assert pool.get(0).body == b"a" * PAGE
    check_problem(pool.get(1), "no_such_page")


def test_files_that_are_only_read_are_read_past_the_pool(api, shared, name):
    (shared.data / f"{name}.map").write_bytes(b"m" * 8192)
    pool = MPool(api, name, mmapsize=8192)
    pool.open(path=f"{name}.map", rdonly=True, create=False)
    assert pool.get(1).body == b"m" * PAGE
    assert pool.stat["st_map"] == 1 and pool.stat["st_cache_miss"] == 0


def test_changing_the_size_of_a_live_pool(api, name):
    pool = MPool(api, name, cachesize=32768)
    pool.open()
    for pgno in range(8):
        pool.put(pgno, bytes([pgno]) * PAGE)
    answer = api.request("PATCH", pool.path, {"cachesize": 20480, "max_pinned_pct": 50})
    assert answer.json["cachesize"] == 20480 and answer.json["pages"] == 5
    assert answer.json["max_pinned_pct"] == 50
    assert pool.stat["st_rw_evict"] == 3
    check_problem(api.request("PATCH", pool.path, {"cachesize": 1}), "bad_parameter")
    check_problem(api.request("PATCH", pool.path, {"policy": "lru"}), "unknown_property")
    assert [pool.get(pgno).body[0] for pgno in range(8)] == list(range(8))


def test_trickle_writes_until_a_share_is_clean(api, name):
    pool = MPool(api, name)
    pool.open()
    for pgno in range(7):
        pool.put(pgno, b"d" * PAGE)
    assert pool.post("/trickle", {"pct": 50}).json == {"nwrote": 4}
    assert pool.stat["st_page_trickle"] == 4 and pool.stat["st_page_dirty"] == 3
    check_problem(pool.post("/trickle", {"pct": 0}), "bad_parameter")
    check_problem(pool.post("/trickle", {}), "bad_parameter")


def test_sync_up_to_an_lsn_waits_for_pins(api, name):
    pool = MPool(api, name, logging=True)
    pool.open(lsn_offset=8)
    pool.put(0, with_lsn(bytes(PAGE), 1, 500))
    pool.put(1, with_lsn(bytes(PAGE), 1, 700))
    pin = pool.fget(1).json["pin"]
    lsn = {"lsn": {"file": 1, "offset": 900}}
    answer = pool.post("/sync", lsn)
    assert answer.status == 202 and answer["Retry-After"]
    assert answer.json == {"complete": False, "code": "DB_INCOMPLETE"}
    assert pool.fsync().status == 202
    pool.fput(pin)
    assert pool.stat["st_page_dirty"] == 0, "the last put has written it"
    answer = pool.post("/sync", lsn)
    assert answer.json == {"complete": True, "lsn": {"file": 1, "offset": 700}}


def test_a_read_pin_of_a_clean_page_holds_no_sync_up(api, name):
    pool = MPool(api, name, logging=True)
    pool.open(lsn_offset=0)
    pool.put(0, bytes(PAGE))
    pool.fsync()
    pool.fget(0, mode="read")
    assert pool.post("/sync", {"lsn": {"file": 1, "offset": 1}}).status == 200
    pool.fget(0, mode="write")
    assert pool.post("/sync", {"lsn": {"file": 1, "offset": 2}}).status == 202


def test_sync_without_a_log_takes_no_lsn(api, name):
    pool = MPool(api, name)
    pool.open()
    pool.put(0, b"s" * PAGE)
    check_problem(pool.post("/sync", {"lsn": {"file": 1, "offset": 1}}), "no_logging")
    assert pool.post("/sync").json == {"complete": True}
    assert pool.stat["st_page_dirty"] == 0


def test_a_journal_is_flushed_before_the_page_that_it_tells_of(api, name):
    check_problem(api.put(f"/v1/mpools/{name}", {"journal": "absent"}), "no_such_journal")
    journal = f"/v1/journals/{name}"
    assert api.put(journal).status == 201
    lsns = [api.post(f"{journal}/append?durability=written", text, type="text/plain").json
            for text in (b"one", b"two")]
    pool = MPool(api, name, journal=name)
    pool.open(lsn_offset=8)
    file, offset = lsns[1]["first"]["file"], lsns[1]["first"]["offset"]
    pool.put(0, with_lsn(bytes(PAGE), file, offset))
    assert pool.fsync().json == {"complete": True}
    assert pool.post("/sync", {"lsn": {"file": file, "offset": offset + 1}}).status == 200
    pool.put(0, with_lsn(bytes(PAGE), file + 7, 0))
    check_problem(pool.fsync(), "lsn_beyond_log")
    assert pool.stat["st_page_dirty"] == 1
    pool.put(0, bytes(PAGE))
    assert pool.fsync().status == 200


def test_figures_can_be_started_anew(api, name):
    pool = MPool(api, name)
    pool.open()
    pool.put(0, b"s" * PAGE)
    pool.get(0)
    pool.get(0)
    answer = pool.post("/stat", {"clear": True}).json
    assert answer["global"]["st_cache_hit"] == 2
    [file] = answer["files"]
    assert file["file_name"] == f"mpools/{name}/f" and file["st_pagesize"] == PAGE
    assert file["st_cache_hit"] == 2
    figures = pool.stat
    assert figures["st_cache_hit"] == 0 and figures["st_pages"] == 1
    pool.get(0)
    assert pool.stat["st_cache_hit"] == 1


@pytest.mark.parametrize("filters", ["none", "byteswap32", "xor", "crc32c", "xor+crc32c"])
def test_filters_are_undone_on_the_way_in(api, shared, name, filters):
    pool = MPool(api, name)
    path = f"{pool.path}/ftypes/1"
    assert api.put(path, {"pgin": filters, "pgout": filters}).status == 201
    assert api.put(path, {"pgin": filters, "pgout": filters}).status == 200
    pool.open(ftype=1, pgcookie=b64(b"\x55\xAA\x01"))
    data = bytearray(os.urandom(PAGE - 4) + bytes(4))
    pool.put(0, bytes(data))
    pool.put(1, bytes(PAGE))
    pool.fsync()
    stored = (shared.data / "mpools" / name / "f").read_bytes()
    assert stored[PAGE:] == bytes(PAGE), "zeros pass unchanged"
    if filters == "byteswap32":
        assert stored[:4] == data[3::-1]
    if filters.endswith("crc32c"):
        wanted = crc32c(stored[:PAGE - 4] + bytes(4))
        assert int.from_bytes(stored[PAGE - 4:PAGE], "little") == wanted
    api.post(pool.path + "/close")
    pool = MPool(api, name)
    api.put(path, {"pgin": filters, "pgout": filters})
    pool.open(ftype=1, pgcookie=b64(b"\x55\xAA\x01"))
    assert pool.get(0).body[:PAGE - 4] == data[:PAGE - 4]
    calls = api.get(path).json
    assert calls["pgin_calls"] == 1 and calls["pgout_calls"] == 0
    assert api.get(pool.path + "/ftypes").json["ftypes"] == [calls]


def test_a_page_that_was_damaged_on_disk_is_not_given_out(api, shared, name):
    pool = MPool(api, name)
    api.put(f"{pool.path}/ftypes/1", {"pgin": "crc32c", "pgout": "crc32c"})
    pool.open(ftype=1)
    pool.put(0, b"a" * PAGE)
    api.delete(pool.path + "/files/f?sync=true")
    file = shared.data / "mpools" / name / "f"
    file.write_bytes(b"b" + file.read_bytes()[1:])
    pool.open(ftype=1)
    assert check_problem(pool.get(0), "filter_failed")["errno"] == "EIO"
    assert pool.stat["st_page_in"] == 2 - 1 and pool.stat["st_pages"] == 0


def test_a_filter_that_fails_leaves_the_page_dirty(api, name):
    pool = MPool(api, name)
    api.put(f"{pool.path}/ftypes/7", {"pgin": "none", "pgout": "fail"})
    pool.open(ftype=7, pgcookie=b64((1).to_bytes(4, "little")))
    pool.put(0, b"a" * PAGE)
    pool.put(1, b"a" * PAGE)
    check_problem(pool.fsync(), "filter_failed")
    assert pool.stat["st_page_dirty"] == 1 and pool.stat["st_page_out"] == 1


@pytest.mark.parametrize("body, code", [
    ({"pgin": "rot13", "pgout": "none"}, "bad_parameter"),
    ({"pgin": "aes-gcm", "pgout": "none"}, "not_implemented"),
    ({"pgin": "none+aes-xts", "pgout": "none"}, "not_implemented"),
    ({"pgin": "none"}, "bad_parameter"),
], ids=str)
def test_filters_that_cannot_be_had(api, name, body, code):
    pool = MPool(api, name)
    check_problem(api.put(f"{pool.path}/ftypes/1", body), code)
    check_problem(api.put(f"{pool.path}/ftypes/0", {"pgin": "none", "pgout": "none"}),
                  "bad_parameter")
    check_problem(api.get(f"{pool.path}/ftypes/1"), "not_found")


def test_pages_of_a_low_priority_leave_first(api, name):
    pool = MPool(api, name, cachesize=8 * PAGE)
    pool.open(priority="high")
    pool.open("low", priority="low")
    check_problem(api.put(f"{pool.path}/files/again", {
        "pagesize": PAGE, "path": f"mpools/{name}/f"}), "arg_mismatch")
    assert api.get(f"{pool.path}/files/low").json["priority"] == "low"
    for pgno in range(4):
        pool.put(pgno, b"h" * PAGE)
    for pgno in range(30):
        pool.put(pgno, b"l" * PAGE, "low")
    before = pool.stat["st_page_in"]
    for pgno in range(4):
        pool.get(pgno)
    assert pool.stat["st_page_in"] == before


def test_a_put_can_give_its_page_another_priority(api, name):
    pool = MPool(api, name, cachesize=8 * PAGE)
    pool.open()
    pin = pool.fget(0, "create").json["pin"]
    check_problem(pool.fset(pin, priority="high"), "unknown_property")
    check_problem(pool.fput(pin, priority="highest"), "bad_parameter")
    assert pool.fput(pin, "dirty", priority="veryhigh").status == 200
    for pgno in range(1, 30):
        pool.put(pgno, b"n" * PAGE)
    before = pool.stat["st_page_in"]
    pool.get(0)
    assert pool.stat["st_page_in"] == before


def test_a_file_in_memory_is_nowhere_on_disk(api, shared, name):
    pool = MPool(api, name, cachesize=8 * PAGE)
    check_problem(api.put(f"{pool.path}/files/m", {"pagesize": PAGE, "inmemory": True}),
                  "no_such_file")
    pool.open("m", inmemory=True)
    assert api.get(f"{pool.path}/files/m").json["inmemory"] is True
    pool.put(2, b"m" * PAGE, "m")
    pool.open()
    for pgno in range(30):
        pool.put(pgno, b"n" * PAGE)
    assert pool.fsync("m").json == {"complete": True}
    assert pool.post("/sync").json == {"complete": True}
    assert pool.get(2, "m").body == b"m" * PAGE
    assert not (shared.data / "mpools" / name / "m").exists()
    for pgno in range(7):
        pool.put(10 + pgno, b"m" * PAGE, "m")
    check_problem(pool.put(20, b"m" * PAGE, "m"), "cache_full")
    closed = api.delete(f"{pool.path}/files/m").json
    assert closed["dirty_pages_dropped"] == 8
    check_problem(api.put(f"{pool.path}/files/x", {
        "pagesize": PAGE, "inmemory": True, "private": True, "create": True}), "bad_parameter")


def test_pages_in_order_come_in_together_if_that_is_asked_for(api, shared, name):
    data = b"".join(bytes([pgno]) * PAGE for pgno in range(40))
    (shared.data / f"{name}.db").write_bytes(data)
    pool = MPool(api, name, cachesize=64 * PAGE)
    pool.open(path=f"{name}.db", create=False, readahead=16)
    check_problem(api.put(f"{pool.path}/files/g", {"pagesize": PAGE, "readahead": 65}),
                  "bad_parameter")
    for pgno in range(40):
        assert pool.get(pgno).body == bytes([pgno]) * PAGE
    figures = pool.stat
    assert figures["st_page_in"] == 40 and figures["st_cache_miss"] == 4
    assert figures["st_cache_hit"] == 36


def test_a_sync_can_be_told_to_rest(api, name):
    pool = MPool(api, name)
    pool.open()
    pacing = {"writes": 1, "sleep_us": 10_000}
    changed = api.request("PATCH", pool.path, {"max_write": pacing})
    assert changed.status == 200 and changed.json["max_write"] == pacing
    for pgno in range(20):
        pool.put(pgno, b"r" * PAGE)
    began = time.monotonic()
    assert pool.fsync().status == 200
    assert time.monotonic() - began >= 0.19
    check_problem(
        api.request("PATCH", pool.path, {"max_write": {"writes": 1}}), "bad_parameter")


def test_a_batch_does_its_operations_in_order(api, name):
    pool = MPool(api, name)
    pool.open()
    answer = pool.post("/batch", {"ops": [
        {"op": "fget", "file": "f", "pgno": 3, "flags": ["create"], "as": "a", "minimal": True},
        {"op": "fput", "file": "f", "pin": "$a", "flags": ["dirty"],
         "patches": [{"at": 5, **b64(b"hello")}]},
        {"op": "put", "file": "f", "pgno": 4, "page": b64(b"4" * PAGE)},
        {"op": "patch", "file": "f", "pgno": 5, "create": True,
         "patches": [{"at": 0, **b64(b"5")}]},
        {"op": "get", "file": "f", "pgno": 3}, {"op": "fsync", "file": "f"}, {"op": "sync"},
        {"op": "trickle", "pct": 10}, {"op": "stat"},
        {"op": "get", "file": "f", "pgno": 99}, {"op": "stat"}]})
    results = answer.json["results"]
    assert [result["status"] for result in results] == [
        200, 200, 201, 201, 200, 200, 200, 200, 200, 404]
    assert "page" not in results[0] and results[-1]["code"] == "no_such_page"
    assert b"hello" in base64.b64decode(results[4]["page"]["b64"])
    answer = pool.post("/batch", {"stop": False, "ops": [
        {"op": "nothing"}, {"op": "fput", "file": "f", "pin": "$b"}, {"op": "stat"}]})
    assert [each["status"] for each in answer.json["results"]] == [400, 400, 200]


def test_a_restart_closes_pools_and_loses_what_was_not_written(start):
    server = start()
    pool = MPool(server.client, "p")
    pool.open()
    pool.put(0, b"a" * PAGE)
    pool.fsync()
    pool.put(1, b"b" * PAGE)
    server.kill9()
    server = start(server.data)
    assert {"name": "p", "state": "closed"} in server.client.get("/v1/mpools").json["mpools"]
    check_problem(server.client.get("/v1/mpools/p"), "no_such_mpool")
    pool = MPool(server.client, "p", cachesize=65536)
    pool.open()
    assert pool.get(0).body == b"a" * PAGE
    check_problem(pool.get(1), "no_such_page")


@needs_root
@pytest.mark.parametrize("private", [True, False], ids=["private", "shared"])
def test_a_full_disk_is_no_space_and_what_was_synced_stays(start, tmp_path, private):
    with small_disk(tmp_path / "disk", "3m"):
        server = start(tmp_path / "disk" / "data", storage_free_bytes=0)
        pool = MPool(server.client, "p", cachesize=16 * PAGE, private=private)
        pool.open()
        pool.put(0, b"a" * PAGE)
        assert pool.fsync().status == 200
        filler = tmp_path / "disk" / "filler"
        with pytest.raises(OSError), open(filler, "wb", 0) as file:
            while True:
                file.write(bytes(65536))
        statuses = [pool.put(pgno, b"b" * PAGE).status for pgno in range(1, 40)]
        assert set(statuses) <= {201, 507} and 507 in statuses
        if pool.stat["st_page_dirty"]:
            check_problem(pool.fsync(), "no_space")
        check_problem(pool.get(0), "no_space")  # a dirty page would have to leave for it
        data = server.data / "mpools" / "p" / "f"
        assert data.read_bytes()[:PAGE] == b"a" * PAGE
        filler.unlink()
        made = [pgno for pgno, status in enumerate(statuses, 1) if status == 201]
        assert pool.put(40, b"c" * PAGE).status == 201
        assert pool.fsync().status == 200
        assert all(pool.get(pgno).body == b"b" * PAGE for pgno in made)
        assert server.is_alive
        server.close()


def test_pages_in_a_json_answer_are_the_same_bytes(api, name):
    pool = MPool(api, name)
    pool.open()
    data = os.urandom(PAGE)
    pool.put(0, data)
    assert page_of(pool.fget(0, mode="read")) == data
