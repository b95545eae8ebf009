"""The commands on files: run, and what they print."""

import base64
import json
import os
import subprocess

from support.server import binary, environment


def run(*arguments, cwd=None, preexec=None, timeout=120):
    """The finished process, with text as output."""
    return subprocess.run(
        [binary(), *map(str, arguments)], env=environment(), capture_output=True, text=True,
        cwd=cwd, preexec_fn=preexec, timeout=timeout)


def done(*arguments, code=0, **options):
    """What a command prints that ends with that code."""
    process = run(*arguments, **options)
    assert process.returncode == code, (arguments, process)
    return process.stdout


def check(*arguments, code=0):
    """What `check --json` says, a document for each file."""
    return [json.loads(line) for line in done("check", "--json", *arguments, code=code).splitlines()]


def dump(*arguments, code=0):
    return [json.loads(line) for line in done("dump", *arguments, code=code).splitlines()]


def records(*arguments, code=0):
    """The records of a log, a pool or an external log, as bytes."""
    lines = dump(*arguments, "--as", "b64", code=code)
    return [base64.b64decode(line["record"]["b64"]) for line in lines]


def snapshot(folder):
    """All that a command could change in a folder: names, bytes, times, links, permissions."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = os.lstat(path)
        found[str(path)] = (
            status.st_mtime_ns, status.st_ctime_ns, status.st_mode, status.st_nlink, status.st_size,
            path.read_bytes() if path.is_file() else None)
    return found
