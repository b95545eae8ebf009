/// The request headers that the service looks at; all others are passed over.
package enum HeaderName: String, CaseIterable, Sendable {
    case accept
    case accessControlRequestMethod = "access-control-request-method"
    case authorization
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
    case ifPageLSNBelow = "if-page-lsn-below"
    case ifRange = "if-range"
    case lastEventID = "last-event-id"
    case logHandle = "log-handle"
    case origin
    case prefer
    case range
    case requestID = "request-id"
    case traceparent
    case transferEncoding = "transfer-encoding"

    /// The names' bytes, by their length: few have the same.
    private static let byLength: [[(bytes: [UInt8], name: HeaderName)]] = {
        var table = [[(bytes: [UInt8], name: HeaderName)]](
            repeating: [], count: 1 + (allCases.map(\.rawValue.utf8.count).max() ?? 0))
        for name in allCases {
            let bytes = Array(name.rawValue.utf8)
            table[bytes.count].append((bytes, name))
        }
        return table
    }()

    /// The header of that name, in whatever case it is written.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count < Self.byLength.count else { return nil }
        for candidate in Self.byLength[bytes.count]
        where Self.isSame(bytes, candidate.bytes) {
            self = candidate.name
            return
        }
        return nil
    }

    private static func isSame(_ bytes: UnsafeRawBufferPointer, _ name: [UInt8]) -> Bool {
        for index in 0..<name.count {
            let byte = bytes[index]
            guard ((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) == name[index] else {
                return false
            }
        }
        return true
    }
}

/// The headers of a request that the service looks at.
package struct Headers: Sendable {
    private struct Field {
        let name: HeaderName
        let value: String
    }

    private var fields: [Field] = []

    package init() { fields.reserveCapacity(6) }

    package mutating func add(_ name: HeaderName, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// The first value of the header.
    package subscript(name: HeaderName) -> String? {
        for index in fields.indices where fields[index].name == name { return fields[index].value }
        return nil
    }

    /// All values of the header, as if they had stood in one.
    package func joined(_ name: HeaderName) -> String? {
        var all: String?
        for field in fields where field.name == name {
            all = all.map { $0 + ", " + field.value } ?? field.value
        }
        return all
    }

    /// How often the header was sent.
    package func count(_ name: HeaderName) -> Int { fields.count { $0.name == name } }
}
