"""Following pools, logs and journals: every record, once, in order."""

import json
import os
import random
import threading

import pytest

from support.client import POOL_MINIMUM
from support.events import Events
from support.journal import data
from support.server import wait_until

FOLLOWERS = int(os.environ.get("TIDEMARK_FOLLOWERS", 200))


class Pool:
    kind, path = "pool", "/v1/pools/followed"

    def __init__(self, client):
        self.client = client
        assert client.put(self.path, {"pool_size": POOL_MINIMUM}).status in (200, 201)

    def append(self, text):
        assert self.client.post(self.path + "/append", text).status == 200

    @staticmethod
    def content(event):
        return data(event.data["record"])

    def empty(self):
        assert self.client.post(self.path + "/rewind").status == 200


class Log(Pool):
    kind, path = "log", "/v1/logs/followed"

    def __init__(self, client):
        self.client = client
        assert client.put(self.path, {"format": "internal"}).status in (200, 201)

    @staticmethod
    def content(event):
        record = event.data["record"]
        # As b64 it is the term in its encoding: a tag and a length, then the bytes.
        return record["json"].encode() if "json" in record else data(record)[6:]

    def empty(self):
        assert self.client.post(self.path + "/truncate").status == 200


class External(Pool):
    kind, path = "external", "/v1/logs/external"

    def __init__(self, client):
        self.client = client
        assert client.put(self.path, {"format": "external"}).status in (200, 201)

    def empty(self):
        assert self.client.post(self.path + "/truncate").status == 200


class Journal(Pool):
    kind, path = "journal", "/v1/journals/followed"

    def __init__(self, client):
        self.client = client
        assert client.put(self.path, {"file_max": 102_400}).status in (200, 201)

    @staticmethod
    def content(event):
        row = event.data["rows"][0]
        return row["message"].encode() if "message" in row else b""


KINDS = [Pool, Log, External, Journal]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def resource(request, api):
    api.delete(request.param.path)
    resource = request.param(api)
    yield resource
    api.delete(resource.path)


def follow(server, resource, query="?from=start", **options):
    return Events(server.port, resource.path, query=query, stream="follow", **options)


def contents(resource, events):
    """What the records among the events hold."""
    return [text for event in events if event.name == "record"
            if (text := resource.content(event))]


def test_records_come_once_and_in_order_before_and_after_the_follower(shared, resource):
    for number in range(5):
        resource.append(b"%d;" % number)
    with follow(shared, resource) as events:
        assert b"".join(contents(resource, events.until("caught_up"))) == b"0;1;2;3;4;"
        for number in range(5, 10):
            resource.append(b"%d;" % number)
        got = b""
        while got != b"5;6;7;8;9;":
            got += resource.content(events.next())
            assert b"5;6;7;8;9;".startswith(got)


def test_from_now_gives_what_comes_from_now_on(shared, resource):
    resource.append(b"before")
    with follow(shared, resource, "") as events:
        assert events.next().name == "caught_up"
        resource.append(b"after")
        event = events.next()
        assert (event.name, resource.content(event)) == ("record", b"after")


def test_a_position_of_an_event_is_one_to_begin_at(shared, resource):
    for number in range(4):
        resource.append(b"%d;" % number)
    with follow(shared, resource) as events:
        seen = [event for event in events.until("caught_up") if event.name == "record"]
    whole = b"".join(contents(resource, seen))
    for event in seen:
        with follow(shared, resource, f"?from={event.data['position']}") as events:
            rest = b"".join(contents(resource, events.until("caught_up")))
            assert whole.endswith(rest) and rest.startswith(resource.content(event))


@pytest.mark.parametrize("way", ["header", "query"])
def test_a_reader_that_comes_back_goes_on_behind_the_last_event(shared, resource, way):
    dice = random.Random(7)
    stop = threading.Event()

    def write():
        with shared.new_client() as client:
            number = 0
            while not stop.is_set() or number < 50:
                answer = client.post(resource.path + "/append", b"<%d>" % number)
                assert answer.status == 200, answer
                number += 1
            total.append(number)

    total, got, last = [], b"", None
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(15):
        query = "?from=start" if last is None or way == "header" else f"?last_event_id={last}"
        with follow(shared, resource, query, last=last if way == "header" else None) as events:
            for _ in range(dice.randrange(1, 12)):
                event = events.next()
                if event.name == "record":
                    got += resource.content(event)
                    last = event.id
    stop.set()
    writer.join()
    with follow(shared, resource, "?from=start", last=last) as events:
        got += b"".join(contents(resource, events.until("caught_up")))
    assert got == b"".join(b"<%d>" % number for number in range(total[0]))


def test_the_end_of_the_resource_ends_the_stream_and_says_why(shared, api, resource):
    with follow(shared, resource) as events:
        events.until("caught_up")
        resource.client.post(resource.path + "/close")
        assert events.next().name == "closed"
        assert events.next() is None
    api.post(resource.path + "/open")
    api.put(resource.path)
    with follow(shared, resource) as events:
        events.until("caught_up")
        api.delete(resource.path)
        assert events.next().name == "deleted"
        assert events.next() is None


def test_a_service_that_stops_says_so(start):
    server = start()
    resources = [kind(server.client) for kind in KINDS]
    streams = [follow(server, resource) for resource in resources]
    for stream in streams:
        stream.until("caught_up")
    server.signal()
    for stream in streams:
        event = stream.next()
        assert (event.name, event.data["code"]) == ("error", "draining")
        assert stream.next() is None


@pytest.mark.parametrize("kind, event", [(Pool, "rewound"), (Log, "truncated"),
                                         (External, "truncated")])
def test_a_follower_is_told_that_the_resource_was_emptied(shared, api, kind, event):
    api.delete(kind.path)
    resource = kind(api)
    resource.append(b"old")
    with follow(shared, resource) as events:
        *_, last, _ = events.until("caught_up")
        resource.empty()
        assert events.next().name == event
        resource.append(b"new")
        assert resource.content(events.next()) == b"new"
    resource.append(b"more")
    with follow(shared, resource, last=last.id) as events:
        told = events.until("caught_up")
        assert told[0].name == event
        assert b"".join(contents(resource, told)).endswith(b"newmore")


def last_of(server, resource):
    """The last event of a follower that has been told everything."""
    with follow(server, resource) as events:
        *_, last, _ = events.until("caught_up")
    return last


@pytest.mark.parametrize("kind, event", [(Pool, "rewound"), (Log, "truncated"),
                                         (External, "truncated"), (Journal, "lost")])
def test_a_reader_of_what_was_made_anew_is_told_so_and_then_everything(shared, api, kind, event):
    """Both count generations and positions from the same beginning."""
    api.delete(kind.path)
    resource = kind(api)
    resource.append(b"old record")
    last = last_of(shared, resource)
    assert api.delete(kind.path).status == 204
    resource = kind(api)
    for text in (b"first;", b"second;", b"third;"):
        resource.append(text)
    with follow(shared, resource, last=last.id) as events:
        told = events.until("caught_up")
    assert told[0].name == event, told
    assert b"".join(contents(resource, told)) == b"first;second;third;"
    # What is told now is of the new one: who comes back goes on there.
    for place, each in enumerate(told[:-1]):
        with follow(shared, resource, last=each.id) as events:
            rest = events.until("caught_up")
        assert [other.id for other in rest] == [other.id for other in told[place + 1:]]
    api.delete(kind.path)


def test_ids_of_earlier_versions_are_taken(shared, resource):
    for number in range(3):
        resource.append(b"%d;" % number)
    with follow(shared, resource) as events:
        told = events.until("caught_up")
    for place, event in enumerate(told[:-1]):
        identity, old = event.id.split(".")
        assert len(identity) == 8 and old.startswith("1-")
        with follow(shared, resource, last=old) as events:
            rest = events.until("caught_up")
        assert [each.id for each in rest] == [each.id for each in told[place + 1:]]


@pytest.mark.parametrize("kind, event, place", [
    (Log, "truncated", "7-1"), (External, "truncated", "7-1"), (Journal, "lost", "7-1,256")])
def test_an_earlier_id_of_a_generation_to_come_is_one_of_another_resource(
        shared, api, kind, event, place):
    api.delete(kind.path)
    resource = kind(api)
    resource.append(b"all")
    with follow(shared, resource, last=place) as events:
        told = events.until("caught_up")
    assert told[0].name == event and b"".join(contents(resource, told)) == b"all"


def test_what_was_overwritten_before_it_was_read_is_told_as_lost(shared, api):
    path = "/v1/logs/ring"
    api.delete(path)
    api.put(path, {"type": "wrap", "size": {"max_no_bytes": 100, "max_no_files": 2}})
    for number in range(40):
        api.post(path + "/append", b"record %d" % number)
    oldest = api.get(path).json["oldest_position"]
    assert oldest > 0
    with Events(shared.port, path, query="?from=3", stream="follow") as events:
        told = events.until("caught_up")
        assert (told[0].name, told[0].data) == ("lost", {"from": 3, "to": oldest})
        assert told[0].id.endswith(f".1-{oldest}")
        assert [event.data["position"] for event in told if event.name == "record"] == list(
            range(oldest, 40))
        assert "wrapped" in [event.name for event in told]


def test_archived_records_are_told_as_lost(shared, api):
    api.delete(Journal.path)
    journal = Journal(api)
    for _ in range(4):
        api.post(journal.path + "/append", {"records": [{"text": "x" * 1000}] * 60})
    api.post(journal.path + "/checkpoint")
    with follow(shared, journal, "?from=1,256") as events:
        lost = events.next()
        assert (lost.name, lost.data) == ("lost", {"from": "1,256", "to": "4,128"})
        assert events.next().data["position"] == "4,128"


@pytest.mark.parametrize("kind", [Log, External, Journal])
def test_records_that_are_only_written_are_told_once_they_are_safe(shared, api, kind):
    api.delete(kind.path)
    resource = kind(api)
    with follow(shared, resource) as events:
        events.until("caught_up")
        api.post(resource.path + "/append?durability=written", b"written")
        position = api.get(resource.path).json
        assert position
        api.post(resource.path + "/append?durability=synced", b"synced")
        got = b""
        while not got.endswith(b"synced"):
            got += resource.content(events.next())
        assert got == b"writtensynced"


@pytest.mark.parametrize("query, status", [
    ("?from=999999", 416), ("?from=x", 400), ("?last_event_id=x", 400), ("?last_event_id=1-x", 400),
    ("?from=-1", 400), ("?last_event_id=00000000.1-x", 400), ("?last_event_id=0.1-1", 400),
    ("?last_event_id=0000000g.1-1", 400), ("?last_event_id=00000000.-1", 400),
    ("?last_event_id=.1-1", 400)])
@pytest.mark.parametrize("kind", [Pool, Log])
def test_a_place_that_is_none_is_refused(api, kind, query, status):
    resource = kind(api)
    answer = api.get(resource.path + "/follow" + query)
    assert answer.status == status, answer


def test_a_place_within_a_record_of_a_journal_is_refused(api):
    journal = Journal(api)
    with_events = api.get(journal.path + "/follow?from=x")
    assert with_events.status == 400


def test_a_resource_that_is_not_there_is_not_followed(api):
    for kind, code in (("pools", "no_such_pool"), ("logs", "no_such_log"),
                       ("journals", "no_such_journal")):
        assert api.get(f"/v1/{kind}/missing/follow").code == code


def test_a_slow_follower_holds_up_nobody_and_costs_little_memory(start):
    server = start()
    pool = Pool(server.client)
    server.client.delete(pool.path)
    server.client.put(pool.path, {"pool_size": 64 << 20})
    slow = [follow(server, pool, receive_buffer=4096) for _ in range(20)]
    fast = follow(server, pool)
    before = server.resident()
    for number in range(60):
        pool.append(b"%05d" % number * 100_000)
    got = 0
    while got < 60 * 500_000:
        event = fast.next()
        if event.name == "record":
            got += event.data["next"] - event.data["position"]
    assert server.resident() - before < 40 << 20
    for stream in slow:
        stream.close()
    fast.close()


def test_followers_who_ask_for_other_forms_or_begin_elsewhere_each_get_their_own(shared, resource):
    """What one has been told is told to others only where it is what they asked for."""
    forms = ["auto", "b64"]
    for number in range(40):
        resource.append(b"<%d>" % number)
    with follow(shared, resource) as events:
        seen = [event for event in events.until("caught_up")]
    places = ["start", *(event.data["next"] for event in seen[4::9] if event.name == "record")]
    asked = [(place, form) for place in places for form in forms for _ in range(4)]
    streams = [follow(shared, resource, f"?from={place}&as={form}") for place, form in asked]
    for number in range(40, 400):
        resource.append(b"<%d>" % number)
    last = b"<399>"
    whole = {}
    for (place, form), stream in zip(asked, streams):
        text, got = "", b""
        while not got.endswith(last):
            event = stream.next()
            if event.name == "record":
                got += resource.content(event)
                text += json.dumps(event.data)
        stream.close()
        # Messages end in zero bytes, which no text has.
        assert ("b64" in text) == (form == "b64") or resource.kind == "journal"
        whole.setdefault(place, set()).add(got)
    everything = b"".join(b"<%d>" % number for number in range(400))
    for place, found in whole.items():
        assert len(found) == 1 and everything.endswith(*found)
        assert (place == "start") == (found == {everything})


def test_many_followers_each_get_every_record(start):
    server = start(http_connections=2000, http_connections_per_address=2000)
    log = Log(server.client)
    streams = [follow(server, log) for _ in range(FOLLOWERS)]
    for number in range(30):
        log.append(b"%d" % number)
    for stream in streams:
        got = []
        while len(got) < 30:
            event = stream.next()
            if event.name == "record":
                got.append(event.data["record"]["json"])
        assert got == [str(number) for number in range(30)]
        stream.close()
    wait_until(lambda: b"tidemark_followers{kind=\"log\"} 0\n" in server.client.get("/metrics").body,
               what="the end of all followers")


def followers(server, kind):
    text = server.client.get("/metrics").body.decode()
    return int(text.split('tidemark_followers{kind="%s"} ' % kind)[1].split("\n")[0])


@pytest.mark.parametrize("kind", ["log", "journal"])
def test_a_follower_of_what_is_only_read_rests_and_is_missed_when_it_goes(start, kind):
    server = start()
    api = server.client
    if kind == "log":
        writer, options = Log(api), {"mode": "read_only", "file": "logs/followed.LOG"}
        path = "/v1/logs/reader"
    else:
        writer, options = Journal(api), {"mode": "read_only", "path": "journals/followed"}
        path = "/v1/journals/reader"
    writer.append(b"one")
    assert api.post(writer.path + "/close").status == 200
    assert api.put(path, options).status in (200, 201)
    busy = server.cpu_seconds()
    with Events(server.port, path, stream="follow", query="?from=start") as events:
        assert events.until("caught_up")
        assert followers(server, kind) == 1
        # What it does meanwhile is a few looks; before, it was one after the other.
        with pytest.raises(TimeoutError):
            events.raw.socket.settimeout(2)
            events.block()
    wait_until(lambda: followers(server, kind) == 0, what="the end of the follower")
    assert server.cpu_seconds() - busy < 1


def test_a_journal_that_is_only_read_tells_followers_when_it_is_closed(start):
    server = start()
    api = server.client
    writer = Journal(api)
    writer.append(b"one")
    assert api.post(writer.path + "/close").status == 200
    path = "/v1/journals/reader"
    for end, event in (("close", "closed"), ("delete", "deleted")):
        answer = api.put(path, {"mode": "read_only", "path": "journals/followed"})
        assert answer.status in (200, 201)
        with Events(server.port, path, stream="follow", query="?from=start") as events:
            events.until("caught_up")
            api.post(path + "/close") if end == "close" else api.delete(path)
            assert events.next().name == event
            assert events.next() is None


def test_a_place_of_a_generation_to_come_is_refused(api):
    api.delete(Pool.path)
    pool = Pool(api)
    pool.append(b"x")
    for place in ("2-9223372036854775807", "2-1", "1-2"):
        answer = api.get(f"{pool.path}/follow?last_event_id={place}")
        assert answer.status == 416, (place, answer)
