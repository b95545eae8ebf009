"""Every bit and every length of a small journal's files: no damage ends the service or hangs it, what
was whole is read, and reading changes nothing (P6)."""

import os
import shutil

import pytest

from support.journal import Journal
from support.progress import progress
from support.server import Server

FLIPS = os.environ.get("TIDEMARK_FLIPS", "150")
LOG = "WiredTigerLog.0000000001"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A closed journal, to be damaged in copies."""
    data = tmp_path_factory.mktemp("made") / "data"
    with Server(data) as server:
        journal = Journal(server.client, "j")
        journal.append(b"first", b"second")
        journal.commit({"op": "row_put", "fileid": 1000, "key": {"text": "k"},
                        "value": {"text": "v"}})
        journal.call("checkpoint")
        rows, _ = journal.rows()
        journal.close()
    return data, rows


def damages(content, dice):
    found = [("bit", place, bit) for place in range(len(content)) for bit in range(8)]
    found += [("cut", length, 0) for length in range(len(content))]
    found += [("garbage", length, 0) for length in (1, 7, 127, 128, 4096)]
    return found if FLIPS == "all" else dice.sample(found, min(len(found), int(FLIPS)))


def damaged(content, kind, place, bit):
    if kind == "cut":
        return content[:place]
    if kind == "garbage":
        return content + b"\xa5" * place
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1:]


def test_a_damaged_log_file_gives_what_lies_before_the_damage(start, dice, made):
    data, whole = made
    server = start()
    folder = server.data / "damaged"
    good = (data / "journals/j" / LOG).read_bytes()
    wrong = []
    for damage in progress(damages(good, dice), "damage"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        content = damaged(good, *damage)
        (folder / LOG).write_bytes(content)
        journal = Journal(server.client, "damaged", mode="read_only", path="damaged")
        rows, code = journal.rows()
        # Bits of the head but magic and version mean nothing to a reader that began.
        if rows != whole[:len(rows)]:
            wrong.append(f"{damage}: {rows} {code}")
        place = damage[1]
        before = [row for row in whole if row[1] + 128 <= place and damage[0] != "garbage"]
        if place >= 256 and rows[:len(before)] != before:
            wrong.append(f"{damage}: {len(rows)} rows, {len(before)} lie before it")
        cursor = journal.cursor()
        for row in whole:
            cursor.search(row[0], row[1])
        journal.delete()
        if (folder / LOG).read_bytes() != content:
            wrong.append(f"{damage}: the file was changed")
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("file", [
    f"journals/j/{LOG}", ".tidemark/marks/j", ".tidemark/journals/j",
    "journals/j/WiredTiger.turtle", "journals/j/WiredTiger.wt"])
def test_opening_what_is_damaged_ends_nothing_and_loses_nothing_whole(
    tmp_path, dice, made, file
):
    data, whole = made
    good = (data / file).read_bytes()
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    wrong = []
    with Server(copy) as server:
        server.client.put("/v1/journals/healthy")
        for damage in progress(damages(good, dice)[:60], "damage"):
            server.client.post("/v1/journals/j/close")
            shutil.rmtree(copy / "journals/j")
            shutil.copytree(data / "journals/j", copy / "journals/j")
            for name in ("marks", "journals"):
                shutil.copy(data / f".tidemark/{name}/j", copy / f".tidemark/{name}/j")
            (copy / file).write_bytes(damaged(good, *damage))
            answer = server.client.put("/v1/journals/j")
            if answer.status not in (200, 201):
                if answer.json["code"] not in ("corrupt_log_file", "bad_parameter", "locked",
                                               "no_such_file", "arg_mismatch"):
                    wrong.append(f"{damage}: {answer}")
                continue
            rows = server.client.get("/v1/journals/j/walk").status
            if rows != 200 or server.client.get("/v1/journals/healthy").status != 200:
                wrong.append(f"{damage}: {rows}")
    assert not wrong, "\n".join(wrong[:20])
