"""Writers, readers and an administrator at once on one resource, and the judge of all that they saw.

A place is where a record lies, and is never given to another: a log's position, a pool's generation and
position, a journal's LSN.
"""

import base64
import http.client
import json
import re
import threading

RECORD = re.compile(rb"<(\d+):(\d+):(x*)>")
WRITERS, READERS = 8, 4
RING = {"type": "wrap", "size": {"max_no_bytes": 4000, "max_no_files": 8}}
KINDS = {
    "pool": ("pools", {"pool_size": 16 << 20}), "halt": ("logs", {}), "wrap": ("logs", RING),
    "journal": ("journals", {"file_max": 102_400}),
}


def record(writer, number):
    return b"<%d:%d:%s>" % (writer, number, b"x" * ((writer * 7 + number * 13) % 120))


class Seen:
    """What one look found: records by place, in order, from `oldest` to the end."""

    def __init__(self, records, oldest):
        self.records, self.oldest = records, oldest


class Subject:
    """One resource, appended to and looked at."""

    def __init__(self, kind):
        self.kind = kind
        self.folder, self.options = KINDS[kind]
        self.path = f"/v1/{self.folder}/h"

    def place(self, answer):
        """Where an append's record lies."""
        first = answer.json["first"]
        if self.folder == "journals":
            return first["file"], first["offset"]
        if self.folder == "pools":
            return int(answer["ETag"].split(".")[1].split("-")[0]), first
        return 0, first

    def look(self, api):
        """All that is there; None if it was changed meanwhile."""
        if self.folder == "pools":
            answer = api.get(self.path + "/data")
            if answer.status != 200:
                return None
            generation = int(answer["ETag"].split(".")[1].split("-")[0])
            found, place = {}, 0
            while place < len(answer.body):
                match = RECORD.match(answer.body, place)
                assert match, f"no record at {place}: {answer.body[place:place + 40]}"
                found[generation, place] = match[0]
                place = match.end()
            return Seen(found, (generation, 0))
        answer = api.get(self.path + "/walk?as=b64")
        if answer.status != 200:
            return None
        lines = [json.loads(line) for line in answer.body.splitlines()]
        end = lines.pop()
        if not end.get("end") or "error" in end:
            return None
        if self.folder == "journals":
            found = {
                (line["lsn"]["file"], line["lsn"]["offset"]):
                    RECORD.search(base64.b64decode(line["value"]["b64"]))
                for line in lines if line["rectype"] == 3}
            first = lines[0]["lsn"] if lines else {"file": 1, "offset": 0}
            return Seen({place: match[0] for place, match in found.items()},
                        (first["file"], first["offset"]))
        assert end["badbytes"] == 0, end
        texts = [base64.b64decode(line["b64"])[6:] for line in lines]
        first = end["position"] - len(texts)
        return Seen({(0, first + number): text for number, text in enumerate(texts)}, (0, first))


class History:
    """All that was sent, acknowledged and seen, over the lives of many servers."""

    def __init__(self, kind, dice):
        self.subject, self.dice = Subject(kind), dice
        self.next = [0] * WRITERS
        self.acknowledged, self.seen = {}, []
        self.newest_rewind = 0
        self.problems = []
        self.lock = threading.Lock()

    def run(self, server, until):
        """All at once, until the event is set or the server is gone."""
        work = [(self._write, each) for each in range(WRITERS)]
        work += [(self._read, each) for each in range(READERS)]
        work.append((self._administer, 0))
        threads = [threading.Thread(target=self._try, args=(server, until, *each)) for each in work]
        for thread in threads:
            thread.start()
        return threads

    def _try(self, server, until, body, number):
        try:
            with server.new_client(timeout=10) as client:
                while not until.is_set():
                    body(client, number)
        except (OSError, http.client.HTTPException):
            pass
        except Exception as problem:  # noqa: BLE001: shown by the test
            self.problems.append(f"{body.__name__} {number}: {problem!r}")

    def _write(self, client, writer):
        number = self.next[writer]
        self.next[writer] += 1
        answer = client.post(
            self.subject.path + "/append?durability=" + ("synced", "written")[writer % 2],
            record(writer, number), type="text/plain")
        if answer.status == 200:
            place = self.subject.place(answer)
            with self.lock:
                if place in self.acknowledged:
                    self.problems.append(f"two records were put at {place}")
                self.acknowledged[place] = record(writer, number)

    def _read(self, client, _):
        seen = self.subject.look(client)
        if seen:
            with self.lock:
                self.seen.append(seen)

    def _administer(self, client, _):
        calls = {
            "wrap": ["inc_wrap_file", "truncate", "size", "block"], "pool": ["rewind"],
            "halt": ["truncate", "block", "sync"],
            "journal": ["checkpoint", "archive", "log_flush"],
        }[self.subject.kind]
        call, path = self.dice.choice(calls), self.subject.path
        if call == "size":
            client.request("PATCH", path, {"size": {
                "max_no_bytes": self.dice.choice([3000, 4000, 9000]),
                "max_no_files": self.dice.choice([4, 8, 12])}})
        elif call == "block":
            answer = client.post(path + "/block", {"queue_log_records": True})
            if answer.status == 200:
                client.post(path + "/unblock", None, {"Log-Handle": answer.json["handle"]})
        else:
            client.post(f"{path}/{call}")
        # The others go on meanwhile; looking takes a while.
        for _ in range(3):
            self._read(client, 0)

    def judge(self, last):
        """What is wrong, in words, with all that was seen and what is there at last."""
        if self.problems:
            return self.problems[0]
        known = {}
        for seen in [*self.seen, last]:
            fault = self._judge(seen, known)
            if fault:
                return fault
        for place, text in self.acknowledged.items():
            if known.get(place, text) != text:
                return f"{known[place]} was seen at {place}, where {text} was put"
            if place >= last.oldest and place not in last.records:
                return f"the acknowledged {text[:20]} at {place} is lost; the oldest is {last.oldest}"
        for seen in self.seen:
            # Bytes may be seen that a failed flush takes back; what was acknowledged stays.
            places = sorted(seen.records)
            acknowledged = [place for place in self.acknowledged
                            if places and places[0] <= place <= places[-1]]
            for place in acknowledged:
                if place not in seen.records:
                    return f"a look from {places[0]} to {places[-1]} missed {place}"
        return None

    def _judge(self, seen, known):
        """Of one look: each record was sent, each writer's are in order, and none is there twice."""
        newest = [-1] * WRITERS
        for place in sorted(seen.records):
            text = seen.records[place]
            match = RECORD.fullmatch(text)
            if not match:
                return f"no whole record at {place}: {text[:40]}"
            writer, number = int(match[1]), int(match[2])
            if number >= self.next[writer] or text != record(writer, number):
                return f"{text[:40]} at {place} was never sent"
            if number <= newest[writer]:
                return f"{writer}:{number} at {place} comes after {writer}:{newest[writer]}"
            newest[writer] = number
            if place in self.acknowledged:
                known.setdefault(place, text)
                if known[place] != text:
                    put = self.acknowledged[place]
                    return (f"{text[:20]} and {known[place][:20]} were both seen at {place}, "
                            f"where {put[:20]} was put")
        return None
