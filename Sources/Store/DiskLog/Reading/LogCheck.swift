/// What was found in one file of a log.
package struct LogFileCheck: Equatable, Sendable {
    /// Relative to the data directory.
    package let file: String
    package let items: Int
    /// Bytes that are no item, counted as a repair counts them.
    package let badBytes: Int
    package let isClosed: Bool
}

extension DiskLog {
    /// Looks through all files as a repair would, and changes nothing; waits.
    package func check() throws(StoreError) -> [LogFileCheck] {
        guard format == .internal else { throw .log(.formatExternal(name: name)) }
        let view = view
        return try view.map.order.map { (number) throws(StoreError) in
            let file =
                number == view.map.current
                ? view.file
                : try LogFile.open(
                    path(number), format: .internal, mode: .readOnly, in: setting.directory)
            let isClosed = try file.mark() == .closed
            let found = try LogRepair.examine(
                file, end: number == view.map.current ? view.end : file.end)
            return LogFileCheck(
                file: path(number), items: found.recovered, badBytes: found.badBytes,
                isClosed: isClosed)
        }
    }
}
