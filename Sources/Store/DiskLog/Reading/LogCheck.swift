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
        var found: [LogFileCheck] = []
        for number in view.map.order where setting.directory.exists(path(number)) {
            found.append(try check(number, view))
        }
        return found
    }

    private func check(_ number: Int, _ view: View) throws(StoreError) -> LogFileCheck {
        let isCurrent = number == view.map.current
        let file =
            isCurrent
            ? view.file
            : try LogFile.open(
                path(number), format: .internal, mode: .readOnly, in: setting.directory)
        let end = isCurrent ? view.end : file.end
        do throws(StoreError) {
            let isClosed = try file.mark() == .closed
            let found = try LogRepair.examine(file, end: end)
            return LogFileCheck(
                file: path(number), items: found.recovered, badBytes: found.badBytes,
                isClosed: isClosed)
        } catch {
            guard case .log(.notALogFile) = error else { throw error }
            return LogFileCheck(file: path(number), items: 0, badBytes: end, isClosed: false)
        }
    }
}
