"""Buffer pools do what the model of their rules does, and what Berkeley DB does where it is alike."""

import os
import random

import pytest

from support.mpool_drivers import build_libdb, replay, replay_libdb, trace_program
from support.mpool_model import Model, made_page
from support.mpool_traces import Trace

TRACES = int(os.environ.get("TIDEMARK_TRACES", 300))


@pytest.fixture(scope="module")
def program():
    return trace_program()


def compare(program, folder, lines, seed, *options):
    expected = Model().run(lines)
    found = replay(program, folder, lines, *options)
    for part in ("events", "stat", "fstat", "filters"):
        if part == "events":
            pairs = zip(found[part], expected[part])
            assert next((pair for pair in pairs if pair[0] != pair[1]), None) is None, seed
        assert found[part] == expected[part], (seed, part)
    for name, data in expected["files"].items():
        assert (folder / name).read_bytes() == data, (seed, name)


def test_random_traces_give_the_models_events_figures_and_bytes(program, tmp_path, dice):
    for _ in range(TRACES):
        seed = dice.randrange(1 << 32)
        compare(program, tmp_path / "w", Trace(seed).lines, seed)


def test_a_shared_region_gives_the_same(program, tmp_path, dice):
    for _ in range(TRACES // 6):
        seed = dice.randrange(1 << 32)
        compare(program, tmp_path / "w", Trace(seed).lines, seed, "shared")


def test_the_model_is_the_pool_on_a_trace_worked_out_by_hand(program, tmp_path):
    lines = """pool cachesize=20480
        mkfile f pagesize=4096 pages=3
        fopen h f pagesize=4096 create
        get a h 0 last
        put a
        a h 0
        get b h 0 new
        put b discard
        w h 9 7
        get c h 5
        a h 0
        a h 1
        a h 2
        trickle 100
        fsync h
        stat"""
    compare(program, tmp_path / "w", lines.splitlines(), "by hand")
    found = replay(program, tmp_path / "w", lines.splitlines())
    assert [event["rc"] for event in found["events"]] == [
        "OK", "OK", "EINVAL", "OK", "OK", "OK"]
    assert found["events"][1]["pgno"] == 3
    assert found["stat"]["st_cache_hit"] == 2 and found["stat"]["st_cache_miss"] == 4
    assert found["stat"]["st_page_create"] == 2 and found["stat"]["st_ro_evict"] == 0


@pytest.mark.parametrize("fits", [True, False], ids=["all in memory", "with eviction"])
def test_berkeley_db_gives_the_same_files_and_lookups(program, tmp_path, dice, fits):
    libdb = build_libdb(tmp_path)
    for number in range(max(TRACES // 10, 5)):
        seed = dice.randrange(1 << 32)
        lines = Trace(seed, operations=600, plain=True).lines
        if fits:
            lines[0] = "pool cachesize=4194304 nommap"
        ours = replay(program, tmp_path / "w", lines)
        folder = tmp_path / f"real{number}"
        folder.mkdir()
        for line in lines:
            words = line.split()
            if words[0] == "mkfile":
                pages = int(words[3].split("=")[1])
                (folder / words[1]).write_bytes(b"".join(
                    made_page(4096, pgno) for pgno in range(pages)))
        real = replay_libdb(libdb, folder, lines)
        for path in folder.iterdir():
            assert path.read_bytes() == (tmp_path / "w" / path.name).read_bytes(), seed
        found = ours["stat"]
        if fits:
            assert {name: found[name] for name in real} == real, seed
        assert (found["st_cache_hit"] + found["st_cache_miss"]
                == real["st_cache_hit"] + real["st_cache_miss"]), seed


def test_s3_fifo_keeps_the_sums_and_the_bytes(program, tmp_path, dice):
    """Which page leaves is the policy's affair; what is read and counted is not."""
    for _ in range(max(TRACES // 10, 5)):
        seed = dice.randrange(1 << 32)
        lines = Trace(seed, plain=True).lines
        expected = Model().run(lines)
        found = replay(program, tmp_path / "w", lines, "s3fifo")
        stat = found["stat"]
        assert stat["st_page_in"] + stat["st_page_create"] == stat["st_cache_miss"], seed
        assert stat["st_hash_searches"] == expected["stat"]["st_hash_searches"], seed
        for name, data in expected["files"].items():
            assert (tmp_path / "w" / name).read_bytes() == data, (seed, name)


def test_one_seed_gives_one_trace():
    seed = random.randrange(1 << 32)
    assert Trace(seed).lines == Trace(seed).lines
