"""The endpoints of the service as a whole, and what holds of all endpoints alike."""

import json
import re
import subprocess

import pytest
import yaml

from support.server import StartFailed, binary, environment

SERVICE = ["/v1", "/healthz", "/readyz", "/metrics", "/openapi.json", "/openapi.yaml", "/docs",
           "/problems/no_such_pool", "/v1/limits", "/v1/engines/pmemlog/check_version"]
READS = ["", "/nbyte", "/tell", "/walk", "/data", "/check?live=true", "/export"]


@pytest.fixture(scope="module")
def pool(shared):
    with shared.new_client() as client:
        client.create("read")
        client.append("read", b"0123456789")
    return "/v1/pools/read"


def test_root_tells_name_versions_and_links_that_work(api):
    root = api.get("/v1").json
    assert root["name"] == "tidemark" and root["api_version"] == "v1" and root["version"]
    assert root["engines"]["pmemlog"] == "1.1"
    for link in root["links"].values():
        assert api.get(link).status == 200, link


def test_healthz_is_ok(api):
    answer = api.get("/healthz")
    assert answer.status == 200 and answer.json == {"status": "ok"}


def test_readyz_tells_its_checks_unless_not_verbose(api):
    assert api.get("/readyz").json == {"status": "ready", "checks": {"storage": "ok"}}
    assert api.get("/readyz?verbose=false").json == {"status": "ready"}


def test_readyz_is_503_below_the_floor_of_free_space(start):
    api = start(storage_free_bytes=1 << 50).client
    answer = api.get("/readyz")
    assert answer.status == 503 and answer.json["status"] == "not_ready"
    assert "wanted" in answer.json["checks"]["storage"] and answer["Retry-After"]
    assert api.get("/healthz").status == 200


def test_limits_are_the_settings_in_force(start):
    flags = {
        "http_target_bytes": 1000, "http_header_bytes": 2000, "http_body_bytes": 5000,
        "http_small_body_bytes": 3000, "append_batch_records": 7, "append_record_bytes": 400,
    }
    limits = start(**flags).client.get("/v1/limits").json
    for flag, value in flags.items():
        assert limits[flag.split("_", 1)[1]] == value
    assert limits["record_json_depth"] == 512 and limits["page_items"] == 1000


def test_check_version_answers_as_the_library_does(api):
    path = "/v1/engines/pmemlog/check_version"
    assert api.get(path).json == {"compatible": True, "major": 1, "minor": 1}
    for query in ("major_required=1&minor_required=0", "minor_required=1"):
        assert api.get(f"{path}?{query}").status == 200
    for query, reason in (
        ("major_required=1&minor_required=2", "minor version mismatch (need 2, found 1)"),
        ("major_required=2", "major version mismatch (need 2, found 1)"),
    ):
        answer = api.get(f"{path}?{query}")
        assert answer.status == 409 and answer.code == "version_mismatch"
        assert reason in answer.json["detail"]


def test_every_problem_code_has_a_page(api):
    document = api.get("/openapi.json").json
    codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    for code in codes:
        answer = api.get(f"/problems/{code}")
        assert answer.status == 200 and answer.type == "text/plain"
        assert answer.body.decode().startswith(code + ":")
    assert api.get("/problems/no_such_code").code == "not_found"


def test_openapi_is_the_same_as_json_yaml_and_from_the_command_line(api):
    document = api.get("/openapi.json").json
    text = api.get("/openapi.yaml")
    assert text.type == "application/yaml"
    printed = subprocess.run([binary(), "openapi"], env=environment(), capture_output=True).stdout
    assert yaml.safe_load(text.body) == yaml.safe_load(printed) == document
    assert document["openapi"].startswith("3.1")


def test_docs_is_a_page_without_outside_resources(api):
    answer = api.get("/docs")
    page = answer.body.decode()
    assert answer.type == "text/html" and "appendToPool" in page or "/append" in page
    assert not re.search(r"(src|href)=.?https?:", page)
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def parse_metrics(text):
    """Samples by name and labels, with each family's type; refuses what Prometheus would."""
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, f"{name} has two types"
            types[name] = kind
        elif not line.startswith("#"):
            found = re.fullmatch(
                r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="[^"\n]*",?)*)\})? (\S+)', line)
            assert found, line
            key = found[1], found[2] or ""
            assert key not in samples, f"{key} stands there twice"
            samples[key] = float(found[3])
            family = re.sub("_(bucket|sum|count)$", "", found[1])
            assert family in types or found[1] in types, line
    return samples, types


def test_metrics_are_prometheus_text_and_count(api, name):
    api.create(name)
    before, types = parse_metrics(api.get("/metrics").body.decode())
    api.append(name, b"x" * 100)
    api.get(f"/v1/pools/{name}/walk")
    api.get("/v1/pools/no-such-pool")
    answer = api.get("/metrics")
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    after, _ = parse_metrics(answer.body.decode())

    def grown(metric, labels=""):
        return after.get((metric, labels), 0) - before.get((metric, labels), 0)

    assert grown("tidemark_append_records_total", 'kind="pool"') == 1
    assert grown("tidemark_append_bytes_total", 'kind="pool"') == 100
    assert grown("tidemark_sync_total", 'kind="pool",result="ok"') == 2
    route = 'method="GET",route="/v1/pools/{pool}"'
    assert grown(
        "tidemark_http_requests_total", 'code="404",method="GET",route="/v1/pools/{pool}"') == 1
    assert grown("tidemark_http_request_duration_seconds_count", route) == 1
    assert grown("tidemark_http_request_body_bytes_total") == 100
    for kind in ("counter", "gauge", "histogram"):
        assert kind in types.values()
    for family in (key for key, kind in types.items() if kind == "counter"):
        assert family.endswith("_total"), family


def test_histograms_are_cumulative_and_end_with_infinity(api):
    samples, types = parse_metrics(api.get("/metrics").body.decode())
    for family in (key for key, kind in types.items() if kind == "histogram"):
        rows = {}
        for (metric, labels), value in samples.items():
            if metric == family + "_bucket":
                bound = re.search(r'le="([^"]+)"', labels)[1]
                rest = re.sub(r',?le="[^"]+",?', "", labels)
                rows.setdefault(rest, []).append((float(bound), value))
        assert rows, family
        for buckets in rows.values():
            buckets.sort()
            assert buckets[-1][0] == float("inf")
            values = [value for _, value in buckets]
            assert values == sorted(values)


@pytest.mark.parametrize("path", SERVICE)
def test_head_of_a_service_path_is_its_get_without_a_body(api, path):
    head, get = api.request("HEAD", path), api.get(path)
    assert head.status == get.status == 200 and head.body == b""
    assert head["Content-Type"] == get["Content-Type"]
    if path != "/metrics":
        assert head["Content-Length"] == get["Content-Length"]


@pytest.mark.parametrize("path", READS)
def test_head_of_a_pool_path_is_its_get_without_a_body(api, pool, path):
    head, get = api.request("HEAD", pool + path), api.get(pool + path)
    assert head.status == get.status == 200 and head.body == b""
    for header in ("Content-Type", "Content-Length", "ETag", "Log-Position"):
        assert head[header] == get[header], header


@pytest.mark.parametrize("path, allowed", [
    ("/healthz", "GET, HEAD, OPTIONS"), ("/v1/pools", "GET, HEAD, OPTIONS"),
    ("/v1/pools/x", "GET, HEAD, PUT, DELETE, OPTIONS"), ("/v1/pools/x/append", "POST, OPTIONS"),
    ("/v1/pools/x/walk", "GET, HEAD, OPTIONS"), ("/v1/pools/x/import", "POST, OPTIONS"),
])
def test_options_is_204_with_allow_and_a_wrong_method_is_405_with_the_same(api, path, allowed):
    answer = api.request("OPTIONS", path)
    assert answer.status == 204 and answer["Allow"] == allowed
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"):
        if method not in allowed:
            refused = api.request(method, path)
            assert refused.status == 405 and refused.code == "method_not_allowed"
            assert refused["Allow"] == allowed


def test_method_is_checked_before_the_pool_is_looked_for(api):
    assert api.delete("/v1/pools/never-made/walk").status == 405


@pytest.mark.parametrize("path", ["/", "/v2", "/v1/", "/v1/pools/x/nothing", "/v1/pools/x/walk/",
                                  "//v1", "/healthz%00x", "/v1/pools%2fx", "/HEALTHZ"])
def test_unknown_path_is_404_not_found(api, path):
    answer = api.get(path)
    assert answer.status == 404 and answer.code in ("not_found",)


def test_request_id_is_echoed_or_made(api):
    assert api.get("/healthz", {"Request-Id": "my-id/7"})["Request-Id"] == "my-id/7"
    made = [api.get("/healthz")["Request-Id"] for _ in range(3)]
    assert len(set(made)) == 3
    for one in made:
        assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
    for bad in ("x" * 129, "with blank", "ü"):
        value = bad.encode().decode("latin-1")
        assert api.get("/healthz", {"Request-Id": value})["Request-Id"] != value


def test_malformed_traceparent_is_passed_over(api):
    assert api.get("/healthz", {"traceparent": "junk;;"}).status == 200


def test_requests_are_logged_with_their_id_and_nothing_starts_a_line_of_its_own(start):
    server = start(log_access="all", log_format="json")
    server.client.get("/v1/pools/x?prefix=%0aforged", {"Request-Id": "find-me"})
    line = json.loads(server.wait_line("find-me"))
    assert line["status"] == 400 and line["code"] == "unknown_parameter" and line["method"] == "GET"
    assert not any(text.startswith("forged") for text in server.lines)


def test_strange_preferences_are_passed_over(start):
    api = start().client
    api.create("p")
    for text in ("", ";", ",", ";,", "=", "wait=", "wait=x, return", "return=;", "respond-async"):
        answer = api.try_append("p", b"x", headers={"Prefer": text})
        assert answer.status in (200, 202), text


def test_unknown_settings_keep_it_from_starting(tmp_path):
    from support.server import Server

    for flags in ({"http_no_such": 1}, {"http_threads": 0}, {"log_access": "some"}):
        with pytest.raises(StartFailed) as failure:
            Server(tmp_path / "data", **flags)
        assert failure.value.code != 0
    with pytest.raises(StartFailed):
        Server(tmp_path / "data", env={"TIDEMARK_MISSPELT": "1"})


def test_other_than_loopback_is_refused_unless_asked_for(tmp_path):
    from support.server import Server

    with pytest.raises(StartFailed) as failure:
        Server(tmp_path / "data", host="0.0.0.0")
    assert "loopback" in " ".join(failure.value.lines)
    with Server(tmp_path / "data", host="0.0.0.0", http_open_to_network="true") as server:
        assert server.client.get("/healthz").status == 200


def test_healthcheck_tells_a_live_server_from_a_dead_one(start):
    server = start()
    command = [binary(), "healthcheck", "--port", str(server.port)]
    assert subprocess.run(command, env=environment()).returncode == 0
    server.stop()
    assert subprocess.run(command, env=environment(), capture_output=True).returncode != 0
