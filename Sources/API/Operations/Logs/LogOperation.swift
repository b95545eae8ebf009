/// The endpoints of logs: Erlang's disk_log, function by function.
package enum LogOperation: ResourceOperation, CaseIterable, Sendable {
    case list, create, get, info, update, delete, open, close, lclose
    case append, fence, sync, truncate, reopen, incWrapFile, nextFile, block, unblock
    case chunk, chunkStep, chunkInfo, walk, follow, data, check, notifications, export, `import`
    case createHandle, listHandles, updateHandle, deleteHandle, findHandle

    static let tag = "logs"
    static let item = "/v1/logs/{log}"
    static let schema = (name: "Log", example: LogExamples.log)

    static let opening: [ProblemCode] = [
        .noSuchLog, .needRepair, .notALogFile, .noSuchFile, .locked,
        .invalidHeader, .fileAccess, .ioError, .syncFailed, .noSpace, .overloaded, .noSuchHandle,
        .notImplemented,
    ]

    package var description: OperationDescription {
        switch self {
        case .list: Self.describeList
        case .create: Self.describeCreate
        case .get: Self.describeGet
        case .info: Self.describeInfo
        case .update: Self.describeUpdate
        case .delete: Self.describeDelete
        case .open: Self.describeOpen
        case .close: Self.describeClose
        case .lclose: Self.describeLocalClose
        case .append: Self.describeAppend
        case .fence:
            Self.describe(
                "fenceLog", .post, "/fence", Fencing.summary, Fencing.details,
                bodies: [Fencing.body], bodyIsRequired: true, bodyLimit: .small,
                answers: [Fencing.answer], problems: Fencing.problems)
        case .sync: Self.describeSync
        case .truncate: Self.describeTruncate
        case .reopen: Self.describeReopen
        case .incWrapFile:
            Self.describeMove("incWrapFile", "/inc_wrap_file", "inc_wrap_file/1.", [.rotateLog])
        case .nextFile: Self.describeMove("nextFile", "/next_file", "next_file/1 of OTP 26.", [])
        case .block: Self.describeBlock
        case .unblock: Self.describeUnblock
        case .chunk: Self.describeChunk
        case .chunkStep: Self.describeChunkStep
        case .chunkInfo: Self.describeChunkInfo
        case .walk: Self.describeWalk
        case .follow: Self.describeFollow
        case .data: Self.describeData
        case .check: Self.describeCheck
        case .notifications: Self.describeNotifications
        case .export: Self.describeExport
        case .import: Self.describeImport
        case .createHandle: Self.describeCreateHandle
        case .listHandles: Self.describeListHandles
        case .updateHandle: Self.describeUpdateHandle
        case .deleteHandle: Self.describeDeleteHandle
        case .findHandle: Self.describeFindHandle
        }
    }

    // MARK: - Parameters that several share

    static let handle = OperationDescription.Parameter(
        "Log-Handle", in: .header, "Whose call this is; the service's own unless given.",
        ["type": "string"])

    static let ifMatch = OperationDescription.Parameter(
        "If-Match", in: .header, "Only if the log has this entity tag; * for any.",
        ["type": "string"], example: "\"9f3a01c2.1-5\"")

    static let wait = OperationDescription.Parameter(
        "wait_ms", "How long to wait while another has blocked the log.",
        ["type": "integer", "minimum": 0, "maximum": 60_000, "default": 30_000])

    static let shape = OperationDescription.Parameter(
        "as", "The form of records: auto is json for terms, else text if they are UTF-8.",
        [
            "type": "string", "enum": ["auto", "b64", "text", "json", "term"], "default": "auto",
        ])

    static let raw = OperationDescription.Parameter(
        "raw", "b64 is an encoded term already, as blog and its like take it.",
        ["type": "boolean", "default": false])

    static let continuation = OperationDescription.Parameter(
        "cont", "`cont` or `next` of an answer before; start for the oldest record.",
        ["type": "string", "maxLength": 512, "default": "start"])
}
