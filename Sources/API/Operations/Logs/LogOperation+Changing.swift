// What changes the contents of a log.

extension LogOperation {
    private static let changing: [ProblemCode] = [
        .badParameter, .readOnlyMode, .blockedLog, .waitTimeout,
    ]

    static var describeAppend: OperationDescription {
        describe(
            "appendToLog", .post, "/append", "Append records",
            "log/2, log_terms/2, blog/2, blog_terms/2; with durability=accepted their a forms. An "
                + "internal log keeps json as the term that it means, term as it is written in "
                + "Erlang, text and b64 as binaries; an external one text and b64 as bytes. Records "
                + "of one request are contiguous and in order. Bodies of type text/plain and of the "
                + "type that `curl -d` sends are taken as bytes too.",
            parameters: [
                Fencing.header, Idempotency.header,
                .init(
                    "at", "Append only if the log ends at this position.",
                    ["type": "integer", "minimum": 0]),
                .init(
                    "durability", "What the answer shall promise; the log's own unless given.",
                    ["type": "string", "enum": ["accepted", "written", "synced"]]),
                .init(
                    "atomic", "false: the records that fit in a halt log are kept.",
                    ["type": "boolean", "default": true]), raw,
                .init(
                    "validate", "false: raw terms are not checked.",
                    ["type": "boolean", "default": true]), handle, wait, ifMatch,
                .init(
                    "Prefer", in: .header,
                    "return=minimal: 204 without a body; respond-async: as durability=accepted.",
                    ["type": "string"], example: "return=minimal"),
            ],
            bodies: [
                .json("LogAppendRequest", example: LogExamples.append),
                .init(.octetStream, Schemas.binary, example: "hello"),
                .init(.text, ["type": "string"], example: "hello"),
                .init(
                    .ndjson, ["type": "string"],
                    example: "{\"json\":{\"n\":1}}\n{\"term\":\"{ok,2}\"}\n"),
                .init(.frames, Schemas.binary),
            ],
            bodyIsRequired: true, bodyLimit: .records,
            answers: [
                .init(
                    200, "They are as safe as the answer says.",
                    [.json("Appended", example: LogExamples.appended)],
                    headers: ["ETag", "Log-Position", Idempotency.replayed]),
                .init(
                    202, "They are queued.",
                    [.json("LogAccepted", example: ["accepted": 2])],
                    headers: ["Preference-Applied"]),
                .init(
                    204, "They are as safe as was asked for.",
                    headers: ["ETag", "Log-Position", "Preference-Applied", Idempotency.replayed]),
            ],
            problems: changing + [
                .badJSON, .badRecord, .unknownProperty, .logFull, .formatExternal,
                .preconditionFailed, .fenced, .idempotencyKeyReused,
            ])
    }

    static var describeSync: OperationDescription {
        describe(
            "syncLog", .post, "/sync", "Put everything on stable storage", "sync/1.",
            parameters: [handle, wait],
            answers: [
                .init(
                    200, "Everything before the position is there.",
                    [.json("LogPosition", example: ["position": 2])], headers: ["Log-Position"])
            ], problems: changing)
    }

    static var describeTruncate: OperationDescription {
        describe(
            "truncateLog", .post, "/truncate", "Remove all records",
            "truncate/1,2 and btruncate/2. A head that is given is used this once.",
            parameters: [handle, wait, raw, ifMatch],
            bodies: [.json("LogHeadRequest", example: ["head": ["text": "day 2"]])],
            bodyLimit: .small,
            answers: [
                .init(
                    200, "It is empty.",
                    [.json("LogEmptied", example: LogExamples.emptied)],
                    headers: ["ETag", "Log-Position"])
            ],
            problems: changing + [
                .badJSON, .badRecord, .unknownProperty, .formatExternal, .preconditionFailed,
                .logStopped,
            ])
    }

    static var describeReopen: OperationDescription {
        describe(
            "reopenLog", .post, "/reopen", "Give the files another name and start anew",
            "reopen/2,3 and breopen/3. Files that have the new names are replaced.",
            parameters: [handle, raw],
            bodies: [.json("LogReopenRequest", example: ["file": "logs/audit.OLD"])],
            bodyIsRequired: true, bodyLimit: .small,
            answers: [
                .init(
                    200, "The log is empty.",
                    [.json("LogEmptied", example: LogExamples.emptied)],
                    headers: ["ETag", "Log-Position"])
            ],
            problems: changing + [
                .badJSON, .badRecord, .unknownProperty, .formatExternal, .sameFileName,
                .logStopped,
            ])
    }

    static func describeMove(
        _ id: String, _ path: String, _ original: String, _ problems: [ProblemCode]
    ) -> OperationDescription {
        describe(
            id, .post, path, "Go on to the next file", original, parameters: [handle, wait],
            answers: [
                .init(
                    200, "The file that is written now.",
                    [.json("LogCurrentFile", example: ["current_file": 2])],
                    headers: ["Log-Position"])
            ], problems: changing + [.haltLog] + problems)
    }

    static var describeBlock: OperationDescription {
        describe(
            "blockLog", .post, "/block", "Keep others out for a while",
            "block/1,2. Without Log-Handle a handle is made, which unblocks the log when it ends.",
            parameters: [handle, wait],
            bodies: [.json("LogBlockRequest", example: ["queue_log_records": true])],
            bodyLimit: .small,
            answers: [
                .init(
                    200, "The log is blocked.", [.json("LogHandle", example: LogExamples.handle)])
            ],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .blockedLog, .waitTimeout, .rateLimited,
            ])
    }

    static var describeUnblock: OperationDescription {
        describe(
            "unblockLog", .post, "/unblock", "Let others in again", "unblock/1.",
            parameters: [handle],
            answers: [
                .init(
                    200, "The log is not blocked.",
                    [.json("LogStatus", example: ["status": "ok"])])
            ],
            problems: [.notBlocked, .notBlockedByPid])
    }
}
