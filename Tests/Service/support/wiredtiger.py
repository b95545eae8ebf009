"""The real WiredTiger, and databases that it makes."""

import functools
import json
import pathlib
import shutil
import subprocess
import tempfile

NOT_FOUND, ERROR, PANIC = -31803, -31802, -31804
READ_ONLY = "readonly=true,log=(enabled=false)"
KEEP = "create,log=(enabled=true,archive=false,file_max=100KB)"
SOURCE = pathlib.Path(__file__).with_name("wiredtiger.c")


@functools.cache
def program():
    """The driver, built once."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="wiredtiger-")) / "driver"
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Wextra", "-o", path, SOURCE, "-lwiredtiger"], check=True)
    return path


def is_there():
    return pathlib.Path("/usr/include/wiredtiger.h").exists()


def extension(name):
    """The configuration that loads a compressor, as Debian has it."""
    path = next(pathlib.Path("/usr/lib").rglob(f"libwiredtiger_{name}.so"))
    return f"extensions=[{path}]"


class Failed(Exception):
    """A call of the library did not return 0."""

    def __init__(self, code, text):
        super().__init__(f"{code} {text}")
        self.code = code


class WiredTiger:
    """One process with the real library; `open` a database in it, then call it by command."""

    def __init__(self, directory=None, config=READ_ONLY):
        self.process = subprocess.Popen(
            [program()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        if directory is not None:
            self.do("open", directory, config)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def do(self, *words):
        """Runs a command; the lines that it prints. Raises `Failed` with what came before."""
        lines, code, text = self.ask(*words)
        if code != 0:
            raise Failed(code, text)
        return lines

    def ask(self, *words):
        """Runs a command: lines, code and text; the code is None if the library crashed."""
        self.process.stdin.write(
            " ".join(word.hex() if isinstance(word, bytes) else str(word) for word in words)
            + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith("="):
                code, _, text = line[1:].strip().partition(" ")
                return lines, int(code), text
            if line.endswith("\n"):
                lines.append(json.loads(line))
        return lines, None, "it crashed"

    def kill(self):
        """Ends the process as kill -9 does."""
        self.process.kill()
        self.process.wait()

    def rows(self, count=10**9):
        """The rows that a fresh log cursor gives, and how it ended."""
        self.do("cursor", 0)
        lines, code, _ = self.ask("next", 0, count)
        return [row(line) for line in lines], code


def row(line):
    """A row as a tuple: file, offset, opctr, txnid, rectype, optype, fileid, key, value."""
    return (*line["row"], bytes.fromhex(line["key"]), bytes.fromhex(line["value"]))


def rows_of(directory, config=READ_ONLY):
    """What the real cursor gives of a directory, and how it ended."""
    real = WiredTiger()
    lines, code, _ = real.ask("open", directory, config)
    found = ([], code) if code else real.rows()
    real.end()
    return found


def rows_of_copy(directory, to, config=READ_ONLY):
    """As `rows_of`, of a copy: what holds the directory open does not matter."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(directory, to)
    return rows_of(to, config)


def printlog(directory):
    """What wt printlog says, which must accept every byte."""
    return subprocess.run(
        ["wt", "-C", "readonly=true", "-h", directory, "printlog"], check=True,
        capture_output=True).stdout


# Scenarios: databases that show one thing each.

class Database(WiredTiger):
    """A database that is being made."""

    def __init__(self, directory, config=KEEP):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory, config)

    def table(self, name, config=""):
        kind = "r" if name.isupper() else "u"
        uri = f"table:{name}"
        self.do("create", uri, f"key_format={kind},value_format=u{config}")
        self.do("table", name, uri)

    def transaction(self, *changes):
        self.do("begin", "isolation=snapshot")
        for change in changes:
            self.do(*change)
        self.do("commit", "")

    def message(self, text):
        self.do("printf", text)

    def close(self):
        self.do("close")
        self.end()


def number(value):
    """The key of a row in a table by record number, as the driver takes it."""
    return b"%d" % value


def seed(database):
    database.table("s")
    database.do("checkpoint", "")
    database.transaction(*(("put", "s", b"k%d\0" % n, b"v%d\0" % n) for n in (1, 2, 3)))
    database.do("put", "s", b"k4\0", b"v4\0")


def messages(database):
    for size in [*range(21), *range(105, 117), *range(233, 243), 6000, 70_000, 150_000]:
        database.message(b"m" * size)
    database.message("grün € \"quoted\" back\\slash tab\t end".encode())


def operations(database):
    database.table("r")
    database.table("C")
    database.transaction(
        *(("put", "r", b"key%02d" % n, b"\x01\x02value\0\xff" * n) for n in range(10)),
        *(("put", "C", number(n * 1000 + 1), b"column %d" % n) for n in range(10)))
    database.do("put", "r", b"large", b"L" * 2000)
    database.do("put", "C", number(9001), b"L" * 2000)
    database.transaction(
        ("modify", "r", b"large", 100, 2, b"XYZ"), ("modify", "C", number(9001), 5, 0, b"new"))
    database.transaction(("remove", "r", b"key04"), ("remove", "C", number(3001)))
    database.do("truncate", "r", b"key05", b"key06")
    database.do("truncate", "r", "-", b"key01")
    database.do("truncate", "r", b"key09", "-")
    database.do("truncate", "C", number(7001), "-")
    database.do("begin", "")
    database.do("put", "r", b"never", b"logged")
    database.do("rollback")


def large(database):
    database.table("b")
    for index, size in enumerate(
            (100, 8000, 8191, 8192, 8255, 8256, 8257, 50_000, 131_000, 700_000)):
        database.do("put", "b", b"k%d" % index, bytes((index + n) % 256 for n in range(size)))


def switching(database):
    database.table("s")
    for index in range(1500):
        database.do("put", "s", b"key%06d" % index, b"s" * 200)
        if index % 500 == 250:
            database.do("checkpoint", "")


def checkpoints(database):
    database.table("a")
    database.do("put", "a", b"1", b"1")
    database.do("checkpoint", "")
    database.do("put", "a", b"2", b"2")
    database.do("checkpoint", 'target=("table:a")')
    database.do("checkpoint", "name=named")


def timestamps(database):
    database.table("t")
    database.table("n", ",log=(enabled=false)")
    database.do("begin", "isolation=snapshot")
    database.do("put", "t", b"t1", b"v1")
    database.do("put", "n", b"n1", b"v1")
    database.do("commit", "commit_timestamp=2b")


SCENARIOS = {
    "seed": (seed, KEEP), "messages": (messages, KEEP), "operations": (operations, KEEP),
    "large": (large, KEEP), "switching": (switching, KEEP), "checkpoints": (checkpoints, KEEP),
    "timestamps": (timestamps, KEEP + ",debug_mode=(table_logging=true)"),
    "version1": (seed, KEEP + ',compatibility=(release="2.9")'),
    "version2": (seed, KEEP + ',compatibility=(release="3.0")'),
    "zero filled": (seed, KEEP.replace("file_max", "zero_fill=true,file_max")),
}


def make(name, directory, *, crash=False):
    """Makes the database of a scenario; with `crash` it is killed instead of closed."""
    scenario, config = SCENARIOS[name]
    database = Database(directory, config)
    scenario(database)
    if crash:
        database.do("flush", "sync=on")
        database.kill()
    else:
        database.close()
