"""What a log holds, position by position, read over HTTP; and its files, read without anybody's help."""

import base64
import gzip
import pathlib
import re

ITEM = b"bWLA"
OPENED, CLOSED = bytes([6, 7, 8, 9]), bytes([99, 88, 77, 11])
DAMAGE = "damage"


def term(data):
    """The bytes as the binary that a log of internal format keeps."""
    return b"\x83m" + len(data).to_bytes(4, "big") + data


def item(encoding):
    """As it lies in a file; of small terms only."""
    assert len(encoding) < 65528
    return len(encoding).to_bytes(4, "big") + ITEM + encoding


def plain(encoding):
    assert encoding[:2] == b"\x83m" and int.from_bytes(encoding[2:6], "big") == len(encoding) - 6
    return encoding[6:]


def items_of(data):
    """The records of an internal file, as far as they are whole."""
    found, place = [], 8
    while place + 8 <= len(data) and data[place + 4:place + 8] == ITEM:
        size = int.from_bytes(data[place:place + 4], "big")
        start = place + 8 + (16 if size >= 65528 else 0)
        if start + size > len(data):
            break
        found.append(plain(data[start:start + size]))
        place = start + size
    return found


class Found:
    """One log as it is found: what lies at each position, and where it begins and ends."""

    def __init__(self, api, name):
        self.name, self.path = name, f"/v1/logs/{name}"
        self.fault = None
        answer = api.get(self.path)
        assert answer.status == 200, answer
        self.item = answer.json
        self.state = self.item["state"]
        assert self.state != "failed", self.item
        if self.state == "closed":
            # A rotate log has no file that says its size.
            size = {"size": self.item["size"]} if self.item["type"] == "rotate" else None
            answer = api.post(self.path + "/open", size)
            assert answer.status == 200, answer
            self.item = answer.json
        self.oldest, self.position = self.item["oldest_position"], self.item["position"]
        self.generation = self.item["generation"]
        self.identity = self.item["etag"][1:].split(".")[0]
        if self.item["format"] == "internal":
            self.records = self._items(api)
        else:
            answer = api.get(self.path + "/data")
            assert answer.status == 200, answer
            self.records = answer.body
            if len(self.records) != self.position - self.oldest:
                self.fault = (f"{len(self.records)} bytes of {self.oldest} to {self.position}")
        if self.state == "closed":
            assert api.post(self.path + "/close").status == 200

    def _items(self, api):
        records, cont = {}, "start"
        while True:
            answer = api.get(f"{self.path}/chunk?as=b64&cont={cont}")
            assert answer.status == 200, answer
            page = answer.json
            if page["eof"]:
                break
            cont = page["cont"]
            end = int(cont.split(".")[6])
            for place, record in enumerate(page["records"], end - len(page["records"])):
                if place in records:
                    self.fault = f"position {place} comes twice"
                records[place] = plain(base64.b64decode(record["b64"]))
        if not self.fault and sorted(records) != list(range(self.oldest, self.position)):
            self.fault = (f"there are records at {runs(records)}, "
                          f"and it says {self.oldest} to {self.position}")
        return records

    def key(self):
        return (self.state, self.oldest, self.position, self.generation, self.records)

    def __eq__(self, other):
        return isinstance(other, Found) and self.key() == other.key()

    def __repr__(self):
        held = self.records
        held = [held[place][:8] for place in sorted(held)] if isinstance(held, dict) else held[:60]
        return (f"<{self.name} {self.state} {self.oldest} to {self.position}, "
                f"generation {self.generation}: {held[:30]}>")

    def at(self, place):
        if isinstance(self.records, dict):
            return self.records.get(place)
        held = self.oldest <= place < self.position
        return self.records[place - self.oldest:place - self.oldest + 1] if held else None


def runs(numbers):
    """The numbers as ranges, to be shown."""
    shown, last = [], None
    for number in sorted(numbers):
        if last is not None and number == last[1] + 1:
            last[1] = number
        else:
            last = [number, number]
            shown.append(last)
    return ", ".join(f"{first} to {end}" for first, end in shown) or "none"


def ring_files(base):
    """The numbered files of a ring that are there."""
    pattern = re.compile(re.escape(base.name) + r"\.(\d+)$")
    found = {}
    for path in base.parent.iterdir() if base.parent.exists() else ():
        match = pattern.match(path.name)
        if match:
            found[int(match[1])] = path
    return found


def rotated(base):
    """The bytes of a rotate log, the oldest archive first; one that waits for its compression
    included."""
    base = pathlib.Path(base)
    pattern = re.compile(re.escape(base.name) + r"\.(\d+)(\.gz)?$")
    parts = {}
    for path in base.parent.iterdir():
        match = pattern.match(path.name)
        if match and (match[2] or int(match[1]) not in parts):
            data = path.read_bytes()
            parts[int(match[1])] = gzip.decompress(data) if match[2] else data
    return b"".join(parts[number] for number in sorted(parts, reverse=True)) + (
        base.read_bytes() if base.exists() else b"")
