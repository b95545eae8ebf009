/// The logs that are open, by name and by the base name of their files.
final class OpenLogs: Sendable {
    private struct State {
        var byName: [String: DiskLog] = [:]
        /// Several, if at most one of them writes.
        var byBase: [String: [DiskLog]] = [:]
    }

    private let state = Locked(State())

    var all: [DiskLog] { state.withLock { Array($0.byName.values) } }

    subscript(name: String) -> DiskLog? { state.withLock { $0.byName[name] } }

    /// The logs whose files have that base name.
    func using(_ base: String) -> [DiskLog] { state.withLock { $0.byBase[base] ?? [] } }

    func add(_ log: DiskLog) {
        state.withLock { state in
            state.byName[log.name] = log
            state.byBase[log.base, default: []].append(log)
        }
    }

    func remove(_ log: DiskLog) {
        state.withLock { state in
            state.byName[log.name] = nil
            let others = state.byBase[log.base, default: []].filter { $0 !== log }
            state.byBase[log.base] = others.isEmpty ? nil : others
        }
    }
}
