"""libpmemlog itself, through ctypes, in a process of its own: it dies of some files."""

import ctypes
import errno
import multiprocessing
import os
import subprocess

from support.poolfile import DATA

CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


class Library:
    """The calls, with the error number as an exception."""

    def __init__(self):
        self.c = ctypes.CDLL("libpmemlog.so.1", use_errno=True)
        for name, result, arguments in (
            ("create", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint]),
            ("open", ctypes.c_void_p, [ctypes.c_char_p]),
            ("close", None, [ctypes.c_void_p]),
            ("check", ctypes.c_int, [ctypes.c_char_p]),
            ("nbyte", ctypes.c_size_t, [ctypes.c_void_p]),
            ("tell", ctypes.c_longlong, [ctypes.c_void_p]),
            ("rewind", None, [ctypes.c_void_p]),
            ("append", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
            ("walk", None, [ctypes.c_void_p, ctypes.c_size_t, CALLBACK, ctypes.c_void_p]),
        ):
            function = getattr(self.c, "pmemlog_" + name)
            function.restype, function.argtypes = result, arguments

    def _handle(self, handle):
        if not handle:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return handle

    def create(self, path, size=0, mode=0o600):
        return self._handle(self.c.pmemlog_create(os.fsencode(path), size, mode))

    def open(self, path):
        return self._handle(self.c.pmemlog_open(os.fsencode(path)))

    def append(self, handle, data):
        if self.c.pmemlog_append(handle, data, len(data)):
            raise OSError(ctypes.get_errno(), "append")

    def walk(self, handle, chunk=0):
        found = []

        def collect(data, size, _):
            found.append(ctypes.string_at(data, size) if size else b"")
            return 1

        self.c.pmemlog_walk(handle, chunk, CALLBACK(collect), None)
        return found


def _run(body, arguments, results):
    try:
        results.send((True, body(Library(), *arguments)))
    except OSError as error:
        results.send((False, errno.errorcode.get(error.errno, str(error.errno))))


class Refused(Exception):
    """The library refused; its error's name is the argument."""


def run(body, *arguments):
    """Runs `body(library, ...)` in a child and gives its result; raises Refused."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(body, arguments, theirs))
    child.start()
    theirs.close()
    try:
        assert ours.poll(60), "the library hangs"
        good, value = ours.recv()
    except EOFError:
        child.join()
        raise AssertionError(f"the library's process ended with {child.exitcode}") from None
    child.join(60)
    if not good:
        raise Refused(value)
    return value


def _make(library, path, size, records, rewind_after, leave_open):
    handle = library.create(path, size)
    for index, record in enumerate(records):
        library.append(handle, record)
        if rewind_after == index + 1:
            library.c.pmemlog_rewind(handle)
    if leave_open:
        os.kill(os.getpid(), 9)
    library.c.pmemlog_close(handle)


def make(path, size, records=(), *, rewind_after=None):
    """Makes a pool as any program with libpmemlog would."""
    run(_make, path, size, list(records), rewind_after, False)


def make_and_die(path, size, records):
    """As `make`, but the process is killed with the pool open."""
    context = multiprocessing.get_context("fork")
    child = context.Process(
        target=_make, args=(Library(), path, size, list(records), None, True))
    child.start()
    child.join(60)
    assert child.exitcode == -9


def _look(library, path, chunk):
    handle = library.open(path)
    nbyte, tell = library.c.pmemlog_nbyte(handle), library.c.pmemlog_tell(handle)
    chunks = library.walk(handle, chunk)
    library.c.pmemlog_close(handle)
    return nbyte, tell, chunks


def look(path, chunk=0):
    """Capacity, length and chunks by the library."""
    return run(_look, path, chunk)


def check(path):
    """True if pmemlog_check finds it consistent; the error's name if it cannot tell."""

    def body(library, path):
        ctypes.set_errno(0)
        result = library.c.pmemlog_check(os.fsencode(path))
        return True if result == 1 else errno.errorcode.get(ctypes.get_errno(), "inconsistent")

    return run(body, path)


def append(path, record):
    """Appends with the library to a pool that nobody has open."""

    def body(library, path, record):
        handle = library.open(path)
        library.append(handle, record)
        library.c.pmemlog_close(handle)

    run(body, path, record)


def pmempool(*arguments):
    """Exit code and output of the tool."""
    done = subprocess.run(["pmempool", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def assert_accepted(path, data):
    """Library and tool agree that the pool is whole and holds exactly `data`."""
    assert check(path) is True
    code, text = pmempool("check", "-v", path)
    assert code == 0 and "consistent" in text and "not consistent" not in text, text
    code, text = pmempool("info", "-s", path)
    assert code == 0 and "error" not in text.lower(), text
    nbyte, tell, chunks = look(path)
    assert (tell, chunks) == (len(data), [data])
    assert nbyte == os.path.getsize(path) // 4096 * 4096 - DATA
