/// The schemas of what is said of journals, by name.
enum JournalSchemas {
    private static let count = Schemas.count
    private static let string = Schemas.string
    private static let flag = Schemas.flag
    private static let lsn = Schemas.reference("LSN")
    private static let time: JSONValue = ["type": "string", "format": "date-time"]

    static let all: JSONValue = [
        "LSN": object(["file": count, "offset": count]),
        "JournalOptions": object(.object(opening), required: [], closed: true),
        "JournalChanges": object(.object(changing), required: [], closed: true),
        "Journal": journal,
        "JournalList": object([
            "journals": [
                "type": "array", "items": object(["name": string, "state": string]),
            ],
            "next_page_token": ["type": ["string", "null"]],
        ]),
        "JournalAppended": object([
            "first": lsn, "last": lsn, "count": count, "bytes": count, "durability": string,
            "duplicate": flag,
        ]),
        "JournalTransaction": transaction,
        "JournalCommitted": object([
            "lsn": lsn, "txnid": count, "durability": string, "duplicate": flag,
        ]),
        "JournalFlush": object(
            [
                "sync": [
                    "type": "string", "enum": ["on", "off", "background"], "default": "on",
                ]
            ], required: [], closed: true),
        "JournalFlushed": object(["written_lsn": lsn, "synced_lsn": lsn]),
        "JournalCheckpoint": object(["lsn": lsn, "start_lsn": lsn]),
        "JournalArchived": object([
            "removed": ["type": "array", "items": count], "held_by_cursors": count,
        ]),
        "JournalRow": row,
        "JournalRecord": object(["rows": rows, "next": lsnOrNull]),
        "JournalRows": object(["rows": rows, "end": flag]),
        "JournalStatistics": ["type": "object", "additionalProperties": ["type": "integer"]],
        "JournalCursor": object([
            "cursor": string, "state": ["type": "string", "enum": ["unpositioned", "positioned"]],
            "position": lsn, "ttl_ms": count, "created_at": time, "last_used_at": time,
            "expires_at": time,
        ]),
        "JournalCursorList": object([
            "cursors": ["type": "array", "items": Schemas.reference("JournalCursor")]
        ]),
        "JournalCursorOptions": object(
            [
                "ttl_ms": [
                    "type": "integer", "minimum": 1000, "maximum": 3_600_000, "default": 60_000,
                    "description": "How long the cursor lives without use.",
                ]
            ], required: [], closed: true),
        "JournalKey": object(
            [
                "file": number32, "offset": number32,
                "opctr": [
                    "type": "integer", "minimum": 0, "maximum": 4_294_967_295,
                    "description": "Taken and ignored.",
                ],
            ], required: ["file", "offset"], closed: true),
        "JournalOrder": object(["order": ["type": "integer", "enum": [-1, 0, 1]]]),
    ]

    private static func object(
        _ properties: JSONValue, required: JSONValue? = nil, closed: Bool = false
    ) -> JSONValue { Schemas.object(properties, required: required, closed: closed) }

    private static let number32: JSONValue = [
        "type": "integer", "minimum": 0, "maximum": 4_294_967_295,
    ]

    private static let lsnOrNull: JSONValue = ["oneOf": [lsn, ["type": "null"]]]
    private static let rows: JSONValue = [
        "type": "array", "items": Schemas.reference("JournalRow"),
    ]

    private static let changing: [JSONValue.Member] = [
        .init(
            name: "archive",
            value: [
                "type": "boolean", "default": true,
                "description": "Whether files before the last checkpoint are removed.",
            ]),
        .init(
            name: "durability",
            value: [
                "type": "string", "enum": ["accepted", "written", "synced"], "default": "synced",
            ]),
        .init(
            name: "max_cursor_hold_ms",
            value: [
                "type": "integer", "minimum": 0, "default": 0,
                "description":
                    "How long cursors may hold archiving back; 0 for as long as they live.",
            ]),
    ]

    private static let opening: [JSONValue.Member] =
        [
            .init(
                name: "mode",
                value: [
                    "type": "string", "enum": ["read_write", "read_only"],
                    "default": "read_write",
                ]),
            .init(
                name: "path",
                value: [
                    "type": "string",
                    "pattern": .string(Schemas.path("journals", besides: "pools|logs|mpools")),
                    "description":
                        "Directory below the data directory; journals/NAME unless given.",
                ]),
            .init(
                name: "file_max",
                value: [
                    "type": "integer", "minimum": 102_400, "maximum": 2_147_483_648,
                    "default": 104_857_600,
                    "description": "Size in bytes at which a new file is begun.",
                ]),
            .init(
                name: "compressor",
                value: [
                    "type": "string", "enum": ["none", "snappy", "zlib"], "default": "none",
                    "description": "Of large records; nothing in a file names it.",
                ]),
            .init(
                name: "prealloc",
                value: [
                    "type": "boolean", "default": true,
                    "description": "Whether the next file is made in advance.",
                ]),
        ] + changing

    private static let journal = object(
        [
            "name": string, "state": ["type": "string", "enum": ["open", "closed", "failed"]],
            "mode": string, "path": string, "file_max": count, "compressor": string,
            "archive": flag, "prealloc": flag, "durability": string, "max_cursor_hold_ms": count,
            "fence": count, "require_fence": flag,
            "generation": count, "etag": string, "first_lsn": lsnOrNull,
            "checkpoint_lsn": lsnOrNull, "cursors": count,
            "archive_held": [
                "type": ["string", "null"],
                "description": "Since when a cursor or walk holds archiving back.",
            ],
            "last_lsn": ["oneOf": [lsn, ["type": "null"]], "description": "The last record."],
            "written_lsn": lsn, "synced_lsn": lsn,
            "open": object(
                [
                    "result": ["type": "string", "enum": ["ok", "repaired", "damaged", "failed"]],
                    "cut_at": lsn, "damaged_at": lsn, "badbytes": count, "detail": string,
                ], required: ["result"]),
            "failure": ["type": "string", "description": "Why nothing is taken any more."],
        ],
        required: [
            "name", "state", "mode", "path", "file_max", "compressor", "archive", "prealloc",
            "durability", "max_cursor_hold_ms", "generation", "etag", "checkpoint_lsn",
        ])

    // MARK: - Transactions

    private static let envelope = Schemas.reference("Record")
    private static let fileID: JSONValue = [
        "type": "integer", "minimum": 1, "maximum": 4_294_967_295,
        "description": "The table.",
    ]

    private static let changes: JSONValue = [
        "type": "array", "description": "At most 10,000.",
        "items": object(
            ["data": envelope, "at": count, "size": count], closed: true),
    ]

    private static func operation(
        _ names: JSONValue, _ members: JSONValue, required: JSONValue
    ) -> JSONValue {
        object(
            .object(
                [
                    .init(name: "op", value: ["type": "string", "enum": names]),
                    .init(name: "fileid", value: fileID),
                ] + members.members), required: required, closed: true)
    }

    private static let recordNumber: JSONValue = ["type": "integer", "minimum": 1]
    private static let end: JSONValue = ["oneOf": [envelope, ["type": "null"]]]
    private static let numberOrNull: JSONValue = ["type": ["integer", "null"], "minimum": 0]

    private static let transaction = object(
        [
            "ops": [
                "type": "array", "minItems": 1, "description": "At most 10,000.",
                "items": [
                    "oneOf": [
                        operation(
                            ["row_put"], ["key": envelope, "value": envelope],
                            required: ["op", "fileid", "key", "value"]),
                        operation(
                            ["row_modify"], ["key": envelope, "value": envelope],
                            required: ["op", "fileid", "key", "value"]),
                        operation(
                            ["row_modify"], ["key": envelope, "changes": changes],
                            required: ["op", "fileid", "key", "changes"]),
                        operation(
                            ["row_remove"], ["key": envelope], required: ["op", "fileid", "key"]),
                        operation(
                            ["row_truncate"], ["start": end, "stop": end],
                            required: ["op", "fileid"]),
                        operation(
                            ["col_put"], ["recno": recordNumber, "value": envelope],
                            required: ["op", "fileid", "recno", "value"]),
                        operation(
                            ["col_modify"], ["recno": recordNumber, "value": envelope],
                            required: ["op", "fileid", "recno", "value"]),
                        operation(
                            ["col_modify"], ["recno": recordNumber, "changes": changes],
                            required: ["op", "fileid", "recno", "changes"]),
                        operation(
                            ["col_remove"], ["recno": recordNumber],
                            required: ["op", "fileid", "recno"]),
                        operation(
                            ["col_truncate"], ["start": numberOrNull, "stop": numberOrNull],
                            required: ["op", "fileid"]),
                    ]
                ],
            ]
        ], closed: true)

    private static let name: JSONValue = ["type": ["string", "null"]]

    private static let row = object(
        [
            "lsn": lsn,
            "opctr": ["type": "integer", "description": "0 is the whole record."],
            "txnid": count, "rectype": count, "rectype_name": name, "optype": count,
            "optype_name": name, "fileid": count, "key": envelope, "value": envelope,
            "message": ["type": "string", "description": "The text, up to its zero byte."],
            "decoded": [
                "type": "object", "description": "What is packed in the value.",
                "additionalProperties": true,
            ],
            "key_raw": envelope, "value_raw": envelope,
        ],
        required: [
            "lsn", "opctr", "txnid", "rectype", "rectype_name", "optype", "optype_name", "fileid",
            "key", "value",
        ])
}
