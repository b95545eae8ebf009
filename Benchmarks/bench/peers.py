"""Appends beside what people use for them, each in its own protocol, from the same program."""

import json
import os
import shutil
import subprocess

from bench import load, protocols, servers
from bench.machine import program, request, tell
from bench.tables import in_turns, table


class Case:
    """One row: how safe, how large, how many in a request, and from how many clients."""

    def __init__(self, durability, size, batch, clients):
        self.durability, self.size, self.batch, self.clients = durability, size, batch, clients
        self.record = b"x" * size
        self.name = f"peers-{durability}-{size}-{batch}-{clients}"
        self.title = f"{size} B, {clients} client" + ("s" if clients > 1 else "")


class Running:
    """The servers that stay for all cases; each is started when it is first wanted."""

    def __init__(self, bench):
        self.bench, self.servers = bench, {}

    def get(self, name, start, *arguments):
        if name not in self.servers:
            self.servers[name] = start(self.bench, *arguments)
        return self.servers[name].port

    def stop(self):
        for server in self.servers.values():
            self.bench.stop(server)
        self.servers = {}


def run(bench, case, *arguments, **options):
    """Records a second and wrong answers, once what came before has left the page cache."""
    os.sync()
    answers = load.peers(bench, *arguments, **options)
    return (answers.accepted * case.batch / bench.options.seconds,
            answers.wrong + answers.refused)


# The sides. Each starts from nothing each time: a new log, list, table or stream.


def tidemark(bench, running, case, kind):
    port = running.get("tidemark", servers.tidemark)
    room = (bench.options.seconds + 1) * 100_000 * case.size
    made = json.dumps({"pool_size": max(64 << 20, room)}) if kind == "pools" else None
    request(port, "PUT", f"/v1/{kind}/bench", made)
    text = protocols.tidemark(kind, case.record, case.batch, case.durability)
    result = run(bench, case, "http", port, case.clients, text)
    request(port, "DELETE", f"/v1/{kind}/bench")
    return result


def redis(bench, running, case):
    server = servers.redis(bench, "always" if case.durability == "synced" else "everysec")
    text = protocols.redis(case.record, case.batch)
    result = run(bench, case, "resp", server.port, case.clients, text)
    bench.stop(server)
    shutil.rmtree(server.folder)
    return result


def webdis(bench, running, case):
    server = servers.webdis(bench)
    text = protocols.webdis(case.record)
    result = run(bench, case, "http", server.port, case.clients, text)
    bench.stop(server)
    shutil.rmtree(server.needs.folder)
    return result


def etcd(bench, running, case):
    port = running.get("etcd", servers.etcd)
    return run(
        bench, case, "http", port, case.clients, protocols.etcd(case.record, case.batch))


def postgres(bench, running, case):
    port = running.get("postgres", servers.postgres)
    sql = ["DROP TABLE IF EXISTS bench", "CREATE TABLE bench (record bytea)", "CHECKPOINT"]
    subprocess.run(
        [servers.postgres_programs() / "psql", "-q", "-h", "127.0.0.1", "-p", str(port),
         "-U", "bench", "-d", "postgres", "-v", "ON_ERROR_STOP=1",
         *(word for line in sql for word in ("-c", line))],
        check=True, capture_output=True)
    return run(
        bench, case, "postgres", port, case.clients,
        protocols.postgres(case.record, case.batch), parts=case.batch,
        hello=protocols.postgres_hello(case.batch, "on" if case.durability == "synced" else "off"))


def nats(bench, running, case):
    port = running.get(f"nats-{case.durability}", servers.nats, case.durability)
    stream = {"name": "bench", "subjects": ["bench"], "storage": "file", "retention": "limits",
              "discard": "old", "num_replicas": 1}
    answer = protocols.nats_ask(port, "$JS.API.STREAM.CREATE.bench", stream)
    if "error" in answer:
        raise RuntimeError(f"JetStream: {answer}")
    result = run(
        bench, case, "nats", port, case.clients, protocols.nats(case.record, case.batch),
        parts=case.batch, hello=protocols.NATS_HELLO)
    protocols.nats_ask(port, "$JS.API.STREAM.DELETE.bench", {})
    return result


def sides(bench, durability, batch):
    """Who can be measured: names with functions. Says who cannot, and why."""
    synced, one = durability == "synced", batch == 1
    found = {"Tidemark": lambda *with_: tidemark(*with_, "logs")}
    if synced and one:
        found["Tidemark's pool"] = lambda *with_: tidemark(*with_, "pools")
    missing = []

    def add(name, measure, *programs):
        if all(programs):
            found[name] = measure
        else:
            missing.append(f"{name} is left out: it is not installed")

    add("Redis", redis, program("redis-server"))
    if synced and one:
        add("Redis + webdis", webdis, program("redis-server"), program("webdis"))
    if synced:
        add("etcd", etcd, program("etcd"))
    add("PostgreSQL", postgres, servers.postgres_programs())
    if program("nats-server") and not servers.nats_can(bench, durability):
        missing.append("JetStream is left out: before 2.10 it cannot flush before it answers")
    else:
        add("JetStream", nats, program("nats-server"))
    return found, missing


def row(bench, running, case, measured):
    def bound(measure):
        return lambda: measure(bench, running, case)

    return in_turns(
        bench, case.title, {name: bound(measure) for name, measure in measured.items()})


def measure(bench):
    quick = bench.options.quick
    running = Running(bench)
    for durability in ("synced", "written"):
        for batch in (1, 100):
            cases = [
                case for size in ([100] if quick else [100, 1000])
                for clients in ([64] if quick else [1, 16, 64])
                if bench.wanted((case := Case(durability, size, batch, clients)).name)]
            if not cases:
                continue
            measured, missing = sides(bench, durability, batch)
            tell(f"peers, {durability}, {batch} in a request: {', '.join(measured)}")
            table(f"{durability.capitalize()}, {batch} in a request",
                  [row(bench, running, case, measured) for case in cases], "records a second")
            for line in missing:
                print(f"\n{line}.", flush=True)
        running.stop()
