// Reading: records, walks, cursors.

extension JournalOperation {
    private static let reading: [ProblemCode] = [
        .badParameter, .wtNotFound, .noCompressor, .noLogging, .positionGone,
    ]

    private static let raw = OperationDescription.Parameter(
        "raw", "Add key and value as a cursor in raw mode packs them.",
        ["type": "boolean", "default": false])

    private static func lsn(
        _ name: String, _ summary: String, or word: String = ""
    ) -> OperationDescription.Parameter {
        let pattern = word.isEmpty ? "^\(Schemas.lsn)$" : "^(\(word)|\(Schemas.lsn))$"
        return .init(
            name, summary, ["type": "string", "pattern": .string(pattern)], example: "1,256")
    }

    static var describeRecord: OperationDescription {
        describe(
            "getJournalRecord", .get, "/records/{lsn}", "The rows of one record",
            "A search without a cursor: the row of the whole record, then one for each operation of a "
                + "transaction.",
            parameters: [shape, raw],
            answers: [
                .init(
                    200, "The rows, and the LSN of the record behind it.",
                    [
                        .json(
                            "JournalRecord",
                            example: [
                                "rows": [JournalExamples.row],
                                "next": ["file": 1, "offset": 384],
                            ])
                    ])
            ], problems: reading)
    }

    static var describeWalk: OperationDescription {
        describe(
            "walkJournal", .get, "/walk", "Every row as one stream",
            "What a cursor's next would give, as NDJSON with an end object. Archiving removes nothing "
                + "while it runs.",
            parameters: [
                lsn("from", "The record to begin with; start for the first one.", or: "start"),
                lsn("to", "The last record."),
                .init(
                    "backwards", "From the end to the beginning, rows of a record too.",
                    ["type": "boolean", "default": false]),
                .init(
                    "rectype", "Only rows of records of this type.",
                    [
                        "type": "string",
                        "enum": ["checkpoint", "commit", "file_sync", "message", "system"],
                    ]),
                .init(
                    "op", "Only rows of operations of this type.",
                    ["type": "string", "enum": .array(JournalExamples.operations)]),
                .init(
                    "fileid", "Only rows of this table.",
                    ["type": "integer", "minimum": 0, "maximum": 4_294_967_295]),
                .init(
                    "limit", "At most that many rows.",
                    ["type": "integer", "minimum": 1]),
                shape, raw, wait,
            ],
            answers: [
                .init(
                    200, "The rows.",
                    [
                        .init(
                            .ndjson, ["type": "string"], example: .string(JournalExamples.lines))
                    ], headers: ["ETag", "Log-Position"])
            ], problems: reading)
    }

    static var describeFollow: OperationDescription {
        describe(
            "followJournal", .get, "/follow", "Be told of records as they come",
            Follow.details + " Each event has all rows of one record.",
            parameters: Follow.parameters + [shape, raw],
            answers: [
                Follow.answer(
                    "record, caught_up, lost, closed, deleted and error.",
                    "id: 6d1c93ae.1-1,384\nevent: record\n"
                        + "data: {\"position\":\"1,256\",\"next\":\"1,384\",\"rows\":[]}\n\n")
            ],
            problems: [
                .badParameter, .wtNotFound, .noCompressor, .noLogging, .positionGone, .rateLimited,
            ])
    }

    static var describeStat: OperationDescription {
        describe(
            "statJournal", .get, "/stat", "Statistics by their original names",
            "Since the journal was opened.",
            answers: [
                .init(
                    200, "The figures.",
                    [
                        .json(
                            "JournalStatistics", example: ["log: log write operations": 3])
                    ])
            ])
    }

    // MARK: - Cursors

    private static let cursor: [ProblemCode] = [.noSuchCursor, .cursorExpired]

    private static func cursorAnswer(_ status: Int) -> OperationDescription.Answer {
        .init(
            status, "The cursor.",
            [.json("JournalCursor", example: JournalExamples.cursor)],
            headers: status == 201 ? ["Location"] : [])
    }

    private static let rowAnswer = OperationDescription.Answer(
        200, "The row.", [.json("JournalRow", example: JournalExamples.row)])

    static var describeOpenCursor: OperationDescription {
        describe(
            "openJournalCursor", .post, "/cursors", "Open a cursor",
            "WT_SESSION::open_cursor(\"log:\"). It stands before the first record, and holds "
                + "archiving back until it is closed or expires.",
            bodies: [.json("JournalCursorOptions", example: ["ttl_ms": 60_000])],
            bodyLimit: .small, answers: [cursorAnswer(201)],
            problems: [.badJSON, .badParameter, .unknownProperty, .rateLimited])
    }

    static var describeListCursors: OperationDescription {
        describe(
            "listJournalCursors", .get, "/cursors", "The cursors of a journal", "",
            answers: [
                .init(
                    200, "All of them.",
                    [
                        .json("JournalCursorList", example: ["cursors": [JournalExamples.cursor]])
                    ])
            ])
    }

    static var describeGetCursor: OperationDescription {
        describe(
            "getJournalCursor", .get, "/cursors/{cursor}", "The row that a cursor gave last",
            "WT_CURSOR::get_key and get_value.", parameters: [shape, raw], answers: [rowAnswer],
            problems: cursor + [.badParameter, .cursorUnpositioned])
    }

    static var describeCompare: OperationDescription {
        describe(
            "compareJournalCursors", .get, "/cursors/{cursor}/compare", "Which cursor is ahead",
            "WT_CURSOR::compare and equals: by LSN, then by the rows of it that were given.",
            parameters: [
                .init(
                    "with", "The other cursor.", ["type": "string", "pattern": "^c_[0-9a-f]{32}$"],
                    example: JournalExamples.cursorName, isRequired: true)
            ],
            answers: [
                .init(
                    200, "-1, 0 or 1.",
                    [.json("JournalOrder", example: ["order": 0])])
            ], problems: cursor + [.badParameter])
    }

    static var describeNext: OperationDescription {
        describe(
            "nextOfJournalCursor", .post, "/cursors/{cursor}/next", "The next rows",
            "WT_CURSOR::next. At the end of the log `end` is true; more may follow later. What is "
                + "wrong with a row is told once the rows before it have been given.",
            parameters: [
                .init(
                    "n", "Rows at most; an answer has about a mebibyte.",
                    ["type": "integer", "minimum": 1, "maximum": 1000, "default": 1]),
                .init(
                    "after",
                    "file,offset,opctr of the row that the rows must follow; makes it safe to "
                        + "repeat the request.",
                    [
                        "type": "string",
                        "pattern": .string("^\(Schemas.lsn),\(Schemas.number32)$"),
                    ],
                    example: "1,256,0"),
                shape, raw, wait,
            ],
            answers: [
                .init(
                    200, "The rows.",
                    [
                        .json(
                            "JournalRows", example: ["rows": [JournalExamples.row], "end": false])
                    ])
            ], problems: cursor + reading)
    }

    static var describeSearch: OperationDescription {
        describe(
            "searchJournalCursor", .post, "/cursors/{cursor}/search", "Go to a record",
            "WT_CURSOR::search: the row of the whole record; next goes on with its operations. (1,0) "
                + "is the first record of the log, (f,0) of file f; behind the end of an earlier file "
                + "it is the first record of the next.",
            parameters: [shape, raw],
            bodies: [.json("JournalKey", example: ["file": 1, "offset": 256])],
            bodyIsRequired: true, bodyLimit: .small, answers: [rowAnswer],
            problems: cursor + reading + [.badJSON, .unknownProperty])
    }

    static var describeReset: OperationDescription {
        describe(
            "resetJournalCursor", .post, "/cursors/{cursor}/reset", "Go back to the beginning",
            "WT_CURSOR::reset.", answers: [.init(204, "The next row is the first.")],
            problems: cursor)
    }

    static var describeCloseCursor: OperationDescription {
        describe(
            "closeJournalCursor", .delete, "/cursors/{cursor}", "Close a cursor",
            "WT_CURSOR::close.", answers: [.init(204, "It is closed.")], problems: cursor)
    }
}
