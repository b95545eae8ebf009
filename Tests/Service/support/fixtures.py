"""Data directories as released versions left them, and everything that is in one, read over HTTP.

`python3 -m support.fixtures` makes the fixture of the binary in TIDEMARK, in Tests/Service.
"""

import base64
import gzip
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from support.journal import Journal
from support.logs import Found
from support.mpools import MPool

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures"
WRAP = {"type": "wrap", "size": {"max_no_bytes": 300, "max_no_files": 3}}
ROTATE = {"type": "rotate", "size": {"max_no_bytes": 200, "max_no_files": 3}}
LOGS = {
    "halt": {}, "external": {"format": "external"}, "head": {"head": {"text": "HEAD"}},
    "wrap": WRAP, "wrap-external": {**WRAP, "format": "external"}, "rotate": ROTATE,
}
JOURNALS = {"plain": {}, "small": {"file_max": 102_400}, "packed": {"compressor": "snappy"}}
# Kinds of records that somebody wrote: closing and opening a journal adds others.
CONTENT = (1, 3)
KEYED = {"pools": "rewind", "logs": "truncate", "journals": "checkpoint"}


def fill(api):
    """Something of every kind; small."""
    for kind in ("pool", "keyed"):
        assert api.put(f"/v1/pools/{kind}", {"pool_size": 2 << 20}).status == 201
        assert api.post(f"/v1/pools/{kind}/append", b"in a pool " * 20).status == 200
    for name, options in LOGS.items():
        answer = api.put(f"/v1/logs/{name}", options)
        assert answer.status == 201, answer
        for number in range(40):
            answer = api.post(f"/v1/logs/{name}/append", b"record %d" % number, type="text/plain")
            assert answer.status == 200, answer
    for name, options in JOURNALS.items():
        journal = Journal(api, name, **options)
        for number in range(20):
            assert journal.append(b"message %d " % number * (1 + number * 30)).status == 200
        assert journal.commit({
            "op": "row_put", "fileid": 1000, "key": {"text": "k"}, "value": {"text": "v"},
        }).status == 200
        assert journal.call("checkpoint").status == 200
    for kind, call in KEYED.items():
        path = f"/v1/{kind}/keyed"
        assert api.put(path).status in (200, 201)
        for answer in again(api, kind):
            assert answer.status == 200, answer
        assert api.post(path + "/fence", {"token": 7, "require_fence": True}).status == 200
    pool = MPool(api, "mpool")
    pool.open(pagesize=4096)
    for number in range(4):
        assert pool.put(number, b"%d" % number * 4096).status in (200, 201, 204)
    assert pool.post("/sync").status == 200
    assert api.put("/v1/logs/closed").status == 201
    assert api.post("/v1/logs/closed/close").status == 200


def again(api, kind):
    """An append and another call under their names, as they were sent first."""
    path, key = f"/v1/{kind}/keyed", {"Idempotency-Key": "first", "Fencing-Token": "1"}
    yield api.post(path + "/append", b"under a key", key, type="text/plain")
    yield api.post(f"{path}/{KEYED[kind]}", None, {"Idempotency-Key": "second"})


def read(api):
    """All that is there, as JSON can hold it."""
    found = {"pools": {}, "logs": {}, "journals": {}, "mpools": {}, "fences": {}}
    for name in ("pool", "keyed"):
        item = api.get(f"/v1/pools/{name}").json
        found["pools"][name] = [item["etag"], base64.b64encode(api.walk(name)).decode()]
    for name in [*LOGS, "keyed"]:
        if name == "rotate":
            item = api.get("/v1/logs/rotate").json
            found["logs"][name] = [item["position"], item["generation"], api.get(
                "/v1/logs/rotate/data").body.decode()]
            continue
        log = Found(api, name)
        assert not log.fault, log.fault
        records = log.records
        if isinstance(records, dict):
            records = {str(place): text.decode() for place, text in records.items()}
        else:
            records = records.decode()
        found["logs"][name] = [log.oldest, log.position, log.generation, log.identity, records]
    for name in [*JOURNALS, "keyed"]:
        rows, end = Journal(api, name).rows()
        found["journals"][name] = [
            shown(row) for row in rows if row[4] in CONTENT]
    for kind in KEYED:
        item = api.get(f"/v1/{kind}/keyed").json
        found["fences"][kind] = item["fence"]
    pool = MPool(api, "mpool")
    pool.open(pagesize=4096)
    for number in range(4):
        found["mpools"][str(number)] = pool.get(number, headers={
            "Accept": "application/octet-stream"}).body[:8].decode()
    assert api.get("/v1/logs/closed").json["state"] == "closed"
    return found


def shown(row):
    """A row of a journal as JSON can hold it; what is long by its digest."""
    return [*row[:7], *(
        hashlib.sha256(data).hexdigest() if len(data) > 64 else data.decode("latin-1")
        for data in row[7:])]


def unpack(version, folder):
    """The data directories of a version below `folder`; what was read of them, and the token."""
    subprocess.run(["tar", "-xzf", FOLDER / version / "data.tar.gz", "-C", folder], check=True)
    return json.loads((FOLDER / version / "expected.json").read_text())


def make():
    from support.server import Server, binary, environment
    from support.tokens import As
    version = subprocess.run([binary(), "--version"], env=environment(), capture_output=True,
                             text=True, check=True).stdout.split()[-1]
    work = pathlib.Path(tempfile.mkdtemp())
    with Server(work / "stopped") as server:
        made = server.client.post("/v1/tokens", {"scope": ["admin"], "note": "of the fixture"})
        token = made.json["token"]
        with As(server, token) as api:
            fill(api)
        subprocess.run(["cp", "-a", "--sparse=always", work / "stopped", work / "killed"],
                       check=True)
    target = FOLDER / version
    target.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(["tar", "-cS", "-C", work, "stopped", "killed"], check=True,
                             stdout=subprocess.PIPE).stdout
    (target / "data.tar.gz").write_bytes(gzip.compress(archive, 9, mtime=0))
    with Server(work / "killed") as server, As(server, token) as api:
        expected = read(api)
    (target / "expected.json").write_text(
        json.dumps({"token": token, "found": expected}, indent=1) + "\n")
    shutil.rmtree(work)


if __name__ == "__main__":
    make()
    print("made", *sorted(FOLDER.iterdir()), file=sys.stderr)
