"""Pages of buffer pools over HTTP: reading, changing, conditions, and pins as leases."""

import threading

import pytest

from support.mpools import PAGE, MPool, b64, crc32c, page_of, with_lsn
from support.problems import check_problem
from support.server import wait_until


@pytest.fixture
def pool(api, name):
    pool = MPool(api, name)
    pool.open()
    return pool


def test_put_makes_and_replaces_and_get_reads(pool):
    answer = pool.put(2, b"a" * PAGE)
    assert answer.status == 201 and answer["Location"] == pool.pages(2)
    assert pool.put(2, b"b" * PAGE).status == 204
    answer = pool.get(2)
    assert answer.body == b"b" * PAGE and answer["Mpool-Pgno"] == "2"
    check_problem(pool.get(1), "no_such_page")
    pool.fsync()
    assert pool.get(1).body == bytes(PAGE), "the gap exists once the file has grown past it"


@pytest.mark.parametrize("pgno", ["-1", "4294967296", "x", "+1"])
def test_numbers_that_no_page_has(pool, pgno):
    check_problem(pool.get(pgno), "bad_parameter")


def test_a_body_that_is_not_one_page_is_refused_and_counted_nowhere(pool):
    before = pool.stat
    check_problem(pool.put(0, b"short"), "bad_parameter")
    check_problem(pool.patch(0, b"x" * 10, "?at=4090"), "bad_parameter")
    after = pool.stat
    assert {**before, "st_region_nowait": 0} == {**after, "st_region_nowait": 0}


def test_entity_tags_come_from_the_bytes(pool, api):
    data = b"123456789" + bytes(PAGE - 9)
    tag = pool.put(0, data)["ETag"]
    assert tag == f'"c-{crc32c(data):08x}"'
    assert pool.get(0)["ETag"] == tag
    assert pool.get(0, headers={"If-None-Match": tag}).status == 304
    pool.fsync()
    api.delete(pool.path + "/files/f")
    pool.open()
    assert pool.get(0)["ETag"] == tag, "it survives eviction"


def test_the_lsn_is_part_of_the_tag(pool):
    pool.open("g", lsn_offset=8)
    data = with_lsn(bytes(PAGE), 3, 77)
    assert pool.put(0, data, "g")["ETag"] == f'"l-3.77-{crc32c(data):08x}"'


def test_conditions_on_a_change(pool):
    tag = pool.put(0, b"a" * PAGE)["ETag"]
    document = check_problem(
        pool.put(0, b"b" * PAGE, headers={"If-Match": '"c-00000000"'}), "precondition_failed")
    assert document["etag"] == tag
    assert pool.put(0, b"b" * PAGE, headers={"If-Match": f'"x", {tag}'}).status == 204
    assert pool.put(0, b"c" * PAGE, headers={"If-Match": "*"}).status == 204
    check_problem(pool.put(5, b"c" * PAGE, headers={"If-Match": "*"}), "no_such_page")
    check_problem(
        pool.put(0, b"d" * PAGE, headers={"If-None-Match": "*"}), "precondition_failed")
    assert pool.put(1, b"d" * PAGE, headers={"If-None-Match": "*"}).status == 201
    assert pool.get(0).body == b"c" * PAGE


def test_a_change_of_older_pages_only(pool):
    pool.open("g", lsn_offset=8)
    pool.put(0, with_lsn(bytes(PAGE), 1, 100), "g")
    new = with_lsn(b"n" * PAGE, 1, 200)
    check_problem(
        pool.put(0, new, "g", headers={"If-Page-LSN-Below": "1,100"}), "precondition_failed")
    assert pool.put(0, new, "g", headers={"If-Page-LSN-Below": "1,101"}).status == 204
    check_problem(pool.put(0, new, headers={"If-Page-LSN-Below": "1"}), "bad_parameter")


def test_patches_change_some_bytes(pool, api):
    check_problem(pool.patch(0, b"x"), "no_such_page")
    assert pool.patch(0, b"xy", "?at=16&create=true").status == 201
    body = {"patches": [{"at": 0, **b64(b"ab")}, {"at": 1, **b64(b"c")}]}
    assert api.request("PATCH", pool.pages(0), body).status == 204
    assert pool.get(0).body == b"ac" + bytes(14) + b"xy" + bytes(PAGE - 18)
    check_problem(api.request("PATCH", pool.pages(0), {"page": b64(b"a")}), "bad_parameter")


def test_ranges_of_a_page(pool):
    pool.put(0, bytes(range(256)) * 16)
    answer = pool.get(0, headers={"Range": "bytes=10-19"})
    assert answer.status == 206 and answer.body == bytes(range(10, 20))
    assert answer["Content-Range"] == "bytes 10-19/4096"
    assert pool.get(0, headers={"Range": "bytes=-2"}).body == b"\xfe\xff"
    document = check_problem(
        pool.get(0, headers={"Range": "bytes=4096-"}), "range_not_satisfiable")
    assert document["position"] == 4096


def test_head_tells_whether_a_page_exists_and_counts_nothing(pool, api):
    pool.put(0, b"a" * PAGE)
    before = pool.stat["st_hash_searches"]
    assert api.request("HEAD", pool.pages(0)).status == 200
    assert api.request("HEAD", pool.pages(1)).status == 404
    assert pool.stat["st_hash_searches"] == before


def test_last_and_new(pool, api):
    check_problem(api.get(pool.pages("last")), "no_such_page")
    answer = api.post(pool.path + "/files/f/pages")
    assert answer.status == 201 and answer.json == {"pgno": 1}, "page 1 of an empty file"
    answer = api.post(pool.path + "/files/f/pages", b"n" * PAGE, type="application/octet-stream")
    assert answer.json == {"pgno": 2} and answer["Location"] == pool.pages(2)
    answer = api.get(pool.pages("last"))
    assert answer.body == b"n" * PAGE and answer["Mpool-Pgno"] == "2"
    assert pool.stat["st_page_dirty"] == 2


def test_strict_lru_and_discard(api, name):
    pool = MPool(api, name, cachesize=5 * PAGE)
    pool.open()
    for pgno in range(5):
        pool.put(pgno, bytes([pgno]) * PAGE)
    pool.fsync()
    pool.get(0)
    api.get(pool.pages(4) + "?discard=true")
    pool.put(5, b"5" * PAGE)
    pool.put(6, b"6" * PAGE)
    misses = pool.stat["st_cache_miss"]
    for pgno in (0, 2, 3):
        pool.get(pgno)
    assert pool.stat["st_cache_miss"] == misses, "4 was discarded, 1 was the coldest"
    pool.get(4)
    assert pool.stat["st_cache_miss"] == misses + 1


def test_the_size_limit_of_a_file(pool):
    pool.open("g", maxpages=3)
    assert pool.put(3, b"a" * PAGE, "g").status == 201
    check_problem(pool.put(4, b"a" * PAGE, "g"), "no_space")


# Pins.

def test_a_write_pin_changes_the_page_in_one_step(pool):
    pool.put(0, b"a" * PAGE)
    answer = pool.fget(0)
    pin = answer.json["pin"]
    assert page_of(answer) == b"a" * PAGE and answer["Mpool-Pin"] == pin
    assert pool.fset(pin, "dirty", page=b64(b"b" * PAGE)).json["dirty"] is True
    assert pool.get(0).body == b"b" * PAGE
    [shown] = pool.pins
    assert (shown["pin"], shown["pgno"], shown["mode"]) == (pin, 0, "write")
    answer = pool.fput(pin, "dirty", patches=[{"at": 0, **b64(b"c")}])
    assert answer.json == {"pin": pin, "pgno": 0, "dirty": True}
    assert pool.get(0).body == b"c" + b"b" * (PAGE - 1) and pool.pins == []
    check_problem(pool.fput(pin), "no_such_pin")


def test_a_pin_as_bytes(pool, api):
    pool.put(0, b"a" * PAGE)
    answer = pool.fget(0, headers={"Accept": "application/octet-stream"})
    assert answer.body == b"a" * PAGE and answer["Mpool-Pgno"] == "0"
    assert pool.fput(answer["Mpool-Pin"]).status == 200


def test_what_a_page_was_stays_so_for_the_reader(pool):
    pool.put(0, b"a" * PAGE)
    reader = pool.fget(0, mode="read").json["pin"]
    pool.put(0, b"b" * PAGE)
    assert pool.get(0).body == b"b" * PAGE
    check_problem(pool.fput(reader, "dirty"), "bad_parameter")
    assert pool.fput(reader).status == 200


@pytest.mark.parametrize("flags, rest, code", [
    (["clean", "dirty"], {}, "bad_parameter"), (["other"], {}, "bad_parameter"),
    ([], {"page": b64(b"x" * PAGE)}, "bad_parameter"),
    (["dirty"], {"page": b64(b"x")}, "bad_parameter"),
    (["dirty"], {"patches": [{"at": PAGE, **b64(b"x")}]}, "bad_parameter"),
], ids=str)
def test_a_put_that_is_refused_keeps_the_pin(pool, flags, rest, code):
    pin = pool.fget(0, "create").json["pin"]
    check_problem(pool.fput(pin, *flags, **rest), code)
    assert [each["pin"] for each in pool.pins] == [pin]
    assert pool.stat["st_page_dirty"] == 0


@pytest.mark.parametrize("body, code", [
    ({"pgno": 0, "flags": ["create", "new"]}, "bad_parameter"),
    ({"pgno": 0, "flags": ["other"]}, "bad_parameter"), ({}, "bad_parameter"),
    ({"pgno": 0, "ttl_ms": 999}, "bad_parameter"), ({"pgno": 0, "wait_ms": 60001}, "bad_parameter"),
    ({"pgno": 0}, "no_such_page"), ({"flags": ["last"]}, "no_such_page"),
], ids=str)
def test_gets_that_are_refused(pool, body, code):
    check_problem(pool.post("/files/f/fget", body), code)
    assert pool.pins == []


def test_one_write_pin_at_a_time(pool, shared):
    pin = pool.fget(0, "create").json["pin"]
    check_problem(pool.fget(0), "page_pinned")
    check_problem(pool.put(0, b"x" * PAGE), "page_pinned")
    assert pool.fget(0, mode="read").status == 200
    got = []

    def wait():
        with shared.new_client() as client:
            other = MPool.__new__(MPool)
            other.client, other.path = client, pool.path
            got.append(other.fget(0, wait_ms=30000))

    waiter = threading.Thread(target=wait)
    waiter.start()
    pool.fput(pin)
    waiter.join()
    assert got[0].status == 200
    check_problem(pool.fget(0, wait_ms=50), "page_pinned")


def test_a_pin_that_is_not_renewed_expires_and_changes_nothing(pool):
    pool.put(0, b"a" * PAGE)
    pin = pool.fget(0, ttl_ms=1000).json["pin"]
    wait_until(lambda: not pool.pins, what="the pin to expire")
    check_problem(pool.fput(pin, "dirty", page=b64(b"b" * PAGE)), "pin_expired")
    assert pool.get(0).body == b"a" * PAGE


def test_pins_are_renewed_and_broken(pool, api):
    first = pool.fget(0, "create", ttl_ms=1000).json
    later = pool.post(f"/pins/{first['pin']}/renew", {"ttl_ms": 300000}).json
    assert later["expires_at"] > first["expires_at"]
    assert api.delete(f"{pool.path}/pins/{first['pin']}?force=true").status == 204
    check_problem(api.delete(f"{pool.path}/pins/{first['pin']}"), "no_such_pin")
    check_problem(pool.post(f"/pins/{first['pin']}/renew"), "no_such_pin")


def test_pins_hold_no_more_than_their_share(api, name):
    pool = MPool(api, name, cachesize=10 * PAGE, max_pinned_pct=50)
    pool.open()
    pins = [pool.fget(pgno, "create").json["pin"] for pgno in range(5)]
    document = check_problem(pool.fget(5, "create"), "cache_full")
    assert document["errno"] == "ENOMEM"
    assert pool.fget(0, mode="read").status == 200, "a page that is pinned anyway costs nothing"
    pool.fput(pins[4])
    assert pool.fget(5, "create").status == 200


def test_a_thousand_pins_are_the_most(api, name):
    pool = MPool(api, name, cachesize=1 << 20)
    pool.open(pagesize=512)
    ops = [{"op": "fget", "file": "f", "pgno": 0, "flags": ["create"], "mode": "read",
            "minimal": True}] * 1000
    results = pool.post("/batch", {"ops": ops}).json["results"]
    assert len(results) == 1000 and results[-1]["status"] == 200
    document = check_problem(pool.fget(0, mode="read"), "rate_limited")
    assert document["limit"] == 1000


def test_on_a_file_that_is_only_read_every_pin_is_a_read_pin(pool, shared, api):
    pool.put(0, b"a" * PAGE)
    pool.fsync()
    pool.open("r", path=f"mpools/{pool.name}/f", rdonly=True, create=False)
    pin = pool.fget(0, file="r").json
    assert pin["mode"] == "read"
    check_problem(pool.fput(pin["pin"], "dirty", file="r"), "read_only_file")
    check_problem(pool.fget(None, "new", file="r"), "bad_parameter")


def test_minimal_answers_leave_the_page_out(pool):
    answer = pool.fget(0, "create", headers={"Prefer": "return=minimal"})
    assert "page" not in answer.json and answer.json["pgno"] == 0


def test_a_batch_gives_no_more_pages_than_fit_in_an_answer(api, name):
    pool = MPool(api, name, cachesize=64 << 20)
    pool.open(pagesize=4 << 20)
    assert pool.put(0, bytes(4 << 20)).status == 201
    get = {"op": "get", "file": "f", "pgno": 0}
    answer = pool.post("/batch", {"ops": [get] * 6, "stop": False})
    assert [row["status"] for row in answer.json["results"]] == [200] * 4 + [413] * 2
    assert answer.json["results"][4]["code"] == "too_large"
    fget = {"op": "fget", "file": "f", "pgno": 0, "mode": "read"}
    pins = pool.post("/batch", {"ops": [fget] * 6})
    assert [row["status"] for row in pins.json["results"]] == [200] * 4 + [413]
    assert len(api.get(pool.path + "/pins").json["pins"]) == 4


def test_a_range_counts_only_for_the_page_that_it_was_asked_of(api, name):
    pool = MPool(api, name)
    pool.open()
    assert pool.put(0, b"x" * PAGE).status == 201
    old = pool.get(0)["ETag"]
    part = {"Range": "bytes=0-9"}
    assert pool.get(0, headers={**part, "If-Range": old}).status == 206
    assert pool.put(0, b"y" * PAGE).status == 204
    answer = pool.get(0, headers={**part, "If-Range": old})
    assert answer.status == 200 and answer.body == b"y" * PAGE
