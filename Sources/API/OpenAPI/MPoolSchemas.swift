/// The schemas of what is said of buffer pools, by name.
enum MPoolSchemas {
    private static let count = Schemas.count
    private static let string = Schemas.string
    private static let flag = Schemas.flag

    static let all: JSONValue = [
        "MPoolOptions": options, "MPoolChanges": changes, "MPool": pool, "MPoolList": list,
        "MPoolClosed": object(["pins_dropped": count, "dirty_pages_dropped": count]),
        "MPoolTrickle": object(
            ["pct": ["type": "integer", "minimum": 1, "maximum": 100]], closed: true),
        "MPoolTrickled": object(["nwrote": count]),
        "MPoolSync": object(["lsn": lsn], required: [], closed: true),
        "MPoolSynced": object(
            ["complete": flag, "code": ["type": "string", "const": "DB_INCOMPLETE"], "lsn": lsn],
            required: ["complete"]),
        "MPoolStat": object([
            "global": global, "files": ["type": "array", "items": fileFigures],
        ]),
        "MPoolStatRequest": object(["clear": flag], required: [], closed: true),
        "MPoolType": object(["pgin": filter, "pgout": filter], closed: true),
        "MPoolTypeItem": object([
            "ftype": count, "pgin": string, "pgout": string, "pgin_calls": count,
            "pgout_calls": count,
        ]),
        "MPoolTypeList": list(of: "ftypes", Schemas.reference("MPoolTypeItem")),
        "MPoolFileOptions": fileOptions, "MPoolFile": file,
        "MPoolFileList": list(of: "files", Schemas.reference("MPoolFile")),
        "MPoolFget": fget,
        "MPoolPin": object(
            [
                "pin": string, "pgno": count, "mode": mode, "page": page, "etag": string,
                "expires_at": moment,
            ], required: ["pin", "pgno", "mode", "etag", "expires_at"]),
        "MPoolFput": fput, "MPoolFset": fset,
        "MPoolPinUsed": object(["pin": string, "pgno": count, "dirty": flag]),
        "MPoolPinItem": object([
            "pin": string, "file": string, "pgno": count, "mode": mode, "dirty": flag,
            "since": moment, "expires_at": moment,
        ]),
        "MPoolPinList": list(of: "pins", Schemas.reference("MPoolPinItem")),
        "MPoolRenew": object(["ttl_ms": ttl], required: [], closed: true),
        "MPoolPatches": object(["patches": patches], closed: true),
        "MPoolNewPage": object(["pgno": count]),
        "MPoolBatch": object(
            [
                "ops": [
                    "type": "array", "description": "At most 10,000.",
                    "items": ["type": "object", "description": "op, and what that needs."],
                ], "stop": ["type": "boolean", "default": true],
            ], required: ["ops"], closed: true),
        "MPoolBatchResults": object([
            "results": [
                "type": "array",
                "items": [
                    "type": "object", "required": ["status"], "properties": ["status": count],
                ],
            ]
        ]),
    ]

    private static func object(
        _ properties: JSONValue, required: JSONValue? = nil, closed: Bool = false
    ) -> JSONValue { Schemas.object(properties, required: required, closed: closed) }

    private static func list(of name: String, _ items: JSONValue) -> JSONValue {
        object(.object([.init(name: name, value: ["type": "array", "items": items])]))
    }

    /// What paths have in places that are no names.
    static let pathParameters: [String: JSONValue] = [
        "pgno": [
            "name": "pgno", "in": "path", "required": true, "description": "A page's number.",
            "schema": pgno, "example": 7,
        ],
        "ftype": [
            "name": "ftype", "in": "path", "required": true, "description": "A file type.",
            "schema": ["type": "integer", "minimum": 1, "maximum": 2_147_483_647], "example": 1,
        ],
        "pin": [
            "name": "pin", "in": "path", "required": true, "description": "A pin's name.",
            "schema": ["type": "string", "pattern": "^p_[0-9a-f]{32}$"],
            "example": MPoolExamples.pinName,
        ],
    ]

    private static let pgno: JSONValue = [
        "type": "integer", "minimum": 0, "maximum": 4_294_967_295,
    ]
    private static let moment: JSONValue = ["type": "string", "format": "date-time"]
    private static let mode: JSONValue = ["type": "string", "enum": ["read", "write"]]
    private static let filter: JSONValue = [
        "type": "string", "pattern": .string("^\(filterName)(\\+\(filterName)){0,7}$"),
        "description": "A filter's name, or a+b.",
    ]
    private static let filterName =
        "(none|byteswap16|byteswap32|byteswap64|xor|crc32c|aes-xts|aes-gcm|zstd|fail)"
    private static let ttl: JSONValue = [
        "type": "integer", "minimum": 1000, "maximum": 300_000, "default": 30_000,
        "description": "How long the pin lives without use.",
    ]
    private static let lsn = object(["file": pgno, "offset": pgno], closed: true)
    private static let page = object(
        ["b64": ["type": "string", "contentEncoding": "base64"]], closed: true)
    private static let patches: JSONValue = [
        "type": "array", "description": "At most 10,000.",
        "items": object(
            ["at": count, "b64": ["type": "string", "contentEncoding": "base64"]], closed: true),
    ]
    private static let cacheSize: JSONValue = [
        "type": "integer", "minimum": 20_480, "maximum": 68_719_476_736, "default": 131_072,
        "description": "The sum of the sizes of all cached pages is never above it.",
    ]
    private static let percent: JSONValue = [
        "type": "integer", "minimum": 1, "maximum": 100, "default": 80,
        "description": "Of the cache, what pins may hold.",
    ]

    private static let options = object(
        [
            "cachesize": cacheSize,
            "mmapsize": [
                "type": "integer", "minimum": 1,
                "default": 10_485_760,
                "description": "Read-only files that are not larger are read past the pool.",
            ],
            "mode": [
                "type": "string", "pattern": "^[0-7]?[67][0-7]{2}$", "default": "0640",
                "description": "Permissions of the region file.",
            ],
            "private": [
                "type": "boolean", "default": false,
                "description": "Other processes can't join; nothing is made on disk.",
            ],
            "create": ["type": "boolean", "default": true],
            "nommap": ["type": "boolean", "default": false],
            "logging": [
                "type": "boolean", "default": false,
                "description": "Pages carry LSNs of a log that the client keeps and flushes.",
            ],
            "journal": [
                "type": ["string", "null"], "default": nil,
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
                "description":
                    "The journal whose LSNs pages carry; flushed before they are written.",
            ],
            "max_pinned_pct": percent,
            "policy": ["type": "string", "enum": ["lru", "s3fifo"], "default": "lru"],
        ], required: [], closed: true)

    private static let pacing = object(
        [
            "writes": [
                "type": "integer", "minimum": 0, "maximum": 1_000_000,
                "description": "Writes after which a sync rests; 0: it never does.",
            ],
            "sleep_us": [
                "type": "integer", "minimum": 0, "maximum": 10_000,
                "description": "Microseconds.",
            ],
        ], closed: true)

    private static let changes = object(
        ["cachesize": cacheSize, "max_pinned_pct": percent, "max_write": pacing], required: [],
        closed: true)

    private static let pool = object([
        "name": string, "state": ["type": "string", "const": "open"], "cachesize": count,
        "mmapsize": count, "mode": string, "private": flag, "nommap": flag, "logging": flag,
        "journal": ["type": ["string", "null"]], "max_pinned_pct": count,
        "policy": ["type": "string", "enum": ["lru", "s3fifo"]],
        "max_write": object(["writes": count, "sleep_us": count]), "pages": count,
        "dirty_pages": count, "files": count, "pins": count,
    ])

    private static let list = object([
        "mpools": [
            "type": "array",
            "items": object([
                "name": string, "state": ["type": "string", "enum": ["open", "closed"]],
            ]),
        ],
        "next_page_token": ["type": ["string", "null"]],
    ])

    private static let figures: JSONValue = [
        "st_cache_hit": count, "st_cache_miss": count, "st_map": count, "st_page_create": count,
        "st_page_in": count, "st_page_out": count,
    ]

    private static let fileFigures = object(
        .object(
            [
                .init(name: "file_name", value: string), .init(name: "st_pagesize", value: count),
            ] + figures.members))

    private static let global = object(
        .object(
            [.init(name: "st_cachesize", value: count)] + figures.members
                + [
                    "st_ro_evict", "st_rw_evict", "st_hash_buckets", "st_hash_searches",
                    "st_hash_longest", "st_hash_examined", "st_page_clean", "st_page_dirty",
                    "st_pages", "st_page_trickle", "st_region_wait", "st_region_nowait",
                ].map { .init(name: $0, value: count) }))

    private static let fileOptions = object(
        [
            "path": [
                "type": "string",
                "pattern": .string(Schemas.path("mpools", besides: "pools|logs|journals")),
                "description": "Below the data directory; mpools/MPOOL/FILE unless given.",
            ],
            "private": [
                "type": "boolean", "default": false,
                "description": "A temporary file without a path.",
            ],
            "pagesize": [
                "type": "integer", "minimum": 512, "maximum": 16_777_216,
                "description": "A power of two.",
            ],
            "ftype": ["type": "integer", "minimum": 0, "maximum": 2_147_483_647, "default": 0],
            "create": ["type": "boolean", "default": false],
            "nommap": ["type": "boolean", "default": false],
            "rdonly": ["type": "boolean", "default": false],
            "mode": ["type": "string", "pattern": "^[0-7]?[67][0-7]{2}$", "default": "0640"],
            "lsn_offset": [
                "type": "integer", "minimum": -1, "default": -1,
            ],
            "pgcookie": page,
            "uid": ["type": "string", "pattern": "^[0-9a-fA-F]{40}$"],
            "oddsize": [
                "type": "boolean", "default": false,
                "description": "The file's length need be no multiple of the page size.",
            ],
            "maxpages": [
                "type": "integer", "minimum": 0, "maximum": 4_294_967_295, "default": 0,
                "description": "The highest page that may be made; 0 for no limit.",
            ],
            "clear_len": ["type": "integer", "minimum": 0],
            "priority": priority,
            "readahead": [
                "type": "integer", "minimum": 0, "maximum": 64, "default": 0,
                "description":
                    "Pages that come in together where they are missed in order; hits once asked for.",
            ],
            "inmemory": [
                "type": "boolean", "default": false,
                "description": "Pages by a name without a file; they never leave the pool.",
            ],
        ], required: ["pagesize"], closed: true)

    private static let file = object([
        "file": string, "path": ["type": ["string", "null"]], "private": flag, "ftype": count,
        "pagesize": count, "lsn_offset": ["type": "integer"], "rdonly": flag, "nommap": flag,
        "oddsize": flag, "priority": priority, "inmemory": flag,
        "readahead": count, "maxpages": count,
        "clear_len": ["type": ["integer", "null"]],
        "pgcookie": ["oneOf": [page, ["type": "null"]]], "uid": ["type": ["string", "null"]],
        "stat": fileFigures,
    ])

    private static let fget = object(
        [
            "pgno": pgno,
            "flags": [
                "type": "array", "maxItems": 1,
                "items": ["type": "string", "enum": ["create", "last", "new"]],
            ],
            "mode": [
                "type": "string", "enum": ["read", "write"],
                "description": "write if the token may append, which that needs; else read",
            ],
            "ttl_ms": ttl,
            "wait_ms": [
                "type": "integer", "minimum": 0, "maximum": 60_000, "default": 0,
                "description": "How long to wait for another's write pin.",
            ],
        ], required: [], closed: true)

    private static let fset = object(
        .object(use.members), required: ["pin"], closed: true)
    private static let fput = object(
        .object(use.members + [.init(name: "priority", value: priority)]),
        required: ["pin"], closed: true)
    private static let use: JSONValue = [
        "pin": string,
        "flags": [
            "type": "array",
            "items": ["type": "string", "enum": ["clean", "dirty", "discard"]],
        ],
        "page": page, "patches": patches,
    ]
    private static let priority: JSONValue = [
        "type": "string", "enum": ["verylow", "low", "default", "high", "veryhigh"],
        "default": "default",
        "description": "Pages of a lower priority leave first; with fput, until the next one.",
    ]
}
