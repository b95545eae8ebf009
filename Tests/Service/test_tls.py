"""Encrypted connections: what is spoken and what is not, new certificates, clients' certificates."""

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from support.certificates import Authority, replace
from support.server import Server, StartFailed, binary, environment, wait_until
from support.tokens import make_token, token_command

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl") or not shutil.which("curl"), reason="needs openssl and curl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority, tmp_path_factory):
    certificate, key = authority.sign("shared")
    with Server(tmp_path_factory.mktemp("data"), tls_certificate=certificate, tls_key=key) as one:
        yield one
        assert one.is_alive


def context(authority, pair=None):
    made = ssl.create_default_context(cafile=authority.certificate)
    if pair:
        made.load_cert_chain(*pair)
    return made


def connection(server, authority, pair=None, timeout=30):
    return http.client.HTTPSConnection(
        "localhost", server.port, timeout=timeout, context=context(authority, pair))


def ask(connection_, method, path, body=None, headers=None):
    connection_.request(method, path, body, headers or {})
    answer = connection_.getresponse()
    return answer.status, answer.read()


def s_client(server, *arguments):
    """What openssl says of a handshake: whether it was made, and its words."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"localhost:{server.port}", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    text = done.stdout + done.stderr
    return "Cipher is (NONE)" not in text and "Cipher is" in text, text


@pytest.mark.parametrize("version, works", [
    ("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_versions(server, version, works):
    made, text = s_client(server, version, "-cipher", "ALL:@SECLEVEL=0")
    assert made == works, text


@pytest.mark.parametrize("cipher, works", [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", True), ("ECDHE-ECDSA-AES128-SHA256", False),
    ("ECDHE-ECDSA-AES256-SHA", False), ("AES128-SHA", False)])
def test_ciphers_of_the_older_version(server, cipher, works):
    made, text = s_client(server, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert made == works, text


def test_curl_speaks_to_it(server, authority):
    url = f"https://localhost:{server.port}"
    for version in ("--tlsv1.2", "--tlsv1.3"):
        done = subprocess.run(
            ["curl", "-sS", "--fail", version, "--cacert", authority.certificate,
             f"{url}/healthz"], capture_output=True, text=True, timeout=30)
        assert done.stdout == '{"status":"ok"}\n', done.stderr


def test_plain_requests_get_no_answer_and_hurt_nobody(server, authority):
    with socket.create_connection(("localhost", server.port), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        received = b""
        try:
            while data := plain.recv(4096):
                received += data
        except ConnectionError:
            pass
    assert b"HTTP/" not in received
    assert ask(connection(server, authority), "GET", "/healthz")[0] == 200


def test_large_bodies_both_ways_on_one_connection(server, authority):
    one = connection(server, authority)
    assert ask(one, "PUT", "/v1/pools/big", b'{"pool_size": 33554432}',
               {"Content-Type": "application/json"})[0] == 201
    data = os.urandom(7 << 20)
    for _ in range(2):
        status, body = ask(
            one, "POST", "/v1/pools/big/append", data, {"Content-Type": "application/octet-stream"})
        assert status == 200, body
    status, body = ask(one, "GET", "/v1/pools/big/walk")
    assert status == 200 and body == data + data


def test_requests_that_come_in_one_record_are_all_answered(server, authority):
    """What the library has decrypted and not yet looked at makes no socket readable."""
    with socket.create_connection(("localhost", server.port), timeout=10) as plain:
        with context(authority).wrap_socket(plain, server_hostname="localhost") as secure:
            request = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
            secure.sendall(request * 50)
            received = b""
            while received.count(b'{"status":"ok"}') < 50:
                data = secure.recv(65536)
                assert data, received[-200:]
                received += data


def test_followers_are_told_and_leave(server, authority):
    api = connection(server, authority)
    assert ask(api, "PUT", "/v1/logs/followed")[0] == 201
    follower = connection(server, authority)
    follower.request("GET", "/v1/logs/followed/follow?from=start")
    stream = follower.getresponse()
    assert ask(api, "POST", "/v1/logs/followed/append", b"hello",
               {"Content-Type": "text/plain"})[0] == 200
    seen = b""
    while b"hello" not in seen:
        seen += stream.readline()

    def followers():
        text = ask(api, "GET", "/metrics")[1].decode()
        return sum(int(line.split()[-1]) for line in text.splitlines()
                   if re.match(r"tidemark_followers[ {]", line))

    assert followers() == 1
    stream.close()
    follower.close()
    wait_until(lambda: followers() == 0, 10, "the follower to be missed", pause=0.1)


def test_many_clients_at_once(server, authority):
    failures = []

    def work(number):
        try:
            one = connection(server, authority)
            name = f"many-{number}"
            assert ask(one, "PUT", f"/v1/logs/{name}")[0] == 201
            for turn in range(20):
                status, body = ask(one, "POST", f"/v1/logs/{name}/append", b"x" * 3000,
                                   {"Content-Type": "text/plain"})
                assert status == 200, body
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("fault", ["open", "missing", "other", "no_key", "no_certificate", "rubbish"])
def test_start_is_refused(authority, tmp_path, fault):
    certificate, key = authority.sign("start")
    flags = {"tls_certificate": certificate, "tls_key": key}
    if fault == "open":
        key.chmod(0o644)
    elif fault == "missing":
        flags["tls_key"] = tmp_path / "none"
    elif fault == "other":
        flags["tls_key"] = authority.sign("another")[1]
    elif fault == "no_key":
        del flags["tls_key"]
    elif fault == "no_certificate":
        del flags["tls_certificate"]
    else:
        flags["tls_certificate"] = tmp_path / "rubbish"
        flags["tls_certificate"].write_bytes(os.urandom(100))
    with pytest.raises(StartFailed) as failure:
        Server(tmp_path / "data", **flags)
    words = {"open": "open to everybody", "missing": "cannot be read", "no_key": "together",
             "no_certificate": "together"}
    assert words.get(fault, "cannot be used") in " ".join(failure.value.lines)


def shown(server):
    """The certificate that the server shows, as PEM."""
    return ssl.get_server_certificate(("localhost", server.port))


def test_new_certificate_is_taken_on_sighup_under_load(authority, tmp_path):
    pair = authority.sign("reloaded")
    good = [tuple(tmp_path / f"{n}.{end}" for end in ("pem", "key")) for n in range(2)]
    for number, copy in enumerate(good):
        replace(copy, authority.sign(f"reloaded-{number}"))
    with Server(tmp_path / "data", tls_certificate=pair[0], tls_key=pair[1]) as server:
        old = connection(server, authority)
        assert ask(old, "GET", "/healthz")[0] == 200
        stop = threading.Event()
        failures, done = [], [0]

        def work():
            while not stop.is_set():
                try:
                    one = connection(server, authority)
                    assert ask(one, "GET", "/healthz")[0] == 200
                    one.close()
                    done[0] += 1
                except Exception as error:  # noqa: BLE001
                    failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        before = shown(server)
        for turn in range(10):
            replace(pair, good[turn % 2])
            server.signal(signal.SIGHUP)
            want = wait_until(lambda: shown(server) != before, 10, "the new certificate")
            assert want
            before = shown(server)
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == [] and done[0] > 10
        assert ask(old, "GET", "/healthz")[0] == 200, "an open connection goes on"


def test_bad_new_certificate_keeps_the_old_one(authority, tmp_path):
    pair = authority.sign("kept")
    with Server(tmp_path / "data", tls_certificate=pair[0], tls_key=pair[1]) as server:
        before = shown(server)
        pair[0].write_text("rubbish")
        server.signal(signal.SIGHUP)
        server.wait_line("the certificate stays as it was")
        assert shown(server) == before and server.is_alive
        replace(pair, authority.sign("kept-2"))
        pair[1].chmod(0o644)
        server.signal(signal.SIGHUP)
        server.wait_line("open to everybody")
        assert shown(server) == before
        pair[1].chmod(0o600)
        server.signal(signal.SIGHUP)
        server.wait_line("the certificate was read again")
        assert shown(server) != before


def test_sighup_without_a_certificate_does_nothing(start):
    server = start()
    server.signal(signal.SIGHUP)
    server.wait_line("nothing to read again")
    assert server.client.get("/healthz").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_need_a_certificate_where_an_authority_is_set(authority, tmp_path, version):
    pair = authority.sign("guarded")
    clients = Authority(tmp_path / "clients", "clients")
    client = clients.sign("client", "client")
    stranger = authority.sign("stranger", "client")

    def get(server, certificate):
        made = context(authority, certificate)
        made.minimum_version = made.maximum_version = version
        one = http.client.HTTPSConnection("localhost", server.port, timeout=10, context=made)
        return ask(one, "GET", "/healthz")[0]

    with Server(tmp_path / "data", tls_certificate=pair[0], tls_key=pair[1],
                tls_client_ca=clients.certificate) as server:
        assert get(server, client) == 200
        for other in (None, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                get(server, other)
        assert get(server, client) == 200
        assert healthcheck(server, *pair).returncode == 0


def healthcheck(server, certificate, key):
    return subprocess.run(
        [binary(), "healthcheck", "--port", str(server.port), "--tls-certificate", certificate,
         "--tls-key", key], env=environment(), capture_output=True, text=True, timeout=30)


def test_healthcheck_and_token_command_speak_to_it(authority, tmp_path):
    pair = authority.sign("commands")
    data = tmp_path / "data"
    secret = make_token(data)
    with Server(data, tls_certificate=pair[0], tls_key=pair[1]) as server:
        assert healthcheck(server, *pair).returncode == 0
        where = ("--data", data, "--port", server.port)
        env = {"TIDEMARK_TOKEN": secret}
        listed = token_command("list", *where, "--tls-certificate", pair[0], env=env)
        assert listed.returncode == 0 and secret.split("_")[1] in listed.stdout, listed.stderr
        # The secret goes to nobody who shows another certificate.
        other = authority.sign("impostor")
        refused = token_command("list", *where, "--tls-certificate", other[0], env=env)
        assert refused.returncode != 0 and "another certificate" in refused.stderr
        server.stop()
        assert healthcheck(server, *pair).returncode != 0


def test_drain_ends_encrypted_connections(authority, tmp_path):
    pair = authority.sign("drained")
    with Server(tmp_path / "data", tls_certificate=pair[0], tls_key=pair[1]) as server:
        one = connection(server, authority)
        assert ask(one, "PUT", "/v1/logs/l")[0] == 201
        one.request("GET", "/v1/logs/l/follow")
        stream = one.getresponse()
        assert server.stop() == 0
        try:
            stream.read()
        except (http.client.IncompleteRead, ssl.SSLError, ConnectionError):
            pass


def test_connections_that_never_finish_their_handshake_are_cut(authority, tmp_path):
    pair = authority.sign("slow")
    with Server(tmp_path / "data", tls_certificate=pair[0], tls_key=pair[1],
                http_header_timeout_ms=500, http_idle_timeout_ms=2000) as server:
        with socket.create_connection(("localhost", server.port), timeout=20) as half:
            half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
            assert half.recv(1) == b""
        assert ask(connection(server, authority), "GET", "/healthz")[0] == 200
