"""What a buffer pool must not lose: files opened without a descriptor left, closes that sync, changes
that meet."""

import os
import resource

from support.mpools import PAGE, MPool
from support.problems import check_problem


def limit_descriptors(server, free):
    """Leaves a server so many descriptors that it can still open; what was allowed before."""
    used = {int(each) for each in os.listdir(f"/proc/{server.pid}/fd")}
    limit = 0
    while limit - len([each for each in used if each < limit]) < free:
        limit += 1
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    return before


def test_a_file_opened_with_the_last_descriptor_is_an_error_or_the_file(start):
    server = start()
    pool = MPool(server.client, "p", private=True)
    pool.open()
    pool.put(0, b"a" * PAGE)
    assert pool.fsync().status == 200
    pool.client.delete(pool.path + "/files/f")
    refused = 0
    for free in range(5):
        before = limit_descriptors(server, free)
        answer = pool.client.put(pool.path + "/files/f", {"pagesize": PAGE})
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        if answer.status == 201:
            assert pool.get(0).body == b"a" * PAGE
            assert pool.patch(0, b"b", "?at=1").status == 204
            assert pool.fsync().status == 200
            assert pool.patch(0, b"a", "?at=1").status == 204
            assert pool.fsync().status == 200
            assert (server.data / "mpools/p/f").read_bytes() == b"a" * PAGE
            assert pool.client.delete(pool.path + "/files/f").status == 200
        else:
            assert answer.status == 503, answer
            refused += 1
    assert 1 <= refused < 5
    pool.open(create=False)
    assert pool.get(0).body == b"a" * PAGE


def test_a_page_beyond_the_limit_of_files_is_refused_and_harms_no_other(start):
    server = start()
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    pool = MPool(server.client, "p", private=True, cachesize=8 * PAGE)
    pool.open()
    check_problem(pool.put(256, b"a" * PAGE), "no_space")
    for pgno in range(256):
        assert pool.put(pgno, b"a" * PAGE).status == 201
    check_problem(pool.client.post(pool.path + "/files/f/pages"), "no_space")
    assert pool.fsync().json == {"complete": True}
    assert (server.data / "mpools/p/f").read_bytes() == b"a" * (1 << 20)


def test_a_page_that_no_file_can_hold_any_more_keeps_no_other_out(start):
    server = start()
    pool = MPool(server.client, "p", private=True, cachesize=32 * PAGE)
    pool.open()
    assert pool.put(300, b"a" * PAGE).status == 201
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    for pgno in range(100):
        assert pool.put(pgno, b"b" * PAGE).status == 201, pgno
    check_problem(pool.client.post(pool.path + "/files/f/fsync"), "no_space")
    assert pool.get(300).body == b"a" * PAGE
    resource.prlimit(
        server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert pool.fsync().json == {"complete": True}
