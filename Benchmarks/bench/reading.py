"""Reading: an item, a whole pool, and what slow readers cost in memory."""

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

from bench import servers
from bench.load import curl, wrk
from bench.machine import request, tell
from bench.tables import in_turns


PIECE = 8 << 20  # the largest record by default


def item(bench, connections):
    """The state of a pool against a constant."""
    tidemark, floor = servers.tidemark(bench), servers.floor(bench)
    request(tidemark.port, "PUT", "/v1/pools/bench")
    row = in_turns(bench, f"{connections} connections", {
        "Tidemark": lambda: wrk(bench, tidemark, "/v1/pools/bench", connections),
        "floor": lambda: wrk(bench, floor, "/", connections)})
    bench.stop(tidemark)
    bench.stop(floor)
    return row


def fill(port, name, size):
    """Makes a pool with that many bytes of data."""
    request(port, "PUT", f"/v1/pools/{name}", json.dumps({"pool_size": size + (1 << 20)}))
    piece = os.urandom(PIECE)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    for offset in range(0, size, PIECE):
        connection.request(
            "POST", f"/v1/pools/{name}/append", piece[:size - offset],
            {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        if answer.read() and answer.status != 200:
            raise RuntimeError(f"an append was answered with {answer.status}")
    connection.close()


def walk(bench, size):
    """A whole pool as bytes against a file of the same bytes, both in the page cache."""
    folder = bench.folder("nginx")
    (folder / "root").mkdir()
    tidemark = servers.tidemark(bench)
    tell(f"walk: making a pool of {size} bytes")
    fill(tidemark.port, "bench", size)
    with open(folder / "root/file", "wb") as file:
        subprocess.run(
            ["curl", "-s", f"http://127.0.0.1:{tidemark.port}/v1/pools/bench/walk"], check=True,
            stdout=file)
    nginx = servers.nginx(bench, folder)
    row = in_turns(bench, f"{size / 1e9:g} GB", {
        "Tidemark": lambda: curl(tidemark, "/v1/pools/bench/walk", size),
        "nginx": lambda: curl(nginx, "/file", size)})
    bench.stop(tidemark)
    bench.stop(nginx)
    return row


def resident(process):
    """Bytes of memory of a process."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) * 1024


def memory(bench, size, clients, seconds):
    """What slow readers of one large pool cost in memory."""
    free = shutil.disk_usage(bench.directory).free
    if free < size + (2 << 30):
        return print(f"\nmemory: left out, {free >> 30} GiB of disk are free")
    data = bench.folder("data")
    server = servers.tidemark(bench, data)
    tell(f"memory: making a pool of {size} bytes")
    fill(server.port, "bench", size)
    bench.stop(server)
    server = servers.tidemark(bench, data)
    request(server.port, "GET", "/v1/pools/bench")
    time.sleep(1)
    idle = resident(server.process)
    got = [0] * clients
    ended = threading.Event()

    def read(number):
        form = ["application/octet-stream", "application/x-ndjson"][number % 2]
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(
                f"GET /v1/pools/bench/walk HTTP/1.1\r\nHost: bench\r\nAccept: {form}\r\n\r\n"
                .encode())
            while not ended.is_set():
                piece = client.recv(64 * 1024)
                if not piece:
                    break
                got[number] += len(piece)
                time.sleep(0.01)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    peak = idle
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        peak = max(peak, resident(server.process))
        time.sleep(0.1)
    ended.set()
    for thread in threads:
        thread.join()
    bench.stop(server)
    print(f"\nMemory: {clients} slow clients, half of them as NDJSON, walk a pool of "
          f"{size / 1e9:g} GB at once: {(peak - idle) / 2**20:.1f} MiB above idle "
          f"({idle / 2**20:.1f} MiB); each got {min(got) / 1e6:.0f} to {max(got) / 1e6:.0f} MB "
          f"in {seconds} s.", flush=True)
