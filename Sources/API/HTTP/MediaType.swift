/// The media types that the service reads and writes.
package enum MediaType: String, CaseIterable, Sendable {
    case octetStream = "application/octet-stream"
    case tar = "application/x-tar"
    case json = "application/json"
    case ndjson = "application/x-ndjson"
    case frames = "application/x-record-frames"
    case text = "text/plain"
    /// What `curl -d` sends unless told otherwise; the body is taken as it is.
    case form = "application/x-www-form-urlencoded"
    case mergePatch = "application/merge-patch+json"
    case problem = "application/problem+json"
    case metrics = "text/plain; version=0.0.4"
    case openMetrics = "application/openmetrics-text"
    case html = "text/html"
    case yaml = "application/yaml"
    case eventStream = "text/event-stream"

    /// The type that a `Content-Type` names, whatever its parameters.
    package init?(contentType: String) {
        // Nearly always it is one of the names, exactly.
        if let known = MediaType(rawValue: contentType) {
            self = known
            return
        }
        let end = contentType.utf8.firstIndex(of: UInt8(ascii: ";"))
        let essence = contentType[..<(end ?? contentType.endIndex)].trimmingSpaces().lowercased()
        guard let known = MediaType(rawValue: essence) else { return nil }
        self = known
    }

    /// What an answer of this type says in its `Content-Type`.
    package var contentType: String {
        switch self {
        case .text: "text/plain; charset=utf-8"
        case .metrics: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .html: "text/html; charset=utf-8"
        case .eventStream: "text/event-stream; charset=utf-8"
        default: rawValue
        }
    }

    /// The type without parameters.
    package var essence: String {
        String(rawValue.prefix { $0 != ";" })
    }
}

/// The types that a client takes, from its `Accept`.
package struct Acceptance {
    private struct Choice {
        let type: Substring
        let subtype: Substring
        let quality: Double

        /// How exactly the choice names a type; nil if it doesn't.
        func precision(for essence: String) -> Int? {
            let parts = essence.split(separator: "/", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            if type == "*", subtype == "*" { return 0 }
            guard type == parts[0] else { return nil }
            return subtype == "*" ? 1 : subtype == parts[1] ? 2 : nil
        }
    }

    /// nil takes anything.
    private let choices: [Choice]?

    /// - Parameter header: nil takes anything.
    package init(_ header: String?) {
        guard let header, header != "*/*" else {
            choices = nil
            return
        }
        choices = header.lowercased().split(separator: ",").compactMap { item in
            let parts = item.split(separator: ";").map { $0.trimmingSpaces() }
            let names = parts.first?.split(
                separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let names, names.count == 2 else { return nil }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
                .flatMap { Double($0.dropFirst(2)) }
            return Choice(
                type: Substring(names[0].trimmingSpaces()),
                subtype: Substring(names[1].trimmingSpaces()), quality: quality ?? 1)
        }
    }

    /// The best of the offered types, the earlier one of equals; nil if the client takes none.
    package func best(of offered: [MediaType]) -> MediaType? {
        guard let choices else { return offered.first }
        var best: (type: MediaType, quality: Double)?
        for type in offered {
            let named = choices.compactMap { choice in
                choice.precision(for: type.essence).map { (precision: $0, choice.quality) }
            }
            let quality = named.max { $0.precision < $1.precision }?.1 ?? 0
            if quality > best?.quality ?? 0 { best = (type, quality) }
        }
        return best?.type
    }
}

extension StringProtocol {
    /// The text without the spaces and tabs around it.
    package func trimmingSpaces() -> String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let bytes = Substring(self).utf8
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(self[first...last])
    }
}
