/// The contract, made from the operations' descriptions: openapi.yaml is this, byte for byte.
package enum OpenAPIDocument {
    /// - Parameter version: of the service.
    package static func document(version: String) -> JSONValue {
        whole(version: version).withWideIntegers
    }

    private static func whole(version: String) -> JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Tidemark", "version": .string(version),
                "summary": "A log service: durable logs in open file formats over HTTP.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "http://127.0.0.1:8080"]],
            "tags": [
                ["name": "service", "description": "The service as a whole."],
                ["name": "tokens", "description": "Who may do what."],
                [
                    "name": "pools",
                    "description":
                        "Persistent-memory logs: one sequence of bytes of fixed capacity.",
                ],
                [
                    "name": "logs",
                    "description": "Erlang's disk_log: halt, wrap and rotate logs of records.",
                ],
                [
                    "name": "journals",
                    "description":
                        "WiredTiger's log: transactions and messages by LSN, and its cursors.",
                ],
                [
                    "name": "mpools",
                    "description": "Berkeley DB's db_mpool: pages of files, cached and shared.",
                ],
            ],
            "paths": paths,
            "components": [
                "schemas": Schemas.all, "responses": problemResponses, "headers": headers,
                "securitySchemes": ["bearer": bearer],
            ],
        ]
    }

    private static var paths: JSONValue {
        var paths: [JSONValue.Member] = []
        for description in Operation.all.map(\.description) {
            let method = JSONValue.Member(
                name: description.method.rawValue.lowercased(), value: operation(description))
            if let index = paths.firstIndex(where: { $0.name == description.template }) {
                if case .object(let methods) = paths[index].value {
                    paths[index].value = .object(methods + [method])
                }
            } else {
                paths.append(.init(name: description.template, value: .object([method])))
            }
        }
        return .object(paths)
    }

    private static func operation(_ description: OperationDescription) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "operationId", value: .string(description.id)),
            .init(name: "tags", value: [.string(description.tag)]),
            .init(name: "summary", value: .string(description.summary)),
        ]
        let words = [description.details, description.access.text ?? ""].filter { !$0.isEmpty }
        if !words.isEmpty {
            members.append(
                .init(name: "description", value: .string(words.joined(separator: " "))))
        }
        members.append(.init(name: "security", value: security(description.access)))
        let parameters =
            description.captures.map(pathParameter) + description.parameters.map(parameter)
        if !parameters.isEmpty {
            members.append(.init(name: "parameters", value: .array(parameters)))
        }
        if !description.bodies.isEmpty {
            members.append(
                .init(
                    name: "requestBody",
                    value: [
                        "required": .bool(description.bodyIsRequired),
                        "content": content(description.bodies),
                    ]))
        }
        members.append(.init(name: "responses", value: responses(description)))
        return .object(members)
    }

    private static let bearer: JSONValue = [
        "type": "http", "scheme": "bearer", "bearerFormat": "tm_ID_SECRET",
        "description": .string(
            "A token of POST /v1/tokens or of tidemark token create. Each operation names the "
                + "scope that it needs. A service without any token asks for none. What a token's "
                + "resources do not cover answers as if it did not exist."),
    ]

    private static func security(_ access: Access) -> JSONValue {
        guard let scope = access.scope else { return [] }
        return [["bearer": [.string(scope.rawValue)]]]
    }

    private static let tokenParameter: JSONValue = [
        "name": "token", "in": "path", "required": true, "description": "A token's id.",
        "schema": ["type": "string", "pattern": .string(TokenSchemas.idPattern)],
        "example": "k7x2mq4zta",
    ]

    private static func pathParameter(_ name: String) -> JSONValue {
        let isCode = name == "code"
        switch name {
        case "handle": return handleParameter
        case "cursor": return cursorParameter
        case "lsn": return lsnParameter
        case "token": return tokenParameter
        default: break
        }
        if let special = MPoolSchemas.pathParameters[name] { return special }
        return [
            "name": .string(name), "in": "path", "required": true,
            "description": isCode ? "A problem's code." : .string("The name of the \(name)."),
            "schema": isCode
                ? [
                    "type": "string",
                    "enum": .array(ProblemCode.allCases.map { .string($0.rawValue) }),
                ]
                : ["type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"],
            "example": isCode ? "pool_full" : "demo",
        ]
    }

    private static let handleParameter: JSONValue = [
        "name": "handle", "in": "path", "required": true, "description": "A handle's name.",
        "schema": ["type": "string", "pattern": "^h_[0-9a-f]{32}$"],
        "example": LogExamples.handleName,
    ]

    private static let cursorParameter: JSONValue = [
        "name": "cursor", "in": "path", "required": true, "description": "A cursor's name.",
        "schema": ["type": "string", "pattern": "^c_[0-9a-f]{32}$"],
        "example": JournalExamples.cursorName,
    ]

    private static let lsnParameter: JSONValue = [
        "name": "lsn", "in": "path", "required": true,
        "description": "Where the record begins: file,offset.",
        "schema": ["type": "string", "pattern": .string("^\(Schemas.lsn)$")],
        "example": "1,256",
    ]

    private static func parameter(_ parameter: OperationDescription.Parameter) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "name", value: .string(parameter.name)),
            .init(name: "in", value: .string(parameter.place.rawValue)),
            .init(name: "description", value: .string(parameter.summary)),
            .init(name: "schema", value: parameter.schema),
        ]
        if parameter.isRequired { members.append(.init(name: "required", value: true)) }
        if let example = parameter.example {
            members.append(.init(name: "example", value: example))
        }
        return .object(members)
    }

    private static func content(_ contents: [OperationDescription.Content]) -> JSONValue {
        .object(
            contents.map { content in
                var members: [JSONValue.Member] = [.init(name: "schema", value: content.schema)]
                if let example = content.example {
                    members.append(.init(name: "example", value: example))
                }
                return .init(name: content.type.essence, value: .object(members))
            })
    }

    private static func responses(_ description: OperationDescription) -> JSONValue {
        var responses = description.answers.map { answer in
            var members: [JSONValue.Member] = [
                .init(name: "description", value: .string(answer.summary))
            ]
            let names = ["Request-Id"] + answer.headers
            members.append(.init(name: "headers", value: .object(names.map(headerReference))))
            if !answer.contents.isEmpty {
                members.append(.init(name: "content", value: content(answer.contents)))
            }
            return JSONValue.Member(name: String(answer.status), value: .object(members))
        }
        let byStatus = Dictionary(grouping: description.allProblems, by: \.status)
        for (status, codes) in byStatus.sorted(by: { $0.key < $1.key }) {
            // readyz answers 503 with a body of its own, and with a problem while it drains.
            if let index = responses.firstIndex(where: { $0.name == String(status) }) {
                responses[index].value = merge(responses[index].value, problemResponse(codes))
            } else {
                let reference = "#/components/responses/\(name(of: codes))"
                responses.append(
                    .init(name: String(status), value: ["$ref": .string(reference)]))
            }
        }
        return .object(responses)
    }

    /// The answers with problems, each set of codes of one status once.
    private static var problemResponses: JSONValue {
        var members: [JSONValue.Member] = []
        for description in Operation.all.map(\.description) {
            let byStatus = Dictionary(grouping: description.allProblems, by: \.status)
            for codes in byStatus.sorted(by: { $0.key < $1.key }).map(\.value) {
                let name = name(of: codes)
                guard !members.contains(where: { $0.name == name }) else { continue }
                members.append(.init(name: name, value: problemResponse(codes)))
            }
        }
        return .object(members.sorted { $0.name < $1.name })
    }

    private static func name(of codes: [ProblemCode]) -> String {
        "\(codes[0].status)." + codes.map(\.rawValue).joined(separator: ".")
    }

    private static func problemResponse(_ codes: [ProblemCode]) -> JSONValue {
        var names = ["Request-Id"]
        if codes.contains(.methodNotAllowed) { names.append("Allow") }
        if codes.contains(where: { $0.retryAfterSeconds != nil }) { names.append("Retry-After") }
        if codes.contains(.rangeNotSatisfiable) { names.append("Content-Range") }
        if codes.contains(.unauthenticated) { names.append("WWW-Authenticate") }
        if codes.contains(.rateLimited) { names += ["RateLimit", "RateLimit-Policy"] }
        let words = codes.map { "`\($0.rawValue)`: \($0.title.lowercasedFirst)." }
        return [
            "description": .string(words.joined(separator: " ")),
            "headers": .object(names.map(headerReference)),
            "content": [
                MediaType.problem.essence: [
                    "schema": Schemas.reference("Problem"),
                    "example": codes[0].example,
                ]
            ],
        ]
    }

    private static func merge(_ first: JSONValue, _ second: JSONValue) -> JSONValue {
        guard case .object(var members) = first, case .object(let others)? = second["content"],
            let index = members.firstIndex(where: { $0.name == "content" }),
            case .object(let contents) = members[index].value
        else { return first }
        members[index].value = .object(contents + others)
        return .object(members)
    }

    private static func headerReference(_ name: String) -> JSONValue.Member {
        .init(name: name, value: ["$ref": .string("#/components/headers/\(name)")])
    }

    private static let headers: JSONValue = [
        "Request-Id": header("The request's own, or one made for it."),
        "ETag": header("State of the content: identity, generation and position; strong."),
        "Log-Position": [
            "description":
                "The position after the last byte or item; of a journal the last record's LSN.",
            "schema": ["type": "string", "pattern": "^[0-9]+(,[0-9]+)?$"],
        ],
        "Idempotency-Replayed": [
            "description": "true: this is the answer to a request that was done before.",
            "schema": ["type": "string", "enum": ["true"]],
        ],
        "Preference-Applied": header("The preferences that were honoured."),
        "Content-Range": header("Which bytes these are, of how many."),
        "Location": header("Where the page is."),
        "Mpool-Pin": header("The pin's name."),
        "Mpool-Pgno": [
            "description": "The page's number.", "schema": ["type": "integer"],
        ],
        "WWW-Authenticate": header("Bearer, and what is wrong with the token."),
        "RateLimit": header("What is left of the token's rate, where that is bounded."),
        "RateLimit-Policy": header("The token's rate, where that is bounded."),
        "Allow": header("The methods that the path takes."),
        "Retry-After": [
            "description": "Seconds after which to try again.", "schema": ["type": "integer"],
        ],
        "Link": header("The next page, with rel=next."),
        "Tidemark-Instance": header("Names this run of the service."),
    ]

    private static func header(_ description: String) -> JSONValue {
        ["description": .string(description), "schema": ["type": "string"]]
    }
}

extension ProblemCode {
    /// What a problem with this code looks like.
    var example: JSONValue {
        var problem = Problem(self, "More about it.")
        let unknown: [ProblemCode] = [.syncFailed, .internalError, .idempotencyInProgress]
        problem.applied = unknown.contains(self) ? .unknown : .no
        return problem.document(
            instance: "/v1/pools/demo", requestID: "0197b2f0-5c1e-7a10-8000-0c4a2f9b6d11")
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
