/// The state of a log's content: which log, how often emptied, how long.
///
/// Written `"IDENTITY.GENERATION-POSITION"`. The identity keeps a log that was removed and made
/// again from being taken for the one before.
package struct EntityTag: Equatable, Sendable {
    package let identity: String
    package let generation: Int
    package let position: Int

    package init(identity: String, generation: Int, position: Int) {
        self.identity = identity
        self.generation = generation
        self.position = position
    }

    /// The tag as a header's value; it is a strong one.
    ///
    /// Every append answers with one: put together from bytes, which takes a fraction of the time of
    /// an interpolation.
    package var text: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: identity.utf8)
        bytes.append(UInt8(ascii: "."))
        Decimal.withDigits(of: generation) { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "-"))
        Decimal.withDigits(of: position) { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads one quoted tag; nil if it is none of ours.
    package init?(_ text: some StringProtocol) {
        let quoted = text.trimmingSpaces()
        guard quoted.count >= 2, quoted.hasPrefix("\""), quoted.hasSuffix("\"") else { return nil }
        let parts = quoted.dropFirst().dropLast().split(separator: ".", maxSplits: 1)
        let numbers = parts.last?.split(separator: "-", maxSplits: 1).compactMap { Int($0) }
        guard parts.count == 2, let numbers, numbers.count == 2 else { return nil }
        identity = String(parts[0])
        generation = numbers[0]
        position = numbers[1]
    }
}

/// The value of `If-Match` or `If-None-Match`.
package enum EntityTagCondition: Equatable, Sendable {
    /// `*`: whatever there is.
    case any
    /// The tags of ours in a list; others match nothing.
    case tags([EntityTag])

    /// Whether a log in the state of `tag` meets the condition.
    package func includes(_ tag: EntityTag) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tags.contains(tag)
        }
    }

    package init(_ header: String) {
        self =
            header.trimmingSpaces() == "*"
            ? .any : .tags(header.split(separator: ",").compactMap { EntityTag($0) })
    }
}
