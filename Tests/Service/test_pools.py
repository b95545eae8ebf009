"""The life of a pool: create, open, close, list, look at, rewind, check, remove, copy."""

import os
import stat
import struct

import pytest

from support.client import POOL_MINIMUM
from support.problems import check_problem
from support.server import wait_until

CAPACITY = POOL_MINIMUM - 8192


def path_of(shared, name):
    return shared.data / "pools" / name


def test_create_without_a_body_makes_two_mebibytes_at_pools_name(shared, api, name):
    answer = api.put(f"/v1/pools/{name}")
    assert answer.status == 201
    item = answer.json
    assert item["name"] == name and item["state"] == "open"
    assert item["file"] == f"pools/{name}" and item["pool_size"] == POOL_MINIMUM
    assert item["nbyte"] == item["free"] == CAPACITY and item["tell"] == 0
    assert item["generation"] == 1 and item["durability"] == "synced" and item["mode"] == "0600"
    assert answer["ETag"] == item["etag"] and answer["Log-Position"] == "0"
    status = path_of(shared, name).stat()
    assert status.st_size == POOL_MINIMUM and stat.S_IMODE(status.st_mode) == 0o600


@pytest.mark.parametrize("size", [POOL_MINIMUM, POOL_MINIMUM + 1, POOL_MINIMUM + 4095, 5_000_000])
def test_capacity_is_the_size_in_whole_pages_less_two(shared, api, name, size):
    item = api.create(f"{name}-{size}", pool_size=size)
    assert item["pool_size"] == size
    assert item["nbyte"] == size // 4096 * 4096 - 8192
    assert path_of(shared, f"{name}-{size}").stat().st_size == size


def test_size_written_as_a_real_number_is_taken(api, name):
    answer = api.put(f"/v1/pools/{name}", b'{"pool_size": 2097152.0}', type="application/json")
    assert answer.status == 201 and answer.json["pool_size"] == POOL_MINIMUM


@pytest.mark.parametrize("mode", ["0600", "0640", "666", "0777"])
def test_mode_is_applied_whatever_the_umask(shared, api, name, mode):
    item = api.create(f"{name}{mode}", mode=mode)
    assert stat.S_IMODE(path_of(shared, f"{name}{mode}").stat().st_mode) == int(mode, 8)
    assert int(item["mode"], 8) == int(mode, 8)


def test_file_gives_another_place_and_its_folders_are_made(shared, api, name):
    item = api.create(name, file=f"far/away/{name}.pool")
    assert item["file"] == f"far/away/{name}.pool"
    assert (shared.data / item["file"]).stat().st_size == POOL_MINIMUM
    assert not path_of(shared, name).exists()
    assert api.append(name, b"there")["next"] == 5
    assert api.delete(f"/v1/pools/{name}").status == 204
    assert not (shared.data / item["file"]).exists()


def test_body_of_the_form_type_is_read_as_json(api, name):
    answer = api.put(
        f"/v1/pools/{name}", b'{"pool_size": 3145728}', type="application/x-www-form-urlencoded")
    assert answer.status == 201 and answer.json["pool_size"] == 3 << 20


def test_creating_again_opens_what_is_there(api, name):
    first = api.create(name)
    again = api.put(f"/v1/pools/{name}", {"pool_size": POOL_MINIMUM})
    assert again.status == 200 and again.json["etag"] == first["etag"]


def test_creating_again_with_another_size_is_409_arg_mismatch(api, name):
    api.create(name)
    answer = api.put(f"/v1/pools/{name}", {"pool_size": POOL_MINIMUM * 2})
    assert answer.status == 409 and answer.code == "arg_mismatch"
    assert answer.json["option"] == "pool_size"
    assert api.item(name)["pool_size"] == POOL_MINIMUM


def test_if_none_match_star_creates_only(api, name):
    only_new = {"If-None-Match": "*"}
    assert api.put(f"/v1/pools/{name}", headers=only_new).status == 201
    answer = api.put(f"/v1/pools/{name}", headers=only_new)
    assert answer.status == 412 and answer.code == "precondition_failed"


def test_generation_in_the_body_is_passed_over(api, name):
    answer = api.put(f"/v1/pools/{name}", {"generation": 7})
    assert answer.status == 201 and answer.json["generation"] == 1


def test_a_get_of_an_item_can_be_put_back_as_options(api, name):
    item = api.create(name)
    options = {key: item[key] for key in ("pool_size", "mode", "file", "generation")}
    assert api.put(f"/v1/pools/{name}", options).status == 200


def test_nbyte_and_tell_are_those_of_the_item(api, name):
    api.create(name)
    api.append(name, b"12345")
    assert api.get(f"/v1/pools/{name}/nbyte").json == {"nbyte": CAPACITY}
    tell = api.get(f"/v1/pools/{name}/tell")
    assert tell.json == {"tell": 5} and tell["Log-Position"] == "5"
    item = api.item(name)
    assert item["tell"] == 5 and item["free"] == CAPACITY - 5 and tell["ETag"] == item["etag"]


def test_close_keeps_the_pool_closed_until_it_is_opened(api, name):
    api.create(name)
    api.append(name, b"kept")
    closed = api.post(f"/v1/pools/{name}/close")
    assert closed.status == 200 and closed.json["state"] == "closed" and closed.json["tell"] == 4
    assert api.post(f"/v1/pools/{name}/close").json["state"] == "closed"
    for answer in (
        api.try_append(name, b"no"), api.get(f"/v1/pools/{name}/walk"),
        api.get(f"/v1/pools/{name}/tell"), api.post(f"/v1/pools/{name}/rewind"),
    ):
        assert answer.status == 404 and answer.code == "no_such_pool"
        assert answer.json["state"] == "closed"
    assert api.item(name)["state"] == "closed"
    assert api.post(f"/v1/pools/{name}/open").json["state"] == "open"
    assert api.post(f"/v1/pools/{name}/open").json["state"] == "open"
    assert api.walk(name) == b"kept"


def test_put_opens_a_closed_pool(api, name):
    api.create(name)
    api.post(f"/v1/pools/{name}/close")
    answer = api.put(f"/v1/pools/{name}")
    assert answer.status == 200 and answer.json["state"] == "open"


def test_rewind_empties_and_counts_the_generation_up(api, name):
    api.create(name)
    api.append(name, b"five!")
    answer = api.post(f"/v1/pools/{name}/rewind")
    assert answer.status == 200 and answer.json == {"generation": 2, "lost_bytes": 5}
    assert answer["Log-Position"] == "0" and answer["ETag"] == api.item(name)["etag"]
    assert api.walk(name) == b"" and api.append(name, b"new")["first"] == 0


def test_rewind_with_if_match_guards_against_a_race(api, name):
    old = api.create(name)["etag"]
    api.append(name, b"somebody else's")
    refused = api.post(f"/v1/pools/{name}/rewind", headers={"If-Match": old})
    assert refused.status == 412 and refused.code == "precondition_failed"
    assert refused.json["position"] == 15 and refused.json["etag"] == refused["ETag"]
    assert api.tell(name) == 15
    good = api.post(f"/v1/pools/{name}/rewind", headers={"If-Match": refused["ETag"]})
    assert good.status == 200 and good.json["lost_bytes"] == 15


def test_check_of_a_closed_pool_asks_the_library_and_of_an_open_one_the_headers(api, name):
    api.create(name)
    refused = api.get(f"/v1/pools/{name}/check")
    assert refused.status == 409 and refused.code == "pool_open"
    live = api.get(f"/v1/pools/{name}/check?live=true")
    assert live.status == 200 and live.json["consistent"] is True
    api.post(f"/v1/pools/{name}/close")
    for query in ("", "?live=true", "?live=false"):
        assert api.get(f"/v1/pools/{name}/check{query}").json["consistent"] is True


def test_check_of_a_damaged_pool_says_what_is_wrong(shared, api, name):
    api.create(name)
    api.post(f"/v1/pools/{name}/close")
    with open(path_of(shared, name), "r+b") as file:
        file.seek(0x1010)
        file.write(struct.pack("<Q", 100))
    answer = api.get(f"/v1/pools/{name}/check")
    assert answer.status == 200 and answer.json["consistent"] is False
    assert "write offset" in answer.json["detail"]


def test_delete_removes_file_and_pool(shared, api, name):
    api.create(name)
    assert api.delete(f"/v1/pools/{name}").status == 204
    assert not path_of(shared, name).exists()
    assert api.get(f"/v1/pools/{name}").code == "no_such_pool"
    assert api.delete(f"/v1/pools/{name}").code == "no_such_pool"


def test_delete_with_keep_file_leaves_the_file_to_others(shared, api, name):
    api.create(name)
    api.append(name, b"stays")
    assert api.delete(f"/v1/pools/{name}?keep_file=true").status == 204
    assert path_of(shared, name).stat().st_size == POOL_MINIMUM
    assert api.try_append(name, b"x").status == 404
    assert api.put(f"/v1/pools/{name}").status == 200 and api.walk(name) == b"stays"


def test_a_pool_made_anew_has_another_etag(api, name):
    old = api.create(name)["etag"]
    api.delete(f"/v1/pools/{name}")
    assert api.create(name)["etag"] != old


def test_list_pages_by_name_with_token_and_link(start):
    api = start().client
    names = [f"a{number:02}" for number in range(7)] + ["b0"]
    for each in names:
        api.create(each)
    seen, path = [], "/v1/pools?limit=3"
    while path:
        answer = api.get(path)
        page = [pool["name"] for pool in answer.json["pools"]]
        assert 0 < len(page) <= 3
        seen += page
        token = answer.json["next_page_token"]
        assert bool(token) == bool(answer["Link"])
        path = answer["Link"].split(">")[0][1:] if token else None
        assert not token or token in path
    assert seen == names


def test_list_by_prefix_and_state(start):
    api = start().client
    for each in ("a1", "a2", "b1"):
        api.create(each)
    api.post("/v1/pools/a2/close")

    def listed(query):
        return {pool["name"]: pool["state"] for pool in api.get(f"/v1/pools{query}").json["pools"]}

    assert listed("") == {"a1": "open", "a2": "closed", "b1": "open"}
    assert listed("?prefix=a") == {"a1": "open", "a2": "closed"}
    assert listed("?state=open") == {"a1": "open", "b1": "open"}
    assert listed("?state=closed&prefix=a") == {"a2": "closed"}
    assert listed("?state=damaged") == {} and listed("?prefix=zzz") == {}


def test_link_to_the_next_page_keeps_prefix_and_state(start):
    api = start().client
    for each in ("a1", "b1", "b2", "b3", "c1"):
        api.create(each)
    answer = api.get("/v1/pools?prefix=b&state=open&limit=2")
    link = answer["Link"].split(">")[0][1:]
    assert [pool["name"] for pool in api.get(link).json["pools"]] == ["b3"]


def test_list_tells_of_damaged_files_and_goes_on(start):
    server = start()
    server.client.create("good")
    (server.data / "pools" / "bad").write_bytes(b"not a pool")
    pools = {pool["name"]: pool for pool in server.client.get("/v1/pools").json["pools"]}
    assert pools["good"]["state"] == "open"
    assert pools["bad"]["state"] == "damaged" and pools["bad"]["detail"]


def test_export_and_import_make_an_equal_pool(shared, api, name):
    api.create(name)
    data = os.urandom(70_000)
    api.append(name, data)
    exported = api.get(f"/v1/pools/{name}/export")
    assert exported.status == 200 and len(exported.body) == POOL_MINIMUM
    assert exported.type == "application/octet-stream"
    assert exported.body[0x1018:0x1050] == bytes(56), "process addresses are given away"
    assert exported.body[8192:8192 + len(data)] == data
    made = api.post(
        f"/v1/pools/{name}copy/import", exported.body, type="application/octet-stream")
    assert made.status == 201 and made.json["tell"] == len(data)
    assert api.walk(f"{name}copy") == data
    assert api.append(f"{name}copy", b"more")["first"] == len(data)


def test_each_import_of_a_file_is_another_pool(shared, api, name, tmp_path):
    api.create(name)
    exported = api.get(f"/v1/pools/{name}/export").body
    tags = set()
    for _ in range(2):
        made = api.post(
            f"/v1/pools/{name}again/import", exported, type="application/octet-stream")
        assert made.status == 201
        tags.add(api.append(f"{name}again", b"data")["first"] or made["ETag"])
        path = shared.data / "pools" / f"{name}again"
        assert path.read_bytes()[0x28:0xFB8] == exported[0x28:0xFB8]
        assert api.delete(f"/v1/pools/{name}again").status == 204
    assert len(tags) == 2


def test_import_over_an_existing_pool_is_409_and_leaves_it(api, name):
    api.create(name)
    api.append(name, b"mine")
    file = api.get(f"/v1/pools/{name}/export").body
    answer = api.post(f"/v1/pools/{name}/import", file, type="application/octet-stream")
    assert answer.status == 409 and answer.code == "already_exists"
    assert api.walk(name) == b"mine"


def test_import_of_what_is_no_pool_leaves_nothing(shared, api, name):
    answer = api.post(
        f"/v1/pools/{name}/import", bytes(POOL_MINIMUM), type="application/octet-stream")
    assert answer.status == 409 and answer.code == "not_a_pool"
    assert api.get(f"/v1/pools/{name}").status == 404
    assert not path_of(shared, name).exists()
    wait_until(lambda: os.listdir(shared.data / ".tidemark" / "new") == [], what="the upload to go")


def test_import_in_chunks_is_taken(api, name):
    api.create(name)
    file = api.get(f"/v1/pools/{name}/export").body
    pieces = [file[start:start + 100_000] for start in range(0, len(file), 100_000)]
    answer = api.request(
        "POST", f"/v1/pools/{name}c/import", iter(pieces), type="application/octet-stream",
        chunked=True)
    assert answer.status == 201 and answer.json["pool_size"] == POOL_MINIMUM


def test_everything_is_there_again_after_a_restart(start):
    server = start()
    api = server.client
    api.create("one", pool_size=3 << 20, mode="0640")
    api.append("one", b"first life")
    api.post("/v1/pools/one/rewind")
    api.append("one", b"second life")
    api.create("two", file="elsewhere/two")
    api.create("three")
    api.post("/v1/pools/three/close")
    before = {each: api.item(each) for each in ("one", "two", "three")}
    server.restart()
    api = server.client
    assert {each: api.item(each) for each in before} == before
    assert api.walk("one") == b"second life" and before["one"]["generation"] == 2


def test_a_batch_with_an_empty_record_is_refused_whole(api, name):
    path = f"/v1/pools/{name}"
    assert api.put(path).status == 201
    check_problem(
        api.post(path + "/append", {"records": [{"text": "a"}, {"text": ""}]}), "bad_record")
    assert api.get(path).json["tell"] == 0


def test_a_pool_that_is_refused_is_not_adopted(shared, api, name):
    file = {"file": f"s/{name}"}
    assert api.put(f"/v1/pools/{name}", file).status == 201
    assert api.delete(f"/v1/pools/{name}?keep_file=true").status == 204
    answer = api.put(f"/v1/pools/{name}-2", {**file, "pool_size": 4 << 20})
    check_problem(answer, "arg_mismatch")
    assert api.get(f"/v1/pools/{name}-2").status == 404
