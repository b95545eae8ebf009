// Opening, closing and configuring.

extension JournalOperation {
    private static let keepFiles = OperationDescription.Parameter(
        "keep_files", "Only close and forget the journal.",
        ["type": "boolean", "default": false])

    static var describeList: OperationDescription {
        .init(
            "listJournals", .get, "/v1/journals", tag: "journals", "All journals, by name", "",
            parameters: OperationDescription.page(
                of: "journals", states: ["open", "closed", "failed"]),
            answers: [
                .init(
                    200, "A page.", [.json("JournalList", example: JournalExamples.list)],
                    headers: ["Link"])
            ],
            problems: [.badToken, .ioError, .fileAccess, .overloaded])
    }

    static var describeCreate: OperationDescription {
        describe(
            "openJournal", .put, "", "Open a journal, or make it",
            "wiredtiger_open with log=(...). Read-write: takes the lock of the directory, cuts off "
                + "what a crash left unfinished, and begins a new file. Read-only: the log files of "
                + "any WiredTiger database; nothing is locked, recovered or changed. An open journal "
                + "is compared with what is given. Journals are opened again when the service starts, "
                + "until they are closed.",
            parameters: [
                .init(
                    "If-None-Match", in: .header, "*: only make a journal, never open one.",
                    ["type": "string"], example: "*")
            ],
            bodies: [.json("JournalOptions", example: ["file_max": 1_048_576])],
            bodyLimit: .small,
            answers: [
                itemAnswer(200, "It was there, and is open."), itemAnswer(201, "It was made."),
            ],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .argMismatch, .preconditionFailed,
            ])
    }

    static var describeGet: OperationDescription {
        describe(
            "getJournal", .get, "", "State, settings and ends of a journal", "",
            answers: [itemAnswer(200, "The journal.")])
    }

    static var describeUpdate: OperationDescription {
        let example: JSONValue = ["archive": false]
        return describe(
            "updateJournal", .patch, "", "Change archiving, durability or the hold of cursors", "",
            parameters: [ifMatch],
            bodies: [
                .init(
                    .mergePatch, Schemas.reference("JournalChanges"), example: example),
                .json("JournalChanges", example: example),
            ],
            bodyIsRequired: true, bodyLimit: .small, answers: [itemAnswer(200, "Changed.")],
            problems: [.badJSON, .badParameter, .unknownProperty, .preconditionFailed])
    }

    static var describeDelete: OperationDescription {
        describe(
            "deleteJournal", .delete, "", "Close a journal and remove its files",
            "The files of a journal that is only read, and those of a database with tables of its "
                + "own, are never removed.",
            parameters: [keepFiles], answers: [.init(204, "It is gone.")],
            problems: [.foreignDatabase])
    }

    static var describeOpen: OperationDescription {
        describe(
            "reopenJournal", .post, "/open", "Open a journal that was closed", "",
            answers: [itemAnswer(200, "It is open.")])
    }

    static var describeClose: OperationDescription {
        describe(
            "closeJournal", .post, "/close", "Close a journal",
            "Everything is put on stable storage, cursors end, and the lock of the directory is given "
                + "back.",
            answers: [itemAnswer(200, "It is closed.")])
    }
}
