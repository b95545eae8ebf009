"""Figures for Prometheus, as a real Prometheus takes them."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from support.disk_log import Erlang
from support.journal import Journal
from support.machine import needs_program
from support.server import wait_until
from support.tokens import As

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
# Everything that operators were promised; `replica_lag` comes with distributed logs.
PROMISED = """
build_info http_requests_total http_request_duration_seconds http_requests_in_flight
http_request_body_bytes_total append_records_total append_bytes_total append_duration_seconds
commit_batch_records commit_queue_requests sync_total sync_duration_seconds read_records_total
followers handles cursors cursors_expired_total pins pins_expired_total idempotent_replays_total
precondition_failures_total rate_limited_total pool_used_bytes pool_capacity_bytes log_items
log_overflows_total log_repairs_total log_bad_bytes_total journal_archive_hold_seconds
mpool_cache_hits_total mpool_cache_misses_total mpool_evictions_total mpool_pages
storage_free_bytes
""".split()
PROCESS = """
process_cpu_seconds_total process_open_fds process_max_fds process_virtual_memory_bytes
process_resident_memory_bytes process_start_time_seconds
""".split()


def figures(client, accept=None):
    """All samples: by name, a dictionary from labels to values."""
    answer = client.get("/metrics", {"Accept": accept} if accept else None)
    assert answer.status == 200, answer
    found = {}
    for line in answer.body.decode().splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"(\w+)(?:{(.*)})? (\S+)", line).groups()
        found.setdefault(name, {})[labels or ""] = float(value)
    return found


@pytest.fixture
def busy(start):
    """A server on which a little of everything was done."""
    server = start(metrics_per_resource="true")
    api = server.client
    api.create("p")
    api.append("p", b"x" * 100)
    assert api.get("/v1/pools/p/walk", {"Accept": "application/x-ndjson"}).status == 200
    assert api.put("/v1/logs/l", {
        "type": "wrap", "size": {"max_no_bytes": 100, "max_no_files": 3}}).status == 201
    for durability in ("synced", "written", "accepted"):
        api.post(f"/v1/logs/l/append?durability={durability}", {"records": [{"text": "x" * 30}] * 3})
    assert api.get("/v1/logs/l/walk").status == 200
    journal = Journal(api, "j")
    journal.append(b"message")
    journal.rows()
    assert api.put("/v1/mpools/m", {"cachesize": 1 << 20}).status == 201
    assert api.post("/v1/pools/p/append?at=5", b"x").status == 412
    for _ in range(3):
        assert api.post("/v1/logs/l/append", {"records": [{"text": "once"}]}, {
            "Idempotency-Key": '"a-key-of-the-test"'}).status == 200
    return server


def test_everything_that_was_promised_is_there(busy):
    found = figures(busy.client)
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in found}
    assert {f"tidemark_{name}" for name in PROMISED} - families == set()
    assert set(PROCESS) - set(found) == set()
    assert abs(found["process_start_time_seconds"][""] - time.time()) < 120
    assert 5 < found["process_open_fds"][""] < 200
    assert 'engine_versions="pmemlog' in list(found["tidemark_build_info"])[0]


def test_figures_count_what_was_done(busy):
    found = figures(busy.client)

    def value(name, labels=""):
        return found["tidemark_" + name][labels]

    assert value("append_records_total", 'kind="pool"') == 1
    assert value("append_records_total", 'kind="log"') == 10
    assert value("idempotent_replays_total") == 2
    assert value("append_records_total", 'kind="journal"') == 1
    for durability in ("synced", "written", "accepted"):
        labels = f'durability="{durability}",kind="log"'
        expected = 4 if durability == "synced" else 1
        assert value("append_duration_seconds_count", labels) == expected
    # Of the data, and of the write offset behind it.
    assert value("sync_total", 'kind="pool",result="ok"') == 2
    assert value("sync_total", 'kind="log",result="ok"') >= 2
    assert value("sync_duration_seconds_count", 'kind="journal"') == 1
    assert value("sync_duration_seconds_sum", 'kind="journal"') > 0
    assert value("commit_batch_records_count", 'kind="pool"') == 1
    assert value("read_records_total", 'kind="pool"') == 1
    assert value("read_records_total", 'kind="log"') > 0 < value("log_items", 'name="l"')
    assert value("read_records_total", 'kind="journal"') >= 1
    assert value("precondition_failures_total") == 1
    assert value("pool_used_bytes", 'name="p"') == 100
    assert value("pool_capacity_bytes", 'name="p"') > 2_000_000
    assert value("log_overflows_total", 'name="l"') > 0
    assert value("mpool_pages", 'name="m",state="clean"') == 0


def test_names_of_resources_are_told_only_if_that_is_set(start):
    server = start()
    server.client.create("secret")
    server.client.append("secret", b"x" * 100)
    server.client.put("/v1/logs/secret")
    text = server.client.get("/metrics").body
    assert b"secret" not in text
    found = figures(server.client)
    assert found["tidemark_pool_used_bytes"] == {"": 100}
    assert found["tidemark_log_items"] == {"": 0}
    assert "tidemark_log_overflows_total" not in found


@needs_program("escript")
def test_a_repair_is_counted_with_its_bad_bytes(start, tmp_path):
    server = start()
    real = Erlang(tmp_path / "erlang")
    assert real.result("{open,[]}") == "{ok,l}"
    assert real.result("{log,one}") == "ok" and real.result("sync") == "ok"
    shutil.copytree(tmp_path / "erlang", server.data / "theirs")
    real.close()
    with open(server.data / "theirs" / "log", "ab") as file:
        file.write(b"bad bytes")
    opened = server.client.put("/v1/logs/l", {"file": "theirs/log"}).json["open"]
    assert opened["result"] == "repaired"
    found = figures(server.client)
    assert found["tidemark_log_repairs_total"][""] == 1
    assert found["tidemark_log_bad_bytes_total"][""] == opened["badbytes"] > 0


def test_archive_hold_and_expired_cursors_are_told(start):
    server = start()
    journal = Journal(server.client, "j")
    assert server.client.post(f"{journal.path}/cursors", {"ttl_ms": 1000}).status == 201
    wait_until(
        lambda: figures(server.client)["tidemark_journal_archive_hold_seconds"][""] > 0,
        what="the hold")
    wait_until(
        lambda: figures(server.client)["tidemark_cursors_expired_total"][""] == 1, what="its end")
    assert figures(server.client)["tidemark_journal_archive_hold_seconds"][""] == 0


def test_open_metrics_come_if_they_are_asked_for(busy):
    answer = busy.client.get("/metrics", {"Accept": OPEN_METRICS})
    assert answer["Content-Type"] == OPEN_METRICS + "; charset=utf-8"
    text = answer.body.decode()
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    for _, name, kind in re.findall("(# TYPE) (\\S+) (\\S+)", text):
        assert not (kind == "counter" and name.endswith("_total")), name
    plain = busy.client.get("/metrics", {"Accept": "text/plain"})
    assert plain["Content-Type"].startswith("text/plain; version=0.0.4")
    assert busy.client.get("/metrics", {"Accept": "image/png"}).status == 406


def test_a_parser_of_open_metrics_takes_them(busy):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    text = busy.client.get("/metrics", {"Accept": OPEN_METRICS}).body.decode()
    families = {family.name for family in parser.text_string_to_metric_families(text)}
    assert "tidemark_append_records" in families


@needs_program("promtool")
def test_promtool_has_nothing_to_complain_of(busy):
    text = busy.client.get("/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@needs_program("prometheus")
def test_a_real_prometheus_scrapes_and_answers_queries(busy, tmp_path):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{
            "job_name": "tidemark",
            "static_configs": [{"targets": [f"127.0.0.1:{busy.port}"]}]}]}))
    process = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yml",
         f"--storage.tsdb.path={tmp_path}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return []

    try:
        up = wait_until(lambda: ask("up == 1"), timeout=30, what="a scrape")
        assert up[0]["metric"]["job"] == "tidemark"
        assert ask("tidemark_append_records_total{kind=\"log\"}")[0]["value"][1] == "10"
        assert ask("histogram_quantile(0.9, tidemark_append_duration_seconds_bucket)")
        busy.client.append("p", b"more")
        wait_until(
            lambda: ask('tidemark_append_records_total{kind="pool"} == 2'), timeout=30,
            what="the next scrape")
        assert ask("scrape_samples_scraped")[0]["value"][1] > "100"
        targets = f"http://127.0.0.1:{port}/api/v1/targets"
        with urllib.request.urlopen(targets, timeout=5) as answer:
            target = json.load(answer)["data"]["activeTargets"][0]
        assert target["health"] == "up" and target["lastError"] == ""
    finally:
        process.terminate()
        process.wait(20)


def test_a_scrape_of_many_logs_is_quick_and_stops_nobody(start):
    """Hundreds of open logs: a scrape touches no file of theirs."""
    server = start(metrics_per_resource="true")
    for number in range(500):
        answer = server.client.put(f"/v1/logs/l{number}", {"durability": "written"})
        assert answer.status == 201, answer
    began = time.monotonic()
    found = figures(server.client)
    assert time.monotonic() - began < 2
    assert len(found["tidemark_log_items"]) == 500


def test_a_token_is_told_names_of_its_own_resources_alone(start):
    """The other figures are of the service as a whole."""
    server = start(metrics_per_resource="true")
    for name in ("mine-1", "secret-2"):
        for kind in ("pools", "logs", "journals", "mpools"):
            assert server.client.put(f"/v1/{kind}/{name}").status == 201
    everything = server.client.post("/v1/tokens", {"scope": ["admin"]}).json["token"]
    one = {"scope": ["read"], "resources": ["pools/mine-*", "mpools/*1"]}
    limited = As(server, As(server, everything).post("/v1/tokens", one).json["token"])
    other = {"scope": ["read"], "resources": ["logs/secret*", "journals/s*"]}
    another = As(server, As(server, everything).post("/v1/tokens", other).json["token"])

    def names(client):
        return {(re.sub("_.*", "", figure.removeprefix("tidemark_")), name)
                for figure, samples in figures(client).items() for labels in samples
                for name in re.findall('name="([^"]*)"', labels)}

    assert names(limited) == {("pool", "mine-1"), ("mpool", "mine-1")}
    assert names(another) == {("log", "secret-2"), ("journal", "secret-2")}
    assert names(As(server, everything)) >= {
        (kind, name) for kind in ("pool", "log", "journal", "mpool")
        for name in ("mine-1", "secret-2")}
