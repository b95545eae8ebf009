/// Examples of what is said of logs, as the tests see the service give them.
enum LogExamples {
    static let handleName: JSONValue = "h_0197b2f05c1e7a1080000c4a2f9b6d11"

    static let options: JSONValue = [
        "type": "wrap", "size": ["max_no_bytes": 1_048_576, "max_no_files": 10],
    ]

    static let log: JSONValue = [
        "name": "demo", "state": "open", "file": "logs/demo.LOG", "type": "halt",
        "format": "internal", "size": "infinity", "mode": "read_write", "items": 2,
        "owners": [["handle": "service", "notify": false]], "users": 0, "status": "ok",
        "node": "nonode@nohost", "distributed": nil, "head": nil, "full": false,
        "no_written_items": 2, "position": 2, "oldest_position": 0, "generation": 1,
        "etag": "\"9f3a01c2.1-2\"", "durability": "synced", "error_status": "ok",
        "last_open": ["result": "ok"],
    ]

    static let list: JSONValue = [
        "logs": [["name": "demo", "state": "open", "distributed": nil]], "next_page_token": nil,
    ]

    static let append: JSONValue = [
        "records": [["json": ["user": "ann", "did": "login"]], ["term": "{ok,[1,2]}"]]
    ]

    static let appended: JSONValue = [
        "first": 0, "next": 2, "count": 2, "bytes": 52, "durability": "synced",
        "duplicate": false,
    ]

    static let emptied: JSONValue = ["no_lost_items": 2, "position": 2, "generation": 2]

    static let chunk: JSONValue = [
        "cont": "l1.9f3a01c2.1.0.0.68.2.k3",
        "records": [
            ["json": ["user": "ann", "did": "login"]],
            ["json": ["$tuple": [["$atom": "ok"], [1, 2]]]],
        ], "badbytes": 0, "eof": false,
    ]

    static let lines =
        "{\"json\":{\"user\":\"ann\"}}\n"
        + "{\"end\":true,\"next\":\"l1.9f3a01c2.1.0.0.35.1.k3\",\"position\":1,\"records\":1,"
        + "\"bytes\":19}\n"

    static let handle: JSONValue = [
        "handle": handleName, "log": "demo", "owner": true, "notify": false, "ttl_ms": 60_000,
        "expires_at": "2026-01-01T12:00:00.000Z",
    ]

    static let check: JSONValue = [
        "consistent": true, "items": 2, "badbytes": 0,
        "files": [["file": "logs/demo.LOG", "items": 2, "badbytes": 0, "closed": false]],
    ]

    static let notifications =
        "id: 0\nevent: wrap\ndata: {\"node\":\"nonode@nohost\",\"log\":\"demo\","
        + "\"no_lost_items\":0}\n\n"
}
