"""The systemd unit: little is exposed, and the service needs no more than it is given."""

import pathlib
import re
import subprocess

from support.machine import needs_program
from support.resources import KINDS, Resource
from support.server import Server, binary, wait_until

UNIT = pathlib.Path(__file__).parents[2] / "systemd" / "tidemark.service"

pytestmark = needs_program("systemd-analyze")


def test_the_exposure_level_is_at_most_two():
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", UNIT],
        capture_output=True, text=True)
    level = re.search(r"exposure level for tidemark.service: ([\d.]+)", result.stdout)
    assert result.returncode == 0 and float(level[1]) <= 2.0, result.stdout


def test_the_unit_has_no_mistakes(tmp_path):
    text = UNIT.read_text()
    program = re.search(r"^ExecStart=(\S+)", text, re.M)[1]
    (tmp_path / UNIT.name).write_text(text.replace(program, str(binary())))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name],
        capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def allowed():
    """The system calls that the unit's filters let through."""
    calls = set()
    for sign, groups in re.findall(r"^SystemCallFilter=(~?)(.*)$", UNIT.read_text(), re.M):
        named = set().union(*(expand(group) for group in groups.split()))
        calls = calls - named if sign else calls | named
    return calls


def expand(name):
    if not name.startswith("@"):
        return {name}
    listing = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    lines = [line.strip() for line in listing.stdout.splitlines()[1:]]
    return set().union(*(expand(line) for line in lines if line and not line.startswith("#")))


@needs_program("strace")
def test_every_system_call_of_a_busy_service_passes_the_filter(tmp_path):
    trace = tmp_path / "calls"
    server = Server(tmp_path / "data", prefix=["strace", "-D", "-f", "-qq", "-o", trace])
    with server:
        client = server.client
        for kind in KINDS:
            resource = Resource(kind)
            resource.create(client)
            assert resource.append(client, ["<1:1:>", "<1:2:>"], "key").status == 200
            assert resource.records(client) == ["<1:1:>", "<1:2:>"]
            assert client.delete(resource.path).status == 204
        assert client.put("/v1/mpools/m").status == 201
        assert client.get("/metrics").status == 200
        assert server.stop() == 0
    wait_until(lambda: "exit_group" in trace.read_text(), what="the end of the trace")
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    assert {"pwrite64", "msync", "epoll_wait"} <= used, "little was seen"
    # The tracer sees how the program is started, which systemd does before the filter.
    assert used - allowed() == set()
