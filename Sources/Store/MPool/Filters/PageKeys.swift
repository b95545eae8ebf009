import Glibc

/// The secrets that pages are encrypted with, by name, as the keys' file has them.
///
/// ```
/// # name  32 bytes in hexadecimal digits
/// main    8f1d...c3
/// ```
package struct PageKeys: Sendable {
    static let secretLength = 32
    private static let largestFile = 1 << 20

    private let secrets: [String: [UInt8]]

    package init() { secrets = [:] }

    /// Reads the keys' file.
    ///
    /// - Throws: `.badArgument` for a line that is none, or a file that everybody on the machine may
    ///   read; what reading failed with.
    package init(path: String) throws(StoreError) {
        let file = try File(path: path, name: path, flags: O_RDONLY)
        let status = try file.status()
        guard status.st_mode & 0o007 == 0 else {
            throw Self.refused("\(path) is open to everybody on this machine: chmod o-rwx")
        }
        guard status.st_size <= Self.largestFile else { throw Self.refused("\(path) is too long") }
        let bytes = try file.read(at: 0, count: Int(status.st_size))
        var secrets: [String: [UInt8]] = [:]
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            let name = String(decoding: first, as: UTF8.self)
            guard words.count == 2, ResourceName.isValid(name), secrets[name] == nil,
                let secret = Self.secret(words[1])
            else {
                // Nothing of the line is shown: it may be a key that lacks its name.
                throw Self.refused(
                    "line \(number + 1) of \(path) is no new name and 64 hexadecimal digits")
            }
            secrets[name] = secret
        }
        self.secrets = secrets
    }

    private static func refused(_ detail: String) -> StoreError {
        .badArgument(option: "mpool.keys_file", detail: detail)
    }

    private static func secret(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let digits = text.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == 2 * secretLength, text.count == digits.count else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }

    /// The secret that a cookie names: by its text, or what stands before the first slash.
    func secret(of cookie: [UInt8]) -> [UInt8]? {
        secrets[String(decoding: cookie.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self)]
    }
}
