/// What a pool is made with.
package struct PoolOptions: Sendable {
    /// Bytes of the file; 2 MiB unless given.
    package var size: Int?
    /// Permissions as given, whatever the umask; 0600 unless given.
    package var mode: UInt32?
    /// The file, relative to the data directory; `pools/NAME` unless given.
    package var file: String?

    package init(size: Int? = nil, mode: UInt32? = nil, file: String? = nil) {
        self.size = size
        self.mode = mode
        self.file = file
    }

    /// - Throws: `.badArgument` where pmemlog_create(3) would make nothing, or what can't be opened.
    package func check() throws(StoreError) {
        if let size, !(PoolLayout.minimumSize...(1 << 62)).contains(size) {
            throw .badArgument(
                option: "pool_size",
                detail: "pool_size is \(size); a pool has at least \(PoolLayout.minimumSize) bytes")
        }
        if let mode, mode & 0o600 != 0o600 || mode > 0o7777 {
            throw .badArgument(
                option: "mode", detail: "mode must let the owner read and write, as 0600 does")
        }
        if let file { try ResourceName.checkPath(file, kind: "pools") }
    }

    /// The file that the pool `name` shall have.
    func path(for name: String) -> String { file ?? Pools.defaultPath(name) }
}
