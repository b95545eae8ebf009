/// The endpoints of buffer pools: Berkeley DB's db_mpool, call by call.
package enum MPoolOperation: ResourceOperation, CaseIterable, Sendable {
    case list, open, get, update, delete, close
    case openFile, listFiles, getFile, closeFile
    case fget, fput, fset, fsync
    case getPage, putPage, patchPage, lastPage, newPage
    case listPins, renewPin, endPin
    case batch, register, listTypes, getType, trickle, sync, stat, clearStat

    static let tag = "mpools"
    static let item = "/v1/mpools/{mpool}"
    static let schema = (name: "MPool", example: MPoolExamples.pool)
    static let file = "/files/{file}"

    package var description: OperationDescription {
        switch self {
        case .list: Self.describeList
        case .open: Self.describeOpen
        case .get: Self.describeGet
        case .update: Self.describeUpdate
        case .delete: Self.describeDelete
        case .close: Self.describeClose
        case .openFile: Self.describeOpenFile
        case .listFiles: Self.describeListFiles
        case .getFile: Self.describeGetFile
        case .closeFile: Self.describeCloseFile
        case .fget: Self.describeFget
        case .fput: Self.describeFput
        case .fset: Self.describeFset
        case .fsync: Self.describeFsync
        case .getPage: Self.describeGetPage
        case .putPage: Self.describePutPage
        case .patchPage: Self.describePatchPage
        case .lastPage: Self.describeLastPage
        case .newPage: Self.describeNewPage
        case .listPins: Self.describeListPins
        case .renewPin: Self.describeRenewPin
        case .endPin: Self.describeEndPin
        case .batch: Self.describeBatch
        case .register: Self.describeRegister
        case .listTypes: Self.describeListTypes
        case .getType: Self.describeGetType
        case .trickle: Self.describeTrickle
        case .sync: Self.describeSync
        case .stat: Self.describeStat
        case .clearStat: Self.describeClearStat
        }
    }

    static let opening: [ProblemCode] = [
        .noSuchMPool, .busy, .runRecovery, .ioError, .fileAccess, .noSpace, .forbidden,
    ]

    /// What getting a page can meet.
    static let getting: [ProblemCode] = [
        .noSuchPage, .cacheFull, .pinOverflow, .filterFailed, .syncFailed, .lsnBeyondLog,
        .badParameter,
    ]

    static func problems(
        _ path: String, _ bodyLimit: OperationDescription.BodyLimit
    ) -> [ProblemCode] {
        (path.hasPrefix(file) ? [.noSuchFile] : [])
            + (bodyLimit == .none ? [] : [.badJSON, .badParameter, .unknownProperty])
    }

    // MARK: - Parameters that several share

    static let discard = OperationDescription.Parameter(
        "discard", "The page will not be wanted soon: it is the next to leave the pool.",
        ["type": "boolean", "default": false])

    static let ifMatch = OperationDescription.Parameter(
        "If-Match", in: .header,
        "Only if the page has this entity tag; * for any page that exists.",
        ["type": "string"], example: "\"c-8a9136aa\"")

    static let lsnBelow = OperationDescription.Parameter(
        "If-Page-LSN-Below", in: .header,
        "Only if the page's own LSN is smaller: file,offset, as in redoing a log.",
        ["type": "string", "pattern": "^[0-9]{1,9},[0-9]{1,9}$"], example: "1,4096")

    static let syncFirst = OperationDescription.Parameter(
        "sync", "Write what has changed first; without it that is lost.",
        ["type": "boolean", "default": false])

    static let minimal = OperationDescription.Parameter(
        "Prefer", in: .header, "return=minimal: the page is left out.",
        ["type": "string"], example: "return=minimal")
}
