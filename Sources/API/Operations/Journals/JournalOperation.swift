/// The endpoints of journals and log cursors: WiredTiger's log.
package enum JournalOperation: ResourceOperation, CaseIterable, Sendable {
    case list, create, get, update, delete, open, close
    case append, transact, fence, flush, checkpoint, archive
    case record, walk, follow, stat, export, `import`
    case openCursor, listCursors, getCursor, compareCursors, next, search, reset, closeCursor

    static let tag = "journals"
    static let item = "/v1/journals/{journal}"
    static let schema = (name: "Journal", example: JournalExamples.journal)

    static let opening: [ProblemCode] = [
        .noSuchJournal, .corruptLogFile, .noSuchFile, .locked, .fileAccess, .ioError, .syncFailed,
        .noSpace, .overloaded,
    ]

    package var description: OperationDescription {
        switch self {
        case .list: Self.describeList
        case .create: Self.describeCreate
        case .get: Self.describeGet
        case .update: Self.describeUpdate
        case .delete: Self.describeDelete
        case .open: Self.describeOpen
        case .close: Self.describeClose
        case .append: Self.describeAppend
        case .transact: Self.describeTransact
        case .fence:
            Self.describe(
                "fenceJournal", .post, "/fence", Fencing.summary, Fencing.details,
                bodies: [Fencing.body], bodyIsRequired: true, bodyLimit: .small,
                answers: [Fencing.answer], problems: Fencing.problems + [.readOnlyMode])
        case .flush: Self.describeFlush
        case .checkpoint: Self.describeCheckpoint
        case .archive: Self.describeArchive
        case .record: Self.describeRecord
        case .walk: Self.describeWalk
        case .follow: Self.describeFollow
        case .stat: Self.describeStat
        case .export: Self.describeExport
        case .import: Self.describeImport
        case .openCursor: Self.describeOpenCursor
        case .listCursors: Self.describeListCursors
        case .getCursor: Self.describeGetCursor
        case .compareCursors: Self.describeCompare
        case .next: Self.describeNext
        case .search: Self.describeSearch
        case .reset: Self.describeReset
        case .closeCursor: Self.describeCloseCursor
        }
    }

    // MARK: - Parameters that several share

    static let shape = OperationDescription.Parameter(
        "as", "The form of keys and values: auto is text if they are UTF-8 without zero bytes.",
        ["type": "string", "enum": ["auto", "b64", "text"], "default": "auto"])

    static let ifMatch = OperationDescription.Parameter(
        "If-Match", in: .header, "Only if the journal has this entity tag; * for any.",
        ["type": "string"], example: "\"9f3a01c2.1-4294967552\"")

    static let at = OperationDescription.Parameter(
        "at", "Only if the last record has this LSN; 0,0 if there must be none yet.",
        ["type": "string", "pattern": .string("^\(Schemas.lsn)$")], example: "1,256")

    static let durability = OperationDescription.Parameter(
        "durability",
        "What the answer promises: queued, written to the file, or on stable storage; the journal's "
            + "own unless given.",
        ["type": "string", "enum": ["accepted", "written", "synced"]])

    static let prefer = OperationDescription.Parameter(
        "Prefer", in: .header,
        "return=minimal: headers only; respond-async: as durability=accepted.", ["type": "string"],
        example: "return=minimal")

    static let wait = OperationDescription.Parameter(
        "wait_ms", "How long to wait for rows if there are none.",
        ["type": "integer", "minimum": 0, "maximum": 60_000, "default": 0])
}
