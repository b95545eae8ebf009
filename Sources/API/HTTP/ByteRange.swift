/// One range of bytes, as `Range` asks for it.
package enum ByteRange: Equatable, Sendable {
    /// From one byte to another, or to the end.
    case from(Int, through: Int?)
    /// That many bytes before the end.
    case last(Int)

    /// Reads `bytes=a-b`, `bytes=a-` or `bytes=-n`; nil for anything else, several ranges included,
    /// which HTTP lets a server pass over.
    package init?(_ header: String) {
        guard header.hasPrefix("bytes=") else { return nil }
        let text = header.dropFirst(6).trimmingSpaces()
        guard !text.contains(","), let dash = text.firstIndex(of: "-") else { return nil }
        let first = text[..<dash].trimmingSpaces()
        let last = text[text.index(after: dash)...].trimmingSpaces()
        let isNumber: (String) -> Bool = { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard isNumber(first), isNumber(last) else { return nil }
        switch (Int(first), Int(last)) {
        case (let first?, let last?) where first <= last: self = .from(first, through: last)
        case (let first?, nil) where last.isEmpty: self = .from(first, through: nil)
        case (nil, let count?) where first.isEmpty: self = .last(count)
        default: return nil
        }
    }

    /// The bytes of a content of `size` bytes that are meant; nil if there are none.
    package func resolved(in size: Int) -> Range<Int>? {
        switch self {
        case .from(let first, let last):
            guard first < size else { return nil }
            return first..<(last.map { min($0, size - 1) + 1 } ?? size)
        case .last(let count):
            guard count > 0, size > 0 else { return nil }
            return max(0, size - count)..<size
        }
    }
}
