"""More appends than a server takes: what still gets through, and whether others are served."""

import http.client
import json
import threading
import time

from bench import load, protocols, servers
from bench.machine import request
from bench.tables import in_turns, table


class Probe(threading.Thread):
    """Asks for one path every ten milliseconds, and notes how long each answer took."""

    def __init__(self, port, path):
        super().__init__(daemon=True)
        self.path = path
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.delays, self.wrong, self.ended = [], 0, False

    def run(self):
        due = time.monotonic()
        while not self.ended:
            # A question that is late because of the answer before counts from when it was due.
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)
                asked = time.monotonic()
            else:
                asked = due
            self.connection.request("GET", self.path)
            answer = self.connection.getresponse()
            answer.read()
            self.wrong += answer.status != 200
            self.delays.append(time.monotonic() - asked)
            due += 0.01
        self.connection.close()

    def stop(self):
        self.ended = True
        self.join()


class Tally:
    """What all rounds together found."""

    def __init__(self):
        self.refused = self.acknowledged = self.kept = 0
        self.delays = {}

    def add(self, probe):
        self.delays.setdefault(probe.path, []).extend(probe.delays)

    def line(self, path):
        delays = sorted(self.delays[path])
        return (f"{path} {delays[len(delays) // 2] * 1000:.2f} ms at the median, "
                f"{delays[len(delays) * 99 // 100] * 1000:.2f} ms at 99 %, of {len(delays)}")


def appends(bench, clients, flags, tally):
    """Accepted appends a second, and wrong answers: of appends, of probes, and what is lost."""
    server = servers.tidemark(bench, None, *flags)
    request(server.port, "PUT", "/v1/logs/bench")
    probes = [Probe(server.port, path) for path in ("/healthz", "/v1/logs/bench")]
    for probe in probes:
        probe.start()
    answers = load.peers(
        bench, "http", server.port, clients, protocols.tidemark("logs", b"x" * 100, 1, "synced"))
    for probe in probes:
        probe.stop()
        tally.add(probe)
    kept = json.loads(request(server.port, "GET", "/v1/logs/bench"))["position"]
    bench.stop(server)
    tally.refused += answers.refused
    tally.acknowledged += answers.all_accepted
    tally.kept += kept
    lost = max(0, answers.all_accepted - kept)
    wrong = answers.wrong + sum(probe.wrong for probe in probes) + lost
    return answers.accepted / bench.options.seconds, wrong


def measure(bench):
    if not bench.wanted("overload"):
        return
    peak, overloaded = Tally(), Tally()
    row = in_turns(bench, "256 clients, 64 may wait", {
        "Tidemark": lambda: appends(bench, 256, ["--append-queue-requests", 64], overloaded),
        "64 clients, 10,000 may wait": lambda: appends(bench, 64, [], peak)})
    table("Overload", [row], "accepted a second")
    print(f"\nOverloaded: {overloaded.refused} were refused; the logs hold {overloaded.kept} "
          f"records of {overloaded.acknowledged} acknowledged.")
    for name, tally in (("Overloaded", overloaded), ("At the peak", peak)):
        print(f"{name}: {'; '.join(map(tally.line, tally.delays))}.", flush=True)
