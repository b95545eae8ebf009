/// The schemas of tokens, and what tokens look like.
package enum TokenSchemas {
    package static let idPattern = "^[a-z2-7]{10}$"

    static let all: JSONValue = [
        "Token": token(with: []),
        "NewToken": token(with: [
            .init(
                name: "token",
                value: [
                    "type": "string", "pattern": "^tm_[a-z2-7]{10}_[a-z2-7]{52}$",
                    "description": "The secret, shown this once.",
                ])
        ]),
        "TokenList": Schemas.object([
            "tokens": [
                "type": "array", "items": Schemas.reference("Token"),
            ]
        ]),
        "TokenRequest": Schemas.object(
            .object(request), required: ["scope"], closed: true),
    ]

    private static let scope: JSONValue = [
        "type": "array", "minItems": 1,
        "items": ["type": "string", "enum": .array(Scope.allCases.map { .string($0.rawValue) })],
        "description":
            "read, append and write stand beside each other; admin holds the three.",
    ]
    private static let resources: JSONValue = [
        "type": "array", "minItems": 1, "maxItems": 100,
        "items": [
            "type": "string", "maxLength": 140,
            "pattern": "^(\\*|(pools|logs|journals|mpools)/[A-Za-z0-9._*-]{1,128})$",
        ],
        "description": "Kind and name, with * for any characters; * alone covers everything.",
    ]
    private static let expiry: JSONValue = [
        "type": ["string", "null"], "format": "date-time",
        "description": "When it ends; null for never.",
    ]
    private static let rate: JSONValue = [
        "type": ["object", "null"], "required": ["requests_per_second"],
        "additionalProperties": false,
        "properties": [
            "requests_per_second": ["type": "integer", "minimum": 1, "maximum": 1_000_000],
            "burst": [
                "type": "integer", "minimum": 1, "maximum": 1_000_000,
                "description": "Requests at once; as many as in a second unless given.",
            ],
        ],
        "description": "How many requests it may make; null for any number.",
    ]
    private static let quotas: JSONValue = [
        "type": ["object", "null"], "additionalProperties": false,
        "properties": [
            "resources": [
                "type": "integer", "minimum": 0, "maximum": 1_000_000,
                "description": "No more can be made with it once it covers so many.",
            ],
            "bytes": [
                "type": "integer", "minimum": 0, "maximum": .integer(.max),
                "description": "What it covers takes no more on disk; what would is refused.",
            ],
        ],
        "description": "What it may have; null for no bounds.",
    ]
    private static let note: JSONValue = [
        "type": ["string", "null"], "maxLength": 200, "description": "What the token is for.",
    ]

    private static let request: [JSONValue.Member] = [
        .init(name: "scope", value: scope), .init(name: "resources", value: resources),
        .init(name: "expires_at", value: expiry), .init(name: "rate", value: rate),
        .init(name: "quotas", value: quotas), .init(name: "note", value: note),
    ]

    private static func token(with more: [JSONValue.Member]) -> JSONValue {
        let own: [JSONValue.Member] = [
            .init(name: "id", value: ["type": "string", "pattern": .string(idPattern)]),
            .init(name: "created_at", value: ["type": "string", "format": "date-time"]),
        ]
        return Schemas.object(.object(own + request + more))
    }

    static let requestExample: JSONValue = [
        "scope": ["read", "append"], "resources": ["logs/app-*"],
        "expires_at": "2099-12-31T00:00:00Z",
        "rate": ["requests_per_second": 100, "burst": 200],
        "quotas": ["resources": 50, "bytes": 1_073_741_824],
        "note": "the shop's web servers",
    ]

    static let example: JSONValue = .object(
        [
            .init(name: "id", value: "k7x2mq4zta"),
            .init(name: "created_at", value: "2026-01-01T12:00:00Z"),
        ] + requestExample.members)

    static let newExample = example.with(
        "token", "tm_k7x2mq4zta_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")

    static let listExample: JSONValue = ["tokens": [example]]
}
