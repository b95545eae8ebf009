import Glibc

/// What the service must remember about one resource: a small text file, replaced as a whole.
///
/// One `key=value` a line, keys in order, no line ends in values.
struct Note: Equatable, Sendable {
    var values: [String: String] = [:]

    /// The note at `path`; empty if there is none.
    init(at path: String, in directory: DataDirectory) throws(StoreError) {
        let file: File
        do throws(StoreError) {
            file = try directory.open(path, flags: O_RDONLY)
        } catch {
            guard case .io(let fault) = error, fault.errno == ENOENT else { throw error }
            return
        }
        let bytes = try file.read(at: 0, count: 64 * 1024)
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
    }

    /// Puts the note on stable storage in the place of the one before.
    func save(at path: String, in directory: DataDirectory) throws(StoreError) {
        let text = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
        let temporary = directory.temporaryName()
        do throws(StoreError) {
            let file = try directory.open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
            try file.write(Array(text.utf8), at: 0)
            try file.sync()
            try directory.replace(path, with: temporary)
        } catch {
            directory.discard(temporary)
            throw error
        }
    }

    subscript(key: String) -> Int? {
        get { values[key].flatMap { Int($0) } }
        set { values[key] = newValue.map { String($0) } }
    }
}
