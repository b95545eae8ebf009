"""Every problem code that a request can meet, over a real socket."""

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
    "idempotency_in_progress":
        "test_keyed_calls.py::test_a_file_that_a_crash_has_cut_is_read_as_far_as_it_is_whole",
    "idempotency_key_reused":
        "test_idempotency.py::test_another_request_under_the_same_key_is_refused",
    "fenced": "test_fence.py::test_a_writer_that_was_replaced_is_refused",
    "no_such_journal": "test_journals.py::test_put_makes_a_journal_and_opens_one_that_is_there",
    "no_such_cursor":
        "test_journals.py::test_a_cursor_gives_its_last_row_again_until_it_is_reset",
    "cursor_expired": "test_journals.py::test_a_cursor_that_is_not_used_expires",
    "cursor_unpositioned":
        "test_journals.py::test_a_cursor_gives_its_last_row_again_until_it_is_reset",
    "wt_notfound": "test_journals.py::test_a_cursor_gives_its_last_row_again_until_it_is_reset",
    "no_compressor":
        "test_wiredtiger.py::test_compressed_records_are_unpacked_if_the_compressor_is_known",
    "foreign_database":
        "test_wiredtiger.py::test_a_real_database_recovers_with_what_the_service_committed",
    "no_such_mpool": "test_mpools.py::test_a_pool_that_is_not_there",
    "mpool_in_use": "test_mpools.py::test_deleting_needs_force_while_it_is_open",
    "busy": "test_mpools.py::test_a_folder_that_stays_locked_is_busy",
    "lsn_beyond_log": "test_mpools.py::test_a_journal_is_flushed_before_the_page_that_it_tells_of",
    "no_logging": "test_mpools.py::test_sync_without_a_log_takes_no_lsn",
    "filter_failed": "test_mpools.py::test_a_filter_that_fails_leaves_the_page_dirty",
    "read_only_file": "test_mpools.py::test_several_handles_share_the_pages_of_a_path",
    "no_such_page": "test_mpool_pages.py::test_put_makes_and_replaces_and_get_reads",
    "no_such_pin": "test_mpool_pages.py::test_pins_are_renewed_and_broken",
    "pin_expired": "test_mpool_pages.py::test_a_pin_that_is_not_renewed_expires_and_changes_nothing",
    "page_pinned": "test_mpool_pages.py::test_one_write_pin_at_a_time",
    "cache_full": "test_mpool_pages.py::test_pins_hold_no_more_than_their_share",
    "unauthenticated": "test_access.py::test_every_operation_asks_for_its_scope",
    "no_such_token": "test_access.py::test_tokens_are_made_shown_and_taken_back",
    "headers_too_large": "test_limits.py::test_headers_up_to_the_limit",
    "uri_too_long": "test_limits.py::test_target_up_to_the_limit",
}
EXCLUDED = {
    "pin_overflow": "a page has 65,535 pins at most, a pool of a client's 1,000",
    "run_recovery": "damage that no process of ours leaves; MPoolTests break a region's lock",
    "internal": "a defect of the service; no request is known to cause it",
}
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


LOGS = {
    "l": {},
    "w": {"type": "wrap", "size": {"max_no_bytes": 200, "max_no_files": 3}},
    "x": {"format": "external"},
    "xw": {"type": "wrap", "format": "external",
           "size": {"max_no_bytes": 200, "max_no_files": 3}},
    "r": {"type": "rotate", "size": {"max_no_bytes": 200, "max_no_files": 3}},
    "ro": {"file": "logs/done.LOG", "mode": "read_only"},
}


@pytest.fixture(scope="module")
def logs(shared):
    """A log of each kind with some text in it."""
    with shared.new_client() as client:
        assert client.put("/v1/logs/done").status == 201
        client.post("/v1/logs/done/append", b"text", type="text/plain")
        client.post("/v1/logs/done/close")
        for name, options in LOGS.items():
            assert client.put(f"/v1/logs/{name}", options).status in (200, 201), name
            if name != "ro":
                client.post(f"/v1/logs/{name}/append", b"text", type="text/plain")


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
    case("not_implemented", "POST", "/v1/pools/new/import", None, None, {"Idempotency-Key": '"k"'}),
    case("bad_parameter", "POST", "/v1/pools/p/append", b"x", FORM, {"Fencing-Token": "one"}),
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


JSON = "application/json"
LINES = "application/x-ndjson"
FRAMES = "application/x-record-frames"
A_HANDLE = {"Log-Handle": "h_00000000000000000000000000000000"}

OF_LOGS = [
    case("bad_request", "POST", "/v1/logs/l/sync", b"body"),
    case("bad_request", "GET", "/v1/logs/l/chunk", b"body"),
    case("bad_json", "PUT", "/v1/logs/new", b"{"),
    case("bad_json", "PUT", "/v1/logs/new", b'{"size":1,"size":2}'),
    case("bad_json", "PATCH", "/v1/logs/l", b"[]", JSON),
    case("bad_json", "POST", "/v1/logs/l/append", b'{"record":{"json":' + b"[" * 520 + b"]" * 520 + b"}}", JSON),
    case("bad_json", "POST", "/v1/logs/l/append", b'{"text":"a"}\n{', LINES),
    case("bad_json", "POST", "/v1/logs/l/block", b"{"),
    case("bad_json", "POST", "/v1/logs/l/handles", b"1"),
    case("bad_json", "POST", "/v1/logs/l/truncate", b'"x"'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"ring"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"format":"binary"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"wrap"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"wrap","size":5}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"wrap","size":"infinity"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"size":{"max_no_bytes":1,"max_no_files":1}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"size":0}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"size":-1}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"size":1.5}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"size":"big"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"wrap","size":{"max_no_bytes":1}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"wrap","size":{"max_no_bytes":0,"max_no_files":1}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"wrap","size":{"max_no_bytes":1,"max_no_files":65000}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"type":"rotate","format":"internal","size":{"max_no_bytes":1,"max_no_files":1}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"repair":"yes"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"repair":"truncate","mode":"read_only"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"mode":"append"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"quiet":1}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"linkto":"me"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"linkto":"handle","ttl_ms":999}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"linkto":"handle","ttl_ms":86400001}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"durability":"quorum"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"head_func":{"name":"clock"}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"head_func":{"name":"template"}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"head":{"text":"a"},"head_func":{"name":"counter"}}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"file":"../x"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"file":"/x"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"file":"pools/x"}'),
    case("bad_parameter", "PUT", "/v1/logs/new", b'{"file":".tidemark/x"}'),
    case("bad_parameter", "PUT", "/v1/logs/new?as=hex"),
    case("bad_parameter", "PATCH", "/v1/logs/l", b'{"size":{"max_no_bytes":1,"max_no_files":1}}', JSON),
    case("bad_parameter", "PATCH", "/v1/logs/w", b'{"size":"infinity"}', JSON),
    case("bad_parameter", "PATCH", "/v1/logs/w", b'{"size":{"max_no_bytes":1,"max_no_files":0}}', JSON),
    case("bad_parameter", "POST", "/v1/logs/l/append?durability=quorum", b"x"),
    case("bad_parameter", "POST", "/v1/logs/l/append?at=x", b"x"),
    case("bad_parameter", "POST", "/v1/logs/l/append?atomic=1", b"x"),
    case("bad_parameter", "POST", "/v1/logs/l/append?wait_ms=60001", b"x"),
    case("bad_parameter", "POST", "/v1/logs/l/append?raw=yes", b"x"),
    case("bad_parameter", "POST", "/v1/logs/l/reopen"),
    case("bad_parameter", "POST", "/v1/logs/l/reopen", b'{"file":"../x"}'),
    case("bad_parameter", "GET", "/v1/logs/l/chunk?n=0"),
    case("bad_parameter", "GET", "/v1/logs/l/chunk?as=xml"),
    case("bad_parameter", "GET", "/v1/logs/w/chunk_step?step=one"),
    case("bad_parameter", "GET", "/v1/logs/l/walk?from=-1"),
    case("bad_parameter", "GET", "/v1/logs/l/walk?limit=0"),
    case("bad_parameter", "GET", "/v1/logs?state=ajar"),
    case("bad_parameter", "DELETE", "/v1/logs/l?keep_files=1"),
    case("unknown_parameter", "GET", "/v1/logs/l/chunk?count=2"),
    case("unknown_parameter", "POST", "/v1/logs/l/append?durabilty=synced", b"x"),
    case("unknown_property", "PUT", "/v1/logs/new", b'{"max_no_bytes":1}'),
    case("unknown_property", "PUT", "/v1/logs/new", b'{"type":"wrap","size":{"max_no_bytes":1,"max_no_files":1,"x":1}}'),
    case("unknown_property", "PUT", "/v1/logs/new", b'{"head_func":{"name":"counter","arg":1}}'),
    case("unknown_property", "PATCH", "/v1/logs/l", b'{"mode":"read_only"}', JSON),
    case("unknown_property", "POST", "/v1/logs/l/block", b'{"queue":true}'),
    case("unknown_property", "POST", "/v1/logs/l/handles", b'{"user":true}'),
    case("unknown_property", "POST", "/v1/logs/l/truncate", b'{"file":"logs/y"}'),
    case("bad_name", "PUT", "/v1/logs/.hidden"),
    case("bad_name", "GET", "/v1/logs/a%2fb"),
    case("bad_name", "POST", "/v1/logs/-/append", b"x"),
    case("bad_record", "POST", "/v1/logs/l/append", b"{}", JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"json":{"$atom":1}}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"json":{"$what":1}}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"json":{"$atom":"a","b":1}}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"term":"{a,"}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"term":"self()"}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"term":1}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b'{"record":{"b64":"*"}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append?raw=true", b"no term", FORM),
    case("bad_record", "POST", "/v1/logs/l/append?raw=true", b"", FORM),
    case("bad_record", "POST", "/v1/logs/l/append?raw=true", b'{"record":{"b64":"g2E="}}', JSON),
    case("bad_record", "POST", "/v1/logs/l/append", b"\0\0\0\4abc", FRAMES),
    case("bad_record", "PUT", "/v1/logs/new", b'{"head":{}}'),
    case("bad_record", "PUT", "/v1/logs/new?raw=true", b'{"head":{"b64":"YQ=="}}'),
    case("bad_token", "GET", "/v1/logs?page_token=abc"),
    case("bad_token", "GET", "/v1/logs/l/chunk?cont=abc"),
    case("bad_token", "GET", "/v1/logs/l/chunk?cont=l1.9f3a01c2.1.0.0.68.2.k3"),
    case("bad_token", "GET", "/v1/logs/l/walk?cont="),
    case("bad_token", "GET", "/v1/logs/l/chunk_info?cont=start"),
    case("bad_token", "GET", "/v1/logs/w/chunk_step?cont=x"),
    case("forbidden", "PUT", "/v1/logs/new", None, None, {"Origin": "http://evil.example"}),
    case("no_such_log", "GET", "/v1/logs/absent"),
    case("no_such_log", "PATCH", "/v1/logs/absent", b"{}", JSON),
    case("no_such_log", "DELETE", "/v1/logs/absent"),
    *(case("no_such_log", "POST", f"/v1/logs/absent/{operation}", body) for operation, body in (
        ("info", None), ("close", None), ("lclose", None), ("append", b"x"), ("sync", None),
        ("truncate", None), ("reopen", b'{"file":"logs/y"}'), ("inc_wrap_file", None),
        ("next_file", None), ("block", None), ("unblock", None), ("handles", None))),
    *(case("no_such_log", "GET", f"/v1/logs/absent/{operation}") for operation in (
        "chunk", "chunk_step", "walk", "data", "check", "notifications", "handles")),
    case("no_such_log", "POST", "/v1/logs/done/append", b"x"),
    case("no_such_log", "POST", "/v1/logs/l/lclose?node=other@host"),
    case("no_such_file", "PUT", "/v1/logs/new", b'{"mode":"read_only"}'),
    case("no_such_file", "PUT", "/v1/logs/new", b'{"mode":"read_only","type":"wrap","size":{"max_no_bytes":1,"max_no_files":1}}'),
    *(case("no_such_handle", method, f"/v1/logs/l{path}", body, None, A_HANDLE)
      for method, path, body in (
        ("PUT", "", None), ("PATCH", "", b"{}"), ("POST", "/append", b"x"), ("POST", "/info", None),
        ("POST", "/close", None), ("POST", "/block", None), ("POST", "/unblock", None),
        ("GET", "/chunk", None), ("GET", "/notifications", None))),
    case("no_such_handle", "GET", "/v1/handles/h_1"),
    case("no_such_handle", "PATCH", "/v1/logs/l/handles/h_1", b'{"notify":true}', JSON),
    case("no_such_handle", "DELETE", "/v1/logs/l/handles/h_1"),
    case("method_not_allowed", "PUT", "/v1/logs/l/append", b"x"),
    case("method_not_allowed", "POST", "/v1/logs/l/chunk"),
    case("not_acceptable", "GET", "/v1/logs/l", None, None, {"Accept": "text/html"}),
    case("not_acceptable", "GET", "/v1/logs/l/walk", None, None, {"Accept": "application/json"}),
    case("not_acceptable", "GET", "/v1/logs/l/notifications", None, None, {"Accept": "application/json"}),
    case("not_acceptable", "POST", "/v1/logs/l/append", b"x", FORM, {"Accept": "text/plain"}),
    case("unsupported_media_type", "POST", "/v1/logs/l/append", b"x", "image/png"),
    case("unsupported_media_type", "PATCH", "/v1/logs/l", b"{}", "text/plain"),
    case("precondition_failed", "PUT", "/v1/logs/l", None, None, {"If-None-Match": "*"}),
    case("precondition_failed", "PUT", "/v1/logs/done", None, None, {"If-None-Match": "*"}),
    case("precondition_failed", "POST", "/v1/logs/l/append?at=7", b"x"),
    case("precondition_failed", "POST", "/v1/logs/l/append", b"x", FORM, {"If-Match": '"00000000.1-1"'}),
    case("precondition_failed", "POST", "/v1/logs/l/truncate", None, None, {"If-Match": '"00000000.1-1"'}),
    case("precondition_failed", "PATCH", "/v1/logs/l", b"{}", JSON, {"If-Match": '"00000000.1-1"'}),
    case("not_implemented", "POST", "/v1/logs/new/import", None, None, {"Idempotency-Key": '"k"'}),
    case("range_not_satisfiable", "GET", "/v1/logs/l/walk?from=2"),
    case("range_not_satisfiable", "GET", "/v1/logs/x/data", None, None, {"Range": "bytes=4-"}),
    case("arg_mismatch", "PUT", "/v1/logs/l", b'{"type":"wrap"}'),
    case("arg_mismatch", "PUT", "/v1/logs/l", b'{"format":"external"}'),
    case("arg_mismatch", "PUT", "/v1/logs/l", b'{"repair":false}'),
    case("arg_mismatch", "PUT", "/v1/logs/l", b'{"head":{"text":"h"}}'),
    case("arg_mismatch", "POST", "/v1/logs/l/open", b'{"head_func":{"name":"counter"}}'),
    case("size_mismatch", "PUT", "/v1/logs/w", b'{"size":{"max_no_bytes":200,"max_no_files":4}}'),
    case("size_mismatch", "POST", "/v1/logs/w/open", b'{"size":{"max_no_bytes":201,"max_no_files":3}}'),
    case("name_already_open", "PUT", "/v1/logs/l", b'{"file":"logs/other"}'),
    case("open_read_write", "PUT", "/v1/logs/l", b'{"mode":"read_only"}'),
    case("open_read_only", "PUT", "/v1/logs/ro", b'{"mode":"read_write"}'),
    case("locked", "PUT", "/v1/logs/new", b'{"file":"logs/l.LOG"}'),
    case("locked", "POST", "/v1/logs/l/reopen", b'{"file":"logs/x.LOG"}'),
    *(case("read_only_mode", method, f"/v1/logs/ro{path}", body) for method, path, body in (
        ("POST", "/append", b"x"), ("POST", "/sync", None), ("POST", "/truncate", None),
        ("POST", "/reopen", b'{"file":"logs/y"}'), ("PATCH", "", b'{"size":"infinity"}'),
        ("PATCH", "", b'{"head":null}'))),
    case("format_external", "POST", "/v1/logs/x/append", b'{"record":{"json":1}}', JSON),
    case("format_external", "POST", "/v1/logs/x/append", b'{"record":{"term":"a"}}', JSON),
    case("format_external", "POST", "/v1/logs/x/append", b'{"json":1}\n', LINES),
    case("format_external", "POST", "/v1/logs/x/truncate", b'{"head":{"json":1}}'),
    case("format_external", "PATCH", "/v1/logs/x", b'{"head":{"term":"a"}}', JSON),
    case("format_external", "GET", "/v1/logs/x/chunk"),
    case("format_external", "GET", "/v1/logs/xw/walk"),
    case("format_external", "GET", "/v1/logs/r/check"),
    case("not_internal_wrap", "GET", "/v1/logs/l/chunk_step"),
    case("end_of_log", "GET", "/v1/logs/w/chunk_step?step=1"),
    case("end_of_log", "GET", "/v1/logs/w/chunk_step?step=-1"),
    case("halt_log", "POST", "/v1/logs/l/inc_wrap_file"),
    case("halt_log", "POST", "/v1/logs/x/next_file"),
    case("rotate_log", "POST", "/v1/logs/r/inc_wrap_file"),
    case("invalid_header", "PUT", "/v1/logs/new", b'{"head_func":{"name":"template","args":{"text":"${date}"}}}'),
    case("same_file_name", "POST", "/v1/logs/l/reopen", b'{"file":"logs/l.LOG"}'),
    case("new_size_too_small", "PATCH", "/v1/logs/l", b'{"size":20}', JSON),
    case("not_blocked", "POST", "/v1/logs/l/unblock"),
]


@pytest.mark.parametrize("code, method, path, body, type, headers", OF_LOGS)
def test_request_to_a_log_meets_its_problem_and_changes_nothing(
    api, logs, code, method, path, body, type, headers
):
    before = [log_item(api, name) for name in LOGS]
    answer = api.request(method, path, body, headers, type=type)
    was_made = api.delete("/v1/logs/new").status == 204
    check_problem(answer, code)
    assert [log_item(api, name) for name in LOGS] == before and not was_made


@pytest.mark.parametrize("method, path, body", [
    ("PUT", "/v1/logs/l", {"type": "wrap"}), ("PUT", "/v1/logs/new", {"type": "wrap"}),
])
def test_problem_of_a_log_names_its_engine(api, logs, method, path, body):
    assert api.request(method, path, body).json["engine"] == "disk_log"


def log_item(api, name):
    return api.get(f"/v1/logs/{name}").json


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


# Logs in a state of their own.


def make_log(api, name, **options):
    """A fresh log with one item in it."""
    answer = api.put(f"/v1/logs/{name}", options)
    assert answer.status == 201, answer
    assert api.post(f"/v1/logs/{name}/append", b"text", type="text/plain").status == 200
    return f"/v1/logs/{name}"


def damage_log(shared, api, name, change):
    """Closes the log, and lets `change` have its bytes."""
    path = make_log(api, name)
    api.post(path + "/close")
    file = shared.data / "logs" / f"{name}.LOG"
    data = bytearray(file.read_bytes())
    change(data)
    file.write_bytes(data)
    return path


@here("need_repair")
def test_log_that_was_not_closed_is_not_opened_without_repair(shared, api, name):
    def reopen(data):
        data[4:8] = bytes([6, 7, 8, 9])

    path = damage_log(shared, api, name, reopen)
    document = check_problem(api.put(path, {"repair": False}), "need_repair")
    assert document["reason"] == f'{{need_repair,"logs/{name}.LOG"}}'
    assert api.get(path).json["state"] == "failed"
    assert api.put(path).json["open"] == {"result": "repaired", "recovered": 1, "badbytes": 0}


@here("not_a_log_file")
@pytest.mark.parametrize("data", [b"", b"\1\2\3\4", b"x" * 100])
def test_file_that_is_no_log_is_refused_and_kept(shared, api, name, data):
    (shared.data / "logs" / f"{name}.LOG").write_bytes(data)
    check_problem(api.put(f"/v1/logs/{name}"), "not_a_log_file")
    check_problem(api.put(f"/v1/logs/{name}", {"mode": "read_only"}), "not_a_log_file")
    assert (shared.data / "logs" / f"{name}.LOG").read_bytes() == data
    assert api.put(f"/v1/logs/{name}", {"repair": "truncate"}).status in (200, 201)


@here("corrupt_log_file")
def test_damaged_log_that_was_closed_is_corrupt_where_it_is_read(shared, api, name):
    def spoil(data):
        data[12] ^= 1

    path = damage_log(shared, api, name, spoil)
    api.put(path)
    assert check_problem(api.get(path + "/chunk"), "corrupt_log_file")["position"] == 8
    lines = api.get(path + "/walk").lines
    assert lines[-1]["end"] and lines[-1]["error"]["code"] == "corrupt_log_file"


@here("log_full")
def test_halt_log_that_is_full_says_so_and_names_its_size(api, name):
    path = make_log(api, name, size=100)
    answer = api.post(path + "/append", b"x" * 100)
    document = check_problem(answer, "log_full")
    assert document["reason"] == f"{{full,{name}}}" and "100" in document["detail"]
    check_problem(api.post(path + "/append", b""), "log_full")


@here("log_stopped")
def test_reopening_that_fails_stops_the_log(shared, api, name):
    path = make_log(api, name)
    (shared.data / "logs" / f"{name}.dir" / "in").mkdir(parents=True)
    answer = api.post(path + "/reopen", {"file": f"logs/{name}.dir"})
    check_problem(answer, "log_stopped", applied="unknown")
    wait_until(lambda: api.get(path).json["state"] == "failed", what="the log to be closed")
    assert api.put(path).status in (200, 201)
    assert len(api.get(path + "/chunk").json["records"]) == 1


@here("not_blocked_by_pid")
@here("blocked_log")
def test_log_that_another_has_blocked_refuses(api, name):
    path = make_log(api, name)
    handle = api.post(path + "/block", {"queue_log_records": False}).json["handle"]
    check_problem(api.post(path + "/append", b"x"), "blocked_log")
    check_problem(api.get(path + "/chunk"), "blocked_log")
    check_problem(api.post(path + "/unblock"), "not_blocked_by_pid")
    check_problem(api.post(path + "/sync", headers={"Log-Handle": handle}), "blocked_log")
    assert api.post(path + "/unblock", headers={"Log-Handle": handle}).status == 200


@here("wait_timeout")
def test_wait_for_a_blocked_log_runs_out(api, name):
    path = make_log(api, name)
    api.post(path + "/block")
    check_problem(api.post(path + "/append?wait_ms=10", b"x"), "wait_timeout")
    check_problem(api.get(path + "/chunk?wait_ms=0"), "wait_timeout")
    assert api.get(path).json["position"] == 1


@here("not_owner")
def test_handle_that_is_no_owner_gets_no_notices(api, name):
    path = make_log(api, name)
    user = api.post(path + "/handles", {"owner": False}).json["handle"]
    check_problem(api.request("PATCH", f"{path}/handles/{user}", {"notify": True}), "not_owner")
    check_problem(api.get(path + "/notifications", {"Log-Handle": user}), "not_owner")


@here("rate_limited")
def test_log_has_a_thousand_handles_at_most(api, name):
    path = make_log(api, name)
    for _ in range(1000):
        assert api.post(path + "/handles", {"owner": False}).status == 201
    document = check_problem(api.post(path + "/handles"), "rate_limited")
    assert document["limit"] == 1000
    check_problem(api.post(path + "/block"), "rate_limited")
    check_problem(api.get(path + "/notifications"), "rate_limited")
    check_problem(api.put(path, {"linkto": "handle"}), "rate_limited")


@here("no_space")
def test_creation_below_the_floor_of_free_space_is_no_space(start):
    server = start(storage_free_bytes=1 << 50)
    check_problem(server.client.put("/v1/pools/p"), "no_space")
    answer = server.client.post("/v1/pools/p/import", bytes(POOL_MINIMUM), type=FORM)
    check_problem(answer, "no_space")
    assert os.listdir(server.data / "pools") == []


@pytest.mark.parametrize("path", ["/v1/pools/p", "/v1/logs/l", "/v1/journals/j", "/v1/mpools/m"])
def test_what_is_there_opens_below_the_floor_of_free_space_and_nothing_new_is_made(start, path):
    server = start()
    assert server.client.put(path).status == 201
    server.stop()
    api = start(data=server.data, storage_free_bytes=1 << 50).client
    assert api.put(path).status in (200, 201)
    check_problem(api.put(path + "2"), "no_space")


def test_log_that_is_there_is_used_below_the_floor_of_free_space(start):
    server = start()
    assert server.client.put("/v1/logs/l").status == 201
    server.stop()
    api = start(data=server.data, storage_free_bytes=1 << 50).client
    assert api.post("/v1/logs/l/open", {}).status == 200
    check_problem(api.post("/v1/logs/l2/open", {}), "no_space")


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
