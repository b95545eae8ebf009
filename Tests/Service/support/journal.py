"""Journals of the service, in the form in which the real library's driver answers."""

import base64
import http.client
import threading

from support.wiredtiger import NOT_FOUND

TYPES = {
    "row_put": 4, "row_remove": 5, "row_truncate": 6, "row_modify": 10, "col_put": 1,
    "col_remove": 2, "col_truncate": 3, "col_modify": 9,
}


def data(envelope):
    """The bytes of an envelope."""
    if "b64" in envelope:
        return base64.b64decode(envelope["b64"])
    return envelope["text"].encode()


def envelope(content):
    return {"b64": base64.b64encode(content).decode()}


def row(line):
    """A row of the service as the driver's tuple."""
    return (
        line["lsn"]["file"], line["lsn"]["offset"], line["opctr"], line["txnid"],
        line["rectype"], line["optype"], line["fileid"], data(line["key"]), data(line["value"]))


class Journal:
    """One journal over a client."""

    def __init__(self, client, name="j", **options):
        self.client, self.name = client, name
        self.path = f"/v1/journals/{name}"
        self.opened = client.put(self.path, options)
        assert self.opened.status in (200, 201), self.opened

    def item(self):
        answer = self.client.get(self.path)
        assert answer.status == 200, answer
        return answer.json

    def append(self, *messages, **query):
        """Appends messages; the answer."""
        return self.client.post(
            self.path + "/append" + self.query(query),
            {"records": [envelope(message) for message in messages]})

    def commit(self, *operations, **query):
        """Appends a transaction; the answer."""
        return self.client.post(
            self.path + "/transactions" + self.query(query), {"ops": list(operations)})

    @staticmethod
    def query(parameters):
        text = "&".join(f"{name}={value}" for name, value in parameters.items())
        return "?" + text if text else ""

    def walk(self, **query):
        """The rows of a walk, and the end object."""
        answer = self.client.get(self.path + "/walk" + self.query(query))
        assert answer.status == 200, answer
        *rows, end = answer.lines
        return [row(line) for line in rows], end

    def rows(self):
        """All rows and how the walk ended, as the real cursor tells it."""
        rows, end = self.walk(**{"as": "b64"})
        return rows, end["error"]["code"] if "error" in end else NOT_FOUND

    def call(self, operation, body=None, method="post"):
        return getattr(self.client, method)(f"{self.path}/{operation}", body)

    def close(self):
        answer = self.call("close")
        assert answer.status == 200, answer

    def cursor(self, **options):
        return Cursor(self, options)

    def delete(self, **query):
        return self.client.delete(self.path + self.query(query))


class Cursor:
    """A cursor of a journal."""

    def __init__(self, journal, options):
        answer = journal.call("cursors", options)
        assert answer.status == 201, answer
        self.client = journal.client
        self.id = answer.json["cursor"]
        self.path = answer["Location"]

    def next(self, n=1, **query):
        answer = self.client.post(
            f"{self.path}/next" + Journal.query({"n": n, "as": "b64", **query}))
        assert answer.status == 200, answer
        return [row(line) for line in answer.json["rows"]], answer.json["end"]

    def search(self, file, offset):
        """The row that is found, or the code of the problem."""
        answer = self.client.post(
            f"{self.path}/search?as=b64", {"file": file, "offset": offset})
        return row(answer.json) if answer.status == 200 else answer.code

    def reset(self):
        assert self.client.post(f"{self.path}/reset").status == 204

    def close(self):
        assert self.client.delete(self.path).status == 204


class Writer(threading.Thread):
    """Appends until it is stopped or the server goes away; remembers what was acknowledged, and what was asked."""

    def __init__(self, server, number, level, dice, name="j"):
        super().__init__()
        self.server, self.number, self.level, self.dice = server, number, level, dice
        self.path = f"/v1/journals/{name}"
        self.acknowledged = {}
        self.asked = set()
        self.stop = threading.Event()

    def run(self):
        with self.server.new_client() as client:
            journal = Journal.__new__(Journal)
            journal.client, journal.path = client, self.path
            count = 0
            while not self.stop.is_set():
                count += 1
                text = b"%d:%d:" % (self.number, count)
                text += b"x" * self.dice.choice([0, 3, 90, 110, 500, 3000])
                self.asked.add(text)
                try:
                    if self.dice.random() < 0.5:
                        answer = journal.append(text, durability=self.level)
                    else:
                        answer = journal.commit(
                            {"op": "row_put", "fileid": 1000, "key": envelope(b"k"),
                             "value": envelope(text)}, durability=self.level)
                except (OSError, http.client.HTTPException):
                    return
                assert answer.status == 200, answer
                place = answer.json.get("first") or answer.json["lsn"]
                self.acknowledged[(place["file"], place["offset"])] = text


def texts(rows):
    """What each record holds of the writers', by LSN."""
    found = {}
    for row in rows:
        if row[4] == 3:
            found[row[:2]] = row[8].split(b"\0")[0]
        elif row[5] == 4:
            found[row[:2]] = row[8]
    return found
