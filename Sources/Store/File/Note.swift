/// What the service must remember about one resource: a small text file, replaced as a whole.
///
/// One `key=value` a line, keys in order, no line ends in values.
struct Note: Equatable, Sendable {
    var values: [String: String] = [:]

    /// The note at `path`; empty if there is none.
    init(at path: String, in directory: DataDirectory) throws(StoreError) {
        self.init(try directory.contents(of: path, limit: 64 * 1024) ?? [])
    }

    init(_ bytes: [UInt8]) {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
    }

    /// Puts the note on stable storage in the place of the one before.
    func save(at path: String, in directory: DataDirectory) throws(StoreError) {
        try directory.replaceContents(of: path, with: encoded)
    }

    var encoded: [UInt8] {
        Array(values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined().utf8)
    }

    /// - Parameter isRead: of keys whether what stands there could be read.
    /// - Throws: `.failed` where it could not.
    func requireRead(_ isRead: [String: Bool], at path: String) throws(StoreError) {
        let damaged = isRead.filter { values[$0.key] != nil && !$0.value }.keys.sorted()
        if let key = damaged.first { throw Self.damaged(path, key, values[key] ?? "") }
    }

    /// What a note is that says what nothing can have been opened with.
    static func damaged(_ path: String, _ error: StoreError) -> StoreError {
        .failed(detail: "\(path) is damaged: \(error.summary)")
    }

    private static func damaged(_ path: String, _ key: String, _ value: String) -> StoreError {
        .failed(detail: "\(path) is damaged: \(key) cannot be \(value.prefix(100))")
    }

    subscript(key: String) -> Int? {
        get { values[key].flatMap { Int($0) } }
        set { values[key] = newValue.map { String($0) } }
    }
}
