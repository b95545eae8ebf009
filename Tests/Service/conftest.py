"""Fixtures: servers for a test and for a file, and logs that real Erlang keeps too."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import zlib

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# Programs that the tests' environment has brought, whether or not it is activated.
os.environ["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])

from support import contract  # noqa: E402
from support.disk_log import Both, Erlang, Service  # noqa: E402
from support.power import disk, no_flushes  # noqa: E402, F401
from support.server import Server, binary, environment  # noqa: E402

LAST = "test_contract.py"


def pytest_collection_modifyitems(items):
    """The contract is judged last: it looks at all that the others saw."""
    items.sort(key=lambda item: item.path.name == LAST)


def pytest_sessionstart(session):
    text = subprocess.run(
        [binary(), "openapi"], env=environment(), capture_output=True, check=True).stdout
    contract.load(yaml.safe_load(text))


@pytest.fixture
def start(tmp_path):
    """Starts servers that end with the test: `start(http_body_bytes=4096)`."""
    running = []

    def start_one(data=None, **options):
        server = Server(tmp_path / "data" if data is None else data, **options)
        running.append(server)
        return server

    yield start_one
    for server in running:
        server.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server with default settings for all tests of a file; names must not collide."""
    with Server(tmp_path_factory.mktemp("data")) as server:
        yield server
        assert server.is_alive, f"the server died: {server.lines}"


@pytest.fixture
def api(shared):
    """A client of the shared server."""
    with shared.new_client() as client:
        yield client


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Real disk_log."""
    if not shutil.which("escript"):
        pytest.skip("needs escript, of Debian's erlang-nox")
    real = Erlang(tmp_path_factory.mktemp("erlang") / "d")
    yield real
    real.close()


@pytest.fixture
def both(real, shared):
    """One log in real Erlang and in the service."""
    real.clear()
    ours = Service(shared)
    ours.remove()
    yield Both(real, ours)
    ours.remove()
    real.result("close")


@pytest.fixture
def name(request):
    """A pool name that no other test of the file uses."""
    return f"p{zlib.crc32(request.node.nodeid.encode()):08x}"


@pytest.fixture
def seed(request):
    """The seed of a randomized test; TIDEMARK_SEED repeats a run."""
    value = int(os.environ.get("TIDEMARK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"TIDEMARK_SEED={value}")
    return value


@pytest.fixture
def dice(seed):
    return random.Random(seed)


def pytest_report_header(config):
    return f"tidemark: {binary()}"
