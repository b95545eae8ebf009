"""Filters that encrypt and compress: what lies on disk is what others can read by the description."""

import ctypes
import ctypes.util
import hashlib
import hmac
import os
import shutil
import subprocess

import pytest

from support.mpools import PAGE, MPool, b64
from support.problems import check_problem
from support.server import Server, StartFailed

SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"# name and key\nmain {SECRET.hex()}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory, keys_file):
    with Server(tmp_path_factory.mktemp("data"), mpool_keys_file=keys_file) as server:
        yield server
        assert server.is_alive, f"the server died: {server.lines}"


def opened(api, name, filters, cookie=b"main/f"):
    pool = MPool(api, name)
    assert api.put(f"{pool.path}/ftypes/1", {"pgin": filters, "pgout": filters}).status == 201
    pool.open(ftype=1, pgcookie=b64(cookie))
    return pool


def reopened(api, name, filters, cookie=b"main/f"):
    assert api.post(f"/v1/mpools/{name}/close").status == 200
    return opened(api, name, filters, cookie)


def derived(cipher, cookie=b"main/f"):
    return hmac.new(SECRET, cipher + b"\0" + cookie, hashlib.sha512).digest()


def openssl(way, cipher, key, data, *options):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    ran = subprocess.run(
        ["openssl", "enc", way, "-" + cipher, "-K", key.hex(), "-nopad", *options],
        input=data, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def xts_decrypted(key, tweak, data):
    """XTS by its definition (IEEE 1619), over openssl's AES of single blocks."""
    mask = int.from_bytes(openssl("-e", "aes-256-ecb", key[32:], tweak), "little")
    masks = b""
    for _ in range(len(data) // 16):
        masks += mask.to_bytes(16, "little")
        mask = mask << 1
        if mask >> 128:
            mask = mask & (1 << 128) - 1 ^ 0x87

    def masked(blocks):
        return bytes(a ^ b for a, b in zip(blocks, masks))

    return masked(openssl("-d", "aes-256-ecb", key[:32], masked(data)))


def stored(shared, name, pgno=0):
    data = (shared.data / "mpools" / name / "f").read_bytes()
    return data[pgno * PAGE:][:PAGE]


def test_aes_xts_is_that_of_the_standard(api, shared, name):
    pool = opened(api, name, "aes-xts")
    page = os.urandom(PAGE)
    pool.put(0x0102, page)
    assert pool.fsync().status == 200
    tweak = bytes([2, 1]) + bytes(14)
    assert xts_decrypted(derived(b"aes-xts"), tweak, stored(shared, name, 0x102)) == page
    assert reopened(api, name, "aes-xts").get(0x102).body == page


def test_aes_gcm_is_what_openssl_has_and_leaves_28_bytes(api, shared, name):
    pool = opened(api, name, "aes-gcm")
    page = os.urandom(PAGE - 28)
    pool.put(3, page + bytes(28))
    assert pool.fsync().status == 200
    disk = stored(shared, name, 3)
    nonce = disk[-28:-16]
    # Its cipher is the counter mode, from 2 on.
    plain = openssl(
        "-d", "aes-256-ctr", derived(b"aes-gcm")[:32], disk[:-28],
        "-iv", nonce.hex() + "00000002")
    assert plain == page
    assert reopened(api, name, "aes-gcm").get(3).body[:-28] == page


@pytest.mark.parametrize("place", [0, PAGE - 28, PAGE - 1])
def test_a_page_that_somebody_changed_is_refused(api, shared, name, place):
    pool = opened(api, name, "aes-gcm")
    pool.put(0, os.urandom(PAGE))
    pool.put(1, os.urandom(PAGE))
    pool.fsync()
    assert api.post(f"/v1/mpools/{name}/close").status == 200
    file = shared.data / "mpools" / name / "f"
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    pool = opened(api, name, "aes-gcm")
    assert check_problem(pool.get(0), "filter_failed")["errno"] == "EIO"
    assert pool.get(1).status == 200
    assert api.post(f"/v1/mpools/{name}/close").status == 200
    file.write_bytes(data[PAGE:] + data[PAGE:])
    pool = opened(api, name, "aes-gcm")
    assert pool.get(0).status == 500, "a page in another's place"
    assert pool.get(1).status == 200


def test_a_page_whose_key_nobody_knows_is_not_written(api, shared, name):
    pool = opened(api, name, "aes-gcm", b"other")
    pool.put(0, b"s" * PAGE)
    assert check_problem(pool.fsync(), "filter_failed")["errno"] == "ENOKEY"
    assert pool.stat["st_page_dirty"] == 1
    assert stored(shared, name) == b""


def test_a_key_that_is_added_is_found_at_the_next_registration(api, shared, name, keys_file):
    pool = opened(api, name, "aes-xts", b"later")
    pool.put(0, b"s" * PAGE)
    check_problem(pool.fsync(), "filter_failed")
    before = keys_file.read_text()
    try:
        keys_file.write_text(before + f"later {os.urandom(32).hex()}\n")
        path = f"{pool.path}/ftypes/1"
        assert api.put(path, {"pgin": "aes-xts", "pgout": "aes-xts"}).status == 200
        assert pool.fsync().status == 200
        keys_file.write_text("later\n")
        problem = check_problem(
            api.put(path, {"pgin": "aes-xts", "pgout": "aes-xts"}), "bad_parameter")
        assert "line 1" in problem["detail"]
    finally:
        keys_file.write_text(before)


def test_zstd_is_what_the_library_has(api, shared, name):
    library = ctypes.util.find_library("zstd")
    pool = opened(api, name, "zstd")
    easy = (b"tidemark" * PAGE)[:PAGE - 8]
    hard = os.urandom(PAGE - 8)
    pool.put(0, easy + bytes(8))
    pool.put(1, hard + bytes(8))
    assert pool.fsync().status == 200
    disk = stored(shared, name)
    length = int.from_bytes(disk[4:8], "little")
    assert disk[:4] == b"TMZ1" and disk[8 + length:] == bytes(PAGE - 8 - length)
    assert stored(shared, name, 1) == b"TMZ1" + bytes(4) + hard
    if library:
        zstd = ctypes.CDLL(library)
        zstd.ZSTD_decompress.restype = ctypes.c_size_t
        out = ctypes.create_string_buffer(PAGE)
        made = zstd.ZSTD_decompress(
            out, ctypes.c_size_t(PAGE), disk[8:8 + length], ctypes.c_size_t(length))
        assert out.raw[:made] == easy
    pool = reopened(api, name, "zstd")
    assert pool.get(0).body[:-8] == easy and pool.get(1).body[:-8] == hard


def test_filters_after_each_other_have_room_for_each(api, name):
    filters = "zstd+aes-gcm+crc32c"
    pool = opened(api, name, filters)
    page = (os.urandom(64) * PAGE)[:PAGE - 40]
    pool.put(0, page + bytes(40))
    assert pool.fsync().status == 200
    assert reopened(api, name, filters).get(0).body[:-40] == page


@pytest.mark.parametrize("text, mode", [
    ("main 00\n", 0o600), (f"main {SECRET.hex()}\n", 0o604), (None, 0)], ids=str)
def test_the_service_does_not_start_with_keys_that_cannot_be_used(tmp_path, text, mode):
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(StartFailed) as failed:
        Server(tmp_path / "data", mpool_keys_file=path)
    assert "keys" in str(failed.value) and SECRET.hex() not in str(failed.value)
