import API
import Store

/// What clients are told of each pool: made anew when something of it has changed.
final class PoolItems: Sendable {
    private struct Entry {
        var lastCheck: JSONValue?
        var told: (status: PoolStatus, response: Response)?
    }

    private let entries = Locked<[String: Entry]>([:])

    /// The answer that tells all of the pool.
    func response(_ status: PoolStatus) -> Response {
        let (known, lastCheck) = entries.withLock { entries in
            let entry = entries[status.name]
            return (entry?.told, entry?.lastCheck)
        }
        if let known, known.status == status { return known.response }
        let response = status.response(lastCheck: lastCheck)
        entries.withLock { entries in
            // Unless it has been checked meanwhile.
            guard entries[status.name]?.lastCheck == lastCheck else { return }
            // Of closed ones there may be very many.
            if status.state != .closed {
                entries[status.name, default: Entry()].told = (status, response)
            } else if known != nil {
                entries[status.name] = lastCheck.map { Entry(lastCheck: $0) }
            }
        }
        return response
    }

    /// Remembers what the last check of the pool has found.
    func noteCheck(_ result: JSONValue, of name: String) {
        entries.withLock { $0[name] = Entry(lastCheck: result) }
    }

    func forget(_ name: String) { entries.withLock { $0[name] = nil } }
}
