/// The header block of one member of a tar archive: POSIX ustar, and what GNU tar makes of it.
///
/// ```
///   0  name:100  mode:8  uid:8  gid:8  size:12  mtime:12  checksum:8  type:1  link:100
/// 257  magic:6  version:2  user:32  group:32  major:8  minor:8  prefix:155
/// ```
struct TarHeader: Equatable {
    /// What a member is, as far as it matters here.
    enum Kind: UInt8 {
        case file = 0x30
        case oldFile = 0
        case folder = 0x35
        /// Records of pax for the next member.
        case extended = 0x78
        /// Records of pax for all members.
        case global = 0x67
        /// GNU tar's way to say a name that does not fit.
        case longName = 0x4C
    }

    static let blockSize = 512
    /// Names and sizes beyond these stand in records of pax.
    private static let longestName = 100
    private static let largestSize = 0o77_777_777_777

    let name: String
    let size: Int
    let kind: Kind

    /// So many zeros follow `size` bytes.
    static func padding(_ size: Int) -> Int { (blockSize - size % blockSize) % blockSize }

    /// The blocks that stand before a file's bytes.
    ///
    /// - Parameter time: seconds since 1970.
    static func blocks(of name: String, size: Int, time: Int) -> [UInt8] {
        var records: [UInt8] = []
        if name.utf8.count > longestName { PaxRecords.append("path", name, to: &records) }
        if size > largestSize { PaxRecords.append("size", "\(size)", to: &records) }
        var blocks: [UInt8] = []
        if !records.isEmpty {
            blocks = self.records(records, as: .extended, time: time)
        }
        return blocks
            + block(
                String(decoding: name.utf8.prefix(longestName), as: UTF8.self),
                size: min(size, largestSize), .file, time: time)
    }

    /// A member that says something of others, padded.
    static func records(_ records: [UInt8], as kind: Kind, time: Int) -> [UInt8] {
        block(
            kind == .global ? "pax_global_header" : "pax_header", size: records.count, kind,
            time: time) + records + [UInt8](repeating: 0, count: padding(records.count))
    }

    private static func block(
        _ name: String, size: Int, _ kind: Kind, time: Int
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockSize)
        func put(_ text: String, at offset: Int) {
            block.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        put(name, at: 0)
        put(octal(0o640, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(time, 11), at: 136)
        block[156] = kind.rawValue
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(sums(block)[0], 6), at: 148)
        block[155] = UInt8(ascii: " ")
        return block
    }

    private static func octal(_ value: Int, _ digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// The sum of all bytes with blanks for the checksum; some old programs take them as signed.
    private static func sums(_ block: [UInt8]) -> [Int] {
        let blanks = 8 * Int(UInt8(ascii: " "))
        let places = block.indices.filter { !(148..<156).contains($0) }
        return [
            blanks + places.reduce(0) { $0 + Int(block[$1]) },
            blanks + places.reduce(0) { $0 + Int(Int8(bitPattern: block[$1])) },
        ]
    }

    // MARK: - Reading

    init(name: String, size: Int, kind: Kind) {
        self.name = name
        self.size = size
        self.kind = kind
    }

    /// - Throws: `.badArchive` for what is no header, and for members that are no plain files.
    init(_ block: [UInt8]) throws(StoreError) {
        guard let sum = Self.number(block[148..<156]), Self.sums(block).contains(sum) else {
            throw .badArchive(detail: "the body is no tar archive, or a damaged one")
        }
        var name = Self.text(block[0..<100])
        let isPOSIX = block[257..<263].elementsEqual("ustar\0".utf8)
        let prefix = isPOSIX ? Self.text(block[345..<500]) : ""
        if !prefix.isEmpty { name = prefix + "/" + name }
        guard let kind = Kind(rawValue: block[156]) else {
            throw .badArchive(
                detail: "\(name) is no plain file; links, devices and sparse files are not taken")
        }
        guard let size = Self.number(block[124..<136]), size >= 0 else {
            throw .badArchive(detail: "the size of \(name) cannot be read")
        }
        self.init(name: name, size: kind == .folder ? 0 : size, kind: kind)
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Octal digits, or eight bytes behind a mark, as GNU tar writes what octal digits can't say.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if field.first == 0x80 {
            guard field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { return nil }
            let value = field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return field.count > 8 ? Int(exactly: value) : nil
        }
        let isBlank: (UInt8) -> Bool = { $0 == 0 || $0 == UInt8(ascii: " ") }
        let digits = field.drop(while: isBlank).prefix { !isBlank($0) }
        guard digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
}

/// The records of a pax header: `LENGTH KEY=VALUE`, each with a line end, which the length counts.
enum PaxRecords {
    static func append(_ key: String, _ value: String, to bytes: inout [UInt8]) {
        let rest = key.utf8.count + value.utf8.count + 3
        var length = rest + 1
        while rest + String(length).utf8.count != length {
            length = rest + String(length).utf8.count
        }
        bytes += Array("\(length) \(key)=\(value)\n".utf8)
    }

    /// - Throws: `.badArchive`.
    static func parse(_ bytes: [UInt8]) throws(StoreError) -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard digits.count < 10, let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 1, length <= rest.count
            else { throw .badArchive(detail: "a pax header of the archive cannot be read") }
            let record = rest.prefix(length)
            rest = rest.dropFirst(length)
            guard record.last == 0x0A, record.dropFirst(digits.count).first == 0x20,
                let equals = record.firstIndex(of: UInt8(ascii: "="))
            else { throw .badArchive(detail: "a pax header of the archive cannot be read") }
            let key = record[(record.startIndex + digits.count + 1)..<equals]
            records[String(decoding: key, as: UTF8.self)] =
                String(decoding: record[(equals + 1)...].dropLast(), as: UTF8.self)
        }
        return records
    }
}
