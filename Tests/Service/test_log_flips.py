"""Every bit and every length of a small log's files: no damage ends the service or hangs it, reading
changes nothing, and what has a check is not believed when that fails (P6)."""

import os
import shutil

import pytest

from support.progress import progress
from support.server import Server

# How many damages of each file, picked anew each time; or all.
FLIPS = os.environ.get("TIDEMARK_FLIPS", "150")
BYTES = "application/octet-stream"
WRAP = {"type": "wrap", "size": {"max_no_bytes": 60, "max_no_files": 3}}
RECORDS = [b"first", b"second", b"third", b"fourth"]
FILES = {
    "halt": ["logs/halt.LOG", ".tidemark/places/halt", ".tidemark/logs/halt"],
    "wrap": ["logs/wrap.LOG.1", "logs/wrap.LOG.2", "logs/wrap.LOG.idx", "logs/wrap.LOG.siz",
             ".tidemark/places/wrap", ".tidemark/logs/wrap"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Closed logs, to be damaged in copies."""
    data = tmp_path_factory.mktemp("made") / "data"
    with Server(data) as server:
        for name, options in (("halt", {"head": {"text": "HEAD"}}), ("wrap", WRAP)):
            assert server.client.put(f"/v1/logs/{name}", options).status == 201
            for record in RECORDS:
                server.client.post(f"/v1/logs/{name}/append", record, type=BYTES)
            server.client.post(f"/v1/logs/{name}/close")
    return data


def damages(content, dice):
    found = [("bit", place, bit) for place in range(len(content)) for bit in range(8)]
    found += [("cut", length, 0) for length in range(len(content))]
    found += [("garbage", length, 0) for length in (1, 7, 8, 64, 4096)]
    return found if FLIPS == "all" else dice.sample(found, min(len(found), int(FLIPS) // 3))


def damaged(content, kind, place, bit):
    if kind == "cut":
        return content[:place]
    if kind == "garbage":
        return content + b"\xa5" * place
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1:]


@pytest.mark.parametrize("name, file", [(name, file) for name in FILES for file in FILES[name]])
def test_damage_ends_nothing_and_reading_changes_nothing(start, dice, made, name, file):
    server = start()
    api = server.client
    api.put("/v1/logs/healthy")
    good = (made / file).read_bytes()
    wrong = []
    for damage in progress(damages(good, dice), "damage"):
        for old in (*(server.data / "logs").glob(f"{name}.*"),
                    server.data / ".tidemark" / "logs" / name,
                    server.data / ".tidemark" / "places" / name):
            old.unlink(missing_ok=True)
        for each in FILES[name]:
            shutil.copy(made / each, server.data / each)
        (server.data / file).write_bytes(damaged(good, *damage))
        before = {each: (server.data / each).read_bytes() for each in FILES[name]
                  if each.startswith("logs")}
        for mode in ("read_only", "read_write"):
            answer = api.put(f"/v1/logs/{name}", {"mode": mode, "file": f"logs/{name}.LOG"})
            if answer.status >= 500:
                wrong.append(f"{damage}, {mode}: {answer}")
            if answer.status in (200, 201):
                wrong += [f"{damage}, {mode}: {fault}" for fault in read(api, name, file)]
                api.post(f"/v1/logs/{name}/close")
            gone = [each for each in before if not (server.data / each).exists()]
            if gone:
                wrong.append(f"{damage}, {mode}: {gone} are gone")
                break
            after = {each: (server.data / each).read_bytes() for each in before}
            if mode == "read_only" and after != before:
                wrong.append(f"{damage}: reading has changed a file")
        assert server.is_alive, f"{damage} ended the service: {server.lines[-5:]}"
        assert len(wrong) < 10, "\n".join(wrong)
    assert api.post("/v1/logs/healthy/append", b"x", type=BYTES).status == 200
    assert not wrong, "\n".join(wrong)


def read(api, name, file):
    """What is wrong with the answers about a damaged log."""
    item = api.get(f"/v1/logs/{name}").json
    if not 0 <= item["oldest_position"] <= item["position"]:
        yield f"positions {item['oldest_position']} to {item['position']}"
    cont = "start"
    records = []
    for _ in range(200):
        answer = api.get(f"/v1/logs/{name}/chunk?as=b64&cont={cont}")
        if answer.status >= 500 and answer.code != "corrupt_log_file":
            yield f"reading gives {answer}"
        if answer.status != 200 or answer.json["eof"]:
            break
        cont = answer.json["cont"]
        records += answer.json["records"]
    else:
        yield "reading does not end"
    # The data are whole: whatever was damaged beside them, they are served.
    if name == "halt" and file.startswith(".tidemark") and len(records) != len(RECORDS) + 1:
        yield f"{len(records)} records"
