// Writing: messages, transactions, flushing, checkpoints.

extension JournalOperation {
    private static let writing: [ProblemCode] = [
        .badParameter, .readOnlyMode, .preconditionFailed, .fenced, .idempotencyKeyReused,
        .tooLarge,
    ]

    static var describeAppend: OperationDescription {
        describe(
            "appendToJournal", .post, "/append", "Append messages",
            "WT_SESSION::log_printf: each record is a message of its own; the answer gives its LSN, "
                + "which the original does not. All of a request lie in one file, one behind the other. "
                + "A message holds no zero byte.",
            parameters: [
                durability, at, ifMatch, Fencing.header, Idempotency.header, prefer,
                .init(
                    "atomic", "Taken as a whole or refused as a whole, in either case.",
                    ["type": "boolean", "default": true]),
            ],
            bodies: [
                .init(.text, ["type": "string"], example: "night run starts"),
                .init(.octetStream, Schemas.binary, example: "night run starts"),
                .json("AppendRequest", example: ["records": [["text": "one"], ["text": "two"]]]),
                .init(.ndjson, ["type": "string"], example: "{\"text\":\"one\"}\n"),
                .init(.frames, Schemas.binary),
            ],
            bodyLimit: .records,
            answers: [
                .init(
                    200, "The messages are there.",
                    [.json("JournalAppended", example: JournalExamples.appended)],
                    headers: ["ETag", "Log-Position", Idempotency.replayed]),
                .init(
                    202, "The messages are queued.",
                    [.json("LogAccepted", example: ["accepted": 1])],
                    headers: ["Preference-Applied"]),
                .init(
                    204, "The messages are there, and only the headers were wanted.",
                    headers: ["ETag", "Log-Position", "Preference-Applied", Idempotency.replayed]),
            ],
            problems: writing + [.badJSON, .badRecord, .unknownProperty, .unsupportedMediaType])
    }

    static var describeTransact: OperationDescription {
        describe(
            "commitToJournal", .post, "/transactions", "Append a transaction",
            "One commit record with the operations in their order, 1 to 10,000. Keys and values are "
                + "as the table packs them. A recovery of a real database applies them to the tables "
                + "with these identifiers; take identifiers from 1000 on unless that is meant.",
            parameters: [durability, at, ifMatch, Fencing.header, Idempotency.header, prefer],
            bodies: [.json("JournalTransaction", example: JournalExamples.transaction)],
            bodyIsRequired: true, bodyLimit: .records,
            answers: [
                .init(
                    200, "The transaction is there.",
                    [.json("JournalCommitted", example: JournalExamples.committed)],
                    headers: ["ETag", "Log-Position", Idempotency.replayed]),
                .init(
                    202, "The transaction is queued.",
                    [.json("LogAccepted", example: ["accepted": 1])],
                    headers: ["Preference-Applied"]),
                .init(
                    204, "The transaction is there, and only the headers were wanted.",
                    headers: ["ETag", "Log-Position", "Preference-Applied", Idempotency.replayed]),
            ],
            problems: writing + [.badJSON, .badRecord, .unknownProperty])
    }

    static var describeFlush: OperationDescription {
        describe(
            "flushJournal", .post, "/log_flush", "Write or sync what was appended",
            "WT_SESSION::log_flush: on puts everything on stable storage, off only writes it, "
                + "background begins to sync and does not wait.",
            bodies: [.json("JournalFlush", example: ["sync": "on"])], bodyLimit: .small,
            answers: [
                .init(
                    200, "How far it is now.",
                    [.json("JournalFlushed", example: JournalExamples.flushed)]),
                .init(
                    202, "A sync has begun.",
                    [.json("JournalFlushed", example: JournalExamples.flushed)]),
            ], problems: [.badJSON, .badParameter, .unknownProperty, .readOnlyMode])
    }

    static var describeCheckpoint: OperationDescription {
        describe(
            "checkpointJournal", .post, "/checkpoint", "Write a checkpoint",
            "WT_SESSION::checkpoint: a checkpoint_start record, and a checkpoint record that holds "
                + "its LSN, synced. Files before it can be archived, and are if `archive` is set.",
            answers: [
                .init(
                    200, "Where the two records lie.",
                    [.json("JournalCheckpoint", example: JournalExamples.checkpoint)])
            ], problems: [.readOnlyMode, .foreignDatabase])
    }

    static var describeArchive: OperationDescription {
        describe(
            "archiveJournal", .post, "/archive", "Remove files before the last checkpoint",
            "Removes nothing while a cursor or a walk is open.",
            answers: [
                .init(
                    200, "What was removed.",
                    [.json("JournalArchived", example: ["removed": [1, 2], "held_by_cursors": 0])])
            ], problems: [.readOnlyMode])
    }
}
