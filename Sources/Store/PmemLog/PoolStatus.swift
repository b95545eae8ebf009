/// What is known of a pool, open or closed.
package struct PoolStatus: Equatable, Sendable {
    package let name: String
    /// Relative to the data directory.
    package let path: String
    package let state: PmemLog.State
    package let identity: String
    package let poolSize: Int
    package let mode: UInt32
    package let nbyte: Int
    package let tell: Int
    package let generation: Int
    package let createdAt: Int
    /// Which writers may append; nil of a pool that is closed.
    package let fence: Fence.State?

    package init(_ log: PmemLog) {
        let view = log.view
        name = log.name
        path = log.path
        state = view.state
        identity = log.identity
        poolSize = log.poolSize
        mode = log.mode
        nbyte = log.nbyte
        tell = view.tell
        generation = view.generation
        createdAt = log.createdAt
        fence = log.fence?.state
    }

    init(name: String, file: PoolFile, memory: PoolMemory) {
        self.name = name
        path = file.path
        state = .closed
        identity = Self.identity(of: file.layout)
        poolSize = file.poolSize
        mode = file.mode
        nbyte = file.layout.nbyte
        tell = min(file.layout.tell, memory.current[PoolMemory.untrustedAfter] ?? .max)
        generation = memory.current[PoolMemory.generation] ?? 1
        createdAt = file.layout.createdAt
        fence = nil
    }

    static func identity(of layout: PoolLayout) -> String {
        layout.identity.prefix(4).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
