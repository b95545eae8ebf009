import API
import Store

extension EntityTag {
    init(_ status: PoolStatus) {
        self.init(
            identity: status.identity, generation: status.generation, position: status.tell)
    }
}

extension PmemLog.State {
    /// Its name on the wire.
    var word: String {
        switch self {
        case .open: "open"
        case .closed: "closed"
        case .failed: "failed"
        }
    }
}

extension PoolStatus {
    /// The item that clients get.
    ///
    /// - Parameter lastCheck: the result of the last check, if there was one.
    func json(lastCheck: JSONValue?) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "name", value: .string(name)),
            .init(name: "state", value: .string(state.word)),
            .init(name: "file", value: .string(path)),
            .init(name: "pool_size", value: .integer(poolSize)),
            .init(name: "mode", value: .string(Self.octal(mode))),
            .init(name: "nbyte", value: .integer(nbyte)),
            .init(name: "tell", value: .integer(tell)),
            .init(name: "free", value: .integer(nbyte - tell)),
            .init(name: "generation", value: .integer(generation)),
            .init(name: "durability", value: "synced"),
            .init(name: "created_at", value: .string(Timestamp.text(ofUnixSeconds: createdAt))),
            .init(name: "etag", value: .string(EntityTag(self).text)),
            .init(name: "last_check", value: lastCheck ?? .null),
        ]
        if case .failed(let reason) = state {
            members.append(.init(name: "failure", value: .string(reason)))
        }
        return .object(members)
    }

    /// The headers of answers about the pool.
    var headers: [(name: String, value: String)] {
        [("ETag", EntityTag(self).text), ("Log-Position", String(tell))]
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
