"""A client over real sockets: requests through http.client, and raw bytes."""

import base64
import http.client
import json
import socket
import struct

from support import contract

POOL_MINIMUM = 2 << 20
HEADERS_SIZE = 8192


class Answer:
    """Status, headers and the whole body of an answer."""

    def __init__(self, method, path, status, headers, body):
        self.method, self.path = method, path
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name):
        return self.headers.get(name)

    @property
    def type(self):
        return (self["Content-Type"] or "").split(";")[0].strip()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["code"] if self.type == "application/problem+json" else None

    @property
    def lines(self):
        assert self.body.endswith(b"\n"), self.body[-80:]
        return [json.loads(line) for line in self.body.splitlines()]

    def __repr__(self):
        return f"<{self.method} {self.path}: {self.status} {self.body[:300]!r}>"


class Client:
    """One connection, opened again when the server closed it."""

    def __init__(self, port, timeout=30, host="127.0.0.1"):
        self.port, self.timeout, self.host = port, timeout, host
        self.connection = None

    def request(self, method, path, body=None, headers=None, *, type=None, chunked=False):
        """Sends a request and reads the answer; a dict or list as JSON."""
        sent = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            type = type or "application/json"
        if type:
            sent["Content-Type"] = type
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.host, self.port, timeout=self.timeout)
        try:
            answer = self._exchange(method, path, body, sent, chunked)
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        contract.observe(answer)
        return answer

    def _exchange(self, method, path, body, headers, chunked):
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        if body is not None and chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif body is not None:
            headers.setdefault("Content-Length", str(len(body)))
        elif method in ("POST", "PUT", "PATCH"):
            headers.setdefault("Content-Length", "0")
        for name, value in headers.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(body, encode_chunked=chunked)
        got = self.connection.getresponse()
        answer = Answer(method, path, got.status, got.headers, got.read())
        if got.will_close:
            self.close()
        return answer

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def put(self, path, body=None, headers=None, **rest):
        return self.request("PUT", path, body, headers, **rest)

    def post(self, path, body=None, headers=None, **rest):
        return self.request("POST", path, body, headers, **rest)

    def delete(self, path, headers=None):
        return self.request("DELETE", path, headers=headers)

    # Pools

    def create(self, name, headers=None, **options):
        answer = self.put(f"/v1/pools/{name}", options or None, headers)
        assert answer.status in (200, 201), answer
        return answer.json

    def append(self, name, data, **rest):
        """Appends bytes; the answer's JSON."""
        answer = self.try_append(name, data, **rest)
        assert answer.status == 200, answer
        return answer.json

    def try_append(self, name, data, query="", headers=None, type="application/octet-stream"):
        return self.post(f"/v1/pools/{name}/append{query}", data, headers, type=type)

    def item(self, name):
        answer = self.get(f"/v1/pools/{name}")
        assert answer.status == 200, answer
        return answer.json

    def tell(self, name):
        answer = self.get(f"/v1/pools/{name}/tell")
        assert answer.status == 200, answer
        return answer.json["tell"]

    def walk(self, name, query=""):
        """The bytes of the pool."""
        answer = self.get(f"/v1/pools/{name}/walk{query}")
        assert answer.status == 200, answer
        return answer.body


def envelope(data):
    return {"b64": base64.b64encode(data).decode()}


def frames(records):
    return b"".join(struct.pack(">I", len(record)) + record for record in records)


def split_frames(body):
    """The frames of a walk, and its end object."""
    found, offset = [], 0
    while True:
        (length,) = struct.unpack_from(">I", body, offset)
        offset += 4
        if length == 0xFFFFFFFF:
            (length,) = struct.unpack_from(">I", body, offset)
            assert offset + 4 + length == len(body), "something follows the end object"
            return found, json.loads(body[offset + 4:])
        found.append(body[offset:offset + length])
        assert len(found[-1]) == length, "the stream was cut"
        offset += length


class Raw:
    """A socket to which any bytes can be sent."""

    def __init__(self, port, timeout=10, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def fill(self):
        """Receives some more; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.buffer += data
        return bool(data)

    def read_answer(self, method="GET"):
        """The next answer, or None if the connection ended before one began."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                assert not self.buffer, f"cut in the middle of an answer: {self.buffer[:200]}"
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = http.client.HTTPMessage()
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name] = value.strip()
        if status == 100:
            return Answer(method, "", status, headers, b"")
        body = self._body(method, status, headers)
        return Answer(method, "", status, headers, body)

    def _body(self, method, status, headers):
        if method == "HEAD" or status in (204, 304):
            return b""
        if "chunked" in headers.get("Transfer-Encoding", ""):
            return self._chunks()
        length = headers.get("Content-Length")
        while length is None or len(self.buffer) < int(length):
            if not self.fill():
                break
        count = len(self.buffer) if length is None else int(length)
        body, self.buffer = self.buffer[:count], self.buffer[count:]
        return body

    def _chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                assert self.fill(), "cut before the size of a chunk"
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            while len(self.buffer) < size + 2:
                assert self.fill(), "cut inside a chunk"
            body, self.buffer = body + self.buffer[:size], self.buffer[size + 2:]
            if size == 0:
                return body

    def is_closed(self):
        """Waits for the server to close, and tells whether it did; nothing more may come."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, BrokenPipeError):
            return True
        except TimeoutError:
            return False
        assert data == b"", f"more came: {data[:200]}"
        return True

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
