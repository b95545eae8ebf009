"""Starts the real server on a free port, watches its log, and ends it one way or another."""

import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time

from support.client import Client
from support.machine import patient

ROOT = pathlib.Path(__file__).resolve().parents[3]
REPORT = re.compile(r"(WARNING|ERROR|FATAL): (Thread|Address|Leak)Sanitizer")
READY = re.compile(r"serves .* at https?://(\S+):(\d+)")


def binary():
    """The program under test."""
    named = os.environ.get("TIDEMARK")
    if named:
        return str(pathlib.Path(named).resolve())
    for kind in ("release", "debug"):
        path = ROOT / ".build" / kind / "tidemark"
        if path.exists():
            return str(path)
    raise RuntimeError("build tidemark first, or name it in TIDEMARK")


def environment(changes=None):
    """What the server sees: nothing that would change its settings or libpmem's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TIDEMARK", "PMEM", "LD_PRELOAD"))
    }
    kept["SWIFT_BACKTRACE"] = "enable=no"
    kept.update(changes or {})
    return {name: value for name, value in kept.items() if value is not None}


def wait_until(condition, timeout=10, what="the condition", pause=0.005):
    """The first true value of `condition`, or an error when time is up."""
    end = time.monotonic() + patient(timeout)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s in vain for {what}"
        time.sleep(pause)


class StartFailed(Exception):
    """The server ended before it was ready."""

    def __init__(self, code, lines):
        super().__init__(f"exit {code}: {lines}")
        self.code = code
        self.lines = lines


class Server:
    """A running server; a context manager that leaves no process behind.

    `flags` are settings by their flag's name without dashes in front: body_bytes is written
    http_body_bytes=1024. `prefix` is a command to run the server under.
    """

    def __init__(
        self, data, *, env=None, prefix=(), preload=None, limits=None, wait=True, port=0,
        start_timeout=patient(20), **flags,
    ):
        self.data = pathlib.Path(data)
        flags.setdefault("storage_free_bytes", 0)
        self.arguments = ["serve", "--port", str(port), "--data", str(data)]
        for name, value in flags.items():
            self.arguments += ["--" + name.replace("_", "-"), str(value)]
        self.prefix = [str(part) for part in prefix]
        self.env = dict(env or {})
        if preload:
            self.env["LD_PRELOAD"] = str(preload)
        self.limits = limits or {}
        self.start_timeout = start_timeout
        self.lines = []
        self.process = None
        self.start(wait)

    def start(self, wait=True):
        self.news = threading.Condition()
        self.lines = []
        self.started = time.monotonic()
        self.ready_after = None
        self.port = None
        self.client_ = None
        self.process = subprocess.Popen(
            [*self.prefix, binary(), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment(self.env), preexec_fn=self._set_limits if self.limits else None,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait:
            self.wait_ready()
        return self

    def _set_limits(self):
        for kind, value in self.limits.items():
            resource.setrlimit(kind, (value, value))

    def _read(self):
        for line in self.process.stderr:
            text = line.decode("utf-8", "replace").rstrip("\n")
            with self.news:
                self.lines.append(text)
                found = READY.search(text)
                if found:
                    self.port = int(found[2])
                    self.ready_after = time.monotonic() - self.started
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait_ready(self, timeout=None):
        timeout = patient(timeout) if timeout else self.start_timeout
        end = time.monotonic() + timeout
        with self.news:
            while self.port is None:
                if self.process.poll() is not None and not self.reader.is_alive():
                    raise StartFailed(self.process.returncode, self.lines)
                if time.monotonic() > end:
                    self.process.kill()
                    raise AssertionError(f"not ready in time: {self.lines}")
                self.news.wait(0.05)
        return self

    def wait_line(self, pattern, timeout=10):
        """The first log line that the pattern is found in."""
        def find():
            return next((line for line in list(self.lines) if re.search(pattern, line)), None)

        return wait_until(find, timeout, f"a log line with {pattern}; there is {self.lines}")

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_alive(self):
        return self.process.poll() is None

    def cpu_seconds(self):
        """Seconds that the process has had of processors."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    @property
    def client(self):
        """A client with one connection, made on first use."""
        if self.client_ is None:
            self.client_ = Client(self.port)
        return self.client_

    def new_client(self, **options):
        return Client(self.port, **options)

    def resident(self, kind="VmRSS"):
        """Resident memory in bytes: all, the process's own (RssAnon), or the most so far (VmHWM)."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{kind}:\s+(\d+) kB", text)[1]) * 1024

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, timeout=20):
        """The exit code; negative for a signal."""
        timeout = patient(timeout)
        code = self.process.wait(timeout)
        self.reader.join(5)
        self.check_sanitizers()
        return code

    def check_sanitizers(self):
        """Fails if the program was built with a sanitizer that found something."""
        text = "\n".join(self.lines)
        found = REPORT.search(text)
        # What is made once, at the start, holds itself and is not taken apart at the end: that is
        # lost by way of other lost things only. What leaks with each request grows, and is found
        # by the soak.
        if found and (found[2] != "Leak" or "\nDirect leak of" in text):
            raise AssertionError(text[found.start():][:8000])

    def stop(self, timeout=20):
        """Ends it politely; the exit code."""
        self.close_client()
        if self.is_alive:
            self.signal()
        return self.wait(timeout)

    def kill9(self):
        self.close_client()
        if self.is_alive:
            self.process.kill()
        return self.wait()

    def restart(self, kill=False):
        """Ends the server and starts it again over the same data."""
        (self.kill9 if kill else self.stop)()
        return self.start()

    def close_client(self):
        if self.client_:
            self.client_.close()
            self.client_ = None

    def close(self):
        if self.process and self.is_alive:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        elif self.process:
            self.check_sanitizers()
        self.close_client()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
