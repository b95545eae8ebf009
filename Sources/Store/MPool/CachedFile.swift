/// One life of a file whose pages are read through the pool `service`.
struct CachedFile: Sendable {
    let cache: ReadCache
    let life: ReadCache.Life
    /// Below the data directory.
    let path: String

    /// Reads as much as `buffer` takes: from the pool what it may keep, the rest by `stored`.
    ///
    /// - Parameter end: what is written ends there.
    /// - Returns: how many bytes there were.
    func read(
        at offset: Int, end: Int, into buffer: UnsafeMutableRawBufferPointer,
        _ stored: (Int, UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
    ) throws(StoreError) -> Int {
        let known = cache.copy(life, path: path, at: offset, end: end, into: buffer)
        guard known < buffer.count else { return known }
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[known...])
        return known + (try stored(offset + known, rest))
    }
}

extension DiskLog {
    /// A file of the log as it is read through the pool `service`; nil if its pages are not kept.
    func cached(_ number: Int, start: Int, _ view: View) -> CachedFile? {
        guard let cache else { return nil }
        return CachedFile(
            cache: cache, life: view.life(of: number, start: start), path: path(number))
    }
}

extension DiskLog.View {
    /// The life of one of the log's files that begins at position `start`.
    func life(of number: Int, start: Int) -> ReadCache.Life {
        .init(
            identity: UInt32(identity, radix: 16) ?? 0, epoch: epoch,
            generation: UInt32(truncatingIfNeeded: generation), file: UInt32(number), start: start)
    }

    /// Whether a life has been one of this log's, and no longer is.
    func hasEnded(_ life: ReadCache.Life) -> Bool {
        guard life.identity == UInt32(identity, radix: 16) else { return false }
        guard let start = map.starts[Int(life.file)] else { return true }
        return life != self.life(of: Int(life.file), start: start)
    }
}
