/// A set file: text that names the files which together are one pool; poolset(5).
///
/// ```
/// PMEMPOOLSET
/// OPTION SINGLEHDR
/// 16M /mnt/one/part.0
/// 2G /mnt/two/part.1
/// ```
struct PoolSet: Equatable {
    struct Part: Equatable {
        let size: Int
        let path: String
    }

    static let signature = Array("PMEMPOOLSET".utf8)

    var parts: [Part] = []
    /// Only the first part has a header.
    var hasSingleHeader = false

    /// - Throws: `.notAPool`, or `.notImplemented` for replicas, which libpmemlog refuses too.
    init(text: String) throws(StoreError) {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        }
        guard lines.first == ["PMEMPOOLSET"] else {
            throw .notAPool(detail: "its first line is not PMEMPOOLSET")
        }
        for words in lines.dropFirst() where !words.isEmpty && !words[0].hasPrefix("#") {
            try add(words)
        }
        guard !parts.isEmpty else { throw .notAPool(detail: "the set file names no part") }
        guard Set(parts.map(\.path)).count == parts.count else {
            throw .notAPool(detail: "the set file names one part twice")
        }
        guard parts.allSatisfy({ $0.size <= 1 << 50 }), parts.count <= 1024 else {
            throw .notAPool(detail: "the set file describes a pool that is too large")
        }
    }

    private mutating func add(_ words: [String]) throws(StoreError) {
        switch words[0] {
        case "REPLICA":
            throw .notImplemented(
                detail: "pmemlog has no replicated pools; the set names a replica")
        case "OPTION" where words == ["OPTION", "SINGLEHDR"]:
            hasSingleHeader = true
        case "OPTION":
            throw .notAPool(detail: "the set file has an unknown option \(words.dropFirst())")
        default:
            guard words.count == 2, words[1].hasPrefix("/"), let size = Self.size(words[0]) else {
                throw .notAPool(
                    detail: "the set file has a line that is not SIZE ABSOLUTE-PATH: "
                        + words.joined(separator: " "))
            }
            parts.append(Part(size: size, path: words[1]))
        }
    }

    /// Bytes of `16M`, `16MiB` (both binary) or `16MB` (decimal).
    private static func size(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { return nil }
        let factors = [
            "": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40,
            "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
            "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
        ]
        guard let factor = factors[text.dropFirst(digits.count).uppercased()] else { return nil }
        let (size, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : size
    }

    /// Where the data of each part lies in the pool's own address space.
    var extents: [(start: Int, length: Int, fileOffset: Int)] {
        var start = 0
        return parts.enumerated().map { index, part in
            let header = index == 0 || hasSingleHeader ? 0 : PoolLayout.pageSize
            let length = part.size / PoolLayout.pageSize * PoolLayout.pageSize - header
            defer { start += length }
            return (start, length, header)
        }
    }
}
