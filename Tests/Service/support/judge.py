"""libpmemlog's verdict on many files, quickly: one child process that is made anew when it dies."""

import ctypes
import faulthandler
import multiprocessing
import os

from support.pmemlog import Library

DIED = "died"
SECONDS = 20


def _serve(pipe):
    # That it dies is no news to anybody.
    faulthandler.disable()
    library = Library()
    while True:
        kind, path = pipe.recv()
        if kind == "check":
            pipe.send(library.c.pmemlog_check(os.fsencode(path)) == 1)
            continue
        ctypes.set_errno(0)
        handle = library.c.pmemlog_open(os.fsencode(path))
        if not handle:
            pipe.send(None)
            continue
        data = b"".join(library.walk(handle))
        library.c.pmemlog_close(handle)
        pipe.send(data)


class Judge:
    """`check` and `read` say what the library says, or DIED."""

    def __init__(self):
        self.deaths = 0
        self._start()

    def _start(self):
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.child = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.child.start()
        theirs.close()

    def _ask(self, kind, path):
        try:
            self.pipe.send((kind, str(path)))
            assert self.pipe.poll(SECONDS), f"the library hangs in {kind}"
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            self.close()
            self.deaths += 1
            self._start()
            return DIED

    def check(self, path):
        """True if the library finds the pool consistent."""
        return self._ask("check", path)

    def read(self, path):
        """The pool's data; None if the library does not open it."""
        return self._ask("read", path)

    def close(self):
        self.child.kill()
        self.child.join()
        self.pipe.close()
