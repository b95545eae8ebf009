"""What a token's resources may take on disk: a bound, met to the byte, and fast to keep."""

import threading

import pytest

from support.client import frames
from support.problems import check_problem
from support.server import Server
from support.tokens import As, make_token


def used(data, *patterns):
    return sum(path.stat().st_size for pattern in patterns for path in data.glob(pattern)
               if path.is_file())


@pytest.fixture
def tenant(tmp_path):
    """A server, and how to make users of `a-*` who may have so many bytes."""
    data = tmp_path / "data"
    admin = make_token(data)
    with Server(data) as server, As(server, admin) as client:
        assert client.put("/v1/logs/a-log", {"format": "external"}).status == 201
        users = []

        def user(limit):
            made = client.post("/v1/tokens", {
                "scope": ["read", "append", "write"], "resources": [f"{kind}/a-*" for kind in (
                    "logs", "pools", "journals", "mpools")], "quotas": {"bytes": limit}})
            assert made.status == 201 and made.json["quotas"] == {"bytes": limit}
            users.append(As(server, made.json["token"]))
            return users[-1]

        server.user, server.admin = user, client
        yield server
        for each in users:
            each.close()


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_an_append_meets_the_bound_to_the_byte(tenant, more):
    user = tenant.user(100_000)
    assert user.post("/v1/logs/a-log/append", b"x" * 60_000, type="text/plain").status == 200
    answer = user.post("/v1/logs/a-log/append", b"y" * (40_000 + more), type="text/plain")
    if more <= 0:
        assert answer.status == 200
        assert used(tenant.data, "logs/*") == 100_000 + more
    else:
        problem = check_problem(answer, "no_space")
        assert (problem["limit"], problem["used"]) == (100_000, 60_000)
        assert used(tenant.data, "logs/*") == 60_000
    assert user.get("/v1/logs/a-log").status == 200


def test_room_that_is_made_can_be_used_again(tenant):
    user = tenant.user(50_000)
    for _ in range(3):
        assert user.post("/v1/logs/a-log/append", b"x" * 50_000, type="text/plain").status == 200
        check_problem(user.post("/v1/logs/a-log/append", b"x", type="text/plain"), "no_space")
        assert user.post("/v1/logs/a-log/truncate").status == 200


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_pool_counts_when_it_is_made(tenant, more):
    size = 2 << 20
    user = tenant.user(size + (1 << 20))
    assert tenant.admin.post(
        "/v1/logs/a-log/append", b"x" * ((1 << 20) + more), type="text/plain").status == 200
    answer = user.put("/v1/pools/a-pool", {"pool_size": size})
    if more <= 0:
        assert answer.status == 201
        assert user.put("/v1/pools/a-pool", {"pool_size": size}).status == 200
        assert user.post("/v1/pools/a-pool/append", b"z" * 1000).status == 200, "it has its bytes"
    else:
        check_problem(answer, "no_space")
        check_problem(tenant.admin.get("/v1/pools/a-pool"), "no_such_pool")


def test_what_others_write_to_its_resources_counts_and_other_resources_do_not(tenant):
    user, admin = tenant.user(100_000), tenant.admin
    assert user.post("/v1/logs/a-log/append", b"x" * 1000, type="text/plain").status == 200
    assert admin.put("/v1/logs/b-log").status == 201
    assert admin.post("/v1/logs/b-log/append", b"x" * 200_000, type="text/plain").status == 200
    assert user.post("/v1/logs/a-log/append", b"x" * 1000, type="text/plain").status == 200
    assert admin.post("/v1/logs/a-log/append", b"x" * 97_000, type="text/plain").status == 200
    assert user.post("/v1/logs/a-log/append", b"x" * 1000, type="text/plain").status == 200
    check_problem(user.post("/v1/logs/a-log/append", b"x", type="text/plain"), "no_space")
    assert admin.post("/v1/logs/a-log/append", b"x", type="text/plain").status == 200


def test_writers_at_once_do_not_pass_it_together(tenant):
    secret = tenant.admin.post("/v1/tokens", {
        "scope": ["append"], "resources": ["logs/a-*"], "quotas": {"bytes": 300_000}}).json["token"]
    statuses = []

    def write():
        with As(tenant, secret) as client:
            for _ in range(12):
                answer = client.post("/v1/logs/a-log/append", b"x" * 7000, type="text/plain")
                statuses.append(answer.status)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 507}
    size = used(tenant.data, "logs/*")
    assert size == 7000 * statuses.count(200) <= 300_000
    with As(tenant, secret) as client:
        while client.post("/v1/logs/a-log/append", b"x" * 7000, type="text/plain").status == 200:
            size += 7000
    assert size == 294_000, "alone, what fits is taken"


def test_journals_and_imports_are_bounded_too(tenant):
    user = tenant.user(3 << 20)
    assert user.put("/v1/journals/a-j", {"file_max": 1 << 20}).status == 201
    statuses = [user.post("/v1/journals/a-j/append", b"x" * 60_000, type="text/plain").status
                for _ in range(80)]
    assert statuses[0] == 200 and statuses[-1] == 507, statuses
    # Zeros that are written ahead, and a file made in advance, come on top.
    assert used(tenant.data, "journals/a-j/*") < (3 << 20) + (2 << 20)
    archive = tenant.admin.get("/v1/journals/a-j/export").body
    check_problem(user.request(
        "POST", "/v1/journals/a-k/import", archive, type="application/x-tar"), "no_space")
    check_problem(tenant.admin.get("/v1/journals/a-k"), "no_such_journal")


def test_what_others_import_and_make_counts_too(tenant):
    user = tenant.user(4 << 20)
    assert tenant.admin.put("/v1/logs/b", {"format": "external"}).status == 201
    assert tenant.admin.post(
        "/v1/logs/b/append", b"x" * (5 << 20), type="text/plain").status == 200
    archive = tenant.admin.get("/v1/logs/b/export").body
    assert user.put("/v1/logs/a-l", {"format": "external"}).status == 201
    append = "/v1/logs/a-l/append", b"x" * 1000
    assert user.post(*append, type="text/plain").status == 200
    assert tenant.admin.post(
        "/v1/logs/a-m/import", archive, type="application/x-tar").status == 201
    check_problem(user.post(*append, type="text/plain"), "no_space")
    assert tenant.admin.delete("/v1/logs/a-m").status == 204
    assert user.post(*append, type="text/plain").status == 200
    assert tenant.admin.put("/v1/pools/a-p", {"pool_size": 5 << 20}).status == 201
    check_problem(user.post(*append, type="text/plain"), "no_space")


def test_it_outlives_a_restart_and_comes_from_the_command_line(tmp_path):
    data = tmp_path / "data"
    secret = make_token(data, "append", "write", resources=["logs/*"], max_bytes=5000)
    with Server(data) as server, As(server, secret) as user:
        assert user.put("/v1/logs/l", {"format": "external"}).status == 201
        assert user.post("/v1/logs/l/append", b"x" * 5000, type="text/plain").status == 200
        server.restart(kill=True)
    with Server(data) as server, As(server, secret) as user:
        assert user.put("/v1/logs/l", {"format": "external"}).status == 200
        check_problem(user.post("/v1/logs/l/append", b"x", type="text/plain"), "no_space")


def together(count, body):
    """What `body` came to in so many threads at once."""
    found = []
    threads = [threading.Thread(target=lambda number=number: found.append(body(number)))
               for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_pools_made_at_once_do_not_pass_it_together(tenant):
    tenant.user(10 << 20)
    secret = tenant.admin.post("/v1/tokens", {
        "scope": ["write"], "resources": ["pools/a-*"], "quotas": {"bytes": 10 << 20}}).json["token"]

    def make(number):
        with As(tenant, secret) as client:
            return client.put(f"/v1/pools/a-{number}", {"pool_size": 8 << 20}).status

    for _ in range(5):
        assert sorted(together(6, make)) == [201] + [507] * 5
        for row in tenant.admin.get("/v1/pools").json["pools"]:
            assert tenant.admin.delete(f"/v1/pools/{row['name']}").status == 204


@pytest.mark.parametrize("type", ["application/octet-stream", "application/x-record-frames"])
def test_large_appends_at_once_that_fit_are_taken(tenant, type):
    secret = tenant.admin.post("/v1/tokens", {
        "scope": ["append"], "resources": ["logs/a-*"], "quotas": {"bytes": 60 << 20}}).json["token"]
    size = 1 << 20
    body = frames([bytes(size)]) if "frames" in type else bytes(size)

    def append(_):
        with As(tenant, secret) as client:
            return client.post("/v1/logs/a-log/append", body, type=type).status

    for _ in range(4):
        assert together(8, append) == [200] * 8


@pytest.mark.parametrize("change", ["post", "patch"])
def test_pages_count_whole_however_little_is_sent(tenant, change):
    size, limit = 4 << 20, 20 << 20
    user, file = tenant.user(limit), "/v1/mpools/a-m/files/f"
    assert tenant.admin.put("/v1/mpools/a-m", {"cachesize": 64 << 20}).status == 201
    assert tenant.admin.put(file, {"pagesize": size, "create": True}).status == 201
    answers = []
    for number in range(8):
        answers.append(
            user.post(file + "/pages") if change == "post" else user.request(
                "PATCH", f"{file}/pages/{number}?create=true&at=0", b"x",
                type="application/octet-stream"))
        assert tenant.admin.post(file + "/fsync").status == 200
    statuses = [answer.status for answer in answers]
    assert statuses[0] in (201, 204) and statuses[-1] == 507, answers
    assert used(tenant.data, "mpools/a-m/f") <= limit
