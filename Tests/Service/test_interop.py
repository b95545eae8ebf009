"""Pools go back and forth between the service, libpmemlog and pmempool, byte for byte."""

import itertools
import os
import threading
import zlib

import pytest

from support import pmemlog, poolfile
from support.client import POOL_MINIMUM, frames
from support.problems import check_problem
from support.server import wait_until

CAPACITY = POOL_MINIMUM - 8192


def file_of(shared, name):
    return shared.data / "pools" / name


def closed(api, name):
    assert api.post(f"/v1/pools/{name}/close").json["state"] == "closed"


# From the service to the others


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, CAPACITY - 1, CAPACITY])
def test_pool_of_the_service_is_accepted_whatever_its_length(shared, api, name, size):
    pool = f"{name}{size}"
    api.create(pool)
    data = os.urandom(size)
    if data:
        api.append(pool, data)
    closed(api, pool)
    pmemlog.assert_accepted(file_of(shared, pool), data)


@pytest.mark.parametrize("size", [POOL_MINIMUM + 1, POOL_MINIMUM + 4095, 3_333_333])
def test_pool_of_an_odd_size_is_accepted(shared, api, name, size):
    pool = f"{name}{size}"
    nbyte = api.create(pool, pool_size=size)["nbyte"]
    data = os.urandom(nbyte)
    api.append(pool, data)
    closed(api, pool)
    pmemlog.assert_accepted(file_of(shared, pool), data)


def test_pool_after_many_kinds_of_appends_and_a_rewind_is_accepted(shared, api, name):
    api.create(name)
    api.append(name, b"x" * 100_000)
    api.post(f"/v1/pools/{name}/rewind")
    api.append(name, b"bytes\0")
    api.post(f"/v1/pools/{name}/append", {"records": [{"text": "é"}, {"json": [1]}]})
    api.try_append(name, frames([b"f1", b"f2"]), type="application/x-record-frames")
    closed(api, name)
    pmemlog.assert_accepted(file_of(shared, name), b"bytes\0" + "é[1]f1f2".encode())


def test_pool_is_clean_after_the_service_has_stopped(start):
    server = start()
    server.client.create("p")
    server.client.append("p", b"data")
    assert not poolfile.is_clean(server.data / "pools" / "p"), "an open pool is marked as such"
    assert server.stop() == 0
    assert poolfile.is_clean(server.data / "pools" / "p")
    pmemlog.assert_accepted(server.data / "pools" / "p", b"data")


def test_pool_is_accepted_after_the_service_was_killed(start):
    server = start()
    server.client.create("p")
    server.client.append("p", b"data")
    server.kill9()
    pmemlog.assert_accepted(server.data / "pools" / "p", b"data")


def test_exported_pool_is_accepted(api, name, tmp_path):
    api.create(name)
    api.append(name, b"exported" * 1000)
    (tmp_path / "file").write_bytes(api.get(f"/v1/pools/{name}/export").body)
    pmemlog.assert_accepted(tmp_path / "file", b"exported" * 1000)


@pytest.mark.parametrize("chunk", [1, 127, 4096, 2**31, 2**63 - 1])
def test_walk_gives_the_chunks_that_the_library_gives(shared, api, name, chunk):
    pool = f"{name}{chunk}"
    api.create(pool)
    api.append(pool, os.urandom(1000))
    answer = api.get(
        f"/v1/pools/{pool}/walk?chunk_size={chunk}", {"Accept": "application/x-ndjson"})
    import base64

    ours = [base64.b64decode(line["b64"]) for line in answer.lines[:-1]]
    closed(api, pool)
    assert ours == pmemlog.look(file_of(shared, pool), chunk)[2]


def test_others_find_an_open_pool_locked(shared, api, name):
    api.create(name)
    with pytest.raises(pmemlog.Refused, match="EAGAIN"):
        pmemlog.look(file_of(shared, name))
    code, _ = pmemlog.pmempool("info", file_of(shared, name))
    assert code != 0


# From the others to the service


SCENARIOS = {
    "empty": dict(records=[]),
    "text": dict(records=[b"1st record\n", b"2nd record\n"]),
    "binary": dict(records=[bytes(range(256)) * 4000, b"\0" * 5]),
    "full": dict(records=[b"f" * CAPACITY]),
    "one left": dict(records=[b"f" * (CAPACITY - 1)]),
    "rewound": dict(records=[b"old" * 999], rewind_after=1),
    "overwritten": dict(records=[b"old" * 999, b"new"], rewind_after=1),
    "odd size": dict(records=[b"odd"], size=POOL_MINIMUM + 4095),
    "large": dict(records=[b"l" * 9_000_000], size=20 << 20),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pool_of_the_library_opens_with_the_same_bytes(shared, api, scenario):
    options = dict(SCENARIOS[scenario])
    name = "lib-" + scenario.replace(" ", "-")
    size = options.pop("size", POOL_MINIMUM)
    pmemlog.make(file_of(shared, name), size, **options)
    nbyte, tell, (data,) = pmemlog.look(file_of(shared, name))
    assert api.walk(name) == data
    item = api.item(name)
    assert (item["nbyte"], item["tell"], item["pool_size"]) == (nbyte, tell, size)
    answer = api.try_append(name, b"+")
    assert answer.status == (200 if tell < nbyte else 507)
    closed(api, name)
    pmemlog.assert_accepted(file_of(shared, name), data + b"+" * (tell < nbyte))


def test_pool_that_was_left_open_by_a_killed_process_opens(shared, api, name):
    pmemlog.make_and_die(file_of(shared, name), POOL_MINIMUM, [b"not closed"])
    assert not poolfile.is_clean(file_of(shared, name))
    assert api.walk(name) == b"not closed"
    closed(api, name)
    assert poolfile.is_clean(file_of(shared, name))


def test_library_goes_on_where_the_service_closed_and_the_other_way_round(shared, api, name):
    api.create(name)
    api.append(name, b"service,")
    closed(api, name)
    pmemlog.append(file_of(shared, name), b"library,")
    api.post(f"/v1/pools/{name}/open")
    assert api.append(name, b"service")["first"] == 16
    assert api.walk(name) == b"service,library,service"


def write_set(path, parts, *options):
    lines = ["PMEMPOOLSET", *options, *(f"{size} {part}" for part, size in parts)]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("single", [False, True])
def test_pool_of_two_parts_opens_with_the_same_bytes(shared, api, single, tmp_path):
    name = f"set-{single}"
    options = ["OPTION SINGLEHDR"] if single else []
    parts = [(tmp_path / "a", POOL_MINIMUM), (tmp_path / "b", 3 << 20)]
    write_set(file_of(shared, name), parts, *options)
    data = os.urandom(POOL_MINIMUM + 12345)
    pmemlog.make(file_of(shared, name), 0, [data])
    nbyte = pmemlog.look(file_of(shared, name))[0]
    assert nbyte == 5_234_688 if single else nbyte == 5_230_592
    assert api.walk(name) == data
    item = api.item(name)
    assert item["nbyte"] == nbyte and item["tell"] == len(data)
    rest = os.urandom(nbyte - len(data))
    assert api.append(name, rest)["next"] == nbyte
    assert api.walk(name, f"?from={POOL_MINIMUM - 9000}") == (data + rest)[POOL_MINIMUM - 9000:]
    exported = api.get(f"/v1/pools/{name}/export").body
    closed(api, name)
    assert pmemlog.look(file_of(shared, name)) == (nbyte, nbyte, [data + rest])
    (tmp_path / "one").write_bytes(exported)
    pmemlog.assert_accepted(tmp_path / "one", data + rest)


def test_set_that_was_written_as_a_log_is_no_pool(start, tmp_path):
    pmemlog.make(tmp_path / "outside", POOL_MINIMUM, [b"secret"])
    api = start().client
    assert api.put("/v1/logs/x", {"file": "s/x", "format": "external"}).status == 201
    text = f"PMEMPOOLSET\n{POOL_MINIMUM} {tmp_path}/outside\n".encode()
    assert api.post("/v1/logs/x/append", text, type="application/octet-stream").status == 200
    assert api.delete("/v1/logs/x?keep_files=true").status == 204
    check_problem(api.put("/v1/pools/p", {"file": "s/x"}), "not_a_pool")
    assert api.get("/v1/pools/p").status == 404


def test_parts_of_a_set_are_its_own_as_long_as_it_is_open(shared, api, name):
    folder = shared.data / f"parts-{name}"
    folder.mkdir()
    write_set(file_of(shared, name), [(folder / "a", POOL_MINIMUM), (folder / "b", POOL_MINIMUM)])
    pmemlog.make(file_of(shared, name), 0, [b"kept"])
    assert api.walk(name) == b"kept"
    other = {"file": f"parts-{name}/a", "format": "external"}
    check_problem(api.put(f"/v1/logs/{name}", other), "locked")
    assert api.delete(f"/v1/pools/{name}").status == 204
    assert list(folder.iterdir()) == []
    assert api.put(f"/v1/logs/{name}", other).status == 201


def test_parts_beside_the_set_open_and_go_with_it(shared, api, name):
    parts = [shared.data / "pools" / f"{name}.{number}" for number in range(2)]
    write_set(file_of(shared, name), [(part, POOL_MINIMUM) for part in parts])
    pmemlog.make(file_of(shared, name), 0, [b"kept"])
    assert api.walk(name) == b"kept"
    assert api.delete(f"/v1/pools/{name}").status == 204
    assert not any(part.exists() for part in parts)


def test_set_with_replicas_is_not_implemented(shared, api, name, tmp_path):
    write_set(file_of(shared, name), [(tmp_path / "a", POOL_MINIMUM)])
    with open(file_of(shared, name), "a") as file:
        file.write(f"REPLICA\n{POOL_MINIMUM} {tmp_path}/b\n")
    check_problem(api.get(f"/v1/pools/{name}"), "not_implemented")


@pytest.mark.parametrize("text", [
    "PMEMPOOLSET\n", "PMEMPOOLSET\n2M relative\n", "PMEMPOOLSET\n2Q /x\n",
    "PMEMPOOLSET\n2M /x\n",
    "PMEMPOOLSET\nOPTION NOHDRS\n2M /x\n", "PMEMPOOLSET\n2M /x\n2M /x\n", "PMEMPOOLSETX\n2M /x\n",
])
def test_broken_set_is_a_problem_of_that_pool_only(shared, api, text):
    name = f"badset{zlib.crc32(text.encode())}"
    file_of(shared, name).write_text(text)
    answer = api.get(f"/v1/pools/{name}")
    assert answer.status in (404, 409) and answer.code in ("not_a_pool", "no_such_pool"), answer
    assert api.get("/healthz").status == 200


HUGE_SET = "PMEMPOOLSET\n9223372036854775807 /a\n9223372036854775807 /b\n"


def test_set_whose_sizes_overflow_does_not_end_the_service(start):
    server = start()
    (server.data / "pools" / "huge").write_text(HUGE_SET)
    check_problem(server.client.get("/v1/pools/huge"), "not_a_pool")


def test_import_of_a_set_whose_sizes_overflow_does_not_end_the_service(start):
    answer = start().client.post(
        "/v1/pools/huge/import", HUGE_SET.encode(), type="application/octet-stream")
    check_problem(answer, "not_a_pool")


def test_import_of_a_set_tells_nothing_of_files_outside(start, tmp_path):
    """Whether a file of the host exists and how long it is, is nobody's business."""
    (tmp_path / "secret").write_bytes(b"s" * 100)
    api = start().client
    answers = []
    for path, size in ((tmp_path / "secret", 100), (tmp_path / "secret", 101),
                       (tmp_path / "absent", 100)):
        text = f"PMEMPOOLSET\n{size} {path}\n".encode()
        answer = api.post("/v1/pools/x/import", text, type="application/octet-stream")
        answers.append((answer.status, answer.json["detail"].replace("absent", "secret")))
    assert len({status for status, _ in answers}) == 1, answers
    assert "secret" not in answers[0][1] or len(set(answers)) == 1, answers


def test_a_copy_taken_under_load_is_the_pool_at_one_position(shared, api, name, tmp_path):
    """What the tools and the library read of it is what lay there up to the position that it tells."""
    api.create(name, pool_size=32 << 20)
    stop, at = threading.Event(), {}

    def write(writer):
        with shared.new_client() as client:
            for number in itertools.count():
                if stop.is_set():
                    return
                record = b"<%d:%d:%s>" % (writer, number, b"x" * (number * 37 % 300))
                at[client.append(name, record)["first"]] = record

    writers = [threading.Thread(target=write, args=(each,)) for each in range(4)]
    for writer in writers:
        writer.start()
    copies = []
    for number in range(5):
        before, count = dict(at), len(at)
        answer = api.get(f"/v1/pools/{name}/export")
        assert answer.status == 200, answer
        copies.append((answer.body, before, int(answer["Log-Position"])))
        wait_until(lambda: len(at) > count + 50, what="more records")
    stop.set()
    for writer in writers:
        writer.join()
    data = api.walk(name)
    for body, before, position in copies:
        copy = tmp_path / "copy"
        copy.write_bytes(body)
        pmemlog.assert_accepted(copy, data[:position])
        assert all(first + len(record) <= position for first, record in before.items())
