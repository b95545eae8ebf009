"""The order of the stores to persistent memory: whatever of them a power failure keeps, the pool is the
old one or the new one (P5)."""

import os

import pytest

from support import pmemlog, stores
from support.judge import Judge
from support.machine import build, needs_program, needs_speed
from support.progress import progress

IMAGES = int(os.environ.get("TIDEMARK_IMAGES", 200))
SIZES = [1, 63, 64, 65, 500, 4096, 3, 700]
pytestmark = [needs_program("pmempool"), needs_program("cc"), needs_speed]


@pytest.fixture
def trace(start, tmp_path):
    """A run of appends and a rewind: the file before, the events, what was answered when, and all states.
    """
    path = tmp_path / "trace"
    env = {
        "STORES": str(path), "STORES_POOL": "/pools/p", "PMEM_IS_PMEM_FORCE": "1",
        "TIDEMARK_KEEP_PMEM_ENVIRONMENT": "1"}
    server = start()
    server.client.create("p", pool_size=2 << 20)
    server.stop()
    file = server.data / "pools/p"
    before = file.read_bytes()
    server.env = {**env, "LD_PRELOAD": str(build("stores", tmp_path))}
    server.start()
    states, answered = [b""], []

    def note(state):
        states.append(state)
        answered.append((len(stores.events_of(path.read_bytes())), len(states) - 1))

    rounds = 2 if IMAGES < 1000 else 4
    for round in range(rounds):
        for number, size in enumerate(SIZES):
            data = bytes([65 + (number + round * 7) % 26]) * size
            server.client.append("p", data)
            note(states[-1] + data)
        if round < rounds - 1:
            assert server.client.post("/v1/pools/p/rewind").status == 200
            note(b"")
    server.kill9()
    return before, stores.events_of(path.read_bytes()), answered, states


def faults(before, events, answered, states, dice, file, limit):
    """What is wrong with the images, in words, and how many there were."""
    judge, found = Judge(), []
    wanted = max(1, IMAGES // 60)
    images = list(stores.images(before, events, dice, wanted))
    if len(images) > IMAGES:
        images = [images[place] for place in sorted(dice.sample(range(len(images)), IMAGES))]
    for place, (number, image) in enumerate(progress(images, "image")):
        file.write_bytes(image)
        oldest = max((state for event, state in answered if event <= number), default=0)
        # The tool does what the library's check does, and takes a process each time.
        code, text = 0, ""
        if IMAGES >= 1000 or place % 10 == 0:
            code, text = pmemlog.pmempool("check", file)
        is_whole, data = judge.check(file), judge.read(file)
        if code != 0 or is_whole is not True:
            found.append(f"event {number}: it is not consistent: {text}")
        elif data not in states[oldest:oldest + 2]:
            found.append(f"event {number}: {data!r:.60} is neither {states[oldest]!r:.40} nor the next")
        if len(found) >= limit:
            break
    judge.close()
    return found, len(images)


def test_every_subset_of_what_was_not_drained_is_the_old_pool_or_the_new(trace, dice, tmp_path):
    before, events, answered, states = trace
    assert sum(event.moves_pointer for event in events) >= len(states) - 1, "the calls are seen"
    found, count = faults(*trace, dice, tmp_path / "image", 5)
    print(f"{count} images of {len(events)} events")
    assert not found, "\n".join(found)


def test_a_pointer_that_goes_first_is_noticed(trace, dice, tmp_path):
    """The control: the same stores in the wrong order."""
    before, events, answered, states = trace
    found, count = faults(
        before, stores.pointer_first(events), answered, states, dice, tmp_path / "image", 1)
    assert found, f"none of {count} images was noticed"
