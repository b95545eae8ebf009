"""Followers: how soon they are told, and what they cost the writer."""

import http.client
import re
import selectors
import socket
import threading
import time

from bench import servers
from bench.load import wrk
from bench.machine import HERE, request
from bench.tables import in_turns


class Followers(threading.Thread):
    """Reads what many followers of one resource are sent; when each record came to each of them."""

    def __init__(self, port, path, count, notes):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.notes = notes
        self.arrivals = {}
        self.ended = False
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(f"GET {path}/follow HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            while b"caught_up" not in client.recv(65536):
                pass
            self.selector.register(client, selectors.EVENT_READ)

    def run(self):
        (self.note if self.notes else self.drain)()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()

    def drain(self):
        """Looks at nothing: what reading costs here is taken from the writer."""
        buffer = bytearray(1 << 20)
        while not self.ended:
            for key, _ in self.selector.select(0.1):
                key.fileobj.recv_into(buffer)

    def note(self):
        while not self.ended:
            for key, _ in self.selector.select(0.1):
                content = key.fileobj.recv(1 << 20)
                now = time.monotonic()
                for number in re.findall(rb"<(\d+)>", content):
                    self.arrivals.setdefault(int(number), []).append(now)


def follow(bench, followers):
    """How long after the answer to an append its record is with all followers."""
    server = servers.tidemark(bench)
    request(server.port, "PUT", "/v1/logs/bench")
    readers = Followers(server.port, "/v1/logs/bench", followers, notes=True)
    readers.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    answered = {}
    for number in range(int(bench.options.seconds * 40)):
        connection.request("POST", "/v1/logs/bench/append", b"<%d>" % number)
        connection.getresponse().read()
        answered[number] = time.monotonic()
        time.sleep(0.02)
    time.sleep(0.5)
    readers.ended = True
    readers.join()
    delays = sorted(
        max(0, arrival - answered[number])
        for number, arrivals in readers.arrivals.items() for arrival in arrivals)
    expected = len(answered) * followers
    bench.stop(server)
    print(f"\nFollowing: {followers} followers of one log, a record each 20 ms: "
          f"{len(delays)} of {expected} delivered; from the answer to the delivery "
          f"{delays[len(delays) // 2] * 1000:.2f} ms at the median, "
          f"{delays[len(delays) * 99 // 100] * 1000:.2f} ms at 99 %.", flush=True)


def follow_cost(bench, followers):
    """What followers cost a writer: appends a second with them, to those without."""
    server = servers.tidemark(bench)
    request(server.port, "PUT", "/v1/logs/bench")

    def alone():
        request(server.port, "PUT", "/v1/logs/other")
        result = wrk(
            bench, server, "/v1/logs/other/append", 1, HERE / "append.lua", {"SIZE": "100"})
        request(server.port, "DELETE", "/v1/logs/other")
        return result

    def followed():
        readers = Followers(server.port, "/v1/logs/bench", followers, notes=False)
        readers.start()
        result = wrk(
            bench, server, "/v1/logs/bench/append", 1, HERE / "append.lua", {"SIZE": "100"})
        readers.ended = True
        readers.join()
        return result

    row = in_turns(
        bench, f"1 connection, {followers} followers",
        {"Tidemark": followed, "unfollowed": alone})
    bench.stop(server)
    return row
