"""Writers that keep what was acknowledged to them, and the judge of what is found afterwards."""

import http.client
import re
import threading

RECORD = re.compile(rb"<(\d+):(\d+):(x*)>")


def record(writer, number):
    """Of many lengths, and telling its own."""
    return b"<%d:%d:%s>" % (writer, number, b"x" * ((writer * 7 + number * 13) % 300))


class History:
    """All that was sent and acknowledged, over the lives of many servers."""

    def __init__(self, writers=4):
        self.next = [0] * writers
        # Position by (writer, number).
        self.acknowledged = {}
        self.lock = threading.Lock()

    def run(self, server, pool, until):
        """Appends with all writers until the event is set or the server is gone."""
        threads = [
            threading.Thread(target=self._write, args=(server, pool, writer, until))
            for writer in range(len(self.next))
        ]
        for thread in threads:
            thread.start()
        return threads

    def _write(self, server, pool, writer, until):
        try:
            with server.new_client(timeout=10) as client:
                while not until.is_set():
                    number = self.next[writer]
                    self.next[writer] += 1
                    answer = client.try_append(pool, record(writer, number))
                    if answer.status == 200:
                        with self.lock:
                            self.acknowledged[writer, number] = answer.json["first"]
        except (OSError, http.client.HTTPException):
            return

    def judge(self, data):
        """What is wrong with the data found, in words; None if it is as promised."""
        found, place, newest = {}, 0, [-1] * len(self.next)
        while place < len(data):
            match = RECORD.match(data, place)
            if not match:
                return f"no whole record at {place}: {data[place:place + 40]!r}"
            writer, number = int(match[1]), int(match[2])
            if match[0] != record(writer, number):
                return f"a wrong record at {place}: {match[0][:40]!r}"
            if (writer, number) in found:
                return f"record {writer}:{number} is there twice"
            if number <= newest[writer]:
                return f"record {writer}:{number} comes after {newest[writer]}"
            if number >= self.next[writer]:
                return f"record {writer}:{number} was never sent"
            newest[writer] = number
            found[writer, number] = place
            place = match.end()
        for key, position in self.acknowledged.items():
            if key not in found:
                return f"the acknowledged record {key[0]}:{key[1]} at {position} is lost"
            if found[key] != position:
                return f"record {key[0]}:{key[1]} is at {found[key]}, not at {position}"
        return None
