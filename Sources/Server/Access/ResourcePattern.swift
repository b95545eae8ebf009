/// Which resources a token covers: a kind and a name with `*` for any characters, or `*` for all.
struct ResourcePattern: Equatable, Sendable {
    let text: String
    /// `logs` and the like; empty for all kinds.
    private let kind: String
    private let name: [UInt8]

    /// What covers everything, also what is no resource of one kind.
    static let everything = ResourcePattern(text: "*", kind: "", name: [])

    private init(text: String, kind: String, name: [UInt8]) {
        self.text = text
        self.kind = kind
        self.name = name
    }

    /// - Returns: nil if it is neither `*` nor one of the kinds, `/`, and letters of names.
    init?(_ text: String) {
        if text == "*" {
            self = .everything
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.kinds.contains(String(parts[0])),
            (1...128).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(Self.canStand)
        else { return nil }
        self.init(text: text, kind: String(parts[0]), name: Array(parts[1].utf8))
    }

    static let kinds = ["pools", "logs", "journals", "mpools"]

    private static func canStand(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "._-*".utf8.contains(byte)
        }
    }

    var coversEverything: Bool { kind.isEmpty }

    func covers(_ kind: String, _ name: String) -> Bool {
        if self.kind.isEmpty { return true }
        guard self.kind == kind else { return false }
        var name = name
        return name.withUTF8 { Self.fits($0, self.name) }
    }

    /// Whether it covers a file, named relative to the data directory: whether it covers each name
    /// whose files may lie there.
    func covers(path: String) -> Bool {
        if kind.isEmpty { return true }
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 2 else { return false }
        return Self.names(ofFile: parts[1], kind).allSatisfy { covers(parts[0], $0) }
    }

    /// The names of which a file or folder of a kind may be: a log has `NAME.LOG` and more behind.
    private static func names(ofFile file: String, _ kind: String) -> [String] {
        guard kind == "logs" else { return [file] }
        let bytes = Array(file.utf8)
        let mark = Array(".LOG".utf8)
        let ends = bytes.indices.filter { $0 > 0 && bytes[$0...].starts(with: mark) }
        return ends.isEmpty ? [file] : ends.map { String(decoding: bytes[..<$0], as: UTF8.self) }
    }

    /// In time that grows with the product of the lengths, whatever the pattern.
    private static func fits(_ name: UnsafeBufferPointer<UInt8>, _ pattern: [UInt8]) -> Bool {
        let star = UInt8(ascii: "*")
        var at = 0
        var next = 0
        // Where the last star stands, and how much of the name it takes so far.
        var lastStar: (pattern: Int, name: Int)?
        while at < name.count {
            if next < pattern.count, pattern[next] == star {
                lastStar = (next, at)
                next += 1
            } else if next < pattern.count, pattern[next] == name[at] {
                next += 1
                at += 1
            } else if let last = lastStar {
                lastStar = (last.pattern, last.name + 1)
                next = last.pattern + 1
                at = last.name + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == star }
    }
}
