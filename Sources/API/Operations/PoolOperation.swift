/// The endpoints of pools: persistent-memory logs through libpmemlog.
package enum PoolOperation: ResourceOperation, CaseIterable, Sendable {
    case list, create, get, delete, open, close, nbyte, tell, append, rewind, walk, data, check
    case follow, fence
    case export, `import`

    static let tag = "pools"
    static let item = "/v1/pools/{pool}"
    static let schema = (name: "Pool", example: Examples.pool)

    static let opening: [ProblemCode] = [
        .noSuchPool, .notAPool, .locked, .fileAccess, .ioError, .notImplemented, .overloaded,
        .noSpace,
    ]

    package var description: OperationDescription {
        switch self {
        case .list: Self.describeList
        case .create: Self.describeCreate
        case .get:
            Self.describe(
                "getPool", .get, "", "State, size and length of a pool",
                "A pool that was closed by request is shown from its file.",
                answers: [Self.itemAnswer(200, "The pool.")])
        case .delete:
            // It takes one that can't be opened, too.
            OperationDescription(
                "deletePool", .delete, Self.item, tag: Self.tag, "Close and remove a pool",
                "Of a pool set, the parts that lie in the data directory are removed too.",
                parameters: [
                    .init(
                        "keep_file", "Only close and forget the pool.",
                        ["type": "boolean", "default": false])
                ],
                answers: [.init(204, "It is gone.")],
                problems: [.noSuchPool, .fileAccess, .ioError, .noSpace, .overloaded])
        case .open:
            Self.describe(
                "openPool", .post, "/open", "Open a pool", "pmemlog_open(3). Idempotent.",
                answers: [Self.itemAnswer(200, "It is open.")])
        case .close:
            Self.describe(
                "closePool", .post, "/close", "Close a pool",
                "pmemlog_close(3). Idempotent. The pool stays closed, also when the service starts "
                    + "again, until it is opened or created; other programs may use the file.",
                answers: [Self.itemAnswer(200, "It is closed.")])
        case .nbyte:
            Self.describe(
                "getPoolNbyte", .get, "/nbyte", "Capacity in bytes",
                "pmemlog_nbyte(3), len() of PyNVM.",
                answers: [
                    .init(200, "The capacity.", [.json("Nbyte", example: ["nbyte": 2_088_960])])
                ])
        case .tell:
            Self.describe(
                "getPoolTell", .get, "/tell", "Length of the data in bytes", "pmemlog_tell(3).",
                answers: [
                    .init(
                        200, "The length.", [.json("Tell", example: ["tell": 5])],
                        headers: ["ETag", "Log-Position"])
                ])
        case .append: Self.describeAppend
        case .rewind:
            Self.describe(
                "rewindPool", .post, "/rewind", "Empty a pool",
                "pmemlog_rewind(3). The generation rises by one; streams of the old one end.",
                parameters: [Self.ifMatch],
                answers: [
                    .init(
                        200, "It is empty.",
                        [.json("Rewound", example: ["generation": 2, "lost_bytes": 5])],
                        headers: ["ETag", "Log-Position"])
                ],
                problems: [.preconditionFailed, .readOnlyMode, .syncFailed])
        case .walk: Self.describeWalk
        case .fence:
            Self.describe(
                "fencePool", .post, "/fence", Fencing.summary, Fencing.details,
                bodies: [Fencing.body], bodyIsRequired: true, bodyLimit: .small,
                answers: [Fencing.answer], problems: Fencing.problems)
        case .follow:
            Self.describe(
                "followPool", .get, "/follow", "Be told of bytes as they come", Follow.details,
                parameters: Follow.parameters + [
                    .init(
                        "chunk_size", "Bytes of an event at most; 0 for 32 KiB.",
                        ["type": "integer", "minimum": 0, "default": 0]),
                    .init(
                        "as", "The form of the bytes: auto is text if they are UTF-8.",
                        [
                            "type": "string", "enum": ["auto", "b64", "text"], "default": "auto",
                        ]),
                ],
                answers: [
                    Follow.answer(
                        "record, caught_up, rewound, closed, deleted and error.",
                        "id: 6d1c93ae.1-5\nevent: record\n"
                            + "data: {\"position\":0,\"next\":5,\"record\":{\"text\":\"hello\"}}\n\n"
                    )
                ],
                problems: [.badParameter, .rangeNotSatisfiable, .rateLimited])
        case .data: Self.describeData
        case .check:
            Self.describe(
                "checkPool", .get, "/check", "Is the pool consistent?",
                "pmemlog_check(3), for which the pool must be closed. A pool that cannot be "
                    + "examined is an error, not inconsistent.",
                parameters: [
                    .init(
                        "live", "Check an open pool's headers, without the library.",
                        ["type": "boolean", "default": false])
                ],
                answers: [
                    .init(
                        200, "What was found.",
                        [
                            .json("Check", example: ["consistent": true, "detail": "consistent"])
                        ])
                ], problems: [.poolOpen])
        case .export:
            Self.describe(
                "exportPool", .get, "/export", "The pool as a file",
                "A pool of one file with what is durable at the start of the request, as libpmemlog "
                    + "and pmempool take it; process addresses in it are blanked.",
                answers: [
                    .init(
                        200, "The file.", [.init(.octetStream, Schemas.binary)],
                        headers: ["ETag", "Log-Position"])
                ], problems: [.positionGone])
        case .import:
            Self.describe(
                "importPool", .post, "/import", "Make a pool from a file",
                "Takes the file of a pool, such as export gives. What check would refuse is refused.",
                bodies: [.init(.octetStream, Schemas.binary)], bodyIsRequired: true,
                bodyLimit: .file, answers: [Self.itemAnswer(201, "The pool is there.")],
                problems: [.alreadyExists, .syncFailed])
        }
    }

    private static let ifMatch = OperationDescription.Parameter(
        "If-Match", in: .header, "Only if the pool has this entity tag; * for any.",
        ["type": "string"], example: "\"9f3a01c2.1-5\"")

    private static var describeList: OperationDescription {
        .init(
            "listPools", .get, "/v1/pools", tag: "pools", "All pools, by name",
            "Files that are no pools, or damaged ones, are listed with their problem.",
            parameters: OperationDescription.page(
                of: "pools", states: ["open", "closed", "failed", "damaged"]),
            answers: [
                .init(
                    200, "A page.", [.json("PoolList", example: Examples.poolList)],
                    headers: ["Link"])
            ],
            problems: [.badToken, .ioError, .fileAccess, .overloaded])
    }

    private static var describeCreate: OperationDescription {
        describe(
            "createPool", .put, "", "Create a pool, or open the one that is there",
            "pmemlog_create(3). Without a body: 2 MiB at pools/NAME. The answer comes when the pool "
                + "is on stable storage.",
            parameters: [
                .init(
                    "If-None-Match", in: .header, "*: only create, never open.",
                    ["type": "string"], example: "*")
            ],
            bodies: [.json("PoolOptions", example: ["pool_size": 4_194_304])], bodyLimit: .small,
            answers: [
                itemAnswer(200, "It was there, and is open."), itemAnswer(201, "It was created."),
            ],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .argMismatch, .alreadyExists,
                .preconditionFailed, .syncFailed,
            ])
    }

    private static var describeAppend: OperationDescription {
        describe(
            "appendToPool", .post, "/append", "Append records",
            "All records of a request are one atomic append: contiguous, in order, all or none, and "
                + "on stable storage before the answer. Appends that wait share flushes. Bodies of "
                + "type text/plain and of the type that `curl -d` sends are taken as bytes too.",
            parameters: [
                Fencing.header, Idempotency.header,
                .init(
                    "at", "Append only if the pool is exactly that long.",
                    ["type": "integer", "minimum": 0]),
                .init(
                    "durability", "What the answer shall promise; a pool always gives synced.",
                    [
                        "type": "string", "enum": ["accepted", "written", "synced"],
                        "default": "synced",
                    ]),
                ifMatch,
                .init(
                    "Prefer", in: .header, "return=minimal: 204 without a body.",
                    ["type": "string"], example: "return=minimal"),
            ],
            bodies: [
                .init(.octetStream, Schemas.binary, example: "hello"),
                .init(.text, ["type": "string"], example: "hello"),
                .json("AppendRequest", example: ["records": [["text": "hello"], ["b64": "AAE="]]]),
                .init(
                    .ndjson, ["type": "string"],
                    example: "{\"text\":\"one\"}\n{\"json\":{\"n\":2}}\n"),
                .init(.frames, Schemas.binary),
            ],
            bodyIsRequired: true, bodyLimit: .records,
            answers: [
                .init(
                    200, "They are on stable storage.",
                    [.json("Appended", example: Examples.appended)],
                    headers: ["ETag", "Log-Position", Idempotency.replayed]),
                .init(
                    204, "They are on stable storage.",
                    headers: ["ETag", "Log-Position", "Preference-Applied", Idempotency.replayed]),
            ],
            problems: [
                .badJSON, .badRecord, .badParameter, .unknownProperty, .poolFull, .readOnlyMode,
                .preconditionFailed, .fenced, .idempotencyKeyReused, .syncFailed,
            ])
    }

    private static var describeWalk: OperationDescription {
        describe(
            "walkPool", .get, "/walk", "Read the data, by chunk",
            "pmemlog_walk(3). Reads from `from` to the length at the start of the request. As bytes "
                + "(the default), as NDJSON or record frames, both with an end object; or as a JSON "
                + "page of at most 1000 chunks and 1 MiB. Closing the connection ends the walk early.",
            parameters: [
                .init(
                    "chunk_size", "Bytes a chunk; 0: everything as one chunk.",
                    ["type": "integer", "minimum": 0, "default": 0]),
                .init(
                    "from", "Where to start.", ["type": "integer", "minimum": 0, "default": 0]),
                .init("limit", "At most that many chunks.", ["type": "integer", "minimum": 1]),
                .init(
                    "wait_ms", "How long to wait for data if there is none behind `from`.",
                    ["type": "integer", "minimum": 0, "maximum": 60_000, "default": 0]),
                .init(
                    "cont", "`next` of the page or end object before, in place of `from`.",
                    ["type": "string", "maxLength": 512]),
            ],
            answers: [
                .init(
                    200, "The data.",
                    [
                        .init(.octetStream, Schemas.binary, example: "hello"),
                        .json("WalkPage", example: Examples.walkPage),
                        .init(.ndjson, ["type": "string"], example: .string(Examples.walkLines)),
                        .init(.frames, Schemas.binary),
                    ], headers: ["ETag", "Log-Position"])
            ],
            problems: [.badToken, .positionGone, .rangeNotSatisfiable])
    }

    private static var describeData: OperationDescription {
        describe(
            "getPoolData", .get, "/data", "Read the data, by range",
            "One range; several are answered with everything.",
            parameters: [
                .init(
                    "Range", in: .header, "bytes=a-b, bytes=a- or bytes=-n.", ["type": "string"],
                    example: "bytes=0-1023"),
                .init(
                    "If-Range", in: .header, "Only use the range if the pool has this entity tag.",
                    ["type": "string"]),
                .init(
                    "If-None-Match", in: .header, "304 if the pool has this entity tag.",
                    ["type": "string"]),
            ],
            answers: [
                .init(
                    200, "Everything.", [.init(.octetStream, Schemas.binary, example: "hello")],
                    headers: ["ETag", "Log-Position"]),
                .init(
                    206, "The range.", [.init(.octetStream, Schemas.binary, example: "ell")],
                    headers: ["ETag", "Log-Position", "Content-Range"]),
                .init(304, "Not changed.", headers: ["ETag", "Log-Position"]),
            ],
            problems: [.rangeNotSatisfiable])
    }
}
