"""Who may do what: every operation with every kind of token, and all that belongs to tokens."""

import json
import pathlib
import re
import socket
import threading
import time

import pytest

from support import contract
from support.client import Client, Raw
from support.problems import check_problem
from support.server import Server, StartFailed, wait_until
from support.tokens import As, make_token, token_command

KINDS = ("pools", "logs", "journals", "mpools")
SCOPES = ("read", "append", "write", "admin")
WRONG = "tm_aaaaaaaaaa_" + "a" * 52
CAPTURES = {
    "handle": "h_" + "0" * 32, "cursor": "c_" + "0" * 32, "pin": "p_" + "0" * 32, "lsn": "1,128",
    "code": "internal", "token": "aaaaaaaaaa", "file": "f", "pgno": "0", "ftype": "1",
}


class Guarded:
    """A server with tokens of all kinds, and a resource of each kind named app-x."""

    def __init__(self, data):
        self.secrets = {scope: make_token(data, scope) for scope in SCOPES}
        self.secrets["tenant"] = make_token(
            data, "admin", resources=[f"{kind}/other-*" for kind in KINDS])
        self.secrets["expired"] = make_token(data, "admin", expires="2020-01-01T00:00:00Z")
        self.secrets["wrong"] = WRONG
        self.secrets["none"] = None
        self.server = Server(data, access_failures=1_000_000, http_connections=200)
        self.clients = {who: As(self.server, token) for who, token in self.secrets.items()}
        for kind in KINDS:
            for name in ("app-x", "other-y"):
                assert self["admin"].put(f"/v1/{kind}/{name}").status == 201

    def __getitem__(self, who):
        return self.clients[who]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    all_ = Guarded(tmp_path_factory.mktemp("guarded") / "data")
    yield all_
    for client in all_.clients.values():
        client.close()
    all_.server.close()


def operations():
    """Method, template, scope (None: open to all) and kind, of every operation in the contract."""
    found = []
    for template, methods in contract.DOCUMENT["paths"].items():
        kind = template.split("/")[2] if template.startswith("/v1/") and "{" in template else ""
        for method, operation in methods.items():
            security = operation["security"]
            scope = security[0]["bearer"][0] if security else None
            found.append((method.upper(), template, scope, kind if kind in KINDS else None))
    return found


def path_of(template, name):
    names = {**{kind[:-1]: name for kind in KINDS}, **CAPTURES}
    return re.sub(r"{(\w+)}", lambda match: names[match[1]], template)


def expected(who, scope, kind):
    if scope is None:
        return None
    if who in ("none", "wrong", "expired"):
        return "unauthenticated"
    if who == "tenant":
        if kind:
            return f"no_such_{kind[:-1]}"
        return None
    return None if who in (scope, "admin") else "forbidden"


def test_every_operation_asks_for_its_scope(guarded):
    """The whole matrix: nothing that openapi.yaml has is left out."""
    rows = operations()
    assert len(rows) > 100
    seen = {who: set() for who in guarded.secrets}
    for method, template, scope, kind in rows:
        for who in guarded.secrets:
            # What may be done is done to something that is not there, what may not to what is.
            allowed = expected(who, scope, kind) is None
            path = path_of(template, "missing" if allowed else "app-x")
            answer = guarded[who].request(method, path)
            seen[who].add((method, template))
            want = expected(who, scope, kind)
            if template.startswith("/v1/tokens") and who == "tenant":
                want = "forbidden"
            if who == "read" and template.endswith("/notifications"):
                want = "forbidden"  # Without a handle it opens an owner.
            if want is None:
                assert answer.status not in (401, 403), (who, answer)
                continue
            check_problem(answer, want)
            if want == "unauthenticated":
                assert answer["WWW-Authenticate"].startswith("Bearer")
                assert ("invalid_token" in answer["WWW-Authenticate"]) == (who != "none")
        if method == "PUT" and kind:
            guarded["admin"].delete(f"/v1/{kind}/missing?force=true" if kind == "mpools"
                                    else f"/v1/{kind}/missing")
    assert all(len(rows_) == len(rows) for rows_ in seen.values())
    for kind in KINDS:
        assert guarded["admin"].get(f"/v1/{kind}/app-x").status == 200, "nothing was done to it"


def test_what_needs_no_token_is_what_the_contract_says():
    assert {template for _, template, scope, _ in operations() if scope is None} == {
        "/healthz", "/readyz", "/openapi.json", "/openapi.yaml", "/docs", "/problems/{code}"}


def test_options_needs_no_token(guarded):
    answer = guarded["none"].request("OPTIONS", "/v1/logs/app-x")
    assert answer.status == 204 and "GET" in answer["Allow"]


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_resource_answers_as_a_missing_one(guarded, kind):
    def document(who, name):
        found = guarded[who].get(f"/v1/{kind}/{name}").json
        del found["request_id"]
        return json.loads(json.dumps(found).replace(name, "NAME"))

    assert document("tenant", "app-x") == document("admin", "not-there")


@pytest.mark.parametrize("kind", KINDS)
def test_lists_show_what_a_token_covers(guarded, kind):
    def names(who, query=""):
        page = guarded[who].get(f"/v1/{kind}{query}").json
        return [row["name"] for row in page[kind]], page["next_page_token"]

    assert {"app-x", "other-y"} <= set(names("admin")[0])
    assert names("tenant") == (["other-y"], None)
    # No page and no token tells of what lies between.
    assert names("tenant", "?limit=1") == (["other-y"], None)


def test_handle_of_a_hidden_log_is_not_found(guarded):
    handle = guarded["admin"].post("/v1/logs/app-x/handles").json["handle"]
    hidden = guarded["tenant"].get(f"/v1/handles/{handle}")
    check_problem(hidden, "no_such_handle")
    other = guarded["tenant"].post("/v1/logs/other-y/close", headers={"Log-Handle": handle})
    check_problem(other, "no_such_handle")
    assert guarded["read"].get(f"/v1/handles/{handle}").status == 200


def test_requests_whose_body_asks_for_more_need_more(guarded):
    read, append, write = guarded["read"], guarded["append"], guarded["write"]
    log = "/v1/logs/app-x"
    check_problem(read.post(f"{log}/handles"), "forbidden")
    user = read.post(f"{log}/handles", {"owner": False})
    assert user.status == 201
    assert read.delete(f"{log}/handles/{user.json['handle']}").status == 204
    owner = guarded["admin"].post(f"{log}/handles").json["handle"]
    check_problem(read.delete(f"{log}/handles/{owner}"), "no_such_handle")
    check_problem(read.get(f"{log}/notifications"), "forbidden")
    pool = "/v1/mpools/app-x"
    made = write.put(f"{pool}/files/f", {"create": True, "pagesize": 512})
    assert made.status == 201, made
    check_problem(read.post(f"{pool}/files/f/fget", {"flags": ["new"]}), "forbidden")
    pgno = guarded["admin"].post(f"{pool}/files/f/pages").json["pgno"]
    check_problem(read.post(f"{pool}/files/f/fget", {"pgno": pgno, "mode": "write"}), "forbidden")
    pin = read.post(f"{pool}/files/f/fget", {"pgno": pgno})["Mpool-Pin"]
    assert [row["mode"] for row in read.get(f"{pool}/pins").json["pins"]] == ["read"]
    check_problem(
        read.post(f"{pool}/files/f/fput", {"pin": pin, "flags": ["dirty"]}), "forbidden")
    check_problem(read.delete(f"{pool}/pins/{pin}?force=true"), "forbidden")
    assert read.post(f"{pool}/files/f/fput", {"pin": pin}).status == 200
    for op in ({"op": "sync"}, {"op": "put", "file": "f", "pgno": 1, "page": {"text": "x"}}):
        results = read.post(f"{pool}/batch", {"ops": [op]}).json["results"]
        assert results[0]["code"] == "forbidden", results
    assert read.post(f"{pool}/batch", {"ops": [{"op": "stat"}]}).json["results"][0]["status"] == 200
    new = {"op": "fget", "file": "f", "flags": ["new"], "as": "a"}
    put = {"op": "fput", "file": "f", "pin": "$a", "flags": ["dirty"]}
    check = append.post(f"{pool}/batch", {"ops": [new, put]})
    check_problem(check, "forbidden")
    both = make_pair(guarded)
    results = both.post(f"{pool}/batch", {"ops": [new, put]}).json["results"]
    assert [row["status"] for row in results] == [200, 200], results


def make_pair(guarded):
    made = guarded["admin"].post("/v1/tokens", {"scope": ["read", "append"]}).json
    return As(guarded.server, made["token"])


def test_files_of_others_cannot_be_had_by_their_path(guarded):
    tenant = guarded["tenant"]
    for path, body in (
        ("/v1/pools/other-p", {"file": "pools/app-x"}),
        ("/v1/logs/other-l", {"file": "logs/app-x.LOG"}),
        ("/v1/journals/other-j", {"path": "journals/app-x"}),
        ("/v1/mpools/other-y/files/f", {"path": "logs/app-x.LOG", "pagesize": 512}),
        ("/v1/pools/other-p", {"file": "elsewhere"}),
    ):
        check_problem(tenant.put(path, body), "forbidden")
    check_problem(
        tenant.post("/v1/logs/other-y/reopen", {"file": "logs/app-x.LOG"}), "forbidden")
    check_problem(tenant.put("/v1/mpools/other-m", {"journal": "app-x"}), "no_such_journal")
    assert tenant.put("/v1/logs/other-l", {"file": "logs/other-l.LOG"}).status == 201


def test_tokens_are_made_shown_and_taken_back(guarded):
    admin = guarded["admin"]
    asked = {
        "scope": ["append", "read"], "resources": ["logs/app-*", "pools/*"], "note": "shop",
        "expires_at": "2099-12-31T00:00:00Z", "rate": {"requests_per_second": 1000},
        "quotas": {"resources": 3},
    }
    made = admin.post("/v1/tokens", asked)
    assert made.status == 201 and made["Cache-Control"] == "no-store"
    document = made.json
    secret = document.pop("token")
    assert re.fullmatch(r"tm_[a-z2-7]{10}_[a-z2-7]{52}", secret) and document["id"] in secret
    assert document["scope"] == ["read", "append"]
    assert document["rate"] == {"requests_per_second": 1000, "burst": 1000}
    where = made["Location"]
    assert admin.get(where).json == document
    listed = admin.get("/v1/tokens")
    assert document in listed.json["tokens"] and secret not in listed.body.decode()
    with As(guarded.server, secret) as user:
        assert user.get("/v1/logs/app-x").status == 200
        assert admin.delete(where).status == 204
        check_problem(user.get("/v1/logs/app-x"), "unauthenticated")
    check_problem(admin.get(where), "no_such_token")
    check_problem(admin.delete(where), "no_such_token")


@pytest.mark.parametrize("body", [
    {}, {"scope": []}, {"scope": ["all"]}, {"scope": "read"}, {"scope": ["read"], "resources": []},
    {"scope": ["read"], "resources": ["logs/"]}, {"scope": ["read"], "resources": ["tokens/*"]},
    {"scope": ["read"], "expires_at": "tomorrow"}, {"scope": ["read"], "rate": {}},
    {"scope": ["read"], "rate": {"requests_per_second": 0}},
    {"scope": ["read"], "quotas": {"resources": -1}}, {"scope": ["read"], "note": "x" * 201},
])
def test_bad_tokens_are_refused(guarded, body):
    check_problem(guarded["admin"].post("/v1/tokens", body), "bad_parameter")


@pytest.mark.parametrize("header", [
    "", "Bearer", "Bearer ", "Basic dG06", "bearer x", "Bearer  " + WRONG, "Bearer " + WRONG + " x",
])
def test_strange_credentials_are_not_taken(guarded, header):
    with Client(guarded.server.port) as client:
        answer = client.get("/v1/pools", {"Authorization": header})
        check_problem(answer, "unauthenticated")


def test_scheme_may_be_written_in_any_case_and_a_second_header_is_refused(guarded):
    secret = guarded.secrets["read"]
    with Client(guarded.server.port) as client:
        assert client.get("/v1/pools", {"Authorization": f"bEARER {secret}"}).status == 200
    with Raw(guarded.server.port) as raw:
        line = f"Authorization: Bearer {secret}\r\n".encode()
        raw.send(b"GET /v1/pools HTTP/1.1\r\nHost: h\r\n" + line + line + b"\r\n")
        assert raw.read_answer().status == 401


def test_one_character_of_the_secret_decides(guarded):
    secret = guarded.secrets["admin"]
    for place in range(3, len(secret)):
        other = "b" if secret[place] == "a" else "a"
        changed = secret[:place] + other + secret[place + 1:]
        with As(guarded.server, changed) as client:
            assert client.get("/v1/pools").status == 401


def test_secrets_are_in_no_log_and_in_no_file(tmp_path):
    data = tmp_path / "data"
    with Server(data, log_access="all") as server:
        made = server.client.post("/v1/tokens", {"scope": ["admin"]})
        secret = made.json["token"]
        with As(server, secret) as admin:
            other = admin.post("/v1/tokens", {"scope": ["read"]}).json["token"]
            assert admin.get("/v1/tokens").status == 200
            admin.put("/v1/logs/l")
        with As(server, secret[:-1]) as wrong:
            assert wrong.get("/v1/logs").status == 401
        server.stop()
        text = "\n".join(server.lines)
    for one in (secret, other):
        assert one.split("_")[2][:20] not in text
        for path in data.rglob("*"):
            if path.is_file():
                assert one.split("_")[2].encode() not in path.read_bytes(), path


def test_the_first_token_shuts_the_door_and_must_make_others(start):
    server = start()
    api = server.client
    server.wait_line("there is no token: everyone on this machine may do everything")
    for body in ({"scope": ["read"]}, {"scope": ["admin"], "resources": ["logs/*"]},
                 {"scope": ["admin"], "expires_at": "2099-01-01T00:00:00Z"}):
        check_problem(api.post("/v1/tokens", body), "bad_parameter")
    assert api.get("/v1/pools").status == 200
    made = api.post("/v1/tokens", {"scope": ["admin"]}).json
    check_problem(api.get("/v1/pools"), "unauthenticated")
    with As(server, made["token"]) as admin:
        assert admin.delete(f"/v1/tokens/{made['id']}").status == 204
    check_problem(api.get("/v1/pools"), "unauthenticated")


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_tokens_survive_the_server(start, kill):
    server = start()
    made = server.client.post("/v1/tokens", {"scope": ["admin"]}).json
    with As(server, made["token"]) as admin:
        gone = admin.post("/v1/tokens", {"scope": ["read"]}).json
        assert admin.delete(f"/v1/tokens/{gone['id']}").status == 204
    server.restart(kill=kill)
    with As(server, made["token"]) as admin:
        assert [row["id"] for row in admin.get("/v1/tokens").json["tokens"]] == [made["id"]]
    with As(server, gone["token"]) as user:
        assert user.get("/v1/pools").status == 401


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "unreadable"])
def test_damaged_tokens_keep_the_server_from_starting(tmp_path, damage):
    data = tmp_path / "data"
    secret = make_token(data)
    file = data / ".tidemark" / "tokens"
    good = file.read_bytes()
    if damage == "unreadable":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes({
            "cut": good[:-1], "emptied": b"", "flipped": good.replace(b"admin", b"admim"),
        }[damage])
    with pytest.raises(StartFailed) as failure:
        Server(data)
    assert "the tokens in .tidemark/tokens" in " ".join(failure.value.lines)
    assert token_command("create", "--data", data).returncode != 0
    if damage != "unreadable":
        file.write_bytes(good)
        with Server(data) as server, As(server, secret) as admin:
            assert admin.get("/v1/pools").status == 200


def test_with_a_token_other_addresses_may_be_listened_on(tmp_path):
    secret = make_token(tmp_path / "data")
    with Server(tmp_path / "data", host="0.0.0.0") as server:
        assert server.client.get("/v1/pools").status == 401
        with As(server, secret) as admin:
            assert admin.get("/v1/pools").status == 200
    with pytest.raises(StartFailed) as failure:
        Server(tmp_path / "none", host="127.example.com")
    assert "no token" in " ".join(failure.value.lines)


def test_command_line_works_with_and_without_a_server(tmp_path):
    data = tmp_path / "data"
    secret = make_token(data, note="first")
    with Server(data) as server:
        where = ("--data", data, "--port", server.port)
        refused = token_command("list", *where)
        assert refused.returncode != 0 and "TIDEMARK_TOKEN" in refused.stderr
        env = {"TIDEMARK_TOKEN": secret}
        made = token_command("create", "--scope", "read", "--resource", "logs/a", *where, env=env)
        assert made.returncode == 0, made.stderr
        second = made.stdout.strip()
        with As(server, second) as user:
            assert user.get("/v1/logs").status == 200
        rows = token_command("list", *where, env=env).stdout.splitlines()
        assert [json.loads(row)["scope"] for row in rows] == [["admin"], ["read"]]
        found = token_command("list", "--data", data, "--port", 1, env=env)
        assert found.returncode == 0 and len(found.stdout.splitlines()) == 2
        assert token_command("delete", second.split("_")[1], *where, env=env).returncode == 0
        again = token_command("delete", second.split("_")[1], *where, env=env)
        assert again.returncode != 0 and "there is no token" in again.stderr
    assert len(token_command("list", "--data", data).stdout.splitlines()) == 1


def test_command_line_speaks_to_the_server_of_the_data_directory_alone(tmp_path):
    with Server(tmp_path / "a") as one, Server(tmp_path / "b") as other:
        made = token_command("create", "--data", one.data, "--port", other.port)
        assert made.returncode == 0, made.stderr
        assert one.client.get("/v1/pools").status == 401
        assert other.client.get("/v1/pools").status == 200
        note = one.data / ".tidemark" / "lock"
        note.write_text(note.read_text().replace(f"port={one.port}", f"port={other.port}"))
        refused = token_command("create", "--data", one.data)
        assert refused.returncode != 0 and "another one answers" in refused.stderr
        assert other.client.get("/v1/pools").status == 200
        note.write_bytes(b"")
        refused = token_command("create", "--data", one.data)
        assert refused.returncode != 0 and "has not said where" in refused.stderr


@pytest.mark.parametrize("shown", ["", "Tidemark-Instance: 0123456789abcdef01234567\r\n"])
def test_the_administrators_secret_goes_to_nobody_else(tmp_path, shown):
    heard = []

    def listen(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + shown.encode() + b"\r\n{}")

    with Server(tmp_path / "data") as server, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        port = listener.getsockname()[1]
        note = server.data / ".tidemark" / "lock"
        note.write_text(note.read_text().replace(f"port={server.port}", f"port={port}"))
        refused = token_command(
            "list", "--data", server.data, "--port", port, env={"TIDEMARK_TOKEN": "tm_secret"})
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert refused.returncode != 0 and "another one answers" in refused.stderr, refused
    assert heard and b"tm_secret" not in b"".join(heard)


def test_command_line_refuses_what_would_shut_everyone_out(tmp_path):
    for options in (["--scope", "read"], ["--resource", "logs/*"], ["--expires", "9d"]):
        refused = token_command("create", "--data", tmp_path / "data", *options)
        assert refused.returncode == 1 and "the first token" in refused.stderr, refused
    make_token(tmp_path / "data")
    make_token(tmp_path / "data", "read", expires="1000000d")


@pytest.mark.parametrize("days", ["9999999999999999d", "106751991167300d", "-1d", "1000001d"])
def test_days_that_no_time_has_are_refused(tmp_path, days):
    make_token(tmp_path / "data")
    refused = token_command("create", "--data", tmp_path / "data", f"--expires={days}")
    assert refused.returncode == 64 and "--expires" in refused.stderr, refused


def test_rate_is_kept_and_told(tmp_path):
    data = tmp_path / "data"
    admin = make_token(data)
    slow = make_token(data, "read", rate=2, burst=5)
    with Server(data) as server, As(server, slow) as user, As(server, admin) as other:
        first = user.get("/v1/pools")
        assert first.status == 200
        assert first["RateLimit-Policy"] == '"requests";q=5;w=3'
        assert re.fullmatch(r'"requests";r=[34];t=[12]', first["RateLimit"])
        statuses = [user.get("/v1/pools").status for _ in range(20)]
        assert 429 in statuses and statuses[:3] == [200] * 3
        refused = user.get("/v1/pools")
        check_problem(refused, "rate_limited")
        assert refused["Retry-After"] == "1" and refused["RateLimit"].startswith('"requests";r=0')
        assert other.get("/v1/pools").status == 200 and other.get("/v1/pools")["RateLimit"] is None
        wait_until(lambda: user.get("/v1/pools").status == 200, what="the rate's next request",
                   pause=0.3)
        text = other.get("/metrics").body.decode()
        assert int(re.search(r"^tidemark_rate_limited_total (\d+)$", text, re.M)[1]) >= 10


def test_wrong_tokens_are_limited_and_right_ones_go_on(tmp_path):
    data = tmp_path / "data"
    secret = make_token(data)
    with Server(data, access_failures=5) as server, As(server, WRONG) as wrong:
        statuses = [wrong.get("/v1/pools").status for _ in range(10)]
        assert statuses == [401] * 5 + [429] * 5
        assert int(wrong.get("/v1/pools")["Retry-After"]) in range(1, 13)
        with As(server, secret) as admin, As(server, None) as nobody:
            assert admin.get("/v1/pools").status == 200
            assert nobody.get("/v1/pools").status == 401
            text = admin.get("/metrics").body.decode()
        assert 'tidemark_auth_failures_total{reason="unknown"} 11' in text
        assert 'tidemark_auth_failures_total{reason="missing"} 1' in text


def test_quota_bounds_the_resources_of_a_token(tmp_path):
    data = tmp_path / "data"
    secret = make_token(data, "read", "write", resources=["logs/a-*", "pools/a-*"],
                        max_resources=2)
    with Server(data) as server, As(server, secret) as user:
        assert user.put("/v1/logs/a-1").status == 201
        assert user.put("/v1/pools/a-1").status == 201
        for path in ("/v1/logs/a-2", "/v1/pools/a-2"):
            answer = user.put(path)
            assert check_problem(answer, "rate_limited")["limit"] == 2
        assert user.put("/v1/logs/a-1").status == 200
    with Server(data) as server:
        results = []

        def make(number):
            with As(server, secret) as one:
                results.append(one.put(f"/v1/logs/a-{number}").status)

        (data / "pools" / "a-1").unlink()
        threads = [threading.Thread(target=make, args=(number,)) for number in range(10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results.count(201) <= 1 and set(results) <= {201, 429}, results


def test_stream_ends_with_its_token(tmp_path):
    data = tmp_path / "data"
    admin = make_token(data)
    with Server(data) as server, As(server, admin) as api:
        api.put("/v1/logs/l")
        made = api.post("/v1/tokens", {"scope": ["read"]}).json
        with Raw(server.port, timeout=30) as stream:
            stream.send(
                b"GET /v1/logs/l/follow HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
                + made["token"].encode() + b"\r\n\r\n")
            while b"\r\n\r\n" not in stream.buffer:
                assert stream.fill()
            api.delete(f"/v1/tokens/{made['id']}")
            while stream.fill():
                pass


@pytest.mark.parametrize("kind, call, size", [
    ("logs", "append", 1000), ("pools", "import", 3_000_000)])
def test_request_ends_with_its_token_while_its_body_comes(tmp_path, kind, call, size):
    data = tmp_path / "data"
    admin = make_token(data)
    with Server(data) as server, As(server, admin) as api:
        if call == "append":
            api.put(f"/v1/{kind}/r")
        made = api.post("/v1/tokens", {"scope": ["append", "write"]}).json
        with Raw(server.port, timeout=30) as raw:
            raw.send(
                f"POST /v1/{kind}/r/{call} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n"
                f"Content-Type: application/octet-stream\r\nAuthorization: Bearer {made['token']}"
                "\r\n\r\n".encode() + b"a" * (size // 2))
            assert api.delete(f"/v1/tokens/{made['id']}").status == 204
            raw.send(b"b" * (size - size // 2))
            assert raw.read_answer().status == 401
        if call == "append":
            assert api.get(f"/v1/{kind}/r/walk").lines[-1]["records"] == 0
        else:
            assert api.get(f"/v1/{kind}/r").status == 404


def test_metrics_can_be_open(tmp_path):
    make_token(tmp_path / "data")
    with Server(tmp_path / "data", access_open_metrics="true") as server:
        assert server.client.get("/metrics").status == 200
        assert server.client.get("/v1/pools").status == 401


# Pages of other sites

ALLOWED = "https://app.example"


@pytest.fixture
def site(start):
    return start(http_allowed_origins=f"{ALLOWED}, http://localhost:3000").client


def test_preflight_of_an_allowed_origin(site):
    headers = {"Origin": ALLOWED, "Access-Control-Request-Method": "PUT",
               "Access-Control-Request-Headers": "authorization, content-type"}
    answer = site.request("OPTIONS", "/v1/logs/l", headers=headers)
    assert answer.status == 204 and answer["Access-Control-Allow-Origin"] == ALLOWED
    assert "PUT" in answer["Access-Control-Allow-Methods"] and answer["Vary"] == "Origin"
    allowed = answer["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "fencing-token"} <= set(allowed)
    assert answer["Access-Control-Allow-Credentials"] is None


@pytest.mark.parametrize("origin", [
    "https://evil.example", "https://app.example.evil", "http://app.example", "null", "*",
    "https://app.example:8443",
])
def test_other_origins_get_nothing(site, origin):
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    answer = site.request("OPTIONS", "/v1/logs/l", headers=headers)
    assert answer["Access-Control-Allow-Origin"] is None
    answer = site.get("/v1/logs", {"Origin": origin})
    assert answer.status == 200 and answer["Access-Control-Allow-Origin"] is None
    assert answer["Vary"] == "Origin"
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        path = "/v1/logs/l/append" if method == "POST" else "/v1/logs/l"
        check_problem(site.request(method, path, headers={"Origin": origin}), "forbidden")


def test_allowed_origin_may_read_answers_errors_and_headers(site):
    for origin in (ALLOWED, "http://localhost:3000"):
        for answer in (
            site.put("/v1/pools/p", None, {"Origin": origin}),
            site.get("/v1/pools/missing", {"Origin": origin}),
            site.get("/v1/pools/p/walk", {"Origin": origin}),
        ):
            assert answer["Access-Control-Allow-Origin"] == origin, answer
            exposed = answer["Access-Control-Expose-Headers"].split(", ")
            assert {"ETag", "Log-Position", "Request-Id", "Retry-After", "Link"} <= set(exposed)


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_site_that_takes_this_machines_address_gets_nothing(site, host):
    for method, path in (("GET", "/v1/pools"), ("PUT", "/v1/pools/p"), ("POST", "/v1/tokens")):
        answer = called(site, host, f"{method} {path}", f"Origin: http://{host}\r\n")
        assert "localhost" in check_problem(answer, "forbidden")["detail"] or method != "GET"


@pytest.mark.parametrize("host", [
    "localhost", "localhost:80", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "tidemark",
    "tidemark.localhost", "app.example"])
def test_own_names_and_those_of_allowed_pages_are_answered(site, host):
    assert called(site, host, "GET /v1/pools").status == 200


def called(site, host, line, headers=""):
    """The answer to a request that calls the service so."""
    with Raw(site.port) as raw:
        raw.send(f"{line} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        answer = raw.read_answer(line.split()[0])
    answer.path = line.split()[1]
    return answer


def test_without_a_list_no_answer_speaks_of_origins(start):
    api = start().client
    answer = api.get("/v1/pools", {"Origin": ALLOWED})
    assert answer["Access-Control-Allow-Origin"] is None and answer["Vary"] is None
    check_problem(api.put("/v1/pools/p", None, {"Origin": ALLOWED}), "forbidden")


@pytest.mark.parametrize("origins", ["app.example", "https://app.example/", "https://", "*"])
def test_misspelt_origins_keep_it_from_starting(tmp_path, origins):
    with pytest.raises(StartFailed) as failure:
        Server(tmp_path / "data", http_allowed_origins=origins)
    assert "http.allowed_origins" in " ".join(failure.value.lines)


def test_two_tokens_may_call_different_appends_by_one_key(guarded):
    answers = [
        guarded[who].post("/v1/logs/app-x/append", who.encode(), {"Idempotency-Key": "same"},
                          type="text/plain")
        for who in ("append", "admin", "append")]
    assert [answer.json["duplicate"] for answer in answers] == [False, False, True]


def test_opening_a_log_by_its_path_counts_as_making_it(tmp_path):
    data = tmp_path / "data"
    secret = make_token(data, "write", "read", resources=["logs/a-*"], max_resources=1)
    make_token(data, "admin")
    with Server(data) as server, As(server, secret) as user:
        assert user.put("/v1/logs/a-1").status == 201
        check_problem(user.put("/v1/logs/a-2"), "rate_limited")
        check_problem(user.post("/v1/logs/a-2/open"), "rate_limited")
        assert user.post("/v1/logs/a-1/open").status == 200
        assert user.get("/v1/logs/a-2").status == 404


@pytest.mark.parametrize("kind", ["pools", "logs", "journals"])
def test_who_may_only_append_does_not_lift_what_a_fence_asks_for(guarded, kind):
    path = f"/v1/{kind}/app-x/fence"
    assert guarded["admin"].post(path, {"require_fence": True}).status == 200
    check_problem(guarded["append"].post(path, {"require_fence": False}), "forbidden")
    assert guarded["append"].post(path, {"token": 1}).status == 200
    assert guarded["admin"].post(path, {"require_fence": False}).status == 200


def test_a_wait_for_records_ends_with_its_token(tmp_path):
    data = tmp_path / "data"
    admin_secret = make_token(data, "admin")
    with Server(data) as server, As(server, admin_secret) as admin:
        made = admin.post("/v1/tokens", {"scope": ["read"]}).json
        assert admin.put("/v1/logs/l").status == 201
        with As(server, made["token"]) as reader:
            cont = reader.get("/v1/logs/l/chunk").json["cont"]
            answers = []
            waiter = threading.Thread(target=lambda: answers.append(
                reader.get(f"/v1/logs/l/chunk?cont={cont}&wait_ms=30000")))
            waiter.start()
            in_flight = "tidemark_http_requests_in_flight 2"
            wait_until(lambda: in_flight in admin.get("/metrics").body.decode(), what="the wait")
            assert admin.delete(f"/v1/tokens/{made['id']}").status == 204
            assert admin.post("/v1/logs/l/append", b"secret").status == 200
            waiter.join()
        check_problem(answers[0], "unauthenticated")


def test_a_pin_is_its_tokens_own(tmp_path):
    data = tmp_path / "data"
    secrets = {who: make_token(data, *scopes) for who, scopes in {
        "one": ["read", "append"], "other": ["read", "append"], "admin": ["admin"]}.items()}
    with Server(data) as server, As(server, secrets["one"]) as one, \
            As(server, secrets["other"]) as other, As(server, secrets["admin"]) as admin:
        file = "/v1/mpools/p/files/f"
        assert admin.put("/v1/mpools/p").status == 201
        assert admin.put(file, {"pagesize": 4096, "create": True}).status == 201
        pins = [one.post(file + "/fget", {"flags": ["new"]}).json["pin"] for _ in range(3)]
        shown = [row["pin"] for row in other.get("/v1/mpools/p/pins").json["pins"]]
        assert sorted(shown) == sorted(pins)
        path = f"/v1/mpools/p/pins/{pins[0]}"
        for answer in (other.delete(path), other.post(path + "/renew"),
                       other.post(file + "/fput", {"pin": pins[0]}),
                       other.post(file + "/fset", {"pin": pins[0], "flags": ["dirty"]})):
            check_problem(answer, "no_such_pin")
        check_problem(other.delete(path + "?force=true"), "forbidden")
        assert one.post(file + "/fput", {"pin": pins[0]}).status in (200, 204)
        assert one.delete(f"/v1/mpools/p/pins/{pins[1]}").status == 204
        assert admin.delete(f"/v1/mpools/p/pins/{pins[2]}?force=true").status == 204


def test_a_cursor_is_its_tokens_own(tmp_path):
    data = tmp_path / "data"
    secrets = {who: make_token(data, scope) for who, scope in {
        "one": "read", "other": "read", "admin": "admin"}.items()}
    with Server(data) as server, As(server, secrets["one"]) as one, \
            As(server, secrets["other"]) as other, As(server, secrets["admin"]) as admin:
        assert admin.put("/v1/journals/j").status == 201
        cursor = one.post("/v1/journals/j/cursors")["Location"]
        for answer in (other.post(cursor + "/next"), other.get(cursor), other.delete(cursor),
                       other.post(cursor + "/reset")):
            check_problem(answer, "no_such_cursor")
        assert one.post(cursor + "/next").status == 200
        assert admin.delete(cursor).status == 204


def test_a_handle_of_a_log_is_its_tokens_own(tmp_path):
    data = tmp_path / "data"
    scopes = {"one": ["read", "append", "write"], "other": ["read", "append", "write"],
              "admin": ["admin"]}
    secrets = {who: make_token(data, *scopes[who]) for who in scopes}
    with Server(data) as server, As(server, secrets["one"]) as one, \
            As(server, secrets["other"]) as other, As(server, secrets["admin"]) as admin:
        log = "/v1/logs/l"
        assert admin.put(log).status == 201
        owner, blocker = (
            one.post(log + path).json["handle"] for path in ("/handles", "/block"))
        for handle in (owner, blocker):
            asking = {"Log-Handle": handle}
            for answer in (other.delete(f"{log}/handles/{handle}"),
                           other.post(log + "/unblock", headers=asking),
                           other.post(log + "/close", headers=asking),
                           other.post(log + "/append", b"x", headers=asking)):
                check_problem(answer, "no_such_handle")
        assert one.post(log + "/unblock", headers={"Log-Handle": blocker}).status == 200
        assert one.get(f"/v1/handles/{owner}").json["owner"]
        assert admin.delete(f"{log}/handles/{owner}").status == 204


def test_files_in_the_services_pool_are_shown_as_far_as_the_token_covers_them(tmp_path):
    data = tmp_path / "data"
    admin = make_token(data, "admin")
    reader = make_token(data, "read", resources=["mpools/*", "logs/a-*"])
    with Server(data) as server, As(server, admin) as admin, As(server, reader) as reader:
        for name in ("a-log", "secret"):
            assert admin.put(f"/v1/logs/{name}").status == 201
            assert admin.post(f"/v1/logs/{name}/append", b"x" * 200_000).status == 200
            assert admin.get(f"/v1/logs/{name}/chunk").status == 200

        def files(who):
            return {row["file_name"] for row in who.get("/v1/mpools/service/stat").json["files"]}

        assert files(admin) == {"logs/a-log.LOG", "logs/secret.LOG"}
        assert files(reader) == {"logs/a-log.LOG"}
