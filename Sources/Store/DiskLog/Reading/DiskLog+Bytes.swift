// Reading an external log: its bytes, by position.

extension DiskLog {
    /// At most `count` bytes at a position, fewer where a file ends; waits for the disk.
    ///
    /// - Parameter isSequential: all is being read in order, so that nothing need be kept.
    /// - Throws: `.positionGone` for what has been overwritten.
    package func readBytes(
        at position: Int, count: Int, isSequential: Bool = true
    ) throws(StoreError) -> [UInt8] {
        let before = setting.emptied.withLock { $0 }
        let view = view
        let number = view.map.order.last { view.map.starts[$0].map { $0 <= position } ?? false }
        guard let number, let start = view.map.starts[number] else {
            throw .positionGone(oldest: view.map.oldest(after: before))
        }
        let file =
            number == view.map.current
            ? view.file
            : try LogFile.open(
                path(number), format: .external, mode: .readOnly, in: setting.directory)
        let end = number == view.map.current ? view.end : file.end
        let offset = position - start
        var bytes = [UInt8](repeating: 0, count: max(0, min(count, end - offset)))
        let cached = isSequential ? nil : cached(number, start: start, view)
        let found = try bytes.withMutableBytes { (buffer) throws(StoreError) in
            guard let cached else { return try file.read(at: offset, into: buffer) }
            return try cached.read(at: offset, end: end, into: buffer) {
                (place, rest) throws(StoreError) in try file.read(at: place, into: rest)
            }
        }
        let emptied = setting.emptied.withLock { $0 }
        let now = self.view
        guard emptied[number] == nil, now.map.starts[number] == start,
            now.generation == view.generation
        else {
            throw .positionGone(oldest: now.map.oldest(after: emptied))
        }
        guard found == bytes.count, found > 0 || count == 0 else {
            throw .cutShort(detail: "\(path(number)) is shorter than what was written to it")
        }
        return bytes
    }
}
