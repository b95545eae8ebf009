import Glibc

/// The log files of one directory: `WiredTigerLog.` and a number.
struct JournalDirectory: Sendable {
    static let logPrefix = "WiredTigerLog."
    /// Files that are made in advance, and such as are still being made; their numbers mean nothing.
    static let preparedPrefix = "WiredTigerPreplog."
    static let unfinishedPrefix = "WiredTigerTmplog."

    let data: DataDirectory
    /// Relative to the data directory.
    let path: String

    /// The path of a file, relative to the data directory.
    func path(_ name: String) -> String { path + "/" + name }

    func logPath(_ number: UInt32) -> String { path(Self.name(Self.logPrefix, number)) }

    static func name(_ prefix: String, _ number: UInt32) -> String {
        let digits = String(number)
        return prefix + String(repeating: "0", count: 10 - digits.utf8.count) + digits
    }

    /// The numbers of all log files, in order.
    func numbers() throws(StoreError) -> [UInt32] {
        do throws(StoreError) {
            return try data.names(in: path).compactMap(Self.number).sorted()
        } catch {
            guard case .io(let fault) = error, fault.errno == ENOENT else { throw error }
            throw .journal(.noSuchDirectory(path: path))
        }
    }

    /// Whether there is no log file, nor a directory for one.
    func isNew() throws(StoreError) -> Bool {
        do throws(StoreError) {
            return try numbers().isEmpty
        } catch {
            guard case .journal(.noSuchDirectory) = error else { throw error }
            return true
        }
    }

    /// The number in the name of a log file.
    static func number(_ name: String) -> UInt32? {
        guard name.hasPrefix(logPrefix) else { return nil }
        let digits = name.dropFirst(logPrefix.utf8.count)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return UInt32(digits)
    }

    /// Opens a log file for reading; nil if there is none of that number.
    func open(_ number: UInt32) throws(StoreError) -> File? {
        do throws(StoreError) {
            return try data.open(logPath(number), flags: O_RDONLY)
        } catch {
            guard case .io(let fault) = error, fault.errno == ENOENT else { throw error }
        }
        // Other writers may leave the zeros out.
        let name = try data.names(in: path).first { Self.number($0) == number }
        guard let name else { return nil }
        return try data.open(path(name), flags: O_RDONLY)
    }
}
