"""A device that really fails: what it lost is not claimed when it is well again (P11)."""

import os

import pytest

from support import device, poolfile
from support.problems import check_problem
from support.progress import progress
from support.server import Server

RUNS = int(os.environ.get("TIDEMARK_DEVICE_RUNS", 3))

pytestmark = pytest.mark.skipif(device.missing() is not None, reason=str(device.missing()))


def kept(api):
    """Appends some records of which all are acknowledged; their bytes."""
    data = b""
    for number in range(5):
        record = b"<%d:%s>" % (number, b"k" * (3000 * number))
        assert api.append("p", record)["first"] == len(data)
        data += record
    return data


def open_again(disk, server, how):
    """Closes and opens the pool, or the service, or the file system."""
    if how == "pool":
        assert server.client.post("/v1/pools/p/close").status == 200
        answer = server.client.post("/v1/pools/p/open")
        if answer.status == 200:
            return
        # The journal was on the device too: the file system takes nothing more.
        assert answer.status >= 400 and answer.type == "application/problem+json", answer
    server.kill9() if how == "kill" else server.stop()
    if how != "pool" and not is_read_only(disk):
        return server.start()
    disk.mend()
    return server.start()


def is_read_only(disk):
    with open("/proc/mounts") as file:
        options = next(line.split()[3] for line in file if line.split()[1] == str(disk.mount))
    return "ro" in options.split(",") or not can_write(disk.mount)


def can_write(folder):
    try:
        with open(folder / "probe", "wb") as file:
            file.write(b"x")
            os.fsync(file.fileno())
        os.unlink(folder / "probe")
    except OSError:
        return False
    return True


def lose_a_record(folder, journal, how, size):
    with device.FailingDevice(folder, journal=journal) as disk:
        with Server(disk.mount / "data") as server:
            api = server.client
            api.create("p", pool_size=8 << 20)
            api.create("other")
            data = kept(api)
            disk.fail()
            lost = b"<lost:" + b"l" * size + b">"
            document = check_problem(api.try_append("p", lost), "sync_failed", applied="unknown")
            assert document["errno"] in ("EIO", "EROFS"), document
            check_problem(api.try_append("p", b"<more>"), "sync_failed", applied="no")
            assert api.item("p")["state"] == "failed" and api.item("p")["tell"] == len(data)
            assert api.walk("p") == data and api.get("/readyz").status == 503
            assert api.get("/healthz").status == 200
            disk.heal()
            # The device takes writes again, and the pool must not.
            check_problem(api.try_append("p", b"<more>"), "sync_failed", applied="no")
            open_again(disk, server, how)
            api = server.client
            assert api.walk("p") == data, "it claims what the device never took"
            assert api.append("p", b"<new>")["first"] == len(data)
            assert api.get("/readyz").status == 200
            assert api.append("other", b"fine")["next"] == 4
            assert server.stop() == 0
        # And so it is on the device, not in the page cache only.
        disk.mend()
        disk.drop_caches()
        assert poolfile.used(disk.mount / "data" / "pools" / "p") == data + b"<new>"


@pytest.mark.parametrize("how", ["pool", "stop", "kill"])
@pytest.mark.parametrize("journal", [False, True], ids=["no journal", "journal"])
def test_record_that_a_failing_device_lost_is_not_claimed(tmp_path, dice, journal, how):
    for number in progress(range(RUNS), "device"):
        lose_a_record(tmp_path / str(number), journal, how, dice.choice([10, 5000, 100_000]))


def test_control_failing_device_loses_what_a_flush_did_not_take(tmp_path):
    """The rig is as bad as it must be: written, refused by fsync, and gone."""
    with device.FailingDevice(tmp_path, journal=False) as disk:
        path = disk.mount / "file"
        path.write_bytes(bytes(8192))
        run_sync(path)
        disk.fail()
        with open(path, "r+b") as file:
            file.write(b"x" * 8192)
            file.flush()
            with pytest.raises(OSError):
                os.fsync(file.fileno())
        disk.heal()
        run_sync(path)
        assert path.read_bytes() == b"x" * 8192, "the page cache lost it already"
        disk.mend()
        disk.drop_caches()
        assert path.read_bytes() == bytes(8192)


def run_sync(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
