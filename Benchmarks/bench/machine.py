"""The temporary folder, the programs that are built, what runs, and on which machine."""

import http.client
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent


def tell(text):
    print(text, file=sys.stderr, flush=True)


def program(name):
    """Where a program is, also if it lies where only root looks; None if it is not there."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(port, method, path, body=None):
    """One request on a connection of its own; the body of a 2xx answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status // 100 != 2:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:500]}")
        return content
    finally:
        connection.close()


class Bench:
    """The temporary directory, what runs in it, and how often and how long to measure."""

    def __init__(self, options, directory):
        self.options = options
        self.directory = pathlib.Path(directory)
        self.running = []
        self.count = 0
        self.built = {}
        self.tidemark_binary = self.build_tidemark()

    def wanted(self, case):
        only = self.options.only
        return not only or any(word in case for word in only)

    def folder(self, name):
        self.count += 1
        path = self.directory / f"{self.count}-{name}"
        path.mkdir()
        return path

    def stop(self, server):
        server.stop()
        self.running.remove(server)

    def stop_all(self):
        while self.running:
            self.stop(self.running[-1])

    # The programs

    def build_tidemark(self):
        if given := os.environ.get("TIDEMARK"):
            return given
        tell("building tidemark")
        return self.build_swift("tidemark")

    def build_swift(self, product):
        subprocess.run(
            ["swift", "build", "--package-path", ROOT, "-c", "release", "--static-swift-stdlib",
             "--product", product], check=True, stdout=subprocess.DEVNULL)
        return ROOT / ".build/release" / product

    def build_c(self, source, *flags, check=True):
        """A program made of one C file below Benchmarks; None if that fails and may."""
        binary = self.directory / pathlib.Path(source).stem
        if source not in self.built:
            done = subprocess.run(
                ["cc", "-O2", "-o", binary, HERE / source, *flags, "-lpthread"],
                capture_output=True, text=True)
            if check and done.returncode:
                raise RuntimeError(f"{source} cannot be built: {done.stderr}")
            self.built[source] = binary if done.returncode == 0 else None
        return self.built[source]

    @property
    def floor_binary(self):
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "libmicrohttpd"], check=True,
            capture_output=True, text=True).stdout.split()
        return self.build_c("floor.c", *flags)

    @property
    def peers_binary(self):
        return self.build_c("Peers/peers.c", "-Wall", "-Wextra")

    def build_libdb(self):
        """The program that times the real buffer pool; None if the library is not there."""
        return self.build_c("MPool/libdb.c", "-ldb-5.3", check=False)

    def build_wiredtiger(self):
        """The program that times the real log; None if the library is not there."""
        return self.build_c("Journals/wiredtiger.c", "-lwiredtiger", check=False)


def describe(bench):
    """What was measured, and on what."""
    def version(command):
        if not (found := program(command[0])):
            return None
        done = subprocess.run([found, *command[1:]], capture_output=True, text=True)
        return next(iter((done.stdout or done.stderr).splitlines()), "")

    kind = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE", "-T", bench.directory], capture_output=True,
        text=True).stdout.strip()
    print(f"{os.cpu_count()} cores, Linux {platform.release()}, file system {kind}; "
          f"{bench.options.rounds} rounds of {bench.options.seconds} s in turns, wrk with one "
          "thread.")
    programs = {
        "Tidemark": [str(bench.tidemark_binary), "--version"], "wrk": ["wrk", "-v"],
        "nginx": ["nginx", "-v"], "Redis": ["redis-server", "--version"],
        "etcd": ["etcd", "--version"], "PostgreSQL": ["psql", "--version"],
        "JetStream": ["nats-server", "--version"]}
    found = [
        f"{name} {match[0]}" for name, command in programs.items()
        if (match := re.search(r"\d+\.[\d.]+\d", version(command) or ""))]
    print(", ".join(found) + ".")
    if kind in ("tmpfs", "ramfs"):
        tell(f"WARNING: {kind} flushes nothing; give --dir a folder on a disk")
    sys.stdout.flush()
