import API
import Store

extension EntityTag {
    init(_ status: PoolStatus) {
        self.init(
            identity: status.identity, generation: status.generation, position: status.tell)
    }
}

extension PoolStatus {
    /// The answer that tells all of the pool.
    ///
    /// - Parameter lastCheck: the result of the last check, if there was one.
    func response(status code: Int = 200, lastCheck: JSONValue?) -> Response {
        let tag = EntityTag(self).text
        return Response(
            status: code, headers: headers(tag), type: .json, body: json(tag, lastCheck))
    }

    /// The headers of answers about the pool.
    var headers: [Response.Header] { headers(EntityTag(self).text) }

    private func headers(_ tag: String) -> [Response.Header] {
        [.init("ETag", tag), .init("Log-Position", String(tell))]
    }

    /// The item that clients get, as a line.
    private func json(_ tag: String, _ lastCheck: JSONValue?) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        writer.member("name", name)
        writer.member("state", state.word)
        writer.member("file", path)
        writer.member("pool_size", poolSize)
        writer.member("mode", Self.octal(mode))
        writer.member("nbyte", nbyte)
        writer.member("tell", tell)
        writer.member("free", nbyte - tell)
        writer.member("generation", generation)
        writer.member("durability", "synced")
        writer.member("created_at", WallClock.text(ofSeconds: createdAt))
        writer.member("etag", tag)
        if let fence {
            writer.member("fence", fence.current)
            writer.member("require_fence", .bool(fence.isRequired))
        }
        writer.member("last_check", lastCheck ?? .null)
        if case .failed(let reason) = state { writer.member("failure", reason) }
        writer.endObject()
        writer.literal("\n")
        return writer.bytes
    }

    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
