"""Durable appends over HTTP, one record a request."""

import base64
import json

from bench import servers
from bench.load import wrk
from bench.machine import HERE, request
from bench.tables import in_turns


def append(bench, size, connections, others):
    """Durable appends of one record a request."""
    scripts = bench.folder("scripts")
    value = "x" * size
    encoded = base64.b64encode(value.encode()).decode()
    body = {
        "redis": f"RPUSH/bench/{value}",
        "etcd": json.dumps({"key": base64.b64encode(b"bench").decode(), "value": encoded})}
    for name, text in body.items():
        (scripts / f"{name}.lua").write_text(
            f"wrk.method = 'POST'\nwrk.body = [==[{text}]==]\n")
    environment = {"SIZE": str(size)}
    running = {"tidemark": servers.tidemark(bench)}
    room = (bench.options.seconds + 1) * 200_000 * size
    pool_size = max(64 << 20, room)

    def tidemark():
        # A new pool each time, as floor's file is new: neither writes over old blocks.
        port = running["tidemark"].port
        request(port, "PUT", "/v1/pools/bench", json.dumps({"pool_size": pool_size}))
        result = wrk(
            bench, running["tidemark"], "/v1/pools/bench/append", connections, HERE / "append.lua",
            environment)
        request(port, "DELETE", "/v1/pools/bench")
        return result

    sides = {
        "Tidemark": tidemark, "floor": lambda: floor_append(bench, connections, environment)}
    if "redis" in others:
        running["redis"] = servers.webdis(bench)

        def redis():
            request(running["redis"].port, "GET", "/DEL/bench")
            return wrk(bench, running["redis"], "/", connections, scripts / "redis.lua")

        sides["Redis + webdis"] = redis
    if "etcd" in others:
        running["etcd"] = servers.etcd(bench)
        sides["etcd"] = lambda: wrk(
            bench, running["etcd"], "/v3/kv/put", connections, scripts / "etcd.lua")
    row = in_turns(bench, f"{size} B, {connections} connections", sides)
    for server in running.values():
        bench.stop(server)
    return row


def log_append(bench, kind, size, connections):
    """Durable appends to a log or a journal, one record a request."""
    environment = {"SIZE": str(size)}
    server = servers.tidemark(bench)

    def tidemark():
        request(server.port, "PUT", f"/v1/{kind}/bench")
        result = wrk(
            bench, server, f"/v1/{kind}/bench/append", connections, HERE / "append.lua",
            environment)
        request(server.port, "DELETE", f"/v1/{kind}/bench")
        return result

    row = in_turns(bench, f"{size} B, {connections} connections", {
        "Tidemark": tidemark, "floor": lambda: floor_append(bench, connections, environment)})
    bench.stop(server)
    return row


def floor_append(bench, connections, environment):
    """The same by a floor that was just started, whose file is new."""
    server = servers.floor(bench)
    result = wrk(bench, server, "/append", connections, HERE / "append.lua", environment)
    bench.stop(server)
    return result
