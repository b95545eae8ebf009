/// Examples of what is said of journals, as the tests see the service give them.
enum JournalExamples {
    static let cursorName: JSONValue = "c_0197b2f05c1e7a1080000c4a2f9b6d11"

    static let operations: [JSONValue] = [
        "col_put", "col_remove", "col_truncate", "row_put", "row_remove", "row_truncate",
        "checkpoint_start", "prev_lsn", "col_modify", "row_modify", "txn_timestamp", "backup_id",
    ]

    static let journal: JSONValue = [
        "name": "demo", "state": "open", "mode": "read_write", "path": "journals/demo",
        "file_max": 104_857_600, "compressor": "none", "archive": true, "prealloc": true,
        "durability": "synced", "max_cursor_hold_ms": 0, "generation": 1,
        "etag": "\"9f3a01c2.1-4294967552\"", "first_lsn": ["file": 1, "offset": 128],
        "checkpoint_lsn": nil, "cursors": 0, "archive_held": nil,
        "last_lsn": ["file": 1, "offset": 256], "written_lsn": ["file": 1, "offset": 384],
        "synced_lsn": ["file": 1, "offset": 384],
    ]

    static let list: JSONValue = [
        "journals": [["name": "demo", "state": "open"]], "next_page_token": nil,
    ]

    static let appended: JSONValue = [
        "first": ["file": 1, "offset": 256], "last": ["file": 1, "offset": 256], "count": 1,
        "bytes": 16, "durability": "synced", "duplicate": false,
    ]

    static let transaction: JSONValue = [
        "ops": [
            ["op": "row_put", "fileid": 1000, "key": ["text": "k"], "value": ["text": "v"]]
        ]
    ]

    static let committed: JSONValue = [
        "lsn": ["file": 1, "offset": 384], "txnid": 1, "durability": "synced",
        "duplicate": false,
    ]

    static let flushed: JSONValue = [
        "written_lsn": ["file": 1, "offset": 512], "synced_lsn": ["file": 1, "offset": 512],
    ]

    static let checkpoint: JSONValue = [
        "lsn": ["file": 1, "offset": 640], "start_lsn": ["file": 1, "offset": 512],
    ]

    static let row: JSONValue = [
        "lsn": ["file": 1, "offset": 384], "opctr": 1, "txnid": 1, "rectype": 1,
        "rectype_name": "commit", "optype": 4, "optype_name": "row_put", "fileid": 1000,
        "key": ["text": "k"], "value": ["text": "v"],
    ]

    static let lines =
        "{\"lsn\":{\"file\":1,\"offset\":384},\"opctr\":1,\"txnid\":1,\"rectype\":1,"
        + "\"rectype_name\":\"commit\",\"optype\":4,\"optype_name\":\"row_put\",\"fileid\":1000,"
        + "\"key\":{\"text\":\"k\"},\"value\":{\"text\":\"v\"}}\n"
        + "{\"end\":true,\"next\":\"1,512\",\"position\":\"1,512\",\"records\":1,\"bytes\":1}\n"

    static let cursor: JSONValue = [
        "cursor": cursorName, "state": "unpositioned", "position": ["file": 1, "offset": 0],
        "ttl_ms": 60_000, "created_at": "2026-01-01T12:00:00.000Z",
        "last_used_at": "2026-01-01T12:00:00.000Z", "expires_at": "2026-01-01T12:01:00.000Z",
    ]
}
