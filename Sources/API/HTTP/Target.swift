/// The target of a request, taken apart: path segments and query parameters, decoded.
package struct Target: Sendable {
    /// The path as it was sent.
    package let path: String
    package let segments: [String]
    package let query: [(name: String, value: String)]

    /// - Throws: `bad_request` for a target that is no path; `bad_parameter` for a bad escape.
    package init(_ raw: String) throws(Problem) {
        guard raw.utf8.first == UInt8(ascii: "/") else {
            throw Problem(.badRequest, "the request target must start with /")
        }
        let bytes = raw.utf8
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        path = String(raw[..<(mark ?? bytes.endIndex)])
        segments = try Self.segments(of: path)
        query =
            try mark.map { mark throws(Problem) in
                try Self.query(raw[bytes.index(after: mark)...])
            } ?? []
    }

    private static func segments(of path: String) throws(Problem) -> [String] {
        var segments: [String] = []
        segments.reserveCapacity(5)
        for part in path.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard let segment = decoded(Substring(part), plusIsSpace: false) else {
                throw Problem(.notFound, "the path has a bad percent escape")
            }
            segments.append(segment)
        }
        return segments
    }

    private static func query(
        _ text: Substring
    ) throws(Problem) -> [(name: String, value: String)] {
        var items: [(name: String, value: String)] = []
        for part in text.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = decoded(pair[0], plusIsSpace: true)
            let value = pair.count == 2 ? decoded(pair[1], plusIsSpace: true) : ""
            guard let name, let value else {
                throw Problem(.badParameter, "the query has a bad percent escape: \(part)")
            }
            items.append((name, value))
        }
        return items
    }

    /// The text that `%XX` escapes stand for; nil for a bad escape, a zero byte or broken UTF-8.
    private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
        let special = text.utf8.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }
        guard special else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexDigit),
                    let low = rest.popFirst().flatMap(hexDigit), high | low != 0
                else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
