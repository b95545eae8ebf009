"""File systems whose power can fail, for tests that import `disk` and `needs_power`.

The data directory lies on ext4 or XFS, in an image file on another XFS. A clone of the image
(FICLONE takes all of it at one moment) is what a disk would hold had the power failed then; it is
mounted, which replays its journal, and judged.
"""

import contextlib
import copy
import fcntl
import os
import pathlib
import subprocess
import time

import pytest

from support.machine import needs_program
from support.progress import progress

CUTS = int(os.environ.get("TIDEMARK_CUTS", 10))
FICLONE = 0x40049409

# How each is made and mounted; the clone of an XFS has the same identifier as the one it is of.
KINDS = {
    "ext4": (256 << 20, ("mkfs.ext4", "-q", "-F"), "loop"),
    "xfs": (320 << 20, ("mkfs.xfs", "-q", "-f"), "loop,nouuid"),
}


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def can_mount():
    if os.geteuid() != 0 or not pathlib.Path("/dev/loop-control").exists():
        return False
    return subprocess.run(["losetup", "-f"], capture_output=True).returncode == 0


needs_power = [
    pytest.mark.skipif(not can_mount(), reason="needs root and a free loop device"),
    needs_program("mkfs.xfs"), needs_program("mkfs.ext4"),
]


class Disk:
    """A file system whose power can fail."""

    def __init__(self, folder, kind):
        size, make, self.options = KINDS[kind]
        self.outer, self.mount, self.snapshot = (
            folder / name for name in ("outer", "disk", "snapshot"))
        for path in (self.outer, self.mount, self.snapshot):
            path.mkdir()
        self.stack = contextlib.ExitStack()
        with open(folder / "outer.image", "wb") as file:
            file.truncate(2 << 30)
        run("mkfs.xfs", "-q", "-f", folder / "outer.image")
        self._mount(folder / "outer.image", self.outer)
        self.image = self.outer / "image"
        with open(self.image, "wb") as file:
            file.truncate(size)
        run(*make, self.image)
        self._mount(self.image, self.mount)

    def _mount(self, image, place):
        run("mount", "-o", "loop", image, place)
        self.stack.callback(run, "umount", "-l", place)

    @contextlib.contextmanager
    def cut(self):
        """The folder as it would be found, had the power failed at this moment."""
        clone = self.outer / "clone"
        with open(self.image, "rb") as source, open(clone, "wb") as target:
            fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        run("mount", "-o", self.options, clone, self.snapshot)
        try:
            yield self.snapshot / "data"
        finally:
            run("umount", self.snapshot)
            clone.unlink()


@pytest.fixture(params=KINDS)
def disk(tmp_path, request):
    disk = Disk(tmp_path, request.param)
    yield disk
    disk.stack.close()


@pytest.fixture
def no_flushes():
    """A library that makes flushes do nothing, to be preloaded."""
    found = next(pathlib.Path("/usr/lib").glob("*/libeatmydata.so"), None)
    return found or pytest.skip("needs libeatmydata")


def seen(history):
    """The history as it is now, to be judged with what a cut at a later moment has left."""
    with history.lock:
        found = copy.copy(history)
        found.acknowledged = dict(history.acknowledged)
    return found


def cut_under(writers, disk, cuts, dice, acknowledged, judge):
    """The faults that are found after power cuts at random moments while the writers work.

    `judge` is given the folder, and what `acknowledged` told just before the cut.
    """
    faults = []
    for writer in writers:
        writer.start()
    try:
        for _ in progress(range(cuts), "cut"):
            time.sleep(dice.uniform(0.01, 0.1))  # the moment is random on purpose
            known = acknowledged()
            with disk.cut() as data:
                faults += judge(data, known)
    finally:
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join()
    return faults
