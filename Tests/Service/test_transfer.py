"""Logs and journals as tar archives of their files: taken while they are written, unpacked by real
tar, opened by real Erlang and the real WiredTiger, and made logs and journals again."""

import base64
import gzip
import http.client
import io
import os
import resource
import shutil
import socket
import subprocess
import tarfile
import threading

import pytest

from support import wiredtiger
from support.disk_log import Erlang
from support.faults import Faults
from support.journal import Journal
from support.machine import needs_program, small_disk
from support.problems import check_problem
from support.server import Server, binary, wait_until
from support.wiredtiger import NOT_FOUND, Database, printlog, rows_of

TAR = "application/x-tar"
SIZE = int(os.environ.get("TIDEMARK_EXPORT_BYTES", 1 << 30))
KINDS = {
    "halt": {},
    "limited": {"size": 1_000_000},
    "external": {"format": "external"},
    "wrap": {"type": "wrap", "size": {"max_no_bytes": 2000, "max_no_files": 4}},
    "external wrap": {"type": "wrap", "format": "external",
                      "size": {"max_no_bytes": 2000, "max_no_files": 4}},
    "rotate": {"type": "rotate", "size": {"max_no_bytes": 1000, "max_no_files": 4}},
}


def unpack(body, folder):
    """Unpacks with the system's tar, which must have nothing to complain of; the files' names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = subprocess.run(["tar", "-xf", "-", "-C", folder], input=body, capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done
    return sorted(os.listdir(folder))


def pack(folder, *names, options=()):
    """What the system's tar makes of files."""
    return subprocess.run(
        ["tar", "-c", *options, "-C", folder, *(names or sorted(os.listdir(folder)))],
        check=True, capture_output=True).stdout


def tar(*members, end=True):
    """An archive of (name, bytes), or of a TarInfo and bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if data is not None:
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data) if data is not None else None)
        length = archive.offset
    return file.getvalue() if end else file.getvalue()[:length]


def make(api, name, **options):
    answer = api.put(f"/v1/logs/{name}", options)
    assert answer.status == 201, answer
    return f"/v1/logs/{name}"


def append(api, path, *texts, **query):
    answer = api.post(
        path + "/append" + "".join(f"?{key}={value}" for key, value in query.items()),
        {"records": [{"text": text} for text in texts]})
    assert answer.status == 200, answer
    return answer.json


def export(api, path):
    answer = api.get(path + "/export")
    assert answer.status == 200 and answer.type == TAR, answer
    assert int(answer["Content-Length"]) == len(answer.body)
    return answer


def bring(api, path, body, query=""):
    return api.post(path + "/import" + query, body, type=TAR)


def content(api, path):
    """All records of a log, or the bytes of an external one."""
    item = api.get(path).json
    if item["format"] == "external":
        return api.get(path + "/data").body
    return [line["b64"] for line in api.get(path + "/walk?as=b64").lines[:-1]]


def nothing_is_left(server, *names):
    wait_until(lambda: os.listdir(server.data / ".tidemark" / "new") == [], what="uploads to go")
    for name in names:
        assert not [file for file in os.listdir(server.data / "logs") if file.startswith(name)]


class Unpacked:
    """A log that a real Erlang has open, from an archive."""

    def __init__(self, real, body, name, options):
        real.clear()
        for file in unpack(body, real.directory):
            assert file.startswith(f"{name}.LOG"), file
            (real.directory / file).rename(
                real.directory / file.replace(f"{name}.LOG", "log", 1))
        self.real = real
        self.opened = real.result(f"{{open,[{options}]}}")
        assert self.opened == "{ok,l}"

    def items(self):
        """All records, as texts; nothing may be bad."""
        chunks = self.real.do("items")["chunks"]
        assert chunks[-1] == "eof" and all(chunk["bad"] == 0 for chunk in chunks[:-1]), chunks
        found = [base64.b64decode(item) for chunk in chunks[:-1] for item in chunk["items"]]
        return [item[6:].decode() for item in found]

    def close(self):
        assert self.real.result("close") == "ok"


# Export

@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_was_exported_and_imported_is_equal(shared, api, name, kind, tmp_path):
    path, copy = make(api, name, **KINDS[kind]), f"/v1/logs/{name}copy"
    for number in range(200):
        append(api, path, f"record {number} " + "x" * (number % 40))
    exported = export(api, path)
    assert exported["Log-Position"] == str(api.get(path).json["position"])
    files = unpack(exported.body, tmp_path / "files")
    if kind == "rotate":
        assert files == [f"{name}.LOG", *(f"{name}.LOG.{number}.gz" for number in range(4))]
    elif "wrap" in kind:
        assert {f"{name}.LOG.idx", f"{name}.LOG.siz"} < set(files) and len(files) == 6
    else:
        assert files == [f"{name}.LOG"]
    made = bring(api, copy, exported.body)
    assert made.status == 201, made
    assert made.json["open"] == {"result": "ok"}
    before, after = api.get(path).json, api.get(copy).json
    for member in ("type", "format", "size"):
        assert before[member] == after[member]
    assert content(api, copy) == content(api, path)
    if kind == "rotate":
        logs = shared.data / "logs"
        for number in range(4):
            ours, theirs = (logs / f"{each}.LOG.{number}.gz" for each in (name, f"{name}copy"))
            assert gzip.decompress(ours.read_bytes()) == gzip.decompress(theirs.read_bytes())
    append(api, copy, "it goes on")
    append(api, path, "and so does the other")
    nothing_is_left(shared)


@pytest.mark.parametrize("kind", ["halt", "wrap"])
def test_real_erlang_opens_the_files_as_a_log_that_was_closed(api, real, name, kind):
    path = make(api, name, **KINDS[kind])
    for number in range(300):
        append(api, path, f"record {number}", durability="written")
    ours = [base64.b64decode(item)[6:].decode() for item in content(api, path)]
    body = export(api, path).body
    unpacked = Unpacked(real, body, name, "{type,wrap}" if kind == "wrap" else "")
    assert unpacked.items() == ours and ours[-1] == "record 299"
    if kind == "wrap":
        assert int(real.do("info")["info"]["no_items"]) == len(ours)
    assert real.result('{log,"it goes on"}') == "ok"
    unpacked.close()


@pytest.mark.parametrize("kind", ["halt", "wrap"])
def test_an_export_during_appends_has_all_records_up_to_one_position(shared, real, name, kind):
    """Four writers append, and the ring turns all the while: every archive has the records that
    lie before its position, as many as its files hold, and nothing else."""
    with shared.new_client() as api:
        path = make(api, name, **KINDS[kind])
        at, stop = {}, threading.Event()

        def write(writer):
            with shared.new_client() as client:
                number = 0
                while not stop.is_set():
                    texts = [f"{writer}:{number + each}" for each in range(3)]
                    first = append(client, path, *texts)["first"]
                    at.update({first + each: text for each, text in enumerate(texts)})
                    number += 3

        writers = [threading.Thread(target=write, args=(each,)) for each in range(4)]
        for writer in writers:
            writer.start()
        archives = []
        for _ in range(12):
            before = len(at)
            archives.append(export(api, path))
            wait_until(lambda: len(at) > before + 200, what="more records")
        stop.set()
        for writer in writers:
            writer.join()
        wraps = api.get(path).json
    for archive in archives:
        unpacked = Unpacked(real, archive.body, name, "{type,wrap}" if kind == "wrap" else "")
        items, end = unpacked.items(), int(archive["Log-Position"])
        unpacked.close()
        assert items == [at[position] for position in range(end - len(items), end)]
        assert len(items) == end if kind == "halt" else len(items) > min(end, 150) - 1
    assert kind == "halt" or wraps["no_overflows"]["since_opened"] > 12, wraps
    nothing_is_left(shared)


def slowly(server, path, size=4096):
    """A download that has begun and is not read: the socket, with what came at first."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sendall(f"GET {path}/export HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    return connection, connection.recv(size)


def rest(connection, start):
    """The body of an answer, as much as comes of it, and its Content-Length."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    data = bytearray(start)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length"))
    body = bytearray(body)
    while len(body) < length:
        part = connection.recv(1 << 20)
        if not part:
            break
        body += part
    connection.close()
    return bytes(body), length


def test_a_slow_reader_gets_the_files_that_were_there_and_stops_nobody(start, real):
    """The ring turns over twice while the download stands still; then it is truncated."""
    server = start()
    api = server.client
    path = make(
        api, "slow", type="wrap", size={"max_no_bytes": 3_000_000, "max_no_files": 4})
    for number in range(200):
        append(api, path, f"{number}:" + "x" * 50_000)
    wanted = [base64.b64decode(item)[6:].decode() for item in content(api, path)]
    connection, first = slowly(server, path)
    for number in range(600):
        append(api, path, f"new {number}:" + "y" * 50_000, durability="written")
    assert api.post(path + "/truncate").status == 200
    body, length = rest(connection, first)
    assert len(body) == length
    unpacked = Unpacked(real, body, "slow", "{type,wrap}")
    assert unpacked.items() == wanted
    unpacked.close()
    nothing_is_left(server)


def test_a_download_of_a_log_that_is_removed_is_whole(start, tmp_path):
    server = start()
    api = server.client
    path = make(api, "gone")
    for _ in range(200):
        append(api, path, "x" * 100_000, durability="written")
    wanted = content(api, path)
    connection, first = slowly(server, path)
    assert api.delete(path).status == 204
    assert os.listdir(server.data / "logs") == []
    body, length = rest(connection, first)
    assert len(body) == length and bring(api, path, body).status == 201
    assert content(api, path) == wanted


def test_a_download_that_is_given_up_leaves_nothing(start):
    server = start()
    path = make(server.client, "given", type="wrap", size={
        "max_no_bytes": 1_000_000, "max_no_files": 20})
    for _ in range(200):
        append(server.client, path, "x" * 100_000, durability="written")
    connection, _ = slowly(server, path)
    assert len(os.listdir(server.data / ".tidemark" / "new")) > 10
    connection.close()
    nothing_is_left(server)
    connection, _ = slowly(server, path)
    server.kill9()
    connection.close()
    server.start()
    nothing_is_left(server)


def test_a_file_that_becomes_shorter_cuts_the_download(start):
    server = start()
    path = make(server.client, "short")
    for _ in range(200):
        append(server.client, path, "x" * 100_000, durability="written")
    connection, first = slowly(server, path)
    os.truncate(server.data / "logs" / "short.LOG", 10_000_000)
    body, length = rest(connection, first)
    assert len(body) < length


def test_a_blocked_log_keeps_an_export_waiting(api, name):
    path = make(api, name)
    append(api, path, "one")
    handle = api.post(path + "/block", {"queue_log_records": True}).json["handle"]
    assert api.get(path + "/export?wait_ms=20").code == "wait_timeout"
    assert api.get(path + "/export", {"Log-Handle": handle}).status == 200
    assert api.post(path + "/unblock", headers={"Log-Handle": handle}).status == 200
    export(api, path)


def test_a_log_of_others_is_exported_as_it_lies_there(shared, api, real, name):
    """A log that a real Erlang has open, and one that it was killed with."""
    real.clear()
    assert real.result("{open,[]}") == "{ok,l}"
    for number in range(20):
        assert real.result(f'{{log,<<"{number}">>}}') == "ok"
    assert real.result("sync") == "ok"
    shutil.copytree(real.directory, shared.data / "theirs" / name)
    real.result("close")
    path = make_reading(api, name, f"theirs/{name}/log")
    body = export(api, path).body
    copy = f"/v1/logs/{name}copy"
    problem = check_problem(bring(api, copy, body), "need_repair")
    assert problem["badbytes"] == 0
    made = bring(api, copy, body, "?repair=true")
    assert made.status == 201
    assert made.json["open"]["result"] == "repaired" and made.json["open"]["recovered"] == 20
    assert content(api, copy) == content(api, path)


def make_reading(api, name, file):
    answer = api.put(f"/v1/logs/{name}", {"file": file, "mode": "read_only"})
    assert answer.status in (200, 201), answer
    return f"/v1/logs/{name}"


def test_an_export_of_a_closed_log_is_refused(api, name):
    path = make(api, name)
    api.post(path + "/close")
    check_problem(api.get(path + "/export"), "no_such_log")


def test_a_long_name_is_kept_in_a_pax_header(api, tmp_path):
    name = "n" * 124
    path = make(api, name)
    append(api, path, "one")
    body = export(api, path).body
    assert unpack(body, tmp_path / "x") == [name + ".LOG"]
    assert bring(api, "/v1/logs/short", body).status == 201
    assert content(api, "/v1/logs/short") == content(api, path)


@needs_program("prlimit")
def test_a_large_log_is_sent_and_taken_in_constant_memory(start, tmp_path):
    server = start()
    path = make(server.client, "large")
    records = {"records": [{"text": "x" * 1_000_000}] * 8}
    for _ in range(max(1, SIZE // 8_000_000)):
        answer = server.client.post(path + "/append?durability=written", records)
        assert answer.status == 200
    server.restart()
    base = server.resident("RssAnon")
    url = f"http://127.0.0.1:{server.port}/v1/logs"
    file = tmp_path / "large.tar"
    subprocess.run(["curl", "-sf", "-o", file, f"{url}/large/export"], check=True)
    assert file.stat().st_size > SIZE * 0.9
    assert server.resident("RssAnon") - base < 48 << 20
    subprocess.run(
        ["curl", "-sf", "-o", "/dev/null", "-H", f"Content-Type: {TAR}", "-H", "Expect:", "-T",
         file, "-X", "POST", f"{url}/copy/import"], check=True)
    assert server.resident("RssAnon") - base < 48 << 20
    logs = server.data / "logs"
    same = subprocess.run(
        ["cmp", "-i", "8", logs / "large.LOG", logs / "copy.LOG"], capture_output=True)
    assert same.returncode == 0, same


# Import

def theirs(real, options, count=40):
    """Files of a log that a real Erlang has written and closed."""
    real.clear()
    assert real.result(f"{{open,[{options}]}}") == "{ok,l}"
    for number in range(count):
        data = f'<<"number {number}">>'
        assert real.result(f"{{{'blog' if 'external' in options else 'log'},{data}}}") == "ok"
    assert real.result("close") == "ok"
    return real.directory


@pytest.mark.parametrize("format", ["gnu", "ustar", "pax", "v7"])
@pytest.mark.parametrize("options", [
    "", "{type,wrap},{size,{200,5}}", "{format,external}",
    "{type,wrap},{size,{200,5}},{format,external}"])
def test_files_of_a_real_erlang_are_imported(api, real, name, options, format):
    folder = theirs(real, options)
    path = f"/v1/logs/{name}"
    made = bring(api, path, pack(folder, options=(f"--format={format}",)))
    assert made.status == 201, made
    assert made.json["open"] == {"result": "ok"}
    found = content(api, path)
    if "external" in options:
        assert found.endswith(b"number 39")
    else:
        assert real.result(f"{{open,[{options}]}}") == "{ok,l}"
        chunks = real.do("items")["chunks"][:-1]
        assert found == [item for chunk in chunks for item in chunk["items"]]
        real.result("close")
    assert made.json["type"] == ("wrap" if "wrap" in options else "halt")
    assert made.json["format"] == ("external" if "external" in options else "internal")


def test_an_archive_of_a_whole_folder_is_taken(api, real, name):
    folder = theirs(real, "{type,wrap},{size,{200,5}}")
    body = pack(folder.parent, folder.name)
    assert bring(api, f"/v1/logs/{name}", body).status == 201
    assert bring(api, f"/v1/logs/{name}b", pack(folder, ".")).status == 201
    assert content(api, f"/v1/logs/{name}") == content(api, f"/v1/logs/{name}b")


def test_what_the_files_do_not_say_is_asked_for(api, real, name):
    folder = theirs(real, "{type,wrap},{size,{200,5}}")
    (folder / "log.siz").unlink()
    body, path = pack(folder), f"/v1/logs/{name}"
    assert check_problem(bring(api, path, body), "bad_parameter")["option"] == "max_no_bytes"
    assert bring(api, path, body, "?max_no_bytes=200&max_no_files=5").status == 201
    assert api.get(path).json["size"] == {"max_no_bytes": 200, "max_no_files": 5}
    folder = theirs(real, "{type,wrap},{size,{200,5}}")
    path = f"/v1/logs/{name}2"
    check_problem(
        bring(api, path, pack(folder), "?max_no_bytes=300&max_no_files=5"), "size_mismatch")
    archives = [("r", b"newest"), ("r.0.gz", gzip.compress(b"older"))]
    check_problem(bring(api, path, tar(*archives)), "bad_parameter")
    made = bring(api, path, tar(*archives), "?max_no_bytes=300&max_no_files=5")
    assert made.status == 201 and made.json["type"] == "rotate"
    assert bring(api, f"/v1/logs/{name}3", tar(("h", b"bytes"))).json["format"] == "external"
    made = bring(api, f"/v1/logs/{name}4", tar(("h", b"bytes")), "?max_no_bytes=100&type=halt")
    assert made.json["size"] == 100


def test_a_log_that_was_damaged_is_repaired_only_if_that_was_asked_for(api, real, name):
    folder = theirs(real, "{type,wrap},{size,{200,5}}")
    file = folder / "log.2"
    data = bytearray(file.read_bytes())
    data[40] ^= 0xFF
    file.write_bytes(data)
    body, path = pack(folder), f"/v1/logs/{name}"
    problem = check_problem(bring(api, path, body), "need_repair")
    assert problem["badbytes"] > 0 and "log.2" in problem["detail"]
    check_problem(api.get(path), "no_such_log")
    made = bring(api, path, body, "?repair=true")
    assert made.status == 201
    assert made.json["open"]["badbytes"] == problem["badbytes"]
    assert api.get(path + "/check").json["badbytes"] == 0


def test_a_name_that_is_taken_is_refused_and_keeps_its_log(shared, api, name):
    path = make(api, name)
    append(api, path, "mine")
    body = export(api, path).body
    check_problem(bring(api, path, body), "already_exists")
    api.post(path + "/close")
    check_problem(bring(api, path, body), "already_exists")
    (shared.data / "logs" / f"{name}b.LOG.3").write_bytes(b"of somebody")
    check_problem(bring(api, f"/v1/logs/{name}b", body), "already_exists")
    assert (shared.data / "logs" / f"{name}b.LOG.3").read_bytes() == b"of somebody"


CLOSED = bytes([1, 2, 3, 4, 99, 88, 77, 11])


def special(name, type, link="", **rest):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, link
    for key, value in rest.items():
        setattr(info, key, value)
    return info


def with_size(text):
    """A header whose size is these bytes, with a right checksum."""
    block = bytearray(tar(("log", CLOSED)))
    block[124:136] = text
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


HOSTILE = {
    "nothing": b"",
    "text": b"this is no archive" * 100,
    "zeros": bytes(10240),
    "traversal": tar(("../../escaped", CLOSED)),
    "hidden traversal": tar(("a/../../escaped", CLOSED)),
    "absolute": tar(("/tmp/escaped", CLOSED)),
    "symbolic link": tar((special("log", tarfile.SYMTYPE, "/etc/passwd"), None)),
    "hard link": tar((special("log", tarfile.LNKTYPE, "/etc/passwd"), None)),
    "device": tar((special("log", tarfile.CHRTYPE), None)),
    "pipe": tar((special("log", tarfile.FIFOTYPE), None)),
    "sparse": tar((special("log", tarfile.GNUTYPE_SPARSE), None)),
    "twice": tar(("log", CLOSED), ("log", CLOSED)),
    "twice by folders": tar(("log", CLOSED), ("./log", CLOSED)),
    "two folders": tar(("a/log.1", CLOSED), ("b/log.2", CLOSED)),
    "two logs": tar(("a.idx", b"\0\0\0\0\0\2\0\0\0\1"), ("b.1", CLOSED)),
    "stranger": tar(("log.idx", b"\0\0\0\0\0\2\0\0\0\1"), ("log.1", CLOSED), ("readme", b"")),
    "file beyond the ring": tar(("log.idx", b"\0\0\0\0\0\2\0\0\0\1"), ("log.65000", CLOSED)),
    "number with zeros": tar(("log.idx", b"\0\0\0\0\0\2\0\0\0\1"), ("log.01", CLOSED)),
    "index of nothing": tar(("log.idx", b"what?"), ("log.1", CLOSED)),
    "index that is too large": tar(
        ("log.idx", b"\0\0\0\0\0\2\0\0\x20\1"), ("log.siz", b"\2" + bytes(7) + b"d\0\0\0\5"),
        ("log.1", CLOSED)),
    "no index": tar(("log.siz", b"\2" + bytes(7) + b"d\0\0\0\5"), ("log.1", CLOSED)),
    "no archive of a rotate log": tar(("log", b"x"), ("log.0.gz", b"no gzip")),
    "cut in a member": tar(("log", CLOSED + bytes(5000)))[:3000],
    "cut behind a member": tar(("log", CLOSED), end=False),
    "more behind the end": tar(("log", CLOSED)) + b"more",
    "negative size": with_size(b"\xff" * 12),
    "huge size": with_size(b"\x80\0\0\0\x7f" + b"\xff" * 7),
    "no size": with_size(b"12345678901z"),
    "long pax header": tar((special("x", b"x"), b"1" * 70_000), ("log", CLOSED)),
    "broken pax header": tar((special("x", b"x"), b"99 path=../x\n"), ("log", CLOSED)),
    "pax traversal": tar((special("x", b"x"), b"13 path=../x\n"), ("log", CLOSED)),
    "pax sparse": tar((special("x", b"x"), b"22 GNU.sparse.major=1\n"), ("log", CLOSED)),
    "zero in a pax name": tar((special("x", b"x"), b"12 path=a\0b\n"), ("log", CLOSED)),
    "long name that leads out": tar((special("x", b"L"), b"../../escaped\0"), ("log", CLOSED)),
    "nameless": tar(("", CLOSED)),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("place", ["logs", "journals"])
def test_hostile_archives_are_refused_and_leave_nothing(shared, api, place, kind):
    before = sorted(os.walk(shared.data.parent))[0][1:]
    answer = bring(api, f"/v1/{place}/hostile", HOSTILE[kind])
    assert answer.status in (400, 409), answer
    check_problem(answer, answer.code)
    assert answer.code in ("not_a_log_file", "bad_parameter"), answer
    assert api.get(f"/v1/{place}/hostile").status == 404
    assert not (shared.data / "journals" / "hostile").exists()
    nothing_is_left(shared, "hostile")
    assert sorted(os.walk(shared.data.parent))[0][1:] == before
    assert not os.path.exists("/tmp/escaped")


def test_archives_that_were_changed_by_chance_do_no_harm(shared, api, real, dice, name):
    folder = theirs(real, "{type,wrap},{size,{200,5}}")
    good = pack(folder)
    for number in range(150):
        body = bytearray(good)
        for _ in range(dice.randrange(1, 4)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        if dice.random() < 0.3:
            body = body[:dice.randrange(len(body))]
        answer = bring(
            api, f"/v1/logs/{name}r", bytes(body), dice.choice(["", "?repair=true"]))
        assert answer.status in (201, 400, 409), answer
        if answer.status == 201:
            content_of = api.get(f"/v1/logs/{name}r/walk?as=b64")
            assert content_of.status == 200
            assert api.delete(f"/v1/logs/{name}r").status == 204
    nothing_is_left(shared, f"{name}r")


def test_an_archive_in_pieces_of_any_size_is_taken(api, real, dice, name):
    body = pack(theirs(real, "{type,wrap},{size,{200,5}}"))
    pieces, place = [], 0
    while place < len(body):
        size = dice.choice([1, 7, 511, 512, 513, 3000])
        pieces.append(body[place:place + size])
        place += size
    answer = api.request(
        "POST", f"/v1/logs/{name}/import", iter(pieces), type=TAR, chunked=True)
    assert answer.status == 201, answer


def test_parameters_of_an_import_are_checked_before_anything_is_done(shared, api, name):
    path = f"/v1/logs/{name}"
    for query in ("type=ring", "format=text", "max_no_bytes=0", "max_no_files=65000",
                  "repair=maybe", "as=x"):
        check_problem(bring(api, path, tar(("log", CLOSED)), "?" + query), "bad_parameter")
    check_problem(
        bring(api, path, tar(("log", CLOSED)), "?max_no_files=4&type=halt"), "bad_parameter")
    nothing_is_left(shared, name)


def test_a_full_disk_refuses_an_import_and_keeps_nothing_of_it(tmp_path):
    with small_disk(tmp_path / "disk", "4m"), Server(tmp_path / "disk" / "data") as server:
        path = make(server.client, "l")
        append(server.client, path, "here before")
        body = tar(("log", b"x" * 6_000_000))
        check_problem(bring(server.client, "/v1/logs/new", body), "no_space")
        check_problem(
            bring(server.client, "/v1/journals/new", tar(("WiredTigerLog.1", b"x" * 6_000_000))),
            "no_space")
        nothing_is_left(server, "new")
        append(server.client, path, "and afterwards")


def test_a_limit_on_file_sizes_refuses_an_import(start):
    server = start(limits={resource.RLIMIT_FSIZE: 1_000_000})
    check_problem(
        bring(server.client, "/v1/logs/new", tar(("log", b"x" * 3_000_000))), "no_space")
    nothing_is_left(server, "new")


@pytest.mark.parametrize("place", ["logs", "journals"])
def test_a_death_at_any_moment_of_an_import_leaves_all_or_nothing(start, tmp_path, place):
    """The process dies before and after each of its calls that change something."""
    faults = Faults(tmp_path / "faults")
    with Server(tmp_path / "source") as source:
        api = source.client
        if place == "logs":
            path = make(api, "s", type="wrap", size={"max_no_bytes": 100, "max_no_files": 3})
            append(api, path, *(f"{number}" * 20 for number in range(12)))
            wanted = content(api, path)
        else:
            journal = Journal(api, "s", file_max=102_400)
            for number in range(30):
                journal.append(b"%d" % number * 10_000)
            wanted = [row[7:] for row in journal.rows()[0] if row[4] == 3]
            path = journal.path
        body = export(api, path).body
    # Nothing but what an import does may be counted.
    server = start(**faults.options)
    faults.die(0)
    assert bring(server.client, f"/v1/{place}/l", body).status == 201
    changes = faults.changes
    assert server.client.delete(f"/v1/{place}/l").status == 204
    assert changes > 10
    outcomes = set()
    for nth in range(1, changes + 1):
        after = nth % 2 == 0
        faults.die(nth, after)
        try:
            done = bring(server.client, f"/v1/{place}/l", body).status == 201
        except (OSError, http.client.HTTPException):
            done = False
        if server.is_alive:
            wait_until(lambda: not server.is_alive or done, what="the death")
        server.kill9()
        faults.die(0)
        server.start()
        found = server.client.get(f"/v1/{place}/l")
        outcomes.add(found.status)
        if found.status == 200:
            if place == "logs":
                assert content(server.client, f"/v1/{place}/l") == wanted
            else:
                rows, _ = Journal(server.client, "l").rows()
                assert [row[7:] for row in rows if row[4] == 3] == wanted
            assert server.client.delete(f"/v1/{place}/l").status == 204
        else:
            assert found.status == 404 and not done, found
        left = os.listdir(server.data / place)
        assert left == [], (nth, left)
        wait_until(lambda: os.listdir(server.data / ".tidemark" / "new") == [], what="no leftovers")
    assert outcomes == {200, 404}


# Journals

pytestmark_real = pytest.mark.skipif(
    not wiredtiger.is_there(), reason="needs libwiredtiger-dev")


def messages(rows):
    return [row[7:] for row in rows if row[4] == 3]


@pytestmark_real
def test_the_real_library_and_printlog_read_an_exported_journal(api, name, tmp_path):
    journal = Journal(api, name, file_max=102_400)
    for number in range(60):
        journal.append(b"message %d " % number * 300)
    journal.commit({"op": "row_put", "fileid": 1000, "key": {"text": "k"}, "value": {"text": "v"}})
    exported = export(api, journal.path)
    assert exported["Log-Position"]
    files = unpack(exported.body, tmp_path / "files")
    assert "WiredTiger.turtle" in files and sum(f.startswith("WiredTigerLog") for f in files) > 1
    rows, code = rows_of(tmp_path / "files")
    assert code == NOT_FOUND and rows == journal.rows()[0]
    printlog(tmp_path / "files")
    made = bring(api, f"/v1/journals/{name}copy", exported.body)
    assert made.status == 201 and made.json["open"] == {"result": "ok"}, made
    assert made.json["file_max"] == 102_400
    copy = Journal(api, f"{name}copy")
    assert messages(copy.rows()[0]) == messages(rows)
    assert copy.append(b"it goes on").status == 200


@pytestmark_real
def test_a_journal_is_exported_at_one_lsn_while_it_is_written(shared, api, name, tmp_path):
    journal = Journal(api, name, file_max=102_400)
    at, stop = {}, threading.Event()

    def write(writer):
        with shared.new_client() as client:
            mine, number = Journal(client, name), 0
            while not stop.is_set():
                message = b"%d:%d " % (writer, number) * 200
                first = mine.append(message).json["first"]
                at[first["file"], first["offset"]] = message
                number += 1

    writers = [threading.Thread(target=write, args=(each,)) for each in range(4)]
    for writer in writers:
        writer.start()
    archives = []
    for _ in range(8):
        before = len(at)
        archives.append(export(api, journal.path))
        wait_until(lambda: len(at) > before + 50, what="more records")
    stop.set()
    for writer in writers:
        writer.join()
    for archive in archives:
        unpack(archive.body, tmp_path / "files")
        printlog(tmp_path / "files")
        rows, code = rows_of(tmp_path / "files")
        assert code == NOT_FOUND
        found = {row[:2]: row[8] for row in rows if row[4] == 3}
        last = tuple(map(int, archive["Log-Position"].split(",")))
        wanted = {lsn: text for lsn, text in at.items() if lsn <= last}
        assert found.keys() == wanted.keys()
        assert all(text in found[lsn] for lsn, text in wanted.items())


@pytestmark_real
def test_a_download_holds_archiving_back(start, tmp_path):
    server = start()
    api = server.client
    journal = Journal(api, "held", file_max=1_000_000)
    for number in range(200):
        journal.append(b"%d " % number * 20_000)
    rows = journal.rows()[0]
    connection, first = slowly(server, journal.path)
    assert journal.item()["archive_held"]
    assert api.post(journal.path + "/checkpoint").status == 200
    assert api.post(journal.path + "/archive").json["removed"] == []
    body, length = rest(connection, first)
    assert len(body) == length
    unpack(body, tmp_path / "files")
    assert rows_of(tmp_path / "files") == (rows, NOT_FOUND)
    wait_until(lambda: not journal.item()["archive_held"], what="the hold to end")
    wait_until(lambda: journal.item()["first_lsn"]["file"] > 1, what="archiving")


@pytestmark_real
@pytest.mark.parametrize("crash", [False, True], ids=["closed", "killed"])
def test_the_log_of_a_real_database_is_imported(shared, api, name, tmp_path, crash):
    folder = tmp_path / "db"
    wiredtiger.make("operations", folder, crash=crash)
    logs = [file for file in sorted(os.listdir(folder)) if file.startswith("WiredTigerLog")]
    body = pack(folder, *logs)
    rows, code = rows_of(folder)
    assert code == NOT_FOUND
    made = bring(api, f"/v1/journals/{name}", body)
    assert made.status == 201, made
    ours = Journal(api, name).rows()[0]
    assert ours[:len(rows)] == rows
    check_problem(bring(api, f"/v1/journals/{name}", body), "already_exists")
    check_problem(bring(api, f"/v1/journals/{name}b", pack(folder)), "not_a_log_file")
    exported = export(api, f"/v1/journals/{name}").body
    unpack(exported, tmp_path / "files")
    assert rows_of(tmp_path / "files")[0][:len(rows)] == rows


@pytestmark_real
def test_a_database_that_runs_is_exported_by_reading(shared, api, name, tmp_path):
    folder = shared.data / "running" / name
    database = Database(folder)
    for number in range(50):
        database.message("number %d" % number)
    journal = Journal(api, name, mode="read_only", path=f"running/{name}")
    rows = journal.rows()[0]
    exported = export(api, journal.path).body
    database.close()
    unpack(exported, tmp_path / "files")
    assert rows_of(tmp_path / "files") == (rows, NOT_FOUND)
    assert bring(api, f"/v1/journals/{name}copy", exported).status == 201


def test_a_journal_that_lacks_the_end_of_a_file_is_not_imported(api, name, tmp_path):
    journal = Journal(api, name, file_max=102_400)
    for number in range(40):
        journal.append(b"%03d" % number * 3000)
    rows = journal.rows()[0]
    unpack(export(api, journal.path).body, tmp_path / "files")
    first = min((tmp_path / "files").glob("WiredTigerLog*"))
    content = first.read_bytes()
    place = [row[1] for row in rows if row[0] == 1][-1]
    first.write_bytes(content[:place])
    body, path = pack(tmp_path / "files"), f"/v1/journals/{name}copy"
    check_problem(bring(api, path, body, "?repair=true"), "not_a_log_file")
    done = subprocess.run(
        [binary(), "check", tmp_path / "files"], capture_output=True, text=True)
    assert done.returncode == 1 and f"at byte {place} is the end of file 1" in done.stdout, done
    # Files before the first one may have been archived.
    first.unlink()
    assert bring(api, path, pack(tmp_path / "files")).status == 201
    assert Journal(api, f"{name}copy").rows()[0][:2] == [row for row in rows if row[0] > 1][:2]


def test_the_end_that_a_crash_has_left_is_cut_off_only_if_that_was_asked_for(api, name, tmp_path):
    journal = Journal(api, name)
    for number in range(5):
        journal.append(b"%d" % number * 1000)
    unpack(export(api, journal.path).body, tmp_path / "files")
    last = max((tmp_path / "files").glob("WiredTigerLog*"))
    last.write_bytes(last.read_bytes()[:-300])
    body, path = pack(tmp_path / "files"), f"/v1/journals/{name}copy"
    problem = check_problem(bring(api, path, body), "need_repair")
    assert problem["position"].startswith("1,")
    assert api.get(path).status == 404
    made = bring(api, path, body, "?repair=true")
    assert made.status == 201 and made.json["open"]["result"] == "repaired"
    assert len(messages(Journal(api, f"{name}copy").rows()[0])) == 4


def test_log_files_that_are_missing_or_damaged_are_refused(api, name, tmp_path):
    journal = Journal(api, name, file_max=102_400)
    for number in range(60):
        journal.append(b"%d " % number * 3000)
    folder, path = tmp_path / "files", f"/v1/journals/{name}copy"
    unpack(export(api, journal.path).body, folder)
    logs = sorted(folder.glob("WiredTigerLog*"))
    whole = [file.name for file in logs]
    check_problem(bring(api, path, pack(folder, whole[0], *whole[2:])), "not_a_log_file")
    data = bytearray(logs[1].read_bytes())
    data[3000] ^= 1
    logs[1].write_bytes(data)
    for query in ("", "?repair=true"):
        check_problem(bring(api, path, pack(folder), query), "not_a_log_file")
    logs[1].write_bytes(b"x" * 5000)
    check_problem(bring(api, path, pack(folder)), "not_a_log_file")
    assert api.get(path).status == 404
    for query in ("file_max=5", "compressor=lzo", "repair=yes"):
        check_problem(bring(api, path, pack(folder), "?" + query), "bad_parameter")
