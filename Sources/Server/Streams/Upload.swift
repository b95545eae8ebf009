import API
import Store

/// A body that goes to disk as it comes, some at a time.
final class Upload: Sendable {
    private struct State {
        var file: (any FileImport)?
        var failure: Problem?
        var bytes = 0
        /// In the quota of the token that sends it.
        var places: [ByteQuota.Place] = []
    }

    /// So much is gathered before a thread that may wait writes it.
    static let pieceSize = 1 << 20

    private let service: Service
    private let operation: Operation
    private let token: AccessToken?
    private let state = Locked(State())

    init(service: Service, operation: Operation, token: AccessToken?) {
        self.service = service
        self.operation = operation
        self.token = token
    }

    deinit {
        let left = state.withLock { $0 }
        left.places.forEach { $0.release() }
        // What was given up is removed, which takes long where much has come.
        service.store.files.submit { withExtendedLifetime(left.file) {} }
    }

    /// Whether any of the body has come before its last piece.
    var hasBegun: Bool { state.withLock { $0.file != nil || $0.failure != nil } }

    /// How many bytes have come.
    var bytes: Int { state.withLock { $0.bytes } }

    /// Writes `bytes` on a thread that may wait for the disk, then calls `done`.
    func write(_ bytes: [UInt8], then done: @escaping @Sendable () -> Void) {
        service.store.files.submit { [self] in
            let before = state.withLock { $0 }
            if before.failure == nil {
                do throws(Problem) {
                    try service.requireFreeSpace(bytes.count)
                    try admit(bytes.count)
                    let file = try mapping(of: operation.engine) { () throws(StoreError) in
                        let file = if let started = before.file { started } else { try begin() }
                        try file.write(bytes)
                        return file
                    }
                    state.withLock { state in
                        state.file = file
                        state.bytes += bytes.count
                    }
                } catch {
                    // What came is of no use: its room is free before the answer is out.
                    state.withLock { state in
                        for place in state.places { place.release() }
                        state = State(file: nil, failure: error)
                    }
                }
            }
            done()
        }
    }

    /// Counts a piece as soon as it lies on the disk, not when all of them are there.
    private func admit(_ bytes: Int) throws(Problem) {
        guard let token, let quota = token.byteQuota else { return }
        let place = try service.admit(.init(bytes: bytes, most: bytes), quota, token)
        state.withLock { $0.places.append(place) }
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
