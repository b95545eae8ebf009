/// The schemas that endpoints share, by name.
package enum Schemas {
    package static func reference(_ name: String) -> JSONValue {
        ["$ref": .string("#/components/schemas/\(name)")]
    }

    package static let binary: JSONValue = ["type": "string", "format": "binary"]
    package static let version: JSONValue = [
        "type": "integer", "minimum": 0, "maximum": 4_294_967_295, "default": 1,
    ]

    /// A number of 32 bits without a sign.
    static let number32 =
        "(429496729[0-5]|42949672[0-8][0-9]|4294967[01][0-9]{2}|429496[0-6][0-9]{3}"
        + "|42949[0-5][0-9]{4}|4294[0-8][0-9]{5}|429[0-3][0-9]{6}|42[0-8][0-9]{7}|4[01][0-9]{8}"
        + "|[1-3][0-9]{9}|[0-9]{1,9})"
    /// `file,offset`.
    static let lsn = "\(number32),\(number32)"

    static let count: JSONValue = ["type": "integer", "minimum": 0]
    static let string: JSONValue = ["type": "string"]
    static let flag: JSONValue = ["type": "boolean"]

    package static var all: JSONValue {
        .object(
            common.members + TokenSchemas.all.members + LogSchemas.all.members
                + JournalSchemas.all.members
                + MPoolSchemas.all.members)
    }

    private static let common: JSONValue = [
        "Problem": problem,
        "Service": service,
        "Health": object(["status": ["type": "string", "const": "ok"]]),
        "Readiness": object(
            [
                "status": ["type": "string", "enum": ["ready", "not_ready"]],
                "checks": ["type": "object", "additionalProperties": string],
            ], required: ["status"]),
        "Limits": ["type": "object", "additionalProperties": ["type": "integer"]],
        "VersionCheck": object(["compatible": flag, "major": count, "minor": count]),
        "PoolOptions": poolOptions,
        "Pool": pool,
        "PoolList": poolList,
        "Nbyte": object(["nbyte": count]),
        "Tell": object(["tell": count]),
        "Record": record,
        "AppendRequest": appendRequest,
        "Appended": appended,
        "Fence": object(["fence": count, "require_fence": flag]),
        "FenceRequest": object(
            [
                "token": ["type": "integer", "minimum": 0],
                "require_fence": flag,
            ], required: [], closed: true
        ).with("minProperties", 1),
        "Rewound": object(["generation": count, "lost_bytes": count]),
        "Check": object(["consistent": flag, "detail": string]),
        "Chunk": object([
            "offset": count, "length": count,
            "b64": ["type": "string", "contentEncoding": "base64"],
        ]),
        "WalkPage": walkPage,
    ]

    /// An object that may get more members in later versions.
    static func object(
        _ properties: JSONValue, required: JSONValue? = nil, closed: Bool = false
    ) -> JSONValue {
        var names: [JSONValue] = []
        if case .object(let members) = properties { names = members.map { .string($0.name) } }
        var members: [JSONValue.Member] = [
            .init(name: "type", value: "object"), .init(name: "properties", value: properties),
        ]
        let needed = required ?? .array(names)
        if needed != .array([]) { members.append(.init(name: "required", value: needed)) }
        if closed { members.append(.init(name: "additionalProperties", value: false)) }
        return .object(members)
    }

    private static let problem = object(
        [
            "type": ["type": "string", "description": "Address of a text about the code."],
            "title": string,
            "status": ["type": "integer"],
            "code": [
                "type": "string", "description": "From a closed list; the machine's key.",
                "enum": .array(ProblemCode.allCases.map { .string($0.rawValue) }),
            ],
            "detail": ["type": "string", "description": "What is wrong and how to mend it."],
            "instance": string,
            "request_id": string,
            "engine": string,
            "reason": ["type": "string", "description": "The engine's own answer."],
            "errno": ["type": "string", "description": "The system's error by name."],
            "retryable": ["type": "boolean", "description": "The same request may succeed later."],
            "applied": [
                "type": "string", "enum": ["no", "yes", "partial", "unknown"],
                "description": "Whether what was asked for took effect.",
            ],
            "option": ["type": "string", "description": "The parameter or property at fault."],
            "limit": count, "position": place, "capacity": count, "free": count, "oldest": place,
            "etag": string, "expected": string, "actual": string, "state": string,
            "count": count, "first": count, "next": count, "current": count,
        ],
        required: [
            "type", "title", "status", "code", "detail", "instance", "request_id", "retryable",
            "applied",
        ])

    /// Of pools and logs a number, of journals an LSN.
    private static let place: JSONValue = ["type": ["integer", "string"]]

    private static let service = object([
        "name": string, "version": string, "api_version": string,
        "engines": ["type": "object", "additionalProperties": string],
        "links": ["type": "object", "additionalProperties": string],
    ])

    /// Up to eight names, not in the folder of another kind, and no kind's folder itself.
    private static let poolPath = path("pools", besides: "logs|journals|mpools")

    static func path(_ kind: String, besides others: String) -> String {
        "^(?!(\(others))(/|$))(?!\(kind)$)\(name)(/\(name)){0,7}$"
    }

    private static let name = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"

    private static let poolOptions = object(
        [
            "pool_size": [
                "type": "integer", "minimum": 2_097_152, "maximum": 4_611_686_018_427_387_904,
                "default": 2_097_152,
                "description": "Bytes of the file; 8192 of them and a rest of 4096 hold no data.",
            ],
            "mode": [
                "type": "string", "pattern": "^[0-7]?[67][0-7]{2}$", "default": "0600",
                "description": "Permissions, whatever the umask; the owner must read and write.",
            ],
            "file": [
                "type": "string", "pattern": .string(poolPath),
                "description": "Path below the data directory; pools/NAME unless given.",
            ],
            "generation": [
                "type": "integer", "readOnly": true, "description": "Read only; passed over.",
            ],
        ], required: [], closed: true)

    private static let pool = object(
        [
            "name": string,
            "state": ["type": "string", "enum": ["open", "closed", "failed"]],
            "file": ["type": "string", "description": "Path below the data directory."],
            "pool_size": count,
            "mode": string,
            "nbyte": ["type": "integer", "description": "Capacity in bytes."],
            "tell": ["type": "integer", "description": "Length of the data in bytes."],
            "free": count,
            "fence": ["type": "integer", "description": "The highest Fencing-Token so far."],
            "require_fence": flag,
            "generation": ["type": "integer", "description": "Rises with each rewind."],
            "durability": string,
            "created_at": ["type": "string", "format": "date-time"],
            "etag": string,
            "last_check": [
                "description": "Of this run of the service; null if there was none.",
                "oneOf": [
                    object(["at": ["type": "string", "format": "date-time"], "consistent": flag]),
                    ["type": "null"],
                ],
            ],
            "failure": ["type": "string", "description": "Why the pool takes nothing any more."],
        ],
        required: [
            "name", "state", "file", "pool_size", "mode", "nbyte", "tell", "free", "generation",
            "durability", "created_at", "etag", "last_check",
        ])

    private static let poolList = object(
        [
            "pools": [
                "type": "array",
                "items": object(
                    [
                        "name": string,
                        "state": [
                            "type": "string", "enum": ["open", "closed", "failed", "damaged"],
                        ],
                        "detail": ["type": "string", "description": "What is wrong with it."],
                    ], required: ["name", "state"]),
            ],
            "next_page_token": ["type": ["string", "null"]],
        ])

    private static let record: JSONValue = [
        "description": "A record: exactly one of bytes, text, or any JSON value.",
        "oneOf": [
            object(["b64": ["type": "string", "contentEncoding": "base64"]], closed: true),
            object(["text": string], closed: true),
            object(["json": [:]], closed: true),
        ],
    ]

    private static let appendRequest: JSONValue = [
        "description": "One record or several.",
        "oneOf": [
            object(["record": reference("Record")], closed: true),
            object(
                [
                    "records": [
                        "type": "array", "items": reference("Record"), "minItems": 1,
                        "maxItems": 10_000,
                    ]
                ], closed: true),
        ],
    ]

    private static let appended = object([
        "first": ["type": "integer", "description": "Position of the first record."],
        "next": ["type": "integer", "description": "Position after the last record."],
        "count": count, "bytes": count,
        "durability": ["type": "string", "enum": ["accepted", "written", "synced"]],
        "duplicate": flag,
    ])

    private static let walkPage = object([
        "chunks": ["type": "array", "items": reference("Chunk")],
        "next": [
            "type": ["string", "null"],
            "description": "`cont` of the next page; null when there is nothing behind this one.",
        ],
        "position": ["type": "integer", "description": "Where this page ends."],
    ])
}
