import API
import Store

/// A body that goes to disk as it comes, some at a time.
final class Upload: Sendable {
    private struct State {
        var file: (any FileImport)?
        var failure: Problem?
        var byteCount = 0
    }

    /// So much is gathered before a thread that may wait writes it.
    static let pieceSize = 1 << 20

    private let service: Service
    private let operation: Operation
    private let state = Locked(State())

    init(service: Service, operation: Operation) {
        self.service = service
        self.operation = operation
    }

    /// Whether any of the body has come before its last piece.
    var hasBegun: Bool { state.withLock { $0.file != nil || $0.failure != nil } }

    /// How much has come.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// Writes `bytes` on a thread that may wait for the disk, then calls `done`.
    func write(_ bytes: [UInt8], then done: @escaping @Sendable () -> Void) {
        service.store.files.submit { [self] in
            let before = state.withLock { state in
                state.byteCount += bytes.count
                return state
            }
            if before.failure == nil {
                do throws(Problem) {
                    try service.requireFreeSpace(bytes.count)
                    let file = try mapping(of: operation.engine) { () throws(StoreError) in
                        let file = if let started = before.file { started } else { try begin() }
                        try file.write(bytes)
                        return file
                    }
                    state.withLock { $0.file = file }
                } catch {
                    // What came is of no use: its room is free before the answer is out.
                    state.withLock { $0 = State(file: nil, failure: error) }
                }
            }
            done()
        }
    }

    private func begin() throws(StoreError) -> any FileImport {
        switch operation {
        case .log: service.store.logs.beginImport()
        case .journal: service.store.journals.beginImport()
        case .service, .token, .pool, .mpool: try service.store.pools.beginImport()
        }
    }

    /// What came, once the last piece has been written.
    func finish<File: FileImport>(as _: File.Type) throws(Problem) -> File {
        let state = state.withLock { $0 }
        if let failure = state.failure { throw failure }
        guard let file = state.file as? File else {
            throw Problem(.internalError, "an upload of another kind")
        }
        return file
    }
}

extension Operation {
    /// The engine whose words its problems use.
    fileprivate var engine: EngineWords {
        switch self {
        case .service, .token, .pool: .pmemlog
        case .log: .diskLog
        case .journal: .wiredTiger
        case .mpool: .mpool
        }
    }
}
