"""Every problem code that a request about a pool can meet, over a real socket."""

import fcntl
import os
import pathlib
import re
import struct
import threading

import pytest

from support import poolfile
from support.client import POOL_MINIMUM, Client, Raw
from support.problems import CODES, check_problem
from support.server import wait_until

# Code by the test that meets it, where that is not here.
ELSEWHERE = {
    "sync_failed": "test_faults.py::test_failed_flush_is_500_sync_failed_and_unknown",
    "file_access": "test_survival.py::test_pool_file_without_permissions_is_file_access",
    "pool_full": "test_append.py::test_append_beyond_capacity_is_507_and_changes_nothing",
    "headers_too_large": "test_limits.py::test_headers_up_to_the_limit",
    "uri_too_long": "test_limits.py::test_target_up_to_the_limit",
}
EXCLUDED = {"internal": "a defect of the service; no request is known to cause it"}
# Codes that a test here expects, filled by `case`.
HERE = set()

FORM = "application/octet-stream"


def case(code, method, path, body=None, type=None, headers=None):
    HERE.add(code)
    return pytest.param(code, method, path, body, type, headers, id=f"{code}-{method}-{path}")


@pytest.fixture(scope="module")
def pools(shared):
    """A pool with ten bytes in it, named p."""
    with shared.new_client() as client:
        client.create("p")
        client.append("p", b"0123456789")


PLAIN = [
    # code, method, path, body, type, headers
    case("bad_request", "GET", "/v1/pools/p", b"body"),
    case("bad_request", "POST", "/v1/pools/p/rewind", b"body"),
    case("bad_request", "DELETE", "/v1/pools/p", b"body"),
    case("bad_json", "PUT", "/v1/pools/new", b"{"),
    case("bad_json", "PUT", "/v1/pools/new", b"[]"),
    case("bad_json", "PUT", "/v1/pools/new", b"null"),
    case("bad_json", "PUT", "/v1/pools/new", b'{"pool_size":1,"pool_size":2}'),
    case("bad_json", "PUT", "/v1/pools/new", b'{"pool_size":2097152}x'),
    case("bad_json", "PUT", "/v1/pools/new", b'{"a\\u0000":1}'),
    case("bad_json", "PUT", "/v1/pools/new", b'{"file":"\xff"}'),
    case("bad_json", "POST", "/v1/pools/p/append", b"{", "application/json"),
    case("bad_json", "POST", "/v1/pools/p/append", b'{"text":"a"}\n\n{"text":"b"}', "application/x-ndjson"),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"pool_size":"big"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"pool_size":1.5}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"pool_size":1e300}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"pool_size":-1}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"pool_size":9223372036854775807}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"mode":384}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"mode":"0000"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"mode":"0o60"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"mode":"+600"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"mode":"rw-"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"../x"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"/etc/x"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":""}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"a//b"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":".tidemark/x"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"logs/x"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"pools"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"a\\u0000b"}'),
    case("bad_parameter", "PUT", "/v1/pools/new", b'{"file":"a\\nb"}'),
    case("bad_parameter", "GET", "/v1/pools?limit=0"),
    case("bad_parameter", "GET", "/v1/pools?limit=ten"),
    case("bad_parameter", "GET", "/v1/pools?state=ajar"),
    case("bad_parameter", "GET", "/v1/pools?limit=1&limit=2"),
    case("bad_parameter", "GET", "/v1/pools?prefix=%ff"),
    case("bad_parameter", "GET", "/v1/pools?prefix=%2"),
    case("bad_parameter", "GET", "/v1/pools/p/walk?chunk_size=-1"),
    case("bad_parameter", "GET", "/v1/pools/p/walk?chunk_size=9223372036854775808"),
    case("bad_parameter", "GET", "/v1/pools/p/walk?from=+1"),
    case("bad_parameter", "GET", "/v1/pools/p/walk?from=%2B1"),
    case("bad_parameter", "GET", "/v1/pools/p/walk?limit=0"),
    case("bad_parameter", "GET", "/v1/pools/p/check?live=yes"),
    case("bad_parameter", "DELETE", "/v1/pools/p?keep_file=1"),
    case("bad_parameter", "POST", "/v1/pools/p/append?at=-1", b"x"),
    case("bad_parameter", "POST", "/v1/pools/p/append?at=", b"x"),
    case("bad_parameter", "POST", "/v1/pools/p/append?durability=quorum", b"x"),
    case("bad_parameter", "POST", "/v1/pools/p/append?at=1&at=1", b"x", FORM),
    case("bad_parameter", "GET", "/v1/engines/pmemlog/check_version?major_required=4294967296"),
    case("unknown_parameter", "GET", "/v1/pools?page=2"),
    case("unknown_parameter", "POST", "/v1/pools/p/append?durabilty=synced", b"x"),
    case("unknown_parameter", "GET", "/healthz?x"),
    case("unknown_property", "PUT", "/v1/pools/new", b'{"poolsize":2097152}'),
    case("unknown_property", "POST", "/v1/pools/p/append", b'{"record":{"text":"a"},"x":1}', "application/json"),
    case("bad_name", "PUT", "/v1/pools/.hidden"),
    case("bad_name", "PUT", "/v1/pools/a%2fb"),
    case("bad_name", "PUT", "/v1/pools/..%2f..%2fetc"),
    case("bad_name", "PUT", "/v1/pools/%C3%BC"),
    case("bad_name", "PUT", "/v1/pools/a%20b"),
    case("bad_name", "GET", "/v1/pools/-a"),
    case("bad_name", "GET", "/v1/pools/_"),
    case("bad_name", "GET", "/v1/pools//tell"),
    case("bad_record", "POST", "/v1/pools/p/append"),
    case("bad_record", "POST", "/v1/pools/p/append", b"{}", "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"records":[]}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"records":{}}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"record":"a"}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"record":{"text":1}}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"record":{"text":"a","b64":"YQ=="}}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"record":{"bytes":"a"}}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b'{"record":{"text":"a"},"records":[]}', "application/json"),
    case("bad_record", "POST", "/v1/pools/p/append", b"\0\0\0", "application/x-record-frames"),
    case("bad_record", "POST", "/v1/pools/p/append", b"\0\0\0\4abc", "application/x-record-frames"),
    case("bad_record", "POST", "/v1/pools/p/append", b"\xff\xff\xff\xff", "application/x-record-frames"),
    case("bad_token", "GET", "/v1/pools?page_token=abc"),
    case("bad_token", "GET", "/v1/pools?page_token=n1.2f"),
    case("bad_token", "GET", "/v1/pools/p/walk?cont=p1.0.0.0.0"),
    case("forbidden", "POST", "/v1/pools/p/rewind", None, None, {"Origin": "http://evil.example"}),
    case("forbidden", "DELETE", "/v1/pools/p", None, None, {"Origin": "null"}),
    case("not_found", "GET", "/v1/nothing"),
    case("not_found", "GET", "/problems/none"),
    case("no_such_pool", "GET", "/v1/pools/absent"),
    case("no_such_pool", "POST", "/v1/pools/absent/append", b"x"),
    case("no_such_pool", "POST", "/v1/pools/absent/open"),
    case("no_such_pool", "POST", "/v1/pools/absent/close"),
    case("no_such_pool", "GET", "/v1/pools/absent/check"),
    case("no_such_pool", "GET", "/v1/pools/absent/export"),
    case("no_such_pool", "DELETE", "/v1/pools/absent"),
    case("method_not_allowed", "PATCH", "/v1/pools/p"),
    case("method_not_allowed", "POST", "/v1/pools"),
    case("not_acceptable", "GET", "/v1/pools/p", None, None, {"Accept": "text/html"}),
    case("not_acceptable", "GET", "/v1/pools/p/walk", None, None, {"Accept": "image/*"}),
    case("not_acceptable", "POST", "/v1/pools/p/append", b"x", FORM, {"Accept": "text/plain"}),
    case("not_acceptable", "PUT", "/v1/pools/new", None, None, {"Accept": "text/plain"}),
    case("arg_mismatch", "PUT", "/v1/pools/p", b'{"pool_size":4194304}'),
    case("arg_mismatch", "PUT", "/v1/pools/p", b'{"file":"other/place"}'),
    case("pool_open", "GET", "/v1/pools/p/check"),
    case("version_mismatch", "GET", "/v1/engines/pmemlog/check_version?major_required=2"),
    case("precondition_failed", "POST", "/v1/pools/p/append?at=9", b"x"),
    case("precondition_failed", "PUT", "/v1/pools/p", None, None, {"If-None-Match": "*"}),
    case("precondition_failed", "POST", "/v1/pools/p/append", b"x", FORM, {"If-Match": '"junk"'}),
    case("unsupported_media_type", "POST", "/v1/pools/p/append", b"x", "image/png"),
    case("unsupported_media_type", "PUT", "/v1/pools/new", b"{}", "application/xml"),
    case("unsupported_media_type", "POST", "/v1/pools/p/append", b"x", FORM, {"Content-Encoding": "br"}),
    case("range_not_satisfiable", "GET", "/v1/pools/p/walk?from=11"),
    case("range_not_satisfiable", "GET", "/v1/pools/p/data", None, None, {"Range": "bytes=10-"}),
    case("expectation_failed", "GET", "/healthz", None, None, {"Expect": "teapot"}),
    case("not_implemented", "POST", "/v1/pools/p/append", b"x", FORM, {"Idempotency-Key": '"k"'}),
    case("not_implemented", "POST", "/v1/pools/p/append", b"x", FORM, {"Fencing-Token": "1"}),
    case("not_a_pool", "POST", "/v1/pools/new/import", b"x" * 100, FORM),
    case("not_a_pool", "POST", "/v1/pools/new/import"),
]


@pytest.mark.parametrize("code, method, path, body, type, headers", PLAIN)
def test_request_meets_its_problem_and_changes_nothing(
    api, pools, code, method, path, body, type, headers
):
    before = api.item("p")
    answer = api.request(method, path, body, {"Request-Id": "test-1", **(headers or {})}, type=type)
    was_made = api.delete("/v1/pools/new").status == 204
    document = check_problem(answer, code)
    assert document["request_id"] == "test-1"
    assert api.item("p") == before and not was_made


def test_detail_names_the_place(api, pools):
    lines = b'{"text":"a"}\n{"text":"b"}\n{"txt":"c"}\n'
    answer = api.try_append("p", lines, type="application/x-ndjson")
    assert "line 3" in check_problem(answer, "bad_record")["detail"]
    frames = struct.pack(">I", 3) + b"abc" + struct.pack(">I", 9) + b"x"
    answer = api.try_append("p", frames, type="application/x-record-frames")
    assert "byte 7" in check_problem(answer, "bad_record")["detail"]
    answer = api.post("/v1/pools/p/append", {"records": [{"text": "a"}, {"json": 1, "text": 2}]})
    assert "/records/1" in check_problem(answer, "bad_record")["detail"]


def test_unsupported_type_tells_what_is_taken(api, pools):
    answer = api.try_append("p", b"x", type="image/png")
    taken = answer["Accept-Post"]
    for type in ("application/octet-stream", "application/json", "application/x-ndjson",
                 "application/x-record-frames", "text/plain"):
        assert type in taken


def test_own_origin_may_change_things(shared, api, pools):
    own = {"Origin": f"http://127.0.0.1:{shared.port}"}
    assert api.post("/v1/pools/p/open", headers=own).status == 200
    assert api.get("/v1/pools/p", {"Origin": "http://evil.example"}).status == 200


def here(code):
    HERE.add(code)
    return lambda test: test


@here("already_exists")
def test_import_of_an_existing_name_is_already_exists(api, pools):
    file = api.get("/v1/pools/p/export").body
    check_problem(api.post("/v1/pools/p/import", file, type=FORM), "already_exists")


@here("not_a_pool")
def test_damaged_pool_is_not_a_pool(shared, api):
    (shared.data / "pools" / "junk").write_bytes(b"x" * POOL_MINIMUM)
    for method, path in (("GET", ""), ("POST", "/open"), ("POST", "/append"), ("PUT", "")):
        body = b"x" if path == "/append" else None
        answer = api.request(method, "/v1/pools/junk" + path, body)
        assert check_problem(answer, "not_a_pool")["reason"] == "EINVAL"


@here("read_only_mode")
def test_pool_that_the_library_opens_read_only(shared, api, name):
    api.create(name)
    api.append(name, b"readable")
    api.post(f"/v1/pools/{name}/close")
    poolfile.write_at(
        shared.data / "pools" / name, poolfile.RO_COMPAT, struct.pack("<I", 1), mend_checksum=True)
    api.post(f"/v1/pools/{name}/open")
    assert check_problem(api.try_append(name, b"x"), "read_only_mode")["reason"] == "EROFS"
    check_problem(api.post(f"/v1/pools/{name}/rewind"), "read_only_mode")
    assert api.walk(name) == b"readable" and api.item(name)["state"] == "open"


@here("locked")
def test_pool_that_another_process_holds_is_locked(shared, api, name):
    api.create(name)
    api.post(f"/v1/pools/{name}/close")
    with open(shared.data / "pools" / name, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        check_problem(api.post(f"/v1/pools/{name}/open"), "locked")
        check_problem(api.get(f"/v1/pools/{name}/check"), "locked")
    assert api.post(f"/v1/pools/{name}/open").status == 200


@here("locked")
def test_file_that_is_open_under_another_name_is_locked(api, name):
    api.create(name)
    check_problem(api.put(f"/v1/pools/{name}b", {"file": f"pools/{name}"}), "locked")
    assert api.append(name, b"unharmed")["first"] == 0


@here("io_error")
def test_pool_that_is_a_loop_of_links_is_io_error(shared, api, name):
    os.symlink(name, shared.data / "pools" / name)
    assert check_problem(api.get(f"/v1/pools/{name}"), "io_error")["errno"] == "ELOOP"


@here("position_gone")
def test_token_of_before_a_rewind_is_position_gone(api, name):
    api.create(name)
    api.append(name, b"xyz")
    walk = f"/v1/pools/{name}/walk?chunk_size=1"
    token = api.get(walk + "&limit=1", {"Accept": "application/x-ndjson"}).lines[-1]["next"]
    api.post(f"/v1/pools/{name}/rewind")
    assert check_problem(api.get(f"{walk}&cont={token}"), "position_gone")["oldest"] == 0


@here("too_large")
def test_record_beyond_the_capacity_is_too_large(api, pools):
    document = check_problem(api.try_append("p", b"x" * POOL_MINIMUM), "too_large")
    assert document["limit"] == POOL_MINIMUM - 8192


@here("no_space")
def test_creation_below_the_floor_of_free_space_is_no_space(start):
    server = start(storage_free_bytes=1 << 50)
    check_problem(server.client.put("/v1/pools/p"), "no_space")
    answer = server.client.post("/v1/pools/p/import", bytes(POOL_MINIMUM), type=FORM)
    check_problem(answer, "no_space")
    assert os.listdir(server.data / "pools") == []


@here("overloaded")
def test_full_commit_queue_is_overloaded_and_nothing_of_it_is_applied(start):
    server = start(append_queue_requests=1)
    server.client.create("p", pool_size=16 << 20)
    refused, taken = [], []

    def hammer():
        with server.new_client() as client:
            for _ in range(2000):
                if refused:
                    return
                answer = client.try_append("p", b"x" * 1000)
                (taken if answer.status == 200 else refused).append(answer)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused, "the queue was never full"
    for answer in refused:
        check_problem(answer, "overloaded")
    assert server.client.tell("p") == 1000 * len(taken)


@here("draining")
def test_draining_server_refuses_new_work_and_finishes_the_old(start):
    server = start()
    server.client.create("p")
    second, third = server.new_client(), server.new_client()
    second.get("/healthz")
    with Raw(server.port) as old:
        old.send(b"POST /v1/pools/p/append HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nol")
        in_flight = re.compile(r"^tidemark_http_requests_in_flight 2$", re.M)
        wait_until(lambda: in_flight.search(third.get("/metrics").body.decode()), what="the old")
        server.signal()
        wait_until(lambda: third.get("/readyz").status == 503, what="the drain to begin")
        check_problem(second.try_append("p", b"x"), "draining")
        assert old.send(b"d!").read_answer().status == 200
    assert server.wait() == 0
    assert poolfile.used(server.data / "pools" / "p") == b"old!"


def test_every_code_is_covered_or_excluded_with_a_reason():
    assert set(CODES) == HERE | set(ELSEWHERE) | set(EXCLUDED)
    assert not HERE & set(EXCLUDED)
    folder = pathlib.Path(__file__).parent
    for code, place in ELSEWHERE.items():
        file, test = place.split("::")
        assert f"def {test}(" in (folder / file).read_text(), f"{code}: there is no {place}"


def test_problem_of_a_head_request_has_no_body(api):
    answer = api.request("HEAD", "/v1/pools/absent")
    assert answer.status == 404 and answer.body == b""
    assert answer.headers.get_content_type() == "application/problem+json"


def test_connection_can_be_used_again_after_a_refusal_without_a_body(shared):
    client = Client(shared.port)
    client.get("/v1/pools/absent")
    connection = client.connection
    assert client.get("/healthz").status == 200 and client.connection is connection
    client.close()
