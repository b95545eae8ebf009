"""What the commands on files must leave alone: files in use, of others, and of other names."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from support.journal import Journal
from support.log import Log
from support.server import Server, binary, environment
from support.tokens import make_token
from support.tools import check, done, records, run

OWNER = (10001, 10002)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
ROOT_IS_WRITABLE = os.access("/", os.W_OK)


def log_of_items(path, count=20, kind="log", *options):
    """A log, closed, of lines `0`, `1`, ..."""
    lines = path.parent / f"lines-of-{path.name}"
    lines.write_text("".join(f"{number}\n" for number in range(count)))
    done("convert", lines, path, "--to", kind, "--kind", "external", "--lines", *options)
    lines.unlink()
    return path


def damage(path, place=40):
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def owner(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid


# Files in use


@pytest.mark.skipif(not ROOT_IS_WRITABLE, reason="needs a folder of its own below /")
def test_a_data_directory_below_the_root_of_all_is_known_to_be_in_use():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-test-", dir="/"))
    try:
        with Server(folder) as server:
            Log(server.client, "l").made("a", "b").close()
            path = folder / "logs" / "l.LOG"
            damage(path, 16)
            for where in ("--in-place", f"--to={folder}/copy"):
                refused = run("repair", path, where)
                assert refused.returncode == 2 and "a server uses" in refused.stderr, refused
        done("repair", path, "--in-place")
    finally:
        shutil.rmtree(folder)


# Whose they are


@as_root
def test_repairs_leave_files_to_their_owner(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    log = log_of_items(folder / "log")
    ringed = log_of_items(folder / "ring", 20, "wrap", "--size", "300", "--files", "4")
    journal = log_of_items(folder / "journal", 20, "journal")
    damage(log)
    damage(folder / "ring.1")
    newest = max(journal.glob("WiredTigerLog.*"))
    with open(newest, "r+b") as file:
        file.truncate(128 * 12 + 50)
    os.chown(folder, *OWNER)
    for path in folder.rglob("*"):
        os.chown(path, *OWNER)
    for path in (log, ringed, journal):
        done("repair", path, "--in-place")
    for path in folder.rglob("*"):
        assert owner(path) == OWNER, path


@as_root
@pytest.mark.parametrize("kind", ["log", "wrap", "journal", "pool", "external"])
def test_what_is_new_belongs_to_the_owner_of_its_folder(tmp_path, kind):
    source = log_of_items(tmp_path / "log")
    folder = tmp_path / "a"
    folder.mkdir()
    os.chown(folder, *OWNER)
    sizes = ("--size", "300", "--files", "4") if kind == "wrap" else ()
    done("convert", source, folder / "new", "--to", kind, *sizes)
    if kind in ("log", "wrap", "journal"):
        done("repair", folder / "new", "--to", folder / "copy")
    assert list(folder.iterdir())
    for path in folder.rglob("*"):
        assert owner(path) == OWNER, path


@as_root
def test_tokens_made_by_root_can_be_read_by_the_owner_of_the_data(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, *OWNER)
    make_token(data)
    make_token(data, "read")
    for path in data.rglob("*"):
        assert owner(path) == OWNER, path


@as_root
def test_who_is_neither_root_nor_the_owner_repairs_no_file_in_place():
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        log = log_of_items(folder / "log")
        damage(log)
        folder.chmod(0o777)
        log.chmod(0o666)
        before = [(path.name, path.read_bytes()) for path in folder.iterdir()]
        refused = run("repair", log, "--in-place", preexec=lambda: os.setuid(OWNER[0]))
        assert refused.returncode == 2 and "fchown" in refused.stderr, refused
        assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == before
        # A copy is the user's own.
        done("repair", log, "--to", folder / "copy", preexec=lambda: os.setuid(OWNER[0]))
        assert owner(folder / "copy")[0] == OWNER[0]
    finally:
        shutil.rmtree(folder)


# What they are


def test_a_symbolic_link_leads_to_what_is_repaired(tmp_path):
    log = log_of_items(tmp_path / "log")
    damage(log)
    link = tmp_path / "link"
    link.symlink_to("log")
    done("repair", link, "--in-place")
    assert link.is_symlink() and (tmp_path / "log.damaged").is_file()
    assert [found["state"] for found in check(log, link)] == ["clean", "clean"]


def test_a_ring_of_symbolic_links_is_not_taken_apart(tmp_path):
    ringed = log_of_items(tmp_path / "ring", 60, "wrap", "--size", "300", "--files", "4")
    damage(tmp_path / "ring.1")
    links = tmp_path / "links"
    links.mkdir()
    for path in tmp_path.glob("ring.*"):
        (links / path.name).symlink_to(path)
    done("repair", links / "ring", "--in-place")
    assert check(ringed)[0]["state"] == "clean"
    assert all(path.is_symlink() for path in links.iterdir())
    damage(tmp_path / "ring.2")
    (links / "ring.idx").unlink()
    shutil.copy(tmp_path / "ring.idx", links)
    refused = run("repair", links / "ring", "--in-place")
    assert refused.returncode == 2 and "symbolic link" in refused.stderr
    assert all(path.is_symlink() for path in links.glob("ring.[1-4]"))


def test_damage_that_a_cut_does_not_remove_is_told(start, tmp_path):
    server = start()
    journal = Journal(server.client, "j", file_max=102_400)
    for _ in range(3):
        for _ in range(20):
            journal.append(b"x" * 4000)
    server.stop()
    folder = server.data / "journals" / "j"
    middle = sorted(folder.glob("WiredTigerLog.*"))[1]
    middle.unlink()
    for where in ("--in-place", f"--to={tmp_path}/copy"):
        process = run("repair", folder, where)
        assert process.returncode == 1 and "log file 2 is missing" in process.stderr, process
    whole = log_of_items(tmp_path / "whole", 20, "journal")
    done("repair", whole, "--in-place")


def test_files_are_told_by_their_bytes_before_their_names(tmp_path):
    lines = tmp_path / "lines"
    lines.write_text("a\n")
    paths = [tmp_path / name for name in ("a", "a.idx", "b.1", "b.idx")]
    for path in paths:
        done("convert", lines, path, "--to", "pool", "--kind", "external")
    assert [found["kind"] for found in check(*paths)] == ["pool"] * 4
    assert records(paths[1]) == [b"a\n"]
    log = log_of_items(tmp_path / "c.siz")
    assert check(log)[0]["kind"] == "log"
    ringed = log_of_items(tmp_path / "ring", 20, "wrap", "--size", "300", "--files", "4")
    for suffix in (".1", ".idx", ".siz"):
        assert check(f"{ringed}{suffix}")[0]["kind"] == "wrap"


@pytest.mark.parametrize("command", ["check", "check --json", "convert", "repair", "token",
                                     "config", "openapi"])
def test_what_cannot_be_printed_is_a_failure(tmp_path, command):
    log = log_of_items(tmp_path / "log")
    arguments = {
        "convert": ["convert", log, tmp_path / "new", "--to", "log"],
        "repair": ["repair", log, "--to", tmp_path / "new"],
        "token": ["token", "create", "--data", tmp_path / "data"],
    }.get(command) or [*command.split(), *[log] * command.startswith("check")]
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [binary(), *map(str, arguments)], env=environment(), stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60)
    assert process.returncode == 2 and "ENOSPC" in process.stderr, process


# What lies beside them


@pytest.mark.parametrize("suffix", [".1", ".3", ".64999", ".idx", ".siz"])
def test_a_new_ring_takes_over_no_file_of_an_old_one(tmp_path, suffix):
    source = log_of_items(tmp_path / "log")
    old = log_of_items(tmp_path / "old", 20, "wrap", "--size", "300", "--files", "4")
    stale = tmp_path / f"new{suffix}"
    stale.write_bytes(b"stale")
    before = sorted(tmp_path.iterdir())
    sizes = ("--size", "300", "--files", "4")
    refused = [run("convert", source, tmp_path / "new", "--to", "wrap", *sizes),
               run("repair", old, "--to", tmp_path / "new")]
    for process in refused:
        assert process.returncode == 2 and stale.name in process.stderr, process
    assert sorted(tmp_path.iterdir()) == before and stale.read_bytes() == b"stale"


def test_a_ring_beside_files_of_longer_names_is_made(tmp_path):
    source = log_of_items(tmp_path / "log")
    for name in ("new2.1", "new.1x", "new.x", "new.0"):
        (tmp_path / name).write_bytes(b"another's")
    done("convert", source, tmp_path / "new", "--to", "wrap", "--size", "300", "--files", "4")
    assert len(records(tmp_path / "new")) == 20


