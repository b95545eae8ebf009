"""A file belongs to one resource: no other writes, moves or removes it, open or closed."""

import pytest

from support.client import POOL_MINIMUM
from support.problems import check_problem

BYTES = "application/octet-stream"
PAGES = {"pagesize": 4096, "create": True}


def add(api, path, record=b"kept"):
    answer = api.post(path + "/append", record, type=BYTES)
    assert answer.status == 200, answer


MAKE = {
    "pool": ("/v1/pools/one", {"file": "s/p"}),
    "log": ("/v1/logs/one", {"file": "s/p"}),
    "ring": ("/v1/logs/one", {"file": "s/p", "type": "wrap",
                              "size": {"max_no_bytes": 100, "max_no_files": 3}}),
    "journal": ("/v1/journals/one", {"path": "s/p"}),
}
OTHERS = {
    "pool": ("/v1/pools/two", {"file": "s/p"}),
    "log": ("/v1/logs/two", {"file": "s/p", "format": "external"}),
    "ring": ("/v1/logs/two", {"file": "s/p", "type": "wrap",
                              "size": {"max_no_bytes": 100, "max_no_files": 3}}),
    "journal": ("/v1/journals/two", {"path": "s/p"}),
}


def count(api, path):
    item = api.get(path).json
    return item["position"] - item["oldest_position"]


def names(api, path):
    kind = path.split("/")[2]
    return [row["name"] for row in api.get("/v1/" + kind).json[kind]]


@pytest.mark.parametrize("state", ["open", "closed", "after a restart"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("kind", MAKE)
def test_file_of_one_resource_is_refused_to_all_others(start, kind, other, state):
    server = start()
    path, options = MAKE[kind]
    assert server.client.put(path, options).status == 201
    add(server.client, path)
    if state == "closed":
        assert server.client.post(path + "/close").status == 200
    if state == "after a restart":
        server.restart(kill=True)
    api = server.client
    second, given = OTHERS[other]
    check_problem(api.put(second, given), "locked")
    assert "two" not in names(api, second)
    check_problem(api.delete(second), f"no_such_{second.split('/')[2][:-1]}")
    if kind != "journal":
        assert api.put("/v1/mpools/m").status == 201
        check_problem(api.put("/v1/mpools/m/files/f", {"path": "s/p", **PAGES}), "locked")
    assert api.put(path, options).status == 200
    add(api, path, b"more")


@pytest.mark.parametrize("kind", MAKE)
def test_file_is_free_again_once_its_resource_is_deleted(start, kind):
    api = start().client
    path, options = MAKE[kind]
    for _ in range(2):
        assert api.put(path, options).status == 201
        assert api.delete(path).status == 204
        second, given = OTHERS[kind]
        assert api.put(second, given).status == 201
        check_problem(api.put(path, options), "locked")
        assert api.delete(second).status == 204


@pytest.mark.parametrize("path, options", [
    ("/v1/pools/d", {"file": "pools/c"}),
    ("/v1/logs/d", {"file": "logs/c.LOG"}),
    ("/v1/logs/d", {"file": "logs/c.LOG.1"}),
    ("/v1/logs/d", {"file": "logs/c.LOG.idx", "format": "external"}),
    ("/v1/logs/d", {"file": "logs/c.LOG.1.gz", "format": "external"}),
    ("/v1/journals/d", {"path": "journals/c"}),
    ("/v1/journals/d", {"path": "journals/c/d"}),
])
@pytest.mark.parametrize("is_there", [False, True])
def test_place_of_a_name_is_refused_to_other_names(start, path, options, is_there):
    api = start().client
    kind = path.split("/")[2]
    ring = {"type": "wrap", "size": {"max_no_bytes": 100, "max_no_files": 3}}
    if is_there:
        assert api.put(f"/v1/{kind}/c", ring if kind == "logs" else None).status == 201
    check_problem(api.put(path, options), "locked")
    assert names(api, path) == (["c"] if is_there else [])
    check_problem(api.delete(path), "no_such_" + kind[:-1])
    if is_there:
        add(api, f"/v1/{kind}/c")


@pytest.mark.parametrize("inner", ["s/p.1", "s/p.idx", "s/p.siz", "s/p.2.gz"])
def test_inner_files_of_a_log_are_refused_and_a_log_around_others_files_too(start, inner):
    api = start().client
    outside = {"file": inner, "format": "external"}
    path, ring = MAKE["ring"]
    assert api.put(path, ring).status == 201
    check_problem(api.put("/v1/logs/two", outside), "locked")
    assert api.delete(path).status == 204
    assert api.put("/v1/logs/two", outside).status == 201
    check_problem(api.put(path, ring), "locked")


def test_log_that_is_only_read_shares_the_files_and_leaves_them(start):
    api = start().client
    assert api.put("/v1/logs/one").status == 201
    add(api, "/v1/logs/one")
    reading = {"file": "logs/one.LOG", "mode": "read_only"}
    assert api.put("/v1/logs/reader", reading).status in (200, 201)
    assert count(api, "/v1/logs/reader") == 1
    assert api.delete("/v1/logs/reader").status == 204
    add(api, "/v1/logs/one")
    assert count(api, "/v1/logs/one") == 2


@pytest.mark.parametrize("target, make", [
    ("s/p", MAKE["pool"]), ("s/p", MAKE["log"]), ("s/p.1", MAKE["ring"]),
    ("logs/one.LOG", ("/v1/logs/one", None)),
])
@pytest.mark.parametrize("is_open", [False, True])
def test_reopening_takes_no_others_place(start, target, make, is_open):
    api = start().client
    path, options = make
    assert api.put(path, options).status == 201
    add(api, path)
    if not is_open:
        assert api.post(path + "/close").status == 200
    assert api.put("/v1/logs/moving").status == 201
    add(api, "/v1/logs/moving")
    check_problem(api.post("/v1/logs/moving/reopen", {"file": target}), "locked")
    assert count(api, "/v1/logs/moving") == 1
    assert api.put(path, options).status == 200
    add(api, path)


def test_reopening_to_the_place_of_a_name_makes_that_log(start):
    api = start().client
    assert api.put("/v1/logs/now").status == 201
    add(api, "/v1/logs/now")
    assert api.post("/v1/logs/now/reopen", {"file": "logs/past.LOG"}).status == 200
    assert api.put("/v1/logs/past").status == 200
    assert count(api, "/v1/logs/past") == 1
    assert count(api, "/v1/logs/now") == 0


def test_file_of_pages_is_refused_to_logs_until_it_is_closed(start):
    api = start().client
    assert api.put("/v1/mpools/m").status == 201
    file = "/v1/mpools/m/files/f"
    assert api.put(file, {"path": "s/pages", **PAGES}).status == 201
    assert api.put("/v1/mpools/m/files/g", {"path": "s/pages", **PAGES}).status == 201
    for path in (file, "/v1/mpools/m/files/g"):
        check_problem(
            api.put("/v1/logs/l", {"file": "s/pages", "format": "external"}), "locked")
        assert api.delete(path).status == 200
    assert api.put("/v1/logs/l", {"file": "s/pages", "format": "external"}).status in (200, 201)


def test_refused_adoption_leaves_no_trace_of_the_pool(start):
    server = start()
    (server.data / "s").mkdir()
    (server.data / "s" / "p").write_bytes(bytes(POOL_MINIMUM))
    api = server.client
    check_problem(api.put("/v1/pools/one", {"file": "s/p"}), "not_a_pool")
    assert names(api, "/v1/pools/one") == []
    assert api.put("/v1/logs/l", {"file": "s/p", "format": "external"}).status == 200


def test_opening_that_fails_keeps_what_is_the_logs_and_no_more(start):
    server = start()
    api, log = server.client, "/v1/logs/a"
    assert api.put(log, {"file": "s/x"}).status == 201
    add(api, log)
    (server.data / "s" / "bad").write_bytes(b"this is no log of any kind")
    assert api.post(log + "/close").status == 200
    check_problem(api.put(log, {"file": "s/bad"}), "not_a_log_file")
    check_problem(api.put("/v1/logs/b", {"file": "s/x"}), "locked")
    assert api.put("/v1/logs/b", {"file": "s/bad", "format": "external"}).status == 200
    assert api.put(log).status == 200 and count(api, log) == 1


@pytest.mark.parametrize("target, given", [
    ("s/pages", "s/pages"), ("s/pages", "s/pages.2"), ("s/pages", "s/pages.idx")])
def test_no_log_is_made_or_moved_around_pages_in_use(start, target, given):
    api = start().client
    assert api.put("/v1/mpools/m").status == 201
    assert api.put("/v1/mpools/m/files/f", {"path": given, **PAGES}).status == 201
    ring = {"file": target, "type": "wrap", "size": {"max_no_bytes": 100, "max_no_files": 3}}
    check_problem(api.put("/v1/logs/l", ring), "locked")
    assert api.put("/v1/logs/l", {**ring, "file": "s/l"}).status == 201
    check_problem(api.post("/v1/logs/l/reopen", {"file": target}), "locked")
    assert api.delete("/v1/mpools/m/files/f").status == 200
    assert api.post("/v1/logs/l/reopen", {"file": target}).status == 200


def test_ring_is_not_moved_around_others_files(start):
    api = start().client
    assert api.put("/v1/logs/two", {"file": "s/p.1", "format": "external"}).status == 201
    assert api.put("/v1/logs/one", {**MAKE["ring"][1], "file": "s/ring"}).status == 201
    check_problem(api.post("/v1/logs/one/reopen", {"file": "s/p"}), "locked")


@pytest.mark.parametrize("file", ["logs/l.LOG", "s/l"])
def test_log_of_one_file_is_reopened_with_a_number_behind_its_name(start, file):
    api = start().client
    assert api.put("/v1/logs/l", {"file": file}).status == 201
    for number in (1, 2, 20261121):
        add(api, "/v1/logs/l")
        assert api.post("/v1/logs/l/reopen", {"file": f"{file}.{number}"}).status == 200
    check_problem(api.post("/v1/logs/l/reopen", {"file": f"{file}.1"}), "locked")


def test_file_that_its_log_only_reads_now_is_still_its_own(start):
    api = start().client
    assert api.put("/v1/logs/one", {"file": "s/p"}).status == 201
    add(api, "/v1/logs/one")
    assert api.post("/v1/logs/one/close").status == 200
    assert api.put("/v1/logs/one", {"mode": "read_only"}).status == 200
    check_problem(api.put("/v1/logs/two", {"file": "s/p"}), "locked")


@pytest.mark.parametrize("again", [False, True])
def test_journal_that_is_only_read_keeps_it_from_no_writer(start, again):
    server = start()
    assert server.client.put("/v1/journals/one", {"path": "s/p"}).status == 201
    add(server.client, "/v1/journals/one")
    assert server.client.delete("/v1/journals/one?keep_files=true").status == 204
    reading = {"path": "s/p", "mode": "read_only"}
    assert server.client.put("/v1/journals/reading", reading).status == 201
    if again:
        server.restart()
    assert server.client.put("/v1/journals/two", {"path": "s/p"}).status == 201
    assert server.client.get("/v1/journals/reading").status == 200


def test_pages_are_read_beside_whoever_has_the_file(start):
    api = start().client
    assert api.put("/v1/logs/l", {"file": "s/l", "format": "external"}).status == 201
    assert api.post("/v1/logs/l/append", bytes(8192), type=BYTES).status == 200
    assert api.put("/v1/mpools/m").status == 201
    reading = {"path": "s/l", "pagesize": 4096, "rdonly": True}
    assert api.put("/v1/mpools/m/files/f", reading).status == 201
    assert api.get("/v1/mpools/m/files/f/pages/1").body == bytes(4096)


def test_pool_whose_file_somebody_has_removed_keeps_it_from_nobody(start):
    server = start()
    assert server.client.put("/v1/pools/p", {"file": "s/p"}).status == 201
    server.stop()
    (server.data / "s" / "p").unlink()
    server.start()
    assert server.client.put("/v1/logs/l", {"file": "s/p"}).status == 201
