"""What tests of buffer pools share: a pool with a file, and requests to its pages."""

import base64
import struct

PAGE = 4096


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def page_of(answer):
    return base64.b64decode(answer.json["page"]["b64"])


def crc32c(data):
    """CRC-32C bit by bit: slow, and plainly right."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


class MPool:
    """A pool of the service by its name, opened with the options given."""

    def __init__(self, client, name, **options):
        self.client, self.name = client, name
        self.path = f"/v1/mpools/{name}"
        answer = client.put(self.path, options)
        assert answer.status == 201, answer

    def open(self, file="f", pagesize=PAGE, create=True, **options):
        answer = self.client.put(
            f"{self.path}/files/{file}", {"pagesize": pagesize, "create": create, **options})
        assert answer.status == 201, answer
        return answer.json

    def post(self, path, body=None, headers=None):
        return self.client.post(self.path + path, body, headers)

    def pages(self, pgno, file="f"):
        return f"{self.path}/files/{file}/pages/{pgno}"

    def put(self, pgno, data, file="f", headers=None, query=""):
        return self.client.put(
            self.pages(pgno, file) + query, data, headers, type="application/octet-stream")

    def patch(self, pgno, data, query="", headers=None):
        return self.client.request(
            "PATCH", self.pages(pgno) + query, data, headers, type="application/octet-stream")

    def get(self, pgno, file="f", headers=None):
        return self.client.get(self.pages(pgno, file), headers)

    def fget(self, pgno=None, *flags, file="f", headers=None, **rest):
        body = {"flags": list(flags), **({} if pgno is None else {"pgno": pgno}), **rest}
        return self.post(f"/files/{file}/fget", body, headers)

    def fput(self, pin, *flags, file="f", headers=None, **rest):
        return self.post(f"/files/{file}/fput", {"pin": pin, "flags": list(flags), **rest}, headers)

    def fset(self, pin, *flags, file="f", **rest):
        return self.post(f"/files/{file}/fset", {"pin": pin, "flags": list(flags), **rest})

    def fsync(self, file="f"):
        return self.post(f"/files/{file}/fsync")

    @property
    def stat(self):
        return self.client.get(self.path + "/stat").json["global"]

    @property
    def pins(self):
        return self.client.get(self.path + "/pins").json["pins"]


def with_lsn(data, file, offset, at=8):
    """A page with an LSN."""
    return data[:at] + struct.pack("<II", file, offset) + data[at + 8:]
