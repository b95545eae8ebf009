"""One resource of every kind that takes appends, and the records in it, told alike."""

import http.client
import re
import time

from support.journal import Journal, texts
from support.logs import Found

RECORD = re.compile(rb"<(\d+):(\d+):(x*)>")
RING = {"type": "wrap", "size": {"max_no_bytes": 60_000, "max_no_files": 200}}
KINDS = {
    "pool": ("pools", {"pool_size": 64 << 20}),
    "halt": ("logs", {}),
    "halt external": ("logs", {"format": "external"}),
    "wrap": ("logs", RING),
    "wrap external": ("logs", {**RING, "format": "external"}),
    "journal": ("journals", {"file_max": 102_400}),
}


class Resource:
    """One of KINDS by the name `r`."""

    def __init__(self, kind):
        self.kind = kind
        self.folder, self.options = KINDS[kind]
        self.path = f"/v1/{self.folder}/r"

    def create(self, client):
        answer = client.put(self.path, self.options)
        assert answer.status in (200, 201), answer
        return self

    def append(self, client, records, key=None, query="", **headers):
        if key is not None:
            headers["Idempotency-Key"] = key
        return client.post(
            f"{self.path}/append{query}", {"records": [{"text": each} for each in records]}, headers)

    def append_anyhow(self, new_client, records, key):
        """Until there is an answer, as a client does that must know."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with new_client() as client:
                    answer = self.append(client, records, key)
                    if answer.status < 500:
                        return answer
            except (OSError, http.client.HTTPException):
                pass
            assert time.monotonic() < deadline, "no answer for a minute"
            time.sleep(0.002)

    def records(self, client):
        """All that is there, in order."""
        if self.folder == "pools":
            data = client.walk("r")
        elif self.folder == "journals":
            rows, _ = Journal(client, "r").rows()
            return [text.decode() for text in texts(rows).values()]
        else:
            data = Found(client, "r").records
            if isinstance(data, dict):
                return [data[place].decode() for place in sorted(data)]
        return [match[0].decode() for match in RECORD.finditer(data)]
