import Glibc

/// A pool that is being received as a file: nobody sees it before it is whole and checked.
package final class PoolImport: Sendable {
    private struct State: ~Copyable {
        let file: File
        var size = 0
    }

    let temporary: String
    private let directory: DataDirectory
    private let state: Locked<State>

    init(in directory: DataDirectory) throws(StoreError) {
        self.directory = directory
        temporary = directory.temporaryName()
        state = Locked(
            State(
                file: try directory.open(temporary, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)))
    }

    /// Unless it was published, what came is removed.
    deinit { directory.discard(temporary) }

    /// Takes the next bytes of the file; waits.
    package func write(_ bytes: [UInt8]) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            try state.file.write(bytes, at: state.size)
            state.size += bytes.count
        }
    }

    /// Checks what came, makes it durable and gives it its name.
    ///
    /// - Throws: `.notAPool` for what pmemlog_check(3) would refuse; `.alreadyExists`.
    func publish(as path: String) throws(StoreError) {
        // A set file would make the service look at files that its sender names.
        let start = try state.withLock { (state) throws(StoreError) in
            try state.file.read(at: 0, count: PoolSet.signature.count)
        }
        guard start != PoolSet.signature else {
            throw .notAPool(detail: "a set file cannot be imported; export makes one file of a set")
        }
        let file = try PoolFile(at: temporary, in: directory)
        try file.fillHoles(in: directory)
        let absolute = directory.absolute(temporary)
        if let fault = try PmemPool.check(absolute, name: "the file") {
            throw .notAPool(detail: fault)
        }
        try state.withLock { (state) throws(StoreError) in
            // Another import of the same file is another pool: nobody who has read the one takes it for
            // the other.
            var page = try state.file.read(at: 0, count: PoolLayout.pageSize)
            PoolLayout.renew(&page)
            try state.file.write(page, at: 0)
            try state.file.sync()
        }
        try directory.publish(temporary, as: path)
    }
}

extension Pools {
    /// Starts to receive a pool as a file; waits.
    package func beginImport() throws(StoreError) -> PoolImport {
        try PoolImport(in: directory)
    }

    /// Makes what was received the pool `name`, which must not exist; waits.
    package func finishImport(
        _ received: PoolImport, as name: String
    ) throws(StoreError) -> PmemLog {
        try turns.with(name) { () throws(StoreError) in
            let memory = try memory(of: name)
            guard !exists(name, memory) else { throw .alreadyExists(name: "the pool " + name) }
            let path = Self.defaultPath(name)
            try services.forget("pools", name, in: directory)
            try note(path, for: name, in: memory)
            do throws(StoreError) {
                try received.publish(as: path)
            } catch {
                guard case .alreadyExists = error else { throw error }
                throw .alreadyExists(name: "the pool " + name)
            }
            do throws(StoreError) {
                return try load(name, memory)
            } catch {
                throw .afterEffect(error)
            }
        }
    }
}

extension PmemLog {
    /// The first two pages of the pool as one file with `tell` bytes of data, cleanly closed:
    /// nothing in them tells of this process.
    package func exportedPages(tell: Int) -> [UInt8] {
        var pages = PoolLayout.newPages(poolSize: poolSize, createdAt: createdAt)
        pages.storeLittleEndian(
            UInt64(PoolLayout.dataStart + tell), at: PoolLayout.writeOffsetField)
        return pages
    }
}
