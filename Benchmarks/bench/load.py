"""The programs that load a server, and what they found."""

import os
import re
import subprocess


def wrk(bench, server, path, connections, script=None, environment=None, seconds=None):
    """Answers per second, and how many requests had another answer than 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds or bench.options.seconds}s"]
    if script:
        command += ["-s", str(script)]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"], check=True, text=True,
        capture_output=True, env={**os.environ, **(environment or {})}).stdout
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])
    bad = re.findall(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = re.findall(r"Socket errors: .*", output)
    bad += re.findall(r"\d+", " ".join(errors))
    return rate, sum(map(int, bad))


def curl(server, path, size):
    """Bytes per second of reading everything."""
    output = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{speed_download}",
         f"http://127.0.0.1:{server.port}{path}"], check=True, capture_output=True,
        text=True).stdout.split()
    return float(output[2]), int(output[0] != "200" or int(output[1]) != size)


class Answers:
    """What a load of `peers` found: answers in time, and all that were accepted."""

    def __init__(self, text):
        self.accepted, self.refused, self.wrong, self.all_accepted = map(int, text.split())


def peers(bench, protocol, port, clients, request, parts=1, hello=b"", seconds=None):
    """The same request again and again from that many clients, each waiting for its answer."""
    files = []
    for name, content in (("hello", hello), ("request", request)):
        files.append(bench.directory / name)
        files[-1].write_bytes(content)
    return Answers(subprocess.run(
        [bench.peers_binary, protocol, str(port), str(clients),
         str(seconds or bench.options.seconds), str(parts), *files],
        check=True, capture_output=True, text=True).stdout)
