// Reading.

extension LogOperation {
    private static let reading: [ProblemCode] = [
        .badParameter, .badToken, .positionGone, .formatExternal, .corruptLogFile, .blockedLog,
        .waitTimeout,
    ]

    private static let waitForMore = OperationDescription.Parameter(
        "wait_ms", "How long to wait for records if there are none.",
        ["type": "integer", "minimum": 0, "maximum": 60_000, "default": 0])

    static var describeChunk: OperationDescription {
        describe(
            "chunkLog", .get, "/chunk", "Read some records",
            "chunk/2,3 and bchunk/2,3. `cont` of the answer goes on behind its last record, also at "
                + "the end, once more has been logged. Fewer than `n` records do not mean the end. A "
                + "log that is open for reading only passes over what is damaged and counts it.",
            parameters: [
                continuation,
                .init(
                    "n", "Records at most; by default what 64 KiB of the file hold.",
                    ["type": "integer", "minimum": 1]), shape, waitForMore, handle,
            ],
            answers: [
                .init(
                    200, "Records of one file.",
                    [
                        .json("LogChunk", example: LogExamples.chunk),
                        .init(.ndjson, ["type": "string"], example: .string(LogExamples.lines)),
                        .init(.frames, Schemas.binary),
                    ], headers: ["ETag", "Log-Position"])
            ], problems: reading)
    }

    static var describeChunkStep: OperationDescription {
        describe(
            "chunkStepLog", .get, "/chunk_step", "Go to another file of a wrap log",
            "chunk_step/3: the beginning of the file `step` files on.",
            parameters: [
                continuation,
                .init(
                    "step", "How many files; back if negative.",
                    ["type": "integer", "default": 1]), wait, handle,
            ],
            answers: [
                .init(
                    200, "Where that file begins.",
                    [.json("LogContinuation", example: ["cont": "l1.9f3a01c2.1.2.0.8.0.k3"])])
            ], problems: reading + [.notInternalWrap, .endOfLog])
    }

    static var describeChunkInfo: OperationDescription {
        describe(
            "chunkInfoLog", .get, "/chunk_info", "Where a continuation belongs", "chunk_info/1.",
            parameters: [
                .init(
                    "cont", "`cont` or `next` of an answer before.",
                    ["type": "string", "maxLength": 512], isRequired: true)
            ],
            answers: [
                .init(
                    200, "The node.",
                    [.json("LogNode", example: ["node": "nonode@nohost"])])
            ], problems: [.badToken])
    }

    static var describeWalk: OperationDescription {
        describe(
            "walkLog", .get, "/walk", "Read all records as one stream",
            "From `from` or `cont` to the end at the start of the request, as NDJSON (the default) "
                + "or record frames, both with an end object; frames hold encoded terms.",
            parameters: [
                .init(
                    "from", "The position to start at; the oldest record unless given.",
                    ["type": "integer", "minimum": 0]), continuation, shape,
                .init("limit", "At most that many records.", ["type": "integer", "minimum": 1]),
                waitForMore, handle,
            ],
            answers: [
                .init(
                    200, "The records.",
                    [
                        .init(.ndjson, ["type": "string"], example: .string(LogExamples.lines)),
                        .init(.frames, Schemas.binary),
                    ], headers: ["ETag", "Log-Position"])
            ], problems: reading + [.rangeNotSatisfiable])
    }

    static var describeFollow: OperationDescription {
        describe(
            "followLog", .get, "/follow", "Be told of records as they come",
            Follow.details + " An external log is told as pieces of bytes.",
            parameters: Follow.parameters + [shape],
            answers: [
                Follow.answer(
                    "record, caught_up, lost, truncated, wrapped, closed, deleted and error.",
                    "id: 6d1c93ae.1-1\nevent: record\n"
                        + "data: {\"position\":0,\"next\":1,\"record\":{\"json\":\"ann\"}}\n\n")
            ],
            problems: [.badParameter, .rangeNotSatisfiable, .rateLimited])
    }

    static var describeData: OperationDescription {
        describe(
            "getLogData", .get, "/data", "The bytes of an external log, by range",
            "Of a wrap log the oldest file first.",
            parameters: [
                .init(
                    "Range", in: .header, "bytes=a-b, bytes=a- or bytes=-n.", ["type": "string"],
                    example: "bytes=0-1023"), wait, handle,
            ],
            answers: [
                .init(
                    200, "Everything.", [.init(.octetStream, Schemas.binary, example: "hello")],
                    headers: ["ETag", "Log-Position"]),
                .init(
                    206, "The range.", [.init(.octetStream, Schemas.binary, example: "ell")],
                    headers: ["ETag", "Log-Position", "Content-Range"]),
            ],
            problems: [
                .argMismatch, .rangeNotSatisfiable, .positionGone, .blockedLog, .waitTimeout,
            ])
    }

    static var describeCheck: OperationDescription {
        describe(
            "checkLog", .get, "/check", "Count items and bad bytes",
            "Looks through all files as a repair would, and changes nothing.",
            answers: [
                .init(200, "What was found.", [.json("LogCheck", example: LogExamples.check)])
            ], problems: [.formatExternal])
    }

    static var describeNotifications: OperationDescription {
        describe(
            "notificationsOfLog", .get, "/notifications", "Be told what happens to a log",
            "The messages of the original to owners with notify. Without Log-Handle the stream is an "
                + "owner itself, and its end is the owner's.",
            parameters: [shape, handle],
            answers: [
                .init(
                    200,
                    "Events: wrap, truncated, read_only, blocked_log, format_external, full, "
                        + "error_status, lost, closed, deleted and error.",
                    [
                        .init(
                            .eventStream, ["type": "string"],
                            example: .string(LogExamples.notifications))
                    ])
            ], problems: [.notOwner, .rateLimited])
    }
}
