"""Journals against the real WiredTiger: each reads what the other wrote, and finds the same."""

import os
import random
import shutil
import subprocess

import pytest

from support import wiredtiger
from support.journal import Journal, envelope
from support.server import Server
from support.wiredtiger import (
    NOT_FOUND, SCENARIOS, Database, WiredTiger, extension, printlog, rows_of, rows_of_copy)

pytestmark = pytest.mark.skipif(
    not wiredtiger.is_there(), reason="needs libwiredtiger-dev")

WORKLOADS = int(os.environ.get("TIDEMARK_WORKLOADS", 12))


@pytest.fixture
def made(shared):
    """Makes a real database below the data directory: its folder."""
    def make(name, **options):
        folder = shared.data / "real" / name.replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)
        wiredtiger.make(name, folder, **options)
        return folder

    return make


def reading(api, folder, **options):
    """A read-only journal of a folder below the data directory."""
    api.delete("/v1/journals/reading")
    return Journal(
        api, "reading", mode="read_only", path=f"{folder.parent.name}/{folder.name}", **options)


# Reading

@pytest.mark.parametrize("crash", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_walk_gives_the_rows_of_the_real_cursor(api, made, scenario, crash):
    folder = made(scenario, crash=crash)
    assert reading(api, folder).rows() == rows_of(folder)


@pytest.mark.parametrize("compressor", ["snappy", "zlib"])
def test_compressed_records_are_unpacked_if_the_compressor_is_known(shared, api, compressor):
    folder = shared.data / "real" / f"compressed-{compressor}"
    shutil.rmtree(folder, ignore_errors=True)
    database = Database(
        folder, f"create,log=(enabled=true,archive=false,compressor={compressor}),"
        + extension(compressor))
    for size in (20, 3000, 30_000):
        database.message(b"y" * size)
    database.table("z")
    database.transaction(*(("put", "z", b"%d" % n, b"value" * 20) for n in range(100)))
    database.close()
    config = (f"readonly=true,log=(enabled=false,compressor={compressor})," + extension(compressor))
    assert reading(api, folder, compressor=compressor).rows() == rows_of(folder, config)
    # There the database keeps how it was opened, compressor and all.
    (folder / "WiredTiger.basecfg").unlink()
    journal = reading(api, folder)
    rows, code = journal.rows()
    assert (rows, code) == (rows_of(folder)[0], "no_compressor")
    cursor = journal.cursor()
    for _ in range(len(rows)):
        cursor.next()
    for _ in range(2):
        assert api.post(f"{cursor.path}/next").code == "no_compressor"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_search_finds_what_the_real_one_finds(api, made, scenario):
    folder = made(scenario)
    cursor = reading(api, folder).cursor()
    rows, _ = rows_of(folder)
    starts = sorted({(row[0], row[1]) for row in rows})
    files = sorted({file for file, _ in starts})
    places = {(1, 0), (0, 128), (files[-1] + 1, 128), (1, 100), *((file, 0) for file in files)}
    places |= set(random.Random(scenario).sample(starts, min(len(starts), 40)))
    for file in files:
        size = (folder / f"WiredTigerLog.{file:010}").stat().st_size
        places |= {(file, size), (file, size + 128), (file, 4096 * 128)}
    with WiredTiger(folder) as real:
        for file, offset in sorted(places):
            real.do("cursor", 0)
            lines, code, _ = real.ask("search", 0, file, offset)
            expected = wiredtiger.row(lines[0]) if code == 0 else "wt_notfound"
            assert cursor.search(file, offset) == expected, (file, offset)
            if code == 0:
                lines, _, _ = real.ask("next", 0, 3)
                found = []
                while len(found) < 3 and (rows := cursor.next(3 - len(found))[0]):
                    found += rows
                assert found == [wiredtiger.row(line) for line in lines]
            real.do("drop", 0)


def test_bytes_within_a_record_are_no_record_whatever_they_look_like(api, shared):
    journal = Journal(api, "within")
    journal.append(b"inner")
    log = next((shared.data / "journals" / "within").glob("WiredTigerLog.*"))
    inner = log.read_bytes()[256:384]
    # The value of the operation begins at byte 25 of the record.
    value = b"\0" * (128 - 25) + inner * 3
    lsn = journal.commit({"op": "row_put", "fileid": 1000, "key": envelope(b"k"),
                          "value": envelope(value)}).json["lsn"]
    content = log.read_bytes()
    place = content.index(inner, lsn["offset"] + 1)
    assert place % 128 == 0, "the value holds a whole record at a record's place"
    cursor = journal.cursor()
    assert cursor.search(1, place) == "wt_notfound"
    assert cursor.search(1, lsn["offset"])[1] == lsn["offset"]
    journal.delete()


# Damage: what the real library does is written in the table of docs/JOURNALS.md

def newest(folder):
    return max(folder.glob("WiredTigerLog.*"))


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)


def starts_in(rows, path):
    number = int(path.suffix[1:])
    return sorted({row[1] for row in rows if row[0] == number})


@pytest.mark.parametrize("seed", range(int(os.environ.get("TIDEMARK_DAMAGES", 40))))
def test_a_damaged_log_gives_the_rows_before_the_damage_and_is_left_alone(api, made, seed):
    dice = random.Random(seed)
    folder = made(dice.choice(["seed", "operations", "switching"]), crash=dice.random() < 0.5)
    whole, _ = rows_of(folder)
    path = dice.choice(sorted(folder.glob("WiredTigerLog.*")))
    kind = dice.choice(["flip", "cut", "zero", "garbage", "swap"])
    places = starts_in(whole, path)
    place = dice.choice(places)
    content = bytearray(path.read_bytes())
    if kind == "flip":
        content[place + dice.randrange(128)] ^= 1 << dice.randrange(8)
    elif kind == "cut":
        del content[place + dice.randrange(1, 128):]
    elif kind == "zero":
        content[place:place + 128] = bytes(128)
    elif kind == "garbage":
        content[place:place + 64] = dice.randbytes(64)
    else:
        content[place:place + 128] = content[places[0]:places[0] + 128]
    path.write_bytes(content)
    before = {file: file.read_bytes() for file in folder.iterdir()}
    real, code = rows_of(folder)
    ours, our_code = reading(api, folder).rows()
    # The real one passes over the lost end of a file, though the next one tells of it.
    if kind == "zero" and place == places[-1] and path != newest(folder) and ours != real:
        real = [row for row in real if row[:2] < (int(path.suffix[1:]), place)]
        code = our_code
    # The real one may crash; what it gave until then is right.
    assert ours[:len(real)] == real and (code is None or ours == real), (kind, place, code)
    if code == NOT_FOUND:
        assert our_code == NOT_FOUND
    elif code is not None:
        assert our_code == "corrupt_log_file"
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("crash", [False, True], ids=["closed", "killed"])
def test_a_lost_end_of_a_file_is_told_which_the_real_cursor_passes_over(api, made, crash):
    folder = made("switching", crash=crash)
    whole, _ = rows_of(folder)
    first, *_, last = sorted(folder.glob("WiredTigerLog.*"))
    for path in (first, last.with_suffix(f".{int(last.suffix[1:]) - 1:010}")):
        content, place = path.read_bytes(), starts_in(whole, path)[-1]
        number = int(path.suffix[1:])
        path.write_bytes(content[:place] + bytes(len(content) - place))
        assert rows_of(folder)[0] == [row for row in whole if row[:2] != (number, place)]
        ours, code = reading(api, folder).rows()
        assert ours == [row for row in whole if row[:2] < (number, place)]
        # What comes before the newest file may be on its way; then recovery ends the log there.
        assert code == ("corrupt_log_file" if path == first else NOT_FOUND)
        path.write_bytes(content)
    assert reading(api, folder).rows() == (whole, NOT_FOUND)


# Writing

def random_operation(dice):
    kind = dice.choice(
        ["row_put", "row_remove", "row_truncate", "row_modify", "col_put", "col_remove",
         "col_truncate", "col_modify"])
    operation = {"op": kind, "fileid": dice.choice([1000, 70_000, 4_000_000_000])}
    size = dice.choice([0, 1, 50, 70, 200, 9000])
    key, value = envelope(dice.randbytes(dice.randrange(60))), envelope(dice.randbytes(size))
    if kind in ("row_put", "row_modify", "row_remove"):
        operation["key"] = key
    if kind in ("col_put", "col_modify", "col_remove"):
        operation["recno"] = dice.randrange(1, 1 << dice.randrange(1, 62))
    if kind in ("row_put", "col_put"):
        operation["value"] = value
    if kind in ("row_modify", "col_modify"):
        operation["changes"] = [{"data": value, "at": dice.randrange(100), "size": 3}]
    if kind == "row_truncate":
        operation |= dice.choice([{}, {"start": key}, {"stop": key}, {"start": key, "stop": value}])
    if kind == "col_truncate":
        operation |= dice.choice([{}, {"start": 3}, {"stop": 70}, {"start": 3, "stop": 9}])
    return operation


@pytest.mark.parametrize("seed", range(WORKLOADS))
def test_the_real_cursor_reads_what_a_random_workload_wrote(tmp_path, seed):
    dice = random.Random(seed)
    compressor = dice.choice(["none", "none", "snappy", "zlib"])
    with Server(tmp_path / "data") as server:
        journal = Journal(
            server.client, file_max=dice.choice([102_400, 1 << 20]), compressor=compressor,
            prealloc=dice.random() < 0.5)
        for _ in range(dice.randrange(40, 150)):
            step = dice.random()
            if step < 0.45:
                journal.append(*(
                    bytes(dice.choice(b"abcdef") for _ in range(dice.choice([0, 5, 110, 800])))
                    for _ in range(dice.choice([1, 1, 5]))),
                    durability=dice.choice(["accepted", "written", "synced"]))
            elif step < 0.9:
                answer = journal.commit(*(
                    random_operation(dice) for _ in range(dice.choice([1, 2, 30]))))
                assert answer.status == 200, answer
            elif step < 0.93:
                journal.append(b"x" * dice.choice([200_000, 1_000_000]))
            elif step < 0.95:
                assert journal.call("checkpoint").status == 200
            elif step < 0.98:
                journal.close()
                assert journal.call("open").status == 200
            else:
                server.restart(kill=True)
                journal.client = server.client
        journal.close()
        assert journal.call("open").status == 200
        ours = journal.rows()
        assert ours[1] == NOT_FOUND
        journal.close()
        folder = server.data / "journals" / "j"
        config = "readonly=true,log=(enabled=false"
        config += f",compressor={compressor})," + extension(compressor) if compressor != "none" else ")"
        assert rows_of(folder, config) == ours
        if compressor == "none":
            assert printlog(folder).count(b'"lsn"') == len({row[:2] for row in ours[0]})


def test_the_service_reads_its_rows_backwards_and_by_range(api):
    journal = Journal(api, "ways", file_max=102_400)
    for number in range(600):
        journal.commit({"op": "row_put", "fileid": 1000 + number % 3,
                        "key": envelope(b"%d" % number), "value": envelope(b"v" * 300)},
                       durability="written")
    rows, _ = journal.rows()
    assert len({row[0] for row in rows}) > 2
    back, _ = journal.walk(**{"as": "b64", "backwards": "true"})
    assert back == rows[::-1]
    starts = sorted({row[:2] for row in rows})
    dice = random.Random(5)
    for _ in range(20):
        first, last = sorted(dice.sample(starts, 2))
        span = {"as": "b64", "from": "%d,%d" % first, "to": "%d,%d" % last}
        wanted = [row for row in rows if first <= row[:2] <= last]
        assert journal.walk(**span)[0] == wanted
        span = {"as": "b64", "from": "%d,%d" % last, "to": "%d,%d" % first}
        assert journal.walk(**span, backwards="true")[0] == wanted[::-1]
    assert journal.walk(**{"as": "b64", "op": "row_put", "fileid": 1001})[0] == [
        row for row in rows if row[6] == 1001]
    assert journal.walk(**{"as": "b64", "rectype": "system"})[0] == [
        row for row in rows if row[4] == 4]
    journal.delete()


# One log, two writers, one after the other

def table_of(folder):
    """What a recovery by the real library makes of the table `s`."""
    with WiredTiger(folder, "create,log=(enabled=true,archive=false)") as real:
        real.do("table", "s", "table:s")
        rows = {bytes.fromhex(line["key"]): bytes.fromhex(line["value"])
                for line in real.do("rows", "s")}
        real.do("close")
    return rows


@pytest.mark.parametrize("crash", [False, True], ids=["closed", "killed"])
def test_a_real_database_recovers_with_what_the_service_committed(api, made, crash):
    folder = made("seed", crash=crash)
    rows, _ = rows_of(folder)
    table = next(row[6] for row in rows if row[7] == b"k1\0")
    api.delete("/v1/journals/continued?keep_files=true")
    journal = Journal(api, "continued", path=f"real/{folder.name}")
    for number in range(50):
        assert journal.commit(
            {"op": "row_put", "fileid": table, "key": envelope(b"n%02d\0" % number),
             "value": envelope(b"new\0")}).status == 200
    journal.commit({"op": "row_remove", "fileid": table, "key": envelope(b"k2\0")})
    assert journal.call("checkpoint").code == "foreign_database"
    assert journal.delete().code == "foreign_database"
    journal.close()
    found = table_of(folder)
    assert found == {
        b"k1\0": b"v1\0", b"k3\0": b"v3\0", b"k4\0": b"v4\0",
        **{b"n%02d\0" % number: b"new\0" for number in range(50)}}
    # The database has begun a file of its own, and the service goes on behind that.
    assert journal.call("open").status == 200
    journal.commit({"op": "row_put", "fileid": table, "key": envelope(b"again\0"),
                    "value": envelope(b"v\0")})
    journal.close()
    assert table_of(folder)[b"again\0"] == b"v\0"
    assert journal.delete(keep_files="true").status == 204
    assert newest(folder).exists()


def test_the_real_library_opens_what_the_service_made_and_both_go_on(shared, api, tmp_path):
    journal = Journal(api, "ours", file_max=102_400)
    journal.append(*(b"message %d" % number for number in range(2000)))
    journal.close()
    folder = shared.data / "journals" / "ours"
    mine = rows_of(folder)[0]
    with WiredTiger(folder, "create,log=(enabled=true,archive=false,file_max=100KB)") as real:
        real.do("printf", b"from the library")
        real.do("close")
    assert journal.call("open").status == 200
    journal.append(b"and on")
    rows, code = journal.rows()
    assert code == NOT_FOUND and rows[:len(mine)] == mine
    texts = [row[8].split(b"\0")[0] for row in rows if row[4] == 3]
    assert texts[-1] == b"and on" and b"from the library" in texts
    assert rows_of_copy(folder, tmp_path / "copy")[0] == rows
    journal.delete(keep_files="true")


def test_one_writer_at_a_time_has_the_directory(shared, api, tmp_path):
    journal = Journal(api, "mine")
    folder = shared.data / "journals" / "mine"
    real = WiredTiger()
    assert real.ask("open", folder, "create,log=(enabled=true)")[1] == 16  # EBUSY
    journal.close()
    real.do("open", folder, "create,log=(enabled=true)")
    answer = journal.call("open")
    assert (answer.status, answer.code, answer.json["reason"]) == (423, "locked", "EBUSY")
    # Who only reads needs no lock.
    assert Journal(api, "theirs", mode="read_only", path="journals/mine").rows()[1] == NOT_FOUND
    real.do("close")
    real.end()
    assert journal.call("open").status == 200
    api.delete("/v1/journals/theirs")
    journal.delete(keep_files="true")


def test_a_running_database_is_followed_by_a_cursor(shared, api):
    folder = shared.data / "real" / "running"
    shutil.rmtree(folder, ignore_errors=True)
    database = Database(folder)
    database.message(b"first")
    database.do("flush", "sync=off")
    cursor = reading(api, folder).cursor()
    seen = cursor.next(1000)[0]
    for number in range(2000):
        database.message(b"message %d" % number)
        if number % 400 == 0:
            database.do("flush", "sync=off")
            while True:
                rows, end = cursor.next(1000, wait_ms=20_000)
                seen += rows
                if seen[-1][8].startswith(b"message %d\0" % number):
                    break
    database.close()
    while not cursor.next(1000)[1]:
        pass
    seen = reading(api, folder).rows()
    assert seen == rows_of(folder)


def test_printlog_prints_each_kind_of_record(api, shared, tmp_path):
    journal = Journal(api, "kinds")
    dice = random.Random(3)
    journal.append(b"night run starts")
    for _ in range(60):
        journal.commit(random_operation(dice))
    journal.call("checkpoint")
    shutil.copytree(shared.data / "journals" / "kinds", tmp_path / "copy")
    text = printlog(tmp_path / "copy")
    for word in (b'"night run starts"', b'"row_modify"', b'"col_truncate"', b'"ckpt_lsn"'):
        assert word in text
    journal.delete()


def test_version_of_the_tools_is_the_one_that_was_compared_with():
    text = subprocess.run(["wt", "-V"], capture_output=True, text=True).stdout
    assert "WiredTiger 3.2.1" in text
