"""The life of a log: options, owners and users, handles, lists, restarts, configuring."""

import re
import threading

import pytest

from support.client import Client
from support.log import Log, ring, term
from support.problems import check_problem
from support.server import wait_until


@pytest.fixture
def log(api, name):
    return Log(api, name)


# Opening


def test_log_is_made_once_and_opened_after_that(log):
    made = log.put()
    assert made.status == 201 and made.json["open"] == {"result": "ok"}
    assert (made.json["type"], made.json["format"], made.json["size"], made.json["mode"]) == (
        "halt", "internal", "infinity", "read_write")
    assert made.json["file"] == f"logs/{log.name}.LOG"
    assert made.json["owners"] == [{"handle": "service", "notify": False}]
    again = log.put()
    assert again.status == 200 and again.json["owners"] == made.json["owners"]
    assert again["ETag"] == made.json["etag"] and again["Log-Position"] == "0"


def test_new_file_has_header_and_head_before_the_answer(shared, log):
    log.put(head={"text": "begin"})
    data = (shared.data / "logs" / f"{log.name}.LOG").read_bytes()
    assert data == bytes.fromhex("0102030406070809") + b"\0\0\0\x0bbWLA" + term(b"begin")
    log.close()
    data = (shared.data / "logs" / f"{log.name}.LOG").read_bytes()
    assert data[4:8] == bytes.fromhex("63584d0b")


@pytest.mark.parametrize("options, code, option", [
    ({"file": "logs/else", "mode": "read_only", "type": "halt"}, "name_already_open", None),
    ({"mode": "read_only", "type": "halt", "format": "external"}, "open_read_write", None),
    ({"type": "halt", "format": "external", "repair": False}, "arg_mismatch", "type"),
    ({"format": "external", "repair": False, **ring(9, 9)}, "arg_mismatch", "format"),
    ({"repair": False, "head": {"text": "h"}, **ring(9, 9)}, "arg_mismatch", "repair"),
    ({"head": {"text": "h"}, **ring(9, 9)}, "size_mismatch", None),
    ({"head": {"text": "h"}}, "arg_mismatch", "head"),
])
def test_first_difference_in_the_originals_order_is_the_answer(log, options, code, option):
    log.made(**ring(1000, 3))
    before = log.item
    document = check_problem(log.put(**options), code)
    assert document.get("option") == option
    assert log.item == before


def test_options_that_are_not_given_or_are_as_they_were_do_not_matter(log):
    log.made(head={"text": "h"}, **ring(1000, 3))
    same = dict(head={"text": "h"}, file=f"logs/{log.name}.LOG", mode="read_write",
                format="internal", repair=True, **ring(1000, 3))
    assert log.put(**same).status == 200
    assert log.put(head=None).status == 200
    assert log.put(quiet=True, durability="written").status == 200
    assert log.item["durability"] == "synced"


def test_size_of_an_open_halt_log_is_not_compared(log):
    log.made(size=1000)
    assert log.put(size=10).status == 200
    assert log.item["size"] == 1000


def test_size_that_a_ring_was_changed_to_is_the_one_compared(log):
    log.made(**ring(1000, 3))
    assert log.patch(size={"max_no_bytes": 500, "max_no_files": 5}).status == 200
    assert log.put(**ring(500, 5)).status == 200
    check_problem(log.put(**ring(1000, 3)), "size_mismatch")


def test_ring_that_is_opened_with_another_size_gets_it(log):
    log.made("a", **ring(1000, 3))
    log.close()
    assert log.put(**ring(500, 5)).json["size"] == {"max_no_bytes": 500, "max_no_files": 5}
    log.close()
    check_problem(log.put(mode="read_only", **ring(1000, 3)), "size_mismatch")
    assert log.put(mode="read_only").json["size"] == {"max_no_bytes": 500, "max_no_files": 5}


def test_file_type_and_format_are_remembered(log):
    log.made("a", file="deep/down/audit", format="external", **ring(1000, 3))
    log.close()
    item = log.put().json
    assert (item["file"], item["type"], item["format"]) == ("deep/down/audit", "wrap", "external")
    assert log.get("/data").body == b"a"


def test_halt_log_that_is_longer_than_its_size_is_full(log):
    log.made("a" * 100)
    log.close()
    assert log.put(size=50).json["full"] is True
    check_problem(log.try_append("b"), "log_full")
    assert log.patch(size=1000).status == 200
    log.append("b")


def test_if_none_match_makes_a_log_and_never_opens_one(log):
    new = {"If-None-Match": "*"}
    assert log.put(new).status == 201
    check_problem(log.put(new), "precondition_failed")
    log.close()
    check_problem(log.put(new), "precondition_failed")
    assert log.item["state"] == "closed"


def test_truncating_open_empties_a_closed_log_and_never_an_open_one(log):
    log.made("a", "b")
    log.close()
    assert log.put(repair="truncate", head={"text": "h"}).status == 200
    assert log.records() == ["h"]
    log.append("c")
    assert log.put(repair="truncate").status == 200
    assert log.records() == ["h", "c"]


def test_quiet_log_is_repaired_without_a_line(shared, api, name):
    for quiet in (True, False):
        log = Log(api, f"{name}{quiet}").made("a")
        log.close()
        file = shared.data / "logs" / f"{log.name}.LOG"
        data = bytearray(file.read_bytes())
        data[4:8] = bytes([6, 7, 8, 9])
        file.write_bytes(data)
        opened = log.put(quiet=quiet).json["open"]
        assert opened == {"result": "repaired", "recovered": 1, "badbytes": 0}
        assert log.item["last_open"] == opened
    shared.wait_line(f"log {name}False was not closed: repaired, 1 items recovered")
    assert not any(f"{name}True" in line for line in shared.lines)


# Owners, users and handles


def test_log_is_open_until_nobody_holds_it(log):
    log.made()
    owner = log.new_handle()
    log.post("/open")
    log.post("/open")
    item = log.item
    assert item["users"] == 2 and len(item["owners"]) == 2
    # The service's own hold first, then users, one by one; a stranger's close lowers their number.
    assert log.close() == {"state": "open", "owners": 1, "users": 2}
    assert log.close() == {"state": "open", "owners": 1, "users": 1}
    assert log.close() == {"state": "open", "owners": 1, "users": 0}
    assert log.close() == {"state": "open", "owners": 1, "users": 0}
    assert log.by(owner).close() == {"state": "closed", "owners": 0, "users": 0}
    check_problem(log.post("/close"), "no_such_log")
    check_problem(log.by(owner).post("/info"), "no_such_handle")


def test_linkto_says_who_holds_the_log(log):
    made = log.put(linkto="handle", notify=True, ttl_ms=5000).json
    handle = made["open"]["handle"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", made["open"]["expires_at"])
    assert made["owners"] == [{"handle": handle, "notify": True}] and made["users"] == 0
    assert log.put(linkto="none").json["users"] == 1
    assert log.put(linkto="service").json["owners"][0]["handle"] == "service"
    assert log.post("/open").json["users"] == 2


def test_owner_that_opens_again_changes_nothing(log):
    log.made()
    handle = log.put(linkto="handle").json["open"]["handle"]
    mine = log.by(handle)
    again = mine.put(linkto="handle")
    assert again.json["open"]["handle"] == handle and len(again.json["owners"]) == 2
    document = check_problem(mine.put(linkto="handle", notify=True), "arg_mismatch")
    assert document["option"] == "notify"


def test_failed_opening_leaves_no_handle_and_no_user(log):
    log.made()
    check_problem(log.put(linkto="handle", type="wrap"), "arg_mismatch")
    check_problem(log.put(linkto="none", type="wrap"), "arg_mismatch")
    assert log.get("/handles").json == {"handles": []}
    assert log.item["users"] == 0


def test_handles_are_listed_found_and_ended(log):
    log.made()
    owner = log.new_handle(notify=True, ttl_ms=7000)
    user = log.new_handle(owner=False)
    listed = {row["handle"]: row for row in log.get("/handles").json["handles"]}
    assert listed.keys() == {owner, user}
    assert listed[owner]["owner"] and listed[owner]["notify"] and listed[owner]["ttl_ms"] == 7000
    assert not listed[user]["owner"] and listed[user]["ttl_ms"] == 60_000
    found = log.api.get(f"/v1/handles/{owner}").json
    assert found["log"] == log.name and found["expires_at"] >= listed[owner]["expires_at"]
    assert log.item["users"] == 1
    assert log.delete(f"/handles/{user}").status == 204
    assert log.delete(f"/handles/{owner}").status == 204
    check_problem(log.delete(f"/handles/{owner}"), "no_such_handle")
    check_problem(log.api.get(f"/v1/handles/{owner}"), "no_such_handle")
    item = log.item
    assert item["users"] == 0 and len(item["owners"]) == 1


def test_handle_ends_when_it_is_not_used_and_its_log_with_it(log):
    log.made(linkto="handle", ttl_ms=1000)
    wait_until(lambda: log.item["state"] == "closed", timeout=5, what="the handle to expire")


def test_handle_lives_while_requests_carry_it(shared, log):
    handle = log.put(linkto="handle", ttl_ms=1000).json["open"]["handle"]
    other = log.new_handle(ttl_ms=1000)
    mine = log.by(handle)

    def other_has_ended():
        assert mine.post("/info").status == 200
        return len(log.item["owners"]) == 1

    wait_until(other_has_ended, timeout=5, what="the handle that nobody uses to end")
    assert log.item["owners"] == [{"handle": handle, "notify": False}]
    check_problem(log.by(other).post("/info"), "no_such_handle")


def test_handle_of_a_user_that_expires_leaves_the_count(log):
    log.made()
    log.new_handle(owner=False, ttl_ms=1000)
    wait_until(lambda: not log.get("/handles").json["handles"], timeout=5, what="its end")
    assert log.item["users"] == 1


@pytest.mark.parametrize("how", ["user", "blocker"])
def test_handle_that_became_an_owner_ends_as_one(log, how):
    log.made()
    handle = (log.new_handle(owner=False, ttl_ms=1000) if how == "user"
              else log.post("/block").json["handle"])
    mine = log.by(handle)
    assert mine.put(linkto="handle").status == 200
    if how == "blocker":
        assert mine.post("/unblock").status == 200
        assert log.delete(f"/handles/{handle}").status == 204
    only_service = [{"handle": "service", "notify": False}]
    wait_until(lambda: log.item["owners"] == only_service, timeout=5, what="its end")
    assert log.get("/handles").json == {"handles": []}


def test_handle_belongs_to_one_log(api, name, log):
    log.made()
    other = Log(api, name + "b").made()
    handle = log.new_handle()
    check_problem(other.by(handle).post("/info"), "no_such_handle")
    check_problem(other.delete(f"/handles/{handle}"), "no_such_handle")
    assert log.by(handle).post("/info").status == 200


def test_notify_of_an_owner_is_changed(log):
    log.made()
    handle = log.new_handle()
    for value in (True, True, False):
        answer = log.request("PATCH", f"/handles/{handle}", {"notify": value})
        assert answer.json["notify"] is value
        assert {"handle": handle, "notify": value} in log.item["owners"]


def test_lclose_is_close_on_this_node(log):
    node = log.made().item["node"]
    log.post("/open")
    assert log.post(f"/lclose?node={node}").json == {"state": "open", "owners": 0, "users": 1}
    assert log.post("/lclose").json["state"] == "closed"


# List, closed logs, removal, restart


def test_logs_are_listed_by_name_in_pages_and_by_state(api, name):
    names = [f"{name}.{number}" for number in range(5)]
    for each in names:
        Log(api, each).made()
    Log(api, names[2]).close()
    url, found = f"/v1/logs?prefix={name}.&limit=2", []
    while url:
        page = api.get(url)
        assert len(page.json["logs"]) <= 2
        found += page.json["logs"]
        following = re.fullmatch(r'<(.*)>; rel="next"', page["Link"] or "")
        assert bool(following) == bool(page.json["next_page_token"])
        url = following and following[1]
    assert [row["name"] for row in found] == names
    assert all(row["distributed"] is None for row in found)
    assert [row["state"] for row in found] == ["open", "open", "closed", "open", "open"]
    closed = api.get(f"/v1/logs?prefix={name}.&state=closed").json["logs"]
    assert [row["name"] for row in closed] == [names[2]]


def test_files_that_another_program_put_there_are_listed_and_opened(shared, api, name):
    log = Log(api, name).made("a", **ring(1000, 3))
    log.close()
    for end in ("1", "idx", "siz"):
        (shared.data / "logs" / f"{name}.LOG.{end}").rename(
            shared.data / "logs" / f"{name}b.LOG.{end}")
    other = Log(api, name + "b")
    assert {"name": other.name, "state": "closed", "distributed": None} in api.get(
        f"/v1/logs?prefix={name}").json["logs"]
    assert other.item["type"] == "wrap" and other.item["state"] == "closed"
    assert other.put().status == 200 and other.records() == ["a"]


def test_deleted_log_leaves_no_file(shared, api, name):
    log = Log(api, name).made("a" * 50, "b" * 50, "c" * 50, **ring(60, 3))
    assert len(files_of(shared, name)) == 5
    assert log.delete().status == 204
    assert files_of(shared, name) == []
    check_problem(log.get(), "no_such_log")
    assert log.put(**ring(60, 3)).status == 201


def test_deleted_log_whose_files_are_kept_can_be_opened_again(shared, log):
    log.made("a")
    assert log.delete("?keep_files=true").status == 204
    assert files_of(shared, log.name) == [f"{log.name}.LOG"]
    assert log.put().status == 200 and log.records() == ["a"]


def test_of_logs_that_are_opened_at_once_on_one_file_one_is_opened(shared, name):
    def opener(number, ready, answers):
        with shared.new_client() as client:
            ready.wait()
            answers.append(Log(client, f"{name}n{number}").put(file=f"logs/{name}.once"))

    for _ in range(10):
        ready, answers = threading.Barrier(8), []
        threads = [threading.Thread(target=opener, args=(number, ready, answers))
                   for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        opened = [answer for answer in answers if answer.status < 300]
        assert len(opened) == 1 and len(answers) == 8, opened
        assert all(answer.code == "locked" for answer in answers if answer is not opened[0])
        assert Log(shared.client, opened[0].json["name"]).delete().status == 204


@pytest.mark.parametrize("format", ["internal", "external"])
def test_positions_of_a_ring_that_is_new_here_begin_with_its_oldest_file(log, format):
    options = ring(60, 3) | {"format": format}
    log.made(*(str(number) * 30 for number in range(7)), **options)
    held = log.item["position"] - log.item["oldest_position"]
    assert log.delete("?keep_files=true").status == 204
    assert log.put(**options).status == 200
    assert (log.item["oldest_position"], log.item["position"]) == (0, held)
    assert log.append("7" * 30)["first"] == held
    for _ in range(3):
        before = log.item
        assert log.post("/next_file").status == 200
        assert before["oldest_position"] < log.item["oldest_position"]
        assert before["position"] == log.item["position"] >= log.item["oldest_position"]
        if format == "external":
            assert log.get("/data").status == 200


def files_of(server, name):
    return sorted(path.name for path in (server.data / "logs").glob(name + ".*"))


@pytest.mark.parametrize("kill", [False, True])
def test_logs_that_the_service_holds_are_open_again_after_a_restart(start, kill):
    server = start()
    for name, options in {
        "held": {}, "ring": ring(60, 3), "bytes": {"format": "external"},
        "users": {"linkto": "none"}, "owned": {"linkto": "handle"}, "let-go": {},
    }.items():
        Log(server.client, name).made("a" * 30, "b" * 30, **options)
    Log(server.client, "let-go").close()
    server.restart(kill=kill)
    wait_until(lambda: server.client.get("/readyz").status == 200, what="the opening of logs")
    states = {row["name"]: row["state"] for row in server.client.get("/v1/logs").json["logs"]}
    assert states == {"held": "open", "ring": "open", "bytes": "open", "users": "closed",
                      "owned": "closed", "let-go": "closed"}
    held = Log(server.client, "held")
    assert held.item["last_open"]["result"] == ("repaired" if kill else "ok")
    assert held.records() == ["a" * 30, "b" * 30] and held.item["position"] == 2
    users = Log(server.client, "users").put().json
    assert users["open"]["result"] == ("repaired" if kill else "ok")
    assert Log(server.client, "let-go").put().json["open"] == {"result": "ok"}


def test_log_that_cannot_be_opened_again_is_failed_and_others_are_open(start):
    server = start()
    Log(server.client, "good").made("a")
    Log(server.client, "bad").made("a")
    server.stop()
    (server.data / "logs" / "bad.LOG").write_bytes(b"what is this?")
    server.start()
    assert Log(server.client, "good").records() == ["a"]
    bad = Log(server.client, "bad")
    check_problem(bad.get("/chunk"), "not_a_log_file")
    wait_until(lambda: bad.item["state"] == "failed", what="its state")
    assert bad.item["last_open"]["result"] == "failed"
    assert bad.put(repair="truncate").json["state"] == "open"


# Configuring


def test_new_size_of_a_halt_log_must_hold_what_is_there(log):
    log.made("a", size=1000)
    assert check_problem(log.patch(size=20), "new_size_too_small")["current"] == 8 + 8 + 7
    assert log.patch(size=23).json["size"] == 23
    check_problem(log.try_append("b"), "log_full")
    assert log.item["full"] is True
    assert log.patch(size="infinity").json["full"] is False
    log.append("b")


def test_ring_grows_at_once_and_shrinks_when_the_last_file_is_full(log):
    log.made(*(letter * 40 for letter in "abcd"), **ring(60, 4))
    assert log.item["current_file"] == 4
    assert log.patch(size={"max_no_bytes": 60, "max_no_files": 2}).status == 200
    log.append(*(letter * 40 for letter in "efgh"))
    assert log.item["current_file"] in (1, 2)
    assert [text[0] for text in log.records()] == ["g", "h"]


def test_new_head_is_for_files_that_are_made_from_now_on(log):
    log.made("a", head={"text": "old"}, **ring(1000, 3))
    assert log.patch("?as=text", head={"text": "new"}).json["head"] == {"text": "new"}
    log.post("/inc_wrap_file")
    assert log.patch(head=None).json["head"] is None
    log.post("/inc_wrap_file")
    log.append("b")
    assert log.records() == ["old", "a", "new", "b"]


def test_size_is_changed_before_the_head_and_an_error_stops_both(log):
    log.made("a" * 50)
    check_problem(log.patch(size=10, head={"text": "h"}), "new_size_too_small")
    assert log.item["head"] is None
    item = log.patch(size=100, head={"term": "{head,1}"}).json
    assert item["size"] == 100 and item["head"] == {
        "json": {"$tuple": [{"$atom": "head"}, 1]}}


def test_configuration_is_kept_over_a_restart(start):
    server = start()
    log = Log(server.client, "l").made("a", **ring(1000, 3))
    log.patch(size={"max_no_bytes": 2000, "max_no_files": 4}, head={"text": "h"})
    server.restart()
    log = Log(server.client, "l")
    item = log.get("?as=text").json
    assert item["size"] == {"max_no_bytes": 2000, "max_no_files": 4}
    assert item["head"] == {"text": "h"}


def test_template_knows_file_number_time_node_and_sequence(log):
    text = "${log}|${node}|${file_no}|${seq}|${time}|${time_ms}|$x{}"
    log.made(head_func={"name": "template", "args": {"text": text}}, **ring(1000, 3))
    log.post("/inc_wrap_file")
    node = log.item["node"]
    for number, head in enumerate(log.records(), 1):
        fields = head.split("|")
        assert fields[:4] == [log.name, node, str(number), str(number)]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", fields[4]) and int(fields[5]) > 1e12
        assert fields[6] == "$x{}"
    assert log.item["head"] == {"name": "template", "args": {"text": text}}


def test_counter_counts_the_heads(log):
    log.made(head_func={"name": "counter"}, **ring(1000, 3))
    log.post("/inc_wrap_file")
    log.post("/inc_wrap_file")
    assert log.records("json") == [1, 2, 3]


def test_head_of_an_external_file_is_its_first_bytes(log):
    log.made("a", format="external",
             head_func={"name": "template", "args": {"text": "file ${seq}: "}})
    assert log.get("/data").body == b"file 1: a"


def test_head_that_cannot_be_made_is_refused_and_the_log_goes_on(shared, log):
    bad = {"name": "template", "args": {"text": "${weekday}"}}
    check_problem(log.put(head_func=bad), "invalid_header")
    assert files_of(shared, log.name) == []
    log.made("a" * 40, **ring(60, 3))
    assert log.patch(head_func=bad).status == 200
    check_problem(log.try_append("b" * 40), "invalid_header")
    check_problem(log.post("/inc_wrap_file"), "invalid_header")
    check_problem(log.post("/truncate"), "invalid_header")
    assert log.patch(head=None).status == 200
    log.append("c" * 40)
    assert [text[0] for text in log.records()] == ["a", "c"]


def test_only_info_starts_the_count_of_overflows_again(log):
    log.made(**ring(1000, 3))
    log.post("/inc_wrap_file")
    for _ in range(2):
        assert log.item["no_overflows"] == {"since_opened": 1, "since_last_info": 1}
    assert log.post("/info").json["no_overflows"]["since_last_info"] == 1
    log.post("/inc_wrap_file")
    assert log.item["no_overflows"] == {"since_opened": 2, "since_last_info": 1}
    log.close()
    check_problem(log.post("/info"), "no_such_log")


def test_a_change_is_decided_by_the_entity_tag_in_its_turn(api, name):
    log = Log(api, name).made("a")
    tag = api.get(log.path)["ETag"]
    blocker = log.post("/block", {"queue_log_records": True}).json["handle"]
    answers = {}

    def ask(what, method, path, body, headers=None):
        with Client(api.port) as client:
            answers[what] = client.request(method, log.path + path, body, headers)

    threads = []
    for what in (("append", "POST", "/append", b"b"),
                 ("change", "PATCH", "?wait_ms=20000", {"head": {"text": "h"}},
                  {"If-Match": tag})):
        threads.append(threading.Thread(target=ask, args=what))
        threads[-1].start()
        waiting = len(threads)
        wait_until(lambda: f"tidemark_http_requests_in_flight {waiting + 1}"
                   in api.get("/metrics").body.decode(), what="the wait")
    log.post("/unblock", headers={"Log-Handle": blocker})
    for thread in threads:
        thread.join()
    assert answers["append"].status == 200
    document = check_problem(answers["change"], "precondition_failed", applied="no")
    now = api.get(log.path)["ETag"]
    assert answers["change"]["ETag"] == now == document["etag"] != tag


def test_a_change_after_a_restart_is_decided_by_the_entity_tag(start):
    server = start()
    log = Log(server.client, "l").made("a")
    tag = server.client.get(log.path)["ETag"]
    log.append("b")
    server.restart()
    changed = {"head": {"text": "h"}}
    check_problem(
        Log(server.client, "l").patch(headers={"If-Match": tag}, **changed), "precondition_failed")
    tag = server.client.get(log.path)["ETag"]
    assert Log(server.client, "l").patch(headers={"If-Match": tag}, **changed).status == 200
