"""Writers to one log, what was acknowledged to them, and the judge of what is found afterwards."""

import http.client
import re
import threading

from support import logs
from support.client import frames

RECORD = re.compile(rb"<(\d+):(\d+):(x*)>")
FRAMES = "application/x-record-frames"


def record(writer, number):
    """Of many lengths, and telling its own."""
    return b"<%d:%d:%s>" % (writer, number, b"x" * ((writer * 7 + number * 13) % 300))


class LogHistory:
    """All that was sent to a log and acknowledged, over the lives of many servers."""

    def __init__(self, name, writers=4, *, durabilities=("synced", "written"), may_be_emptied=False,
                 overwrites=False, tail_may_be_torn=False):
        self.name, self.durabilities = name, durabilities
        # Whether records may go because the log was truncated or reopened, or went round.
        self.may_go = may_be_emptied or overwrites
        # Whether what was not acknowledged may have a wrong body: the format has no checksum, and a
        # power loss may keep a file's length and not its last blocks.
        self.tail_may_be_torn = tail_may_be_torn
        self.next = [0] * writers
        # Position by (writer, number).
        self.acknowledged = {}
        self.end = 0
        self.found = None
        self.lock = threading.Lock()

    def run(self, server, until):
        """Appends with all writers until the event is set or the server is gone."""
        threads = [
            threading.Thread(target=self._write, args=(server, writer, until))
            for writer in range(len(self.next))
        ]
        for thread in threads:
            thread.start()
        return threads

    def _write(self, server, writer, until):
        durability = self.durabilities[writer % len(self.durabilities)]
        path = f"/v1/logs/{self.name}/append?durability={durability}"
        try:
            with server.new_client(timeout=10) as client:
                while not until.is_set():
                    # One writer sends several at once.
                    count = 3 if writer == 0 else 1
                    first = self.next[writer]
                    self.next[writer] += count
                    records = [record(writer, first + part) for part in range(count)]
                    answer = client.post(path, frames(records), type=FRAMES)
                    if answer.status == 200:
                        with self.lock:
                            self.acknowledged[writer, first] = answer.json["first"]
                            self.end = max(self.end, answer.json["next"])
        except (OSError, http.client.HTTPException):
            return

    def judge(self, found):
        """What is wrong with the log as it is found, in words; None if it is as promised."""
        before, self.found = self.found, found
        if found.fault:
            return f"{found}: {found.fault}"
        if found.position < self.end:
            return f"it ends at {found.position}, and {self.end} was acknowledged"
        if before and (found.position < before.position or found.generation < before.generation
                       or found.oldest < before.oldest):
            return f"it went back from {before} to {found}"
        if not self.may_go and found.oldest > 0:
            return f"it starts at {found.oldest}, and nothing was to go"
        fault = self._judge_all(found)
        if fault:
            return fault
        for (writer, number), place in self.acknowledged.items():
            if place < found.oldest:
                continue
            wanted = record(writer, number)
            if isinstance(found.records, dict):
                there = found.records.get(place)
            else:
                there = found.records[place - found.oldest:place - found.oldest + len(wanted)]
            if there != wanted:
                return f"at {place} is {there}, not the acknowledged {wanted[:20]} in {found}"
        return None

    def _judge_all(self, found):
        """Nothing is there twice, out of order, half or out of nowhere."""
        if isinstance(found.records, dict):
            places = [place for place in sorted(found.records)
                      if not self.tail_may_be_torn or place < self.end]
            records = [found.records[place] for place in places]
            half = [each for each in records if not RECORD.fullmatch(each) and each != b"HEAD"]
            if half:
                return f"no whole record: {half[:3]}"
            records = [each for each in records if each != b"HEAD"]
        else:
            # What was cut short by a death may be anywhere, since more was logged behind it.
            records = [match[0] for match in RECORD.finditer(found.records)]
        newest = [-1] * len(self.next)
        for each in records:
            writer, number, _ = RECORD.fullmatch(each).groups()
            writer, number = int(writer), int(number)
            if writer >= len(self.next) or number >= self.next[writer]:
                return f"{each} was never sent"
            if each != record(writer, number):
                if isinstance(found.records, dict):
                    return f"a wrong record: {each}"
                continue
            if number <= newest[writer]:
                return f"{each[:20]} comes after {writer}:{newest[writer]}: twice or out of order"
            newest[writer] = number
        return None

    def judge_by_service(self, api):
        return self.judge(logs.Found(api, self.name))
