"""More than can be done: refused in order, and everything else goes on (P27)."""

import http.client
import os
import threading
import time

import pytest

from support.resources import KINDS, Resource
from support.server import wait_until

SECONDS = float(os.environ.get("TIDEMARK_OVERLOAD_SECONDS", 3))
CLIENTS, QUEUE = 64, 16


class Pusher(threading.Thread):
    """Appends without end, whatever it is answered."""

    def __init__(self, server, resource, number):
        super().__init__()
        self.server, self.resource, self.number = server, resource, number
        self.stop = threading.Event()
        self.acknowledged, self.refused, self.odd = [], [], []

    def run(self):
        with self.server.new_client() as client:
            sent = 0
            while not self.stop.is_set():
                sent += 1
                text = f"<{self.number}:{sent}:>"
                answer = self.resource.append(client, [text])
                if answer.status == 200:
                    self.acknowledged.append(text)
                elif answer.code == "overloaded" and answer["Retry-After"]:
                    assert answer.json["applied"] == "no"
                    self.refused.append(text)
                else:
                    self.odd.append(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_four_times_what_may_wait_is_refused_in_order(start, kind):
    server, resource = start(append_queue_requests=QUEUE), Resource(kind)
    resource.create(server.client)
    pushers = [Pusher(server, resource, number) for number in range(CLIENTS)]
    for pusher in pushers:
        pusher.start()
    deadline = time.monotonic() + SECONDS / len(KINDS)
    answered = 0
    try:
        while time.monotonic() < deadline:
            for path in ("/healthz", "/readyz", resource.path):
                started = time.monotonic()
                assert server.client.get(path).status == 200
                answered += 1
                assert time.monotonic() - started < 5
        wait_until(lambda: any(pusher.refused for pusher in pushers), what="a refusal", timeout=30)
    except http.client.HTTPException as problem:
        raise AssertionError(f"no answer: {problem}") from problem
    finally:
        for pusher in pushers:
            pusher.stop.set()
        for pusher in pushers:
            pusher.join()
    assert answered and not [pusher.odd for pusher in pushers if pusher.odd]
    server.restart(kill=True)
    found = resource.records(server.client)
    wanted = {text for pusher in pushers for text in pusher.acknowledged}
    assert len(found) == len(set(found)) and set(found) == wanted
