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

    /// Checks a path that a client gives: at most eight names, below the data directory and not in
    /// the folder of another kind.
    ///
    /// Segments are names, so that a path is the same bytes to every program that meets it.
    package static func checkPath(
        _ path: String, kind: String, option: String = "file"
    ) throws(StoreError) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard segments.count <= 8, segments.allSatisfy(isValid) else {
            throw .badArgument(
                option: option,
                detail:
                    "\(option) must be a relative path of at most 8 names, each a letter or digit and "
                    + "then up to 127 of letters, digits, . _ and -")
        }
        if let first = segments.first, DataDirectory.kinds.contains(first),
            first != kind || segments.count == 1
        {
            throw .badArgument(
                option: option,
                detail: "\(option) lies in the folder of another kind, or is one: \(path)")
        }
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
