import API
import Store

/// A body that goes to disk as it comes, some at a time.
final class Upload: Sendable {
    private struct State {
        var file: PoolImport?
        var failure: Problem?
    }

    /// So much is gathered before a thread that may wait writes it.
    static let pieceSize = 1 << 20

    private let service: Service
    private let state = Locked(State())

    init(service: Service) { self.service = service }

    /// Writes `bytes` on a thread that may wait for the disk, then calls `done`.
    func write(_ bytes: [UInt8], then done: @escaping @Sendable () -> Void) {
        service.store.files.submit { [self] in
            let before = state.withLock { $0 }
            if before.failure == nil {
                do throws(Problem) {
                    try service.requireFreeSpace(bytes.count)
                    let file = try mapping { () throws(StoreError) in
                        let file =
                            if let started = before.file { started } else {
                                try service.store.pools.beginImport()
                            }
                        try file.write(bytes)
                        return file
                    }
                    state.withLock { $0.file = file }
                } catch {
                    state.withLock { $0.failure = error }
                }
            }
            done()
        }
    }

    /// What came, once the last piece has been written.
    func finish() throws(Problem) -> PoolImport {
        let state = state.withLock { $0 }
        if let failure = state.failure { throw failure }
        guard let file = state.file else {
            throw Problem(.notAPool, "nothing was sent; send the file of a pool")
        }
        return file
    }
}
