/// The schemas of what is said of logs, by name.
enum LogSchemas {
    private static let count = Schemas.count
    private static let string = Schemas.string
    private static let flag = Schemas.flag

    static let all: JSONValue = [
        "LogSize": size, "LogOptions": options, "LogUse": use, "LogChanges": changes, "Log": log,
        "LogList": list, "LogRecord": record, "LogAppendRequest": appendRequest,
        "LogAccepted": object(["accepted": count]),
        "LogPosition": object(["position": count]),
        "LogHeadRequest": object(["head": head], required: [], closed: true),
        "LogReopenRequest": object(
            ["file": path, "head": head], required: ["file"], closed: true),
        "LogEmptied": object([
            "no_lost_items": count, "position": count, "generation": count,
        ]),
        "LogCurrentFile": object(["current_file": count]),
        "LogBlockRequest": object(
            [
                "queue_log_records": [
                    "type": "boolean", "default": true,
                    "description": "Whether others' requests wait, or are refused.",
                ]
            ], required: [], closed: true),
        "LogStatus": object(["status": string]),
        "LogClosing": object([
            "state": ["type": "string", "enum": ["open", "closed"]], "owners": count,
            "users": count,
        ]),
        "LogChunk": object([
            "cont": ["type": "string", "maxLength": 512],
            "records": ["type": "array", "items": Schemas.reference("LogRecord")],
            "badbytes": count, "eof": flag,
        ]),
        "LogContinuation": object(["cont": string]),
        "LogNode": object(["node": string]),
        "LogCheck": object([
            "consistent": flag, "items": count, "badbytes": count,
            "files": [
                "type": "array",
                "items": object([
                    "file": string, "items": count, "badbytes": count, "closed": flag,
                ]),
            ],
        ]),
        "LogHandle": handle,
        "LogHandleList": object([
            "handles": ["type": "array", "items": Schemas.reference("LogHandle")]
        ]),
        "LogHandleOptions": object(
            [
                "owner": [
                    "type": "boolean", "default": true, "description": "false: one more user.",
                ],
                "notify": ["type": "boolean", "default": false], "ttl_ms": ttl,
            ], required: [], closed: true),
        "LogHandleChanges": object(["notify": flag], closed: true),
    ]

    private static func object(
        _ properties: JSONValue, required: JSONValue? = nil, closed: Bool = false
    ) -> JSONValue { Schemas.object(properties, required: required, closed: closed) }

    private static let path: JSONValue = [
        "type": "string",
        "pattern": .string(Schemas.path("logs", besides: "pools|journals|mpools")),
        "description": "Path below the data directory; what a wrap log's names begin with.",
    ]

    private static let ttl: JSONValue = [
        "type": "integer", "minimum": 1000, "maximum": 86_400_000, "default": 60_000,
        "description": "How long the handle lives without use.",
    ]

    private static let size: JSONValue = [
        "description": "infinity or bytes of a halt log; bytes and number of a ring's files.",
        "oneOf": [
            ["type": "string", "const": "infinity"], ["type": "integer", "minimum": 1],
            object(
                [
                    "max_no_bytes": ["type": "integer", "minimum": 1],
                    "max_no_files": ["type": "integer", "minimum": 1, "maximum": 64_999],
                ], closed: true),
        ],
    ]

    private static let head: JSONValue = [
        "description": "The first record of a file; null for none.",
        "oneOf": [Schemas.reference("LogRecord"), ["type": "null"]],
    ]

    private static let headFunction: JSONValue = object(
        [
            "name": ["type": "string", "enum": ["template", "counter"]],
            "args": object(["text": string], required: [], closed: true),
        ], required: ["name"], closed: true)

    private static let durability: JSONValue = [
        "type": "string", "enum": ["accepted", "written", "synced"], "default": "synced",
    ]

    private static let verified: JSONValue = [
        "file": path,
        "type": ["type": "string", "enum": ["halt", "wrap", "rotate"]],
        "format": ["type": "string", "enum": ["internal", "external"]],
        "size": Schemas.reference("LogSize"),
        "repair": ["description": "Of a log not closed.", "enum": [true, false, "truncate"]],
        "mode": ["type": "string", "enum": ["read_write", "read_only"]],
        "head": head, "head_func": headFunction, "quiet": flag, "durability": durability,
    ]

    private static let options = object(
        .object(
            verified.members + [
                .init(
                    name: "linkto",
                    value: [
                        "type": "string", "enum": ["service", "handle", "none"],
                        "default": "service", "description": "Who holds the log open.",
                    ]),
                .init(
                    name: "notify",
                    value: ["type": "boolean", "description": "Of the owner that linkto makes."]),
                .init(name: "ttl_ms", value: ttl),
            ]), required: [], closed: true
    ).with("not", oneHead)

    private static let use = object(verified, required: [], closed: true).with("not", oneHead)

    /// A head is a record or made by a function, not both.
    private static let oneHead: JSONValue = ["required": ["head", "head_func"]]

    private static let changes = object(
        [
            "size": Schemas.reference("LogSize"), "head": head, "head_func": headFunction,
            "durability": durability,
        ], required: [], closed: true
    ).with("not", oneHead)

    private static let opened = object(
        [
            "result": ["type": "string", "enum": ["ok", "repaired", "failed"]],
            "recovered": count, "badbytes": count, "detail": string, "handle": string,
            "expires_at": ["type": "string", "format": "date-time"],
        ], required: ["result"])

    private static let log = object(
        [
            "name": string, "state": ["type": "string", "enum": ["open", "closed", "failed"]],
            "file": string, "type": string, "format": string,
            "size": ["oneOf": [Schemas.reference("LogSize"), ["type": "null"]]], "mode": string,
            "items": ["type": "integer", "description": "As no_items, or no_written_items."],
            "owners": [
                "type": "array", "items": object(["handle": string, "notify": flag]),
            ],
            "users": count,
            "status": [
                "oneOf": [
                    ["type": "string", "const": "ok"],
                    object(["blocked": object(["queue_log_records": flag])]),
                ]
            ],
            "node": string, "distributed": ["type": "null"],
            "head": [
                "oneOf": [Schemas.reference("LogRecord"), headFunction, ["type": "null"]]
            ],
            "full": flag,
            "no_written_items": [
                "type": "integer", "description": "Since the opening, heads included.",
            ],
            "no_current_bytes": count, "no_current_items": count, "no_items": count,
            "current_file": count,
            "no_overflows": object(["since_opened": count, "since_last_info": count]),
            "position": ["type": "integer", "description": "After the last record."],
            "oldest_position": count, "generation": count, "etag": string,
            "fence": count, "require_fence": flag,
            "durability": durability,
            "error_status": ["type": "string", "description": "ok, or how the last write failed."],
            "last_open": opened, "open": opened,
            "failure": ["type": "string", "description": "Why the log takes nothing any more."],
        ], required: ["name", "state", "file", "type", "format"])

    private static let list = object([
        "logs": [
            "type": "array",
            "items": object(["name": string, "state": string, "distributed": ["type": "null"]]),
        ],
        "next_page_token": ["type": ["string", "null"]],
    ])

    private static let record: JSONValue = [
        "description":
            "A record: bytes, text, any JSON value as the term that it means, or an Erlang term.",
        "oneOf": [
            object(["b64": ["type": "string", "contentEncoding": "base64"]], closed: true),
            object(["text": string], closed: true), object(["json": [:]], closed: true),
            object(["term": string], closed: true),
        ],
    ]

    private static let appendRequest: JSONValue = [
        "description": "One record or several.",
        "oneOf": [
            object(["record": Schemas.reference("LogRecord")], closed: true),
            object(
                [
                    "records": [
                        "type": "array", "items": Schemas.reference("LogRecord"),
                        "maxItems": 10_000,
                    ]
                ], closed: true),
        ],
    ]

    private static let handle = object(
        [
            "handle": string, "log": string, "owner": flag, "notify": flag, "ttl_ms": count,
            "expires_at": ["type": "string", "format": "date-time"],
        ])
}
