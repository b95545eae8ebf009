"""One log over HTTP, as a client uses it."""

import base64
import struct

from support.client import split_frames

BINARY = b"\x83m"


def term(data):
    """The encoding of a binary."""
    return BINARY + struct.pack(">I", len(data)) + data


class Log:
    """A log by name; requests carry `handle` if there is one."""

    def __init__(self, api, name, handle=None):
        self.api, self.name, self.handle = api, name, handle

    @property
    def path(self):
        return f"/v1/logs/{self.name}"

    def request(self, method, path="", body=None, headers=None, **rest):
        headers = dict(headers or {})
        if self.handle:
            headers.setdefault("Log-Handle", self.handle)
        return self.api.request(method, self.path + path, body, headers, **rest)

    def get(self, path="", headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, body=None, headers=None, **rest):
        return self.request("POST", path, body, headers, **rest)

    def put(self, headers=None, query="", **options):
        return self.request("PUT", query, options or None, headers)

    def patch(self, query="", headers=None, **changes):
        return self.request("PATCH", query, changes, headers)

    def delete(self, query=""):
        return self.request("DELETE", query)

    def made(self, *records, **options):
        """Makes the log, with some texts in it; itself."""
        answer = self.put(**options)
        assert answer.status == 201, answer
        if records:
            self.append(*records)
        return self

    def by(self, handle):
        """The same log, for the caller that the handle stands for."""
        return Log(self.api, self.name, handle)

    def new_handle(self, **options):
        answer = self.post("/handles", options or None)
        assert answer.status == 201, answer
        return answer.json["handle"]

    def append(self, *texts, query=""):
        answer = self.try_append(*texts, query=query)
        assert answer.status in (200, 202), answer
        return answer.json

    def try_append(self, *texts, query="", headers=None):
        records = [{"text": text} if isinstance(text, str) else text for text in texts]
        return self.post("/append" + query, {"records": records}, headers)

    @property
    def item(self):
        answer = self.get()
        assert answer.status == 200, answer
        return answer.json

    def close(self):
        answer = self.post("/close")
        assert answer.status == 200, answer
        return answer.json

    def chunk(self, cont="start", query=""):
        answer = self.get(f"/chunk?cont={cont}{query}")
        assert answer.status == 200, answer
        return answer.json

    def records(self, shape="text"):
        """All records in one form, by chunks; their envelopes' values."""
        cont, found = "start", []
        while True:
            page = self.chunk(cont, f"&as={shape}")
            if page["eof"]:
                return found
            found += [next(iter(record.values())) for record in page["records"]]
            cont = page["cont"]

    def walk(self, query="", accept="application/x-ndjson"):
        """The records of a walk, and its end object."""
        answer = self.get("/walk" + query, {"Accept": accept})
        assert answer.status == 200, answer
        if accept != "application/x-ndjson":
            return split_frames(answer.body)
        *records, end = answer.lines
        return records, end

    @property
    def encoded(self):
        """All records as encoded terms."""
        return [base64.b64decode(text) for text in self.records("b64")]


def ring(bytes, files, **rest):
    """Options of a wrap log."""
    return {"type": "wrap", "size": {"max_no_bytes": bytes, "max_no_files": files}, **rest}
