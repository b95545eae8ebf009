"""Requests as the bytes that each protocol wants: what a client sends first, and then repeats."""

import base64
import json
import socket
import struct


def http(path, body, content_type):
    head = (f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def tidemark(kind, record, batch, durability):
    """An append; to a pool all is one record."""
    path = f"/v1/{kind}/bench/append" + ("" if kind == "pools" else f"?durability={durability}")
    if batch == 1:
        return http(path, record, "application/octet-stream")
    frames = (len(record).to_bytes(4, "big") + record) * batch
    return http(path, frames, "application/x-record-frames")


def webdis(record):
    return http("/", b"RPUSH/bench/" + record, "application/x-www-form-urlencoded")


def redis(record, batch):
    """RPUSH, all records in one command."""
    words = [b"RPUSH", b"bench"] + [record] * batch
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def etcd(record, batch):
    """A put; of several keys in one transaction, which takes no key twice."""
    def put(key):
        return {"key": base64.b64encode(key).decode(),
                "value": base64.b64encode(record).decode()}

    if batch == 1:
        return http("/v3/kv/put", json.dumps(put(b"bench")).encode(), "application/json")
    puts = [{"requestPut": put(b"bench%d" % number)} for number in range(batch)]
    return http("/v3/kv/txn", json.dumps({"success": puts}).encode(), "application/json")


def message(kind, content):
    return kind + struct.pack(">I", len(content) + 4) + content


def postgres_login(*settings):
    words = ["user", "bench", "database", "postgres", *settings]
    return message(
        b"", struct.pack(">I", 196608) + b"".join(w.encode() + b"\0" for w in words) + b"\0")


def postgres_hello(batch, synchronous_commit):
    """Logs in, and prepares an INSERT of that many rows."""
    login = postgres_login("synchronous_commit", synchronous_commit)
    rows = ", ".join(f"(${number + 1})" for number in range(batch))
    types = struct.pack(">H", batch) + struct.pack(">I", 17) * batch  # 17 is bytea
    statement = b"append\0" + f"INSERT INTO bench VALUES {rows}".encode() + b"\0" + types
    return login + message(b"P", statement) + message(b"S", b"")


def postgres(record, batch):
    """Runs the prepared INSERT, in a transaction of its own."""
    value = struct.pack(">I", len(record)) + record
    bind = b"\0append\0" + struct.pack(">HHH", 1, 1, batch) + value * batch + struct.pack(">H", 0)
    return (message(b"B", bind) + message(b"E", b"\0" + struct.pack(">I", 0))
            + message(b"S", b""))


NATS_HELLO = (b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
              b"SUB _INBOX.@CLIENT 1\r\nPING\r\n")


def nats(record, batch):
    """Publishes each record with a place for its acknowledgement."""
    return b"PUB bench _INBOX.@CLIENT %d\r\n%s\r\n" % (len(record), record) * batch


def nats_ask(port, subject, question):
    """One request to JetStream's own interface."""
    text = json.dumps(question).encode()
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.sendall(
            b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB _INBOX.ask 1\r\n'
            + f"PUB {subject} _INBOX.ask {len(text)}\r\n".encode() + text + b"\r\n")
        lines = client.makefile("rb")
        for line in lines:
            if line.startswith(b"MSG "):
                return json.loads(lines.read(int(line.split()[-1])))
            if line.startswith((b"HMSG ", b"-ERR")):
                break
    raise RuntimeError(f"{subject}: {line}")
