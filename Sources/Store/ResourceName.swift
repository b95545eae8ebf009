/// The names of pools, logs, journals and mpools, and the places of their files.
package enum ResourceName {
    /// A letter or digit, then at most 127 of letters, digits, `.`, `_` and `-`.
    package static func isValid(_ name: String) -> Bool {
        let bytes = name.utf8
        guard let first = bytes.first, isAlphanumeric(first), bytes.count <= 128 else {
            return false
        }
        return bytes.allSatisfy { byte in
            isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
    }

    /// Checks a path that a client gives: below the data directory, without empty, hidden or `..`
    /// segments or control characters, and not in the folder of another kind.
    package static func checkPath(_ path: String, kind: String) throws(StoreError) {
        func bad(_ detail: String) -> StoreError { .badArgument(option: "file", detail: detail) }
        guard !path.isEmpty, path.utf8.count <= 1024 else {
            throw bad("file must have 1 to 1024 bytes")
        }
        guard path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw bad("file must not hold control characters")
        }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        for segment in segments {
            guard !segment.isEmpty, !segment.hasPrefix("."), segment.utf8.count <= 255 else {
                throw bad("file must be a relative path without empty, hidden or .. segments")
            }
        }
        if let first = segments.first.map(String.init), first != kind,
            DataDirectory.kinds.contains(first)
        {
            throw bad("file lies in the folder of another kind: \(first)")
        }
        guard !DataDirectory.kinds.contains(path) else { throw bad("file is a folder: \(path)") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
