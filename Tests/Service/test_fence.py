"""Single writers: who has been replaced writes nothing more."""

import threading

import pytest

from support.problems import check_problem

PATHS = {"pools": "/v1/pools/fenced", "logs": "/v1/logs/fenced", "journals": "/v1/journals/fenced"}


@pytest.fixture(params=PATHS)
def path(request, api):
    path = PATHS[request.param]
    api.delete(path)
    assert api.put(path).status == 201
    yield path
    api.delete(path)


def append(client, path, token=None, query="", text=b"x"):
    headers = {"Fencing-Token": str(token)} if token is not None else {}
    return client.post(f"{path}/append{query}", text, headers, type="text/plain")


def test_a_writer_that_was_replaced_is_refused(api, path):
    assert append(api, path, 3).status == 200
    assert append(api, path, 7).status == 200
    document = check_problem(append(api, path, 3), "fenced")
    assert (document["current"], document["applied"]) == (7, "no")
    assert append(api, path, 7).status == 200
    assert append(api, path).status == 200, "who gives no token is let through"
    assert api.get(path).json["fence"] == 7


def test_the_token_is_raised_alone_and_may_be_required(api, path):
    raised = api.post(path + "/fence", {"token": 5})
    assert raised.json == {"fence": 5, "require_fence": False}
    check_problem(append(api, path, 4), "fenced")
    check_problem(api.post(path + "/fence", {"token": 4}), "fenced")
    assert api.post(path + "/fence", {"require_fence": True}).json["require_fence"] is True
    check_problem(append(api, path), "fenced")
    check_problem(append(api, path, query="?durability=accepted"), "fenced")
    assert append(api, path, 5).status == 200
    assert append(api, path, 5, "?durability=accepted").status in (200, 202)
    check_problem(api.post(path + "/fence", {}), "bad_parameter")
    check_problem(api.post(path + "/fence", {"token": -1}), "bad_parameter")


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("kind", PATHS)
def test_the_highest_token_is_remembered(start, kind, kill):
    server, path = start(), PATHS[kind]
    server.client.put(path)
    append(server.client, path, 9)
    server.client.post(path + "/fence", {"require_fence": True})
    server.restart(kill=kill)
    check_problem(append(server.client, path, 8), "fenced")
    check_problem(append(server.client, path), "fenced")
    assert append(server.client, path, 9).status == 200
    server.client.delete(path)
    server.client.put(path)
    assert append(server.client, path, 1).status == 200, "it was made anew"


def test_of_two_writers_the_older_one_writes_nothing_behind_the_newer_ones_first(
    api, shared, path
):
    results = {1: [], 2: []}

    def write(token):
        with shared.new_client() as client:
            for _ in range(60):
                answer = append(client, path, token)
                results[token].append((answer.status, answer.json))

    threads = [threading.Thread(target=write, args=(token,)) for token in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in results[2]} == {200}
    statuses = [status for status, _ in results[1]]
    refused = statuses.index(412) if 412 in statuses else 60
    assert set(statuses[:refused]) <= {200} and set(statuses[refused:]) <= {412}

    def place(answer):
        first = answer["first"]
        return (first["file"], first["offset"]) if isinstance(first, dict) else first

    first_of_newer = place(results[2][0][1])
    assert all(place(answer) < first_of_newer for status, answer in results[1] if status == 200)


def test_a_checkpoint_needs_no_token(api):
    path = PATHS["journals"]
    api.put(path)
    api.post(path + "/fence", {"token": 2, "require_fence": True})
    assert api.post(path + "/checkpoint").status == 200
    api.delete(path)
