"""A real file system on a device whose writes fail while a file exists, and then do not any more.

nbdkit's memory disk with its error filter, shown as a file by nbdfuse, under a loop device.
"""

import contextlib
import os
import shutil
import subprocess

from support.server import wait_until


def missing():
    """Why there can be no such device here; None if there can."""
    if os.geteuid() != 0:
        return "needs root to mount"
    for program, package in (("nbdkit", "nbdkit"), ("nbdfuse", "libnbd-bin"),
                             ("fusermount3", "fuse3"), ("mkfs.ext4", "e2fsprogs")):
        if not shutil.which(program):
            return f"needs {program}, of the package {package}"
    if not os.path.exists("/dev/fuse"):
        return "needs /dev/fuse"
    if subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        return "needs a free loop device"
    return None


def run(*command, accepted=(0,)):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode in accepted, (command, done.stdout, done.stderr)
    return done.stdout.strip()


class FailingDevice:
    """An ext4, mounted at `mount`; a context manager."""

    def __init__(self, folder, *, journal, size="96M"):
        self.trigger, shown, self.mount = (folder / name for name in ("fails", "shown", "mount"))
        for path in (shown, self.mount):
            path.mkdir(parents=True)
        self.stack = contextlib.ExitStack()
        self.process = subprocess.Popen(
            ["nbdfuse", shown / "disk", "--command", "nbdkit", "-s", "--exit-with-parent",
             "--filter=error", "memory", size, "error-pwrite=EIO", "error-pwrite-rate=100%",
             f"error-file={self.trigger}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stack.callback(self.process.wait, 10)
        self.stack.callback(lambda: run("umount", "-l", shown, accepted=(0, 32)))
        wait_until((shown / "disk").exists, what="the device")
        self.loop = run("losetup", "-f", "--show", shown / "disk")
        self.stack.callback(run, "losetup", "-d", self.loop)
        run("mkfs.ext4", "-q", "-F", "-O", "has_journal" if journal else "^has_journal", self.loop)
        self.attach()

    def attach(self):
        run("mount", self.loop, self.mount)

    def mend(self):
        """Takes the file system down and mends it, as an administrator would; it is up again."""
        run("umount", self.mount)
        # 1: errors were corrected.
        run("e2fsck", "-f", "-y", self.loop, accepted=(0, 1))
        self.attach()

    def fail(self):
        self.trigger.touch()

    def heal(self):
        self.trigger.unlink(missing_ok=True)

    def drop_caches(self):
        """Later reads ask the device."""
        run("sync")
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.heal()
        run("umount", "-l", self.mount, accepted=(0, 32))
        self.stack.close()
