"""The servers that are measured, each on a free port with a folder of its own."""

import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from bench import protocols
from bench.machine import free_port, program, request

POSTGRES_USER = "postgres"


class Server:
    """A process that listens; `stop` ends it, and then what it needed."""

    def __init__(self, name, command, port, ready, environment=None, needs=None, **options):
        self.name, self.port, self.needs = name, port, needs
        self.log = tempfile.TemporaryFile()
        started = time.monotonic()
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env={**os.environ, **(environment or {})}, **options)
        try:
            self.wait(ready, started)
        except Exception:
            self.stop()
            raise
        self.seconds_to_ready = time.monotonic() - started

    def wait(self, ready, started):
        """Until it answers `ready`: a path, or bytes to send and those to be answered first."""
        while True:
            if self.process.poll() is not None or time.monotonic() - started > 60:
                self.log.seek(0)
                output = self.log.read().decode()[-2000:]
                raise RuntimeError(f"{self.name} does not start: {output}")
            try:
                if isinstance(ready, str):
                    return request(self.port, "GET", ready)
                if greets(self.port, *ready):
                    return None
                time.sleep(0.01)
            except OSError:
                time.sleep(0.001)
            except RuntimeError:
                time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        if self.needs:
            self.needs.stop()


def greets(port, sent, expected):
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(sent)
        return client.recv(64).startswith(expected)


def start(bench, *arguments, **options):
    server = Server(*arguments, **options)
    bench.running.append(server)
    return server


def tidemark(bench, data=None, *flags):
    port = free_port()
    return start(
        bench, "tidemark",
        [bench.tidemark_binary, "serve", "--port", port, "--data", data or bench.folder("data"),
         "--http-connections", 4096, "--http-connections-per-address", 4096, *flags],
        port, "/readyz")


def floor(bench):
    port = free_port()
    file = bench.folder("floor") / "log"
    return start(bench, "floor", [bench.floor_binary, port, file, 2, 1], port, "/")


def redis_alone(bench, fsync):
    folder, port = bench.folder("redis"), free_port()
    server = Server(
        "Redis",
        ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder,
         "--appendonly", "yes", "--appendfsync", fsync, "--save", "",
         "--auto-aof-rewrite-percentage", "0"],
        port, (b"PING\r\n", b"+PONG"))
    server.folder = folder
    return server


def redis(bench, fsync="always"):
    """Redis, spoken to in its own protocol."""
    server = redis_alone(bench, fsync)
    bench.running.append(server)
    return server


def webdis(bench):
    """Redis that flushes before each answer, behind webdis, which speaks HTTP."""
    behind = redis_alone(bench, "always")
    folder, port = bench.folder("webdis"), free_port()
    config = folder / "webdis.json"
    config.write_text(json.dumps({
        "redis_host": "127.0.0.1", "redis_port": behind.port, "http_host": "127.0.0.1",
        "http_port": port, "threads": 2, "pool_size": 20, "daemonize": False,
        "websockets": False, "database": 0, "verbosity": 0,
        "logfile": str(folder / "webdis.log")}))
    return start(bench, "Redis + webdis", ["webdis", config], port, "/PING", needs=behind)


def etcd(bench):
    folder, port = bench.folder("etcd"), free_port()
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
    return start(
        bench, "etcd",
        ["etcd", "--data-dir", folder / "data", "--listen-client-urls", client,
         "--advertise-client-urls", client, "--listen-peer-urls", peer,
         "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
         "--logger", "zap", "--log-level", "error", "--quota-backend-bytes", str(8 << 30)],
        port, "/health", environment={"ETCD_UNSUPPORTED_ARCH": platform.machine()})


def nginx(bench, folder):
    """nginx as it is best at files: sendfile, one process per core, no log."""
    port = free_port()
    (folder / "nginx.conf").write_text(f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; worker_processes auto; pid {folder}/nginx.pid;
        error_log {folder}/error.log;
        events {{ worker_connections 1024; }}
        http {{
            sendfile on; tcp_nopush on; access_log off; root {folder}/root;
            client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
            fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4;
            scgi_temp_path {folder}/t5;
            server {{ listen 127.0.0.1:{port}; }}
        }}""")
    (folder / "root/ready").write_text("ready\n")
    return start(
        bench, "nginx", [program("nginx"), "-p", folder, "-c", folder / "nginx.conf"], port,
        "/ready")


def postgres(bench):
    """PostgreSQL as Debian sets it up, in a folder that its own user owns: it refuses root."""
    folder, port = bench.folder("postgres"), free_port()
    programs = postgres_programs()
    become = []
    if os.geteuid() == 0:
        become = ["runuser", "-u", POSTGRES_USER, "--"]
        os.chmod(bench.directory, 0o711)
        shutil.chown(folder, POSTGRES_USER)
    subprocess.run(
        [*become, programs / "initdb", "-D", folder / "data", "-U", "bench", "-A", "trust"],
        check=True, capture_output=True, cwd="/")
    return start(
        bench, "PostgreSQL",
        [*become, programs / "postgres", "-D", folder / "data", "-p", port, "-h", "127.0.0.1",
         "-k", ""],
        port, (protocols.postgres_login(), b"R"), cwd="/")


def postgres_programs():
    """The folder of the server's programs, which Debian keeps off the PATH; None without them."""
    if found := shutil.which("initdb"):
        return pathlib.Path(found).resolve().parent
    return max(
        (path.parent for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        default=None)


def nats_configuration(folder, port, durability):
    sync = ", sync_interval: always" if durability == "synced" else ""
    path = folder / "nats.conf"
    path.write_text(
        f'host: "127.0.0.1"\nport: {port}\nmax_payload: 8MB\n'
        f'jetstream {{ store_dir: "{folder}"{sync} }}\n')
    return path


def nats_can(bench, durability):
    """Whether this nats-server can flush before it acknowledges: 2.10 was the first."""
    configuration = nats_configuration(bench.folder("nats"), free_port(), durability)
    return subprocess.run(
        [program("nats-server"), "-t", "-c", configuration], capture_output=True).returncode == 0


def nats(bench, durability):
    port = free_port()
    configuration = nats_configuration(bench.folder("nats"), port, durability)
    return start(
        bench, "JetStream", [program("nats-server"), "-c", configuration], port,
        (b"PING\r\n", b"INFO"))
