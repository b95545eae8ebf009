"""The programs that work on buffer pools without the service: ours, and one over Berkeley DB."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from support.machine import SUPPORT
from support.server import ROOT, environment

MPOOL_TRACE = "MPoolTrace"


def trace_program():
    """The driver over the Store library; built if it is not there."""
    named = os.environ.get("TIDEMARK_MPOOL_TRACE")
    if named:
        return named
    for kind in ("release", "debug"):
        path = ROOT / ".build" / kind / MPOOL_TRACE
        if path.exists():
            return str(path)
    subprocess.run(["swift", "build", "--product", MPOOL_TRACE], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    return str(ROOT / ".build" / "debug" / MPOOL_TRACE)


def replay(program, folder, lines, *options):
    """What our pool makes of a trace, as the model gives it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    trace = folder.with_suffix(".trace")
    trace.write_text("\n".join(lines) + "\n")
    ran = subprocess.run(
        [program, "replay", folder, trace, *options], env=environment(), capture_output=True,
        text=True, timeout=120)
    assert ran.returncode == 0, (ran.stdout[-2000:], ran.stderr[-2000:])
    return json.loads(ran.stdout)


def build_libdb(folder):
    """The driver over Berkeley DB."""
    made = folder / "mpool_libdb"
    ran = subprocess.run(
        ["cc", "-O2", "-Wall", "-o", made, SUPPORT / "mpool_libdb.c", "-ldb-5.3"],
        capture_output=True, text=True)
    if ran.returncode:
        pytest.skip(f"needs libdb5.3-dev: {ran.stderr[:200]}")
    return made


def replay_libdb(program, folder, lines):
    """The figures of Berkeley DB after a plain trace, whose files must be there."""
    trace = pathlib.Path(f"{folder}.trace")
    trace.write_text("\n".join(lines) + "\n")
    ran = subprocess.run([program, folder, trace], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
