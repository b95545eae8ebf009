// Opening, closing and configuring.

extension LogOperation {
    private static let keepFiles = OperationDescription.Parameter(
        "keep_files", "Only close and forget the log.", ["type": "boolean", "default": false])

    static var describeList: OperationDescription {
        .init(
            "listLogs", .get, "/v1/logs", tag: "logs", "All logs, by name",
            "accessible_logs/0 and all/0. Logs of files that lie in the folder are listed too.",
            parameters: OperationDescription.page(
                of: "logs", states: ["open", "closed", "failed"]),
            answers: [
                .init(
                    200, "A page.", [.json("LogList", example: LogExamples.list)],
                    headers: ["Link"])
            ],
            problems: [.badToken, .ioError, .fileAccess, .overloaded])
    }

    static var describeCreate: OperationDescription {
        describe(
            "openLog", .put, "", "Open a log, or make it",
            "open/1. An open log is compared with what is given; the first difference is an error. "
                + "A log that was not closed is repaired. Without a body: a halt log of internal "
                + "format at logs/NAME.LOG. A log that the service holds is opened again when the "
                + "service starts.",
            parameters: [
                .init(
                    "If-None-Match", in: .header, "*: only make a log, never open one.",
                    ["type": "string"], example: "*"), handle, raw, shape,
            ],
            bodies: [.json("LogOptions", example: LogExamples.options)], bodyLimit: .small,
            answers: [
                itemAnswer(200, "It was there, and is open."), itemAnswer(201, "It was made."),
            ],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .badRecord, .argMismatch, .sizeMismatch,
                .nameAlreadyOpen, .openReadWrite, .openReadOnly, .corruptLogFile,
                .preconditionFailed, .rateLimited,
            ])
    }

    static var describeGet: OperationDescription {
        describe(
            "getLog", .get, "", "State, size and counts of a log",
            "What info/1 tells, without its side effect. A closed log shows what is known of it.",
            parameters: [shape], answers: [itemAnswer(200, "The log.")])
    }

    static var describeInfo: OperationDescription {
        describe(
            "infoLog", .post, "/info", "State, size and counts of an open log",
            "info/1: the count of overflows since the last time starts again.",
            parameters: [handle, shape], answers: [itemAnswer(200, "The log.")])
    }

    static var describeUpdate: OperationDescription {
        describe(
            "updateLog", .patch, "", "Change size, head or durability",
            "change_size/2 and change_header/2; they apply in this order and stop at the first "
                + "error.",
            parameters: [handle, wait, raw, shape, ifMatch],
            bodies: [
                .init(
                    .mergePatch, Schemas.reference("LogChanges"),
                    example: ["size": ["max_no_bytes": 65_536, "max_no_files": 4]]),
                .json("LogChanges", example: ["size": "infinity"]),
            ],
            bodyIsRequired: true, bodyLimit: .small, answers: [itemAnswer(200, "Changed.")],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .badRecord, .readOnlyMode, .blockedLog,
                .newSizeTooSmall, .waitTimeout, .preconditionFailed,
            ])
    }

    static var describeDelete: OperationDescription {
        describe(
            "deleteLog", .delete, "", "Close a log for everybody and remove its files", "",
            parameters: [keepFiles], answers: [.init(204, "It is gone.")])
    }

    static var describeOpen: OperationDescription {
        describe(
            "useLog", .post, "/open", "Open a log as one more anonymous user",
            "open/1 with linkto none. Each call counts; each is ended by a close.",
            parameters: [raw, shape],
            bodies: [.json("LogUse", example: ["mode": "read_only"])], bodyLimit: .small,
            answers: [itemAnswer(200, "It is open.")],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .badRecord, .argMismatch, .sizeMismatch,
                .nameAlreadyOpen, .openReadWrite, .openReadOnly, .corruptLogFile,
            ])
    }

    static var describeClose: OperationDescription {
        describe(
            "closeLog", .post, "/close", "End one hold of a log",
            "close/1 by the caller: an owner ends its ownership, the service its own hold, anyone "
                + "else the use of one user. The log is closed when nobody holds it.",
            parameters: [handle],
            answers: [
                .init(
                    200, "What is left.",
                    [
                        .json(
                            "LogClosing", example: ["state": "closed", "owners": 0, "users": 0])
                    ])
            ])
    }

    static var describeLocalClose: OperationDescription {
        describe(
            "lcloseLog", .post, "/lclose", "End one hold of a log on one node",
            "lclose/1,2. A log that is not distributed has one node.",
            parameters: [
                handle, .init("node", "The node.", ["type": "string", "pattern": "^[!-~]*$"]),
            ],
            answers: [
                .init(
                    200, "What is left.",
                    [
                        .json(
                            "LogClosing", example: ["state": "closed", "owners": 0, "users": 0])
                    ])
            ])
    }

    // MARK: - Handles

    private static let handleAnswer: [OperationDescription.Content] = [
        .json("LogHandle", example: LogExamples.handle)
    ]

    static var describeCreateHandle: OperationDescription {
        describe(
            "createLogHandle", .post, "/handles", "Open a log as one more process",
            "open/1 by another process. The handle lives while it is used: any request with it "
                + "renews it, and so does a stream of notices.",
            bodies: [.json("LogHandleOptions", example: ["owner": true, "notify": true])],
            bodyLimit: .small, answers: [.init(201, "The handle.", handleAnswer)],
            problems: [.badJSON, .badParameter, .unknownProperty, .rateLimited])
    }

    static var describeListHandles: OperationDescription {
        describe(
            "listLogHandles", .get, "/handles", "The handles of a log", "",
            answers: [
                .init(
                    200, "All of them.",
                    [.json("LogHandleList", example: ["handles": [LogExamples.handle]])])
            ])
    }

    static var describeUpdateHandle: OperationDescription {
        describe(
            "updateLogHandle", .patch, "/handles/{handle}", "Tell an owner of notices, or no more",
            "change_notify/3.", parameters: [handle, wait],
            bodies: [
                .init(
                    .mergePatch, Schemas.reference("LogHandleChanges"), example: ["notify": true]),
                .json("LogHandleChanges", example: ["notify": true]),
            ],
            bodyIsRequired: true, bodyLimit: .small,
            answers: [.init(200, "Changed.", handleAnswer)],
            problems: [
                .badJSON, .badParameter, .unknownProperty, .notOwner, .blockedLog, .waitTimeout,
            ])
    }

    static var describeDeleteHandle: OperationDescription {
        describe(
            "deleteLogHandle", .delete, "/handles/{handle}", "End a handle",
            "close/1 by that process; its block is lifted.", answers: [.init(204, "It has ended.")])
    }

    static var describeFindHandle: OperationDescription {
        .init(
            "getHandle", .get, "/v1/handles/{handle}", tag: "logs", "The log of a handle",
            "pid2name/1.", answers: [.init(200, "The handle.", handleAnswer)],
            problems: [.noSuchHandle])
    }
}
