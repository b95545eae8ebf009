"""The service does what openapi.yaml says: by generated requests, a generated client, and by all
answers that the other tests saw."""

import importlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from support import contract
from support.client import Answer, Raw
from support.machine import SUPPORT, needs_program
from support.server import Server, binary, environment
from support.tokens import make_token

# A few requests are the same ones each time, so that a change is judged by what it changed; many are
# random.
EXAMPLES = os.environ.get("TIDEMARK_EXAMPLES")
SEED = os.environ.get("TIDEMARK_SEED") or (None if EXAMPLES else "20261121")


def test_document_is_valid():
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(contract.DOCUMENT)


def test_operations_are_described_and_named_once():
    ids = []
    for template, operations in contract.DOCUMENT["paths"].items():
        for method, operation in operations.items():
            ids.append(operation["operationId"])
            assert operation["summary"] and operation["tags"], (method, template)
            captures = set(re.findall(r"{(\w+)}", template))
            named = {row["name"] for row in operation.get("parameters", []) if row["in"] == "path"}
            assert captures == named, template
    assert len(set(ids)) == len(ids)


def test_examples_fit_their_schemas():
    """Every example in the document, against the schema beside it."""
    jsonschema = pytest.importorskip("jsonschema")
    found = 0

    def look(node):
        nonlocal found
        if isinstance(node, dict):
            if "schema" in node and "example" in node:
                schema = {**node["schema"], "components": contract.DOCUMENT["components"]}
                jsonschema.validate(node["example"], schema)
                found += 1
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(contract.DOCUMENT["paths"])
    look(contract.DOCUMENT["components"]["responses"])
    assert found > 30


def test_refusal_of_one_connection_too_many_is_declared_and_a_whole_problem(start):
    server = start(http_connections=1, http_threads=1)
    with Raw(server.port) as held:
        held.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert held.read_answer().status == 200
        with Raw(server.port) as refused:
            answer = refused.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").read_answer()
    answer.path = "/healthz"
    assert contract.fault(answer, contract.operation("GET", "/healthz")[1]) is None
    assert answer.code == "overloaded" and answer["Retry-After"]
    assert answer["Request-Id"] and answer.json["request_id"] == answer["Request-Id"]


def test_judge_of_answers_notices_what_is_not_declared():
    _, found = contract.operation("GET", "/healthz")
    for status, type, good in (
        (200, "application/json", True), (404, "application/json", False),
        (200, "text/html", False), (400, "application/problem+json", True),
    ):
        headers = {"Content-Type": type}
        answer = Answer("GET", "/healthz", status, headers, b"{}")
        assert (contract.fault(answer, found) is None) == good, (status, type)


def test_every_answer_that_any_test_saw_is_declared():
    if len(contract.SEEN) < 20:
        pytest.skip("judges what the other files saw; run them all")
    assert contract.UNDECLARED == set()


def test_every_operation_was_called_and_every_good_answer_seen():
    seen = {
        (method.lower(), template, status)
        for method, template, status, _, _ in contract.SEEN if status < 400
    }
    if len(seen) < 100:
        pytest.skip("judges what the other files saw; run them all")
    missing = [
        (method, template, status)
        for template, operations in contract.DOCUMENT["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
        if int(status) < 400 and (method, template, int(status)) not in seen
    ]
    assert missing == []


@pytest.mark.skipif(not shutil.which("schemathesis"), reason="needs schemathesis")
def test_generated_requests_find_nothing(start, tmp_path, seed):
    # The first token would shut the tool out: it gets one from the beginning.
    token = make_token(tmp_path / "data")
    server = start(log_access="none", access_failures=1_000_000)
    url = f"http://127.0.0.1:{server.port}"
    shutil.copy(SUPPORT / "generator.py", tmp_path)
    done = subprocess.run(
        ["schemathesis", "--config-file", SUPPORT / "schemathesis.toml", "run",
         f"{url}/openapi.json", "--url", url, "-n", EXAMPLES or "10",
         "--phases", "examples,coverage,fuzzing,stateful", "--seed", SEED or str(seed), "--no-color",
         "--request-timeout", "10"],
        capture_output=True, text=True, cwd=tmp_path, timeout=600 + 60 * int(EXAMPLES or 10),
        env=environment({"SCHEMATHESIS_HOOKS": "generator", "PYTHONPATH": str(tmp_path),
                         "TOKEN": token}))
    assert server.is_alive, server.lines
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-1000:]


@needs_program("openapi-python-client")
def test_generated_client_makes_appends_and_walks(start, tmp_path):
    server = start()
    (tmp_path / "openapi.yaml").write_bytes(subprocess.run(
        [binary(), "openapi"], env=environment(), capture_output=True, check=True).stdout)
    done = subprocess.run(
        ["openapi-python-client", "generate", "--path", "openapi.yaml", "--meta", "none",
         "--output-path", "generated_client"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        package = importlib.import_module("generated_client")
        use(package, f"http://127.0.0.1:{server.port}")
    finally:
        sys.path.remove(str(tmp_path))
    assert server.client.walk("made") == b"hello world"


def use(package, url):
    """Create, append, look, walk, all through the generated code."""
    import io

    def call(name, *arguments, **options):
        module = importlib.import_module(f"generated_client.api.pools.{name}")
        return module.sync_detailed(*arguments, client=client, **options)

    types = importlib.import_module("generated_client.types")
    models = importlib.import_module("generated_client.models")
    client = package.Client(base_url=url)
    made = call("create_pool", "made", body=models.PoolOptions(pool_size=3 << 20))
    assert made.status_code == 201 and made.parsed.pool_size == 3 << 20
    appended = call("append_to_pool", "made", body=types.File(payload=io.BytesIO(b"hello ")))
    assert appended.status_code == 200 and appended.parsed.next_ == 6
    appended = call(
        "append_to_pool", "made", body=types.File(payload=io.BytesIO(b"world")), at=6)
    assert appended.parsed.first == 6
    assert call("get_pool_tell", "made").parsed.tell == 11
    walked = call("walk_pool", "made")
    assert walked.status_code == 200 and walked.content == b"hello world"
    refused = call("append_to_pool", "made", body=types.File(payload=io.BytesIO(b"x")), at=0)
    assert refused.status_code == 412 and refused.parsed.code == "precondition_failed"
    listed = call("list_pools", prefix="ma")
    assert [pool.name for pool in listed.parsed.pools] == ["made"]


def test_printed_document_is_the_served_one(tmp_path):
    import yaml

    with Server(tmp_path / "data") as server:
        assert yaml.safe_load(server.client.get("/openapi.yaml").body) == contract.DOCUMENT
