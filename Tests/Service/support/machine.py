"""Things that only root, or only this machine, can give: small disks, other users, built helpers."""

import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest

SUPPORT = pathlib.Path(__file__).parent
# The program under test is a slow and large one, made to find races or misuse of memory.
IS_SLOW = os.environ.get("TIDEMARK_SLOW", "0") not in ("", "0")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")


needs_speed = pytest.mark.skipif(IS_SLOW, reason="measures, and TIDEMARK_SLOW is set")


def patient(seconds):
    """A bound of time that a test may set on the program under test."""
    return seconds * 20 if IS_SLOW else seconds


def needs_program(name):
    return pytest.mark.skipif(not shutil.which(name), reason=f"needs {name}")


@contextlib.contextmanager
def small_disk(path, size="4m", options=""):
    """A tmpfs of that size at `path`."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def as_nobody(path):
    """Command words that run what follows as a user without rights, who owns `path`."""
    for folder, folders, files in os.walk(path):
        for each in (".", *folders, *files):
            os.chown(os.path.join(folder, each), 65534, 65534)
    for parent in (path, *path.parents):
        if parent.stat().st_uid == 0 and parent != pathlib.Path("/"):
            os.chmod(parent, parent.stat().st_mode | 0o011)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def build(name, folder):
    """Compiles support/NAME.c into a library for LD_PRELOAD."""
    made = folder / f"{name}.so"
    subprocess.run(
        ["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", made, SUPPORT / f"{name}.c", "-ldl",
         "-lpthread"], check=True)
    return made
