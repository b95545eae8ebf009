/// The request headers that the service looks at; all others are passed over.
package enum HeaderName: String, CaseIterable, Sendable {
    case accept
    case connection
    case contentEncoding = "content-encoding"
    case contentLength = "content-length"
    case contentType = "content-type"
    case expect
    case fencingToken = "fencing-token"
    case host
    case idempotencyKey = "idempotency-key"
    case ifMatch = "if-match"
    case ifNoneMatch = "if-none-match"
    case ifRange = "if-range"
    case origin
    case prefer
    case range
    case requestID = "request-id"
    case traceparent
    case transferEncoding = "transfer-encoding"

    /// The longest of the names; anything longer is none of them.
    private static let longest = 17

    private static let byName: [String: HeaderName] =
        Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    /// The header of that name, in whatever case it is written.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.longest else { return nil }
        let name = String(unsafeUninitializedCapacity: bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() {
                buffer[index] = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            }
            return bytes.count
        }
        guard let found = Self.byName[name] else { return nil }
        self = found
    }
}

/// The headers of a request that the service looks at.
package struct Headers: Sendable {
    private var fields: [(name: HeaderName, value: String)] = []

    package init() { fields.reserveCapacity(6) }

    package mutating func add(_ name: HeaderName, _ value: String) { fields.append((name, value)) }

    /// The first value of the header.
    package subscript(name: HeaderName) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// All values of the header, as if they had stood in one.
    package func joined(_ name: HeaderName) -> String? {
        let values = fields.filter { $0.name == name }
        return values.count > 1 ? values.map(\.value).joined(separator: ", ") : values.first?.value
    }

    /// How often the header was sent.
    package func count(_ name: HeaderName) -> Int { fields.count { $0.name == name } }
}
