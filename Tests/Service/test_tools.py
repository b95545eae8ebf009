"""Commands on files without a server, against those whose files they are."""

import base64
import json
import os
import pty
import resource
import shutil
import subprocess
import sys

import pytest

from support import pmemlog, poolfile, wiredtiger
from support.disk_log import erlang
from support.server import binary, environment
from support.tools import check, done, dump, records, run, snapshot
from support.wiredtiger import SCENARIOS, printlog, rows_of

DAMAGES = int(os.environ.get("TIDEMARK_TOOL_DAMAGES", 30))
MEBIBYTES = int(os.environ.get("TIDEMARK_TOOL_MIB", 64))
# A small process that starts another: the peak of a child is at least what its parent had.
MEASURE = """
import os, sys
null = os.open(os.devnull, os.O_WRONLY)
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                     file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
_, status, usage = os.wait4(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
print(usage.ru_maxrss, file=sys.stderr)
"""
HALT, RING = {}, {"type": "wrap", "size": (3000, 6)}
KINDS = [HALT, RING]
needs_wiredtiger = pytest.mark.skipif(
    not wiredtiger.is_there(), reason="needs libwiredtiger-dev")


class Disk:
    """Real disk_log, on a log of any folder."""

    def __init__(self, real, folder):
        self.real, self.folder = real, folder
        folder.mkdir(exist_ok=True)

    @property
    def path(self):
        return self.folder / "log"

    def do(self, operation):
        self.real.directory = self.folder
        return self.real.do(operation)

    def open(self, **options):
        return self.do(erlang(("open", list(options.items()))))["result"]

    def make(self, terms, kill=False, **options):
        assert self.open(**options) == "{ok,l}"
        for start in range(0, len(terms), 50):
            assert self.do(erlang(("log_terms", terms[start:start + 50])))["result"] == "ok"
        self.do("kill" if kill else "close")
        return self

    def items(self, **options):
        """The items of a log that must be whole and closed."""
        assert self.open(**options) == "{ok,l}"
        return self.read()

    def read(self):
        chunks = self.do("items")["chunks"]
        self.do("close")
        assert chunks[-1] == "eof", chunks
        return [base64.b64decode(item) for chunk in chunks[:-1] for item in chunk["items"]]


@pytest.fixture
def disk(real, tmp_path):
    """Makes a `Disk` for a folder of that name."""
    before = real.directory
    yield lambda name: Disk(real, tmp_path / name)
    real.directory = before


def terms(count, dice=None):
    sizes = [dice.choice([0, 3, 40, 500]) if dice else number % 90 for number in range(count)]
    return [(number, b"t" * size, ["a", number, "'Q r'"]) for number, size in enumerate(sizes)]


# Logs of real Erlang

@pytest.mark.parametrize("options", KINDS, ids=["halt", "wrap"])
def test_check_and_dump_give_the_items_of_a_log_of_erlang(disk, options):
    log = disk("a").make(terms(400), **options)
    items = log.items(**options)
    assert records(log.path) == items
    [found] = check(log.path)
    assert (found["state"], found["records"], found["badbytes"]) == ("clean", len(items), 0)
    assert found["kind"] == ("wrap" if options else "log")
    assert [line["position"] for line in dump(log.path)] == list(range(len(items)))


@pytest.mark.parametrize("suffix", ["", ".idx", ".siz", ".2"])
def test_a_ring_is_told_by_any_of_its_files(disk, suffix):
    log = disk("a").make(terms(200), **RING)
    [found] = check(f"{log.path}{suffix}", f"{log.path}.1")
    assert (found["kind"], found["state"]) == ("wrap", "clean")


def test_a_large_item_and_the_five_forms_of_showing_one(disk):
    log = disk("a").make([("t", 1), b"text"])
    assert dump(log.path, "--as", "term")[0]["record"] == {"term": "{t,1}"}
    assert dump(log.path, "--as", "text")[1]["record"] == {"text": "text"}
    assert dump(log.path)[1]["record"] == dump(log.path, "--as", "json")[1]["record"]
    assert dump(log.path, "--from", 1, "--limit", 1)[0]["position"] == 1
    big = disk("b").make([b"x" * 200_000, b"y"])
    assert records(big.path) == big.items()


@pytest.mark.parametrize("options", KINDS, ids=["halt", "wrap"])
def test_a_log_that_was_killed_is_not_closed_and_its_repair_is_what_erlang_opens(disk, options):
    log = disk("a").make(terms(100), kill=True, **options)
    assert check(log.path, code=1)[0]["state"] == "not_closed"
    fixed = disk("b")
    done("repair", log.path, "--to", fixed.path)
    assert check(fixed.path)[0]["state"] == "clean"
    items = fixed.items(**options)
    assert items == records(log.path)
    assert log.open(**options).startswith("{repaired,l,")
    assert log.read() == items


@pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in place"])
def test_damaged_logs_are_repaired_as_erlang_repairs_them(disk, dice, in_place):
    whole = disk("whole").make(terms(60, dice), kill=True).path.read_bytes()
    for number in range(DAMAGES):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(8, len(data))
            data[place:place + dice.randint(0, 6)] = dice.randbytes(dice.randint(0, 6))
        if dice.random() < 0.5:
            del data[dice.randrange(8, len(data)):]
        theirs, ours = disk(f"theirs{number}"), disk(f"ours{number}")
        for log in (theirs, ours):
            log.path.write_bytes(data)
        [found] = check(ours.path, code=1)
        dumped = records(ours.path, code=0 if found["badbytes"] == 0 else 1)
        wanted = (f"{{repaired,l,{{recovered,{found['records']}}},"
                  f"{{badbytes,{found['badbytes']}}}}}")
        assert theirs.open() == wanted
        items = theirs.read()
        if in_place:
            text = done("repair", ours.path, "--in-place")
            fixed = ours
            saved = ours.folder / "log.damaged"
            assert saved.exists() == (found["badbytes"] > 0)
            if saved.exists():
                assert saved.read_bytes() == data
        else:
            fixed = disk(f"fixed{number}")
            text = done("repair", ours.path, "--to", fixed.path)
            assert ours.path.read_bytes() == data
        assert f"kept {len(items)} records, lost {found['badbytes']} bytes" in text
        assert fixed.items() == items == dumped
        assert fixed.path.read_bytes() == theirs.path.read_bytes()


def test_a_ring_with_damaged_files_is_repaired_file_by_file(disk):
    log = disk("a").make(terms(300), kill=True, **RING)
    for path in log.folder.glob("log.[1-6]"):
        data = bytearray(path.read_bytes())
        data[12] ^= 0xFF
        path.write_bytes(data)
    [found] = check(log.path, code=1)
    assert found["state"] == "damaged" and found["badbytes"] > 0
    kept = records(log.path, code=1)
    fixed = disk("b")
    done("repair", log.path, "--to", fixed.path)
    assert check(fixed.path)[0]["records"] == len(kept)
    assert fixed.items(**RING) == kept
    done("repair", log.path, "--in-place")
    assert check(log.path)[0]["state"] == "clean"
    assert log.items(**RING) == kept


def test_what_erlang_has_open_is_reported_and_not_repaired(disk):
    log = disk("a")
    assert log.open() == "{ok,l}"
    log.do(erlang(("log_terms", terms(10))))
    log.do("sync")
    before = snapshot(log.folder)
    [found] = check(log.path, code=1)
    assert found["state"] == "in_use" and "has it open" in found["users"][0]
    assert found["records"] == 10
    for options in (["--in-place"], ["--to", log.folder / "new"]):
        process = run("repair", log.path, *options)
        assert process.returncode == 2 and "in use" in process.stderr
    assert snapshot(log.folder) == before
    log.do("close")
    assert check(log.path)[0]["state"] == "clean"


# Pools of libpmemlog

def test_check_and_dump_give_the_data_of_a_pool_of_libpmemlog(tmp_path):
    path, data = tmp_path / "p", os.urandom(300_000)
    pmemlog.make(path, 4 << 20, [data[:1000], data[1000:]])
    [found] = check(path)
    assert (found["kind"], found["state"], found["bytes"]) == ("pool", "clean", len(data))
    assert found["nbyte"] == (4 << 20) - 8192
    assert b"".join(records(path)) == data
    assert b"".join(records(path, "--chunk", 1000)) == data
    assert b"".join(records(path, "--from", 1234)) == data[1234:]
    assert [line["position"] for line in dump(path, "--chunk", "100K")] == [0, 102400, 204800]


def test_check_and_dump_give_the_data_of_a_set_of_parts(tmp_path):
    lines = ["PMEMPOOLSET", *(f"{2 << 20} {tmp_path}/{part}" for part in "ab")]
    (tmp_path / "set").write_text("\n".join(lines) + "\n")
    pmemlog.make(tmp_path / "set", 0, [b"one", b"two"])
    assert check(tmp_path / "set")[0]["state"] == "clean"
    assert b"".join(records(tmp_path / "set")) == b"onetwo"


def test_a_damaged_pool_is_told_and_nothing_claims_to_repair_it(tmp_path):
    path = tmp_path / "p"
    pmemlog.make(path, 2 << 20, [b"x" * 100])
    poolfile.write_at(path, poolfile.MAJOR, b"\7")
    assert pmemlog.check(path) is not True
    before = snapshot(tmp_path)
    [found] = check(path, code=1)
    assert found["state"] == "damaged" and "checksum" in found["files"][0]["fault"]
    process = run("repair", path, "--in-place")
    assert process.returncode == 2 and "libpmemlog repairs no pool" in process.stderr
    assert snapshot(tmp_path) == before


# Journals of WiredTiger

def as_row(line):
    """A line of `dump --as b64` as the real cursor's row."""
    def data(envelope):
        return base64.b64decode(envelope["b64"])
    return (line["lsn"]["file"], line["lsn"]["offset"], line["opctr"], line["txnid"],
            line["rectype"], line["optype"], line["fileid"], data(line["key"]),
            data(line["value"]))


def rows(*arguments, code=0):
    return [as_row(line) for line in dump(*arguments, "--as", "b64", code=code)]


@needs_wiredtiger
@pytest.mark.parametrize("crash", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_dump_gives_the_rows_of_the_real_cursor(tmp_path, scenario, crash):
    folder = tmp_path / "db"
    wiredtiger.make(scenario, folder, crash=crash)
    shutil.copytree(folder, tmp_path / "copy")
    wanted, _ = rows_of(tmp_path / "copy")
    before = snapshot(folder)
    assert rows(folder) == wanted
    [found] = check(folder)
    assert (found["kind"], found["state"]) == ("journal", "clean")
    assert found["records"] == sum(1 for row in wanted if row[2] == 0)
    assert snapshot(folder) == before


@needs_wiredtiger
def test_an_open_database_is_reported_and_keeps_its_lock(tmp_path):
    folder = tmp_path / "db"
    database = wiredtiger.Database(folder)
    database.message(b"one")
    database.do("flush", "sync=on")
    [found] = check(folder, code=1)
    assert found["state"] == "in_use" and f"process {database.process.pid}" in found["users"][0]
    assert run("repair", folder, "--in-place").returncode == 2
    database.message(b"two")
    database.close()
    assert check(folder)[0]["state"] == "clean"


@needs_wiredtiger
@pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in place"])
def test_a_torn_end_is_cut_and_the_real_library_reads_the_rest(tmp_path, in_place):
    folder = tmp_path / "db"
    wiredtiger.make("messages", folder)
    newest = sorted(folder.glob("WiredTigerLog.*"))[-1]
    whole = rows(folder)
    last = whole[-1]
    data = newest.read_bytes()[:last[1] + 140] + b"torn" * 100
    newest.write_bytes(data[:last[1] + 40] + b"!" + data[last[1] + 41:])
    [found] = check(folder, code=1)
    assert found["files"][-1]["first_bad"] == last[1]
    kept = [row for row in whole if row[:2] != last[:2]]
    if in_place:
        bad = newest.read_bytes()[last[1]:]
        text = done("repair", folder, "--in-place")
        assert (folder / f"cut-{newest.name}-at-{last[1]}").read_bytes() == bad
        fixed = folder
    else:
        before = snapshot(folder)
        fixed = tmp_path / "fixed"
        text = done("repair", folder, "--to", fixed)
        assert snapshot(folder) == before
    assert f"lost {found['badbytes']} bytes" in text
    assert check(fixed)[0]["state"] == "clean"
    assert rows(fixed) == kept
    assert rows_of(fixed)[0] == kept
    assert printlog(fixed)


@needs_wiredtiger
def test_whole_records_behind_damage_are_not_dropped_unless_told_to(tmp_path):
    folder = tmp_path / "db"
    wiredtiger.make("messages", folder)
    newest = sorted(folder.glob("WiredTigerLog.*"))[-1]
    every = [row for row in rows(folder) if row[2] == 0]
    whole = [row for row in every if row[0] == int(newest.name[-10:])]
    victim = whole[2]
    data = bytearray(newest.read_bytes())
    data[victim[1] + 20] ^= 0xFF
    newest.write_bytes(data)
    before = snapshot(folder)
    assert len([row for row in rows(folder, code=1) if row[2] == 0]) == len(every) - 1
    process = run("repair", folder, "--in-place")
    assert process.returncode == 2 and f"{len(whole) - 3} whole records" in process.stderr
    assert snapshot(folder) == before
    done("repair", folder, "--to", tmp_path / "fixed", "--lossy")
    kept = len([row for row in rows(tmp_path / "fixed") if row[2] == 0])
    assert kept == len(every) - len(whole) + 2
    # Instead of a cut a conversion keeps all that is whole.
    done("convert", folder, tmp_path / "log", "--to", "log", code=1)
    assert check(tmp_path / "log")[0]["state"] == "clean"


# Converting

def binary_term(data):
    return b"\x83m" + len(data).to_bytes(4, "big") + data


BYTES = [b"", b"one", b"z\0ro", bytes(range(11, 256)), b"x" * 70_000, "é".encode(), b"\x83a\1"]
RECORDS = BYTES * 20
LARGE = ["--size", "256K", "--files", "20"]


@pytest.fixture
def source(tmp_path):
    """An external log with a record in each line."""
    path = tmp_path / "lines"
    path.write_bytes(b"".join(record + b"\n" for record in RECORDS))
    return path


def convert(*arguments, code=0):
    return done("convert", *arguments, code=code)


def to(kind):
    return ["--to", kind, *(LARGE if kind == "wrap" else [])]


@pytest.mark.parametrize("last", ["pool", "log", "external", "wrap", "journal"])
@pytest.mark.parametrize("first", ["pool", "log", "external", "wrap", "journal"])
def test_records_survive_each_pair_of_kinds(tmp_path, source, first, last):
    a, b, back = tmp_path / "a", tmp_path / "b", tmp_path / "back"

    def kind(name):
        return ["--kind", "external"] if name == "external" else []
    convert(source, a, *to(first), "--kind", "external", "--lines")
    convert(a, b, *to(last), *kind(first), "--lines")
    convert(b, back, *to("external"), *kind(last), "--lines")
    assert back.read_bytes() == source.read_bytes()
    for path, name in ((a, first), (b, last)):
        assert check(path, *kind(name))[0]["state"] == "clean"


def test_erlang_reads_what_was_converted_to_logs(disk, source):
    for name, options, opening in (("log", [], {}), ("wrap", LARGE, {"type": "wrap"})):
        log = disk(name)
        convert(source, log.path, "--to", name, "--kind", "external", "--lines", *options)
        assert log.items(**opening) == [binary_term(record) for record in RECORDS]
        # It can go on there.
        assert log.open(**opening) == "{ok,l}"
        assert log.do(erlang(("log", b"more")))["result"] == "ok"
        log.do("close")
        assert records(log.path)[-1] == binary_term(b"more")


@pytest.mark.parametrize("size", [[], ["--size", "33M"]])
def test_libpmemlog_reads_what_was_converted_to_a_pool(tmp_path, source, size):
    path = tmp_path / "p"
    convert(source, path, "--to", "pool", "--kind", "external", *size)
    pmemlog.assert_accepted(path, source.read_bytes())
    assert path.stat().st_size == (33 << 20 if size else path.stat().st_size)


@needs_wiredtiger
def test_wiredtiger_reads_what_was_converted_to_a_journal(tmp_path, source):
    folder = tmp_path / "j"
    convert(source, folder, "--to", "journal", "--size", "200K", "--kind", "external", "--lines")
    assert len(list(folder.glob("WiredTigerLog.*"))) > 5
    # By the type of record, a message is a text with a zero behind it.
    found = []
    for row in rows_of(folder)[0]:
        if row[4] == 3:
            found.append(row[8].split(b"\0")[0])
        elif row[4] == 1 and row[2] > 0:
            found.append(row[8])
    assert found == RECORDS
    assert printlog(folder).count(b'"lsn"') > len(RECORDS)


@pytest.mark.parametrize("kind", ["wrap", "journal"])
def test_any_term_survives_as_its_encoding(disk, tmp_path, kind):
    log = disk("a").make(terms(300))
    options = ["--size", "100K", "--files", "9"] if kind == "wrap" else ["--terms"]
    convert(log.path, tmp_path / "b", "--to", kind, *options)
    convert(tmp_path / "b", tmp_path / "c", "--to", "log", *([] if kind == "wrap" else options))
    assert (tmp_path / "c").read_bytes() == log.path.read_bytes()


def test_what_cannot_be_converted_is_refused_with_the_mend(disk, tmp_path):
    log = disk("a").make(terms(20))
    pmemlog.make(tmp_path / "p", 2 << 20, [b"x" * 5000 + b"\n"])
    (tmp_path / "there").write_bytes(b"mine")
    before = snapshot(tmp_path)

    def refused(word, *arguments):
        process = run("convert", *arguments)
        assert process.returncode in (2, 64) and word in process.stderr, process
    refused("--lines", tmp_path / "p", tmp_path / "new", "--to", "log")
    refused("--terms", log.path, tmp_path / "new", "--to", "journal")
    refused("--size", log.path, tmp_path / "new", "--to", "wrap")
    refused("--files", log.path, tmp_path / "new", "--to", "wrap", "--size", 100, "--files", 2)
    refused("is there already", log.path, tmp_path / "there", "--to", "log")
    refused("--size", log.path, tmp_path / "new", "--to", "pool", "--terms", "--size", "1M")
    refused("no encoding", tmp_path / "p", tmp_path / "new", "--to", "log", "--terms", "--lines")
    refused("there is no file", tmp_path / "none", tmp_path / "new", "--to", "log")
    assert snapshot(tmp_path) == before | {
        str(tmp_path): snapshot(tmp_path)[str(tmp_path)]}


def test_a_file_that_gets_too_large_leaves_nothing_behind(disk, tmp_path):
    log = disk("a").make([b"x" * 100_000] * 40)
    names = sorted(path.name for path in tmp_path.iterdir())
    process = run("convert", log.path, tmp_path / "new", "--to", "external", preexec=lambda: (
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))))
    assert process.returncode == 2 and "larger than" in process.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == names


# What all of them promise

def test_check_and_dump_write_nothing(disk, tmp_path, source):
    disk("halt").make(terms(50))
    disk("ring").make(terms(200), **RING)
    disk("killed").make(terms(50), kill=True)
    pmemlog.make(tmp_path / "p", 2 << 20, [b"data"])
    convert(source, tmp_path / "j", "--to", "journal", "--kind", "external", "--lines")
    names = [tmp_path / "halt/log", tmp_path / "ring/log", tmp_path / "killed/log",
             tmp_path / "p", tmp_path / "j"]
    before = snapshot(tmp_path)
    done("check", *names, code=1)
    for name in names:
        done("dump", name)
    assert snapshot(tmp_path) == before


def test_unknown_files_are_told_and_several_are_summed_up(disk, tmp_path):
    (tmp_path / "text").write_bytes(b"hello")
    (tmp_path / "empty").write_bytes(b"")
    log = disk("a").make(terms(5))
    text = done("check", log.path, tmp_path / "text", tmp_path / "empty", tmp_path, tmp_path / "no",
                code=2)
    assert "5 checked: 1 clean, 4 unknown" in text and "--kind" in text
    assert check("--kind", "external", tmp_path / "text")[0]["bytes"] == 5


@pytest.mark.parametrize("reader", ["head -n 1", "true"])
def test_dump_ends_quietly_when_its_reader_leaves(tmp_path, reader):
    (tmp_path / "data").write_bytes(b"x" * 5_000_000)
    log = tmp_path / "log"
    convert(tmp_path / "data", log, "--to", "log", "--kind", "external", "--chunk", "5000")
    script = f'"{binary()}" dump "{log}" | {reader}; echo "${{PIPESTATUS[0]}}" >&2'
    process = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    assert process.stderr == "0\n"


def test_files_of_a_running_server_are_reported_and_it_goes_on(start, tmp_path):
    server = start()
    client = server.client
    client.request("PUT", "/v1/logs/l", {}, {})
    client.request("PUT", "/v1/journals/j", {}, {})
    client.create("p")
    client.append("p", b"data")
    client.request("POST", "/v1/logs/l/append", {"records": [{"json": 1}]}, {})
    client.request("POST", "/v1/journals/j/append", {"records": [{"text": "m"}]}, {})
    paths = [server.data / "logs/l.LOG", server.data / "journals/j", server.data / "pools/p"]
    for path in paths:
        [found] = check(path, code=1)
        assert found["state"] == "in_use" and found["users"], found
        process = run("repair", path, "--in-place")
        assert process.returncode == 2 and "in use" in process.stderr
    assert records(paths[0]) == [b"\x83a\1"]
    client.append("p", b"more")
    for path in ("/v1/logs/l", "/v1/journals/j"):
        assert client.request(
            "POST", path + "/append", {"records": [{"text": "2"}]}, {}).status == 200
    server.stop()
    assert [found["state"] for found in check(*paths)] == ["clean"] * 3
    assert records(paths[2]) == [b"datamore"]


def test_a_progress_bar_is_for_terminals(tmp_path):
    (tmp_path / "data").write_bytes(os.urandom(1 << 20) * 200)
    command = [binary(), "convert", str(tmp_path / "data"), "", "--to", "pool", "--kind", "external"]
    main, terminal = pty.openpty()
    command[3] = str(tmp_path / "a")
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    seen = b""
    try:
        while piece := os.read(main, 4096):
            seen += piece
    except OSError:
        pass
    assert process.wait(60) == 0
    assert b"% " in seen and b"[#" in seen and seen.endswith(b"\r\x1b[K")
    command[3] = str(tmp_path / "b")
    process = subprocess.run(command, env=environment(), capture_output=True, timeout=60)
    assert process.stderr == b"" and process.stdout.endswith(b": 209715200 bytes\n")


def test_large_logs_need_no_more_memory_than_small_ones(tmp_path):
    data = tmp_path / "data"
    piece = os.urandom(1 << 20)
    with open(data, "wb") as file:
        for _ in range(MEBIBYTES):
            file.write(piece)
    log = tmp_path / "log"
    commands = [
        ["convert", data, log, "--to", "log", "--kind", "external", "--chunk", "1000"],
        ["check", log],
        ["dump", log],
        ["repair", log, "--to", tmp_path / "fixed"],
        ["convert", log, tmp_path / "j", "--to", "journal"],
        ["check", tmp_path / "j"],
        ["convert", log, tmp_path / "p", "--to", "pool"],
        ["dump", tmp_path / "p"],
    ]
    for command in commands:
        peak = int(subprocess.run(
            [sys.executable, "-S", "-c", MEASURE, binary(), *map(str, command)],
            env=environment(), capture_output=True, check=True).stderr.split()[-1])
        if os.environ.get("TIDEMARK_SLOW") != "1":
            assert peak < 48 << 10, (command, peak)
