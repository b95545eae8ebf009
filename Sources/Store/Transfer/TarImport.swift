import Glibc

/// What takes in an upload on its way to disk.
package protocol FileImport: AnyObject, Sendable {
    /// Takes the next bytes; waits.
    func write(_ bytes: [UInt8]) throws(StoreError)
}

extension PoolImport: FileImport {}

/// A tar archive that is being received: its members lie in files that nobody sees before they are
/// given names.
package final class TarImport: FileImport {
    /// One plain file of the archive.
    struct Member: Sendable {
        /// The last part of its name.
        let name: String
        /// Where it lies meanwhile.
        let temporary: String
        let size: Int
    }

    private struct State: ~Copyable {
        var reader = TarReader()
        var inbox: Inbox
    }

    private let directory: DataDirectory
    private let state: Locked<State>

    /// - Parameter takes: whether a member of that name is kept; it throws for what has no place in
    ///   the archive.
    init(
        in directory: DataDirectory,
        takes: @escaping @Sendable (_ name: String) throws(StoreError) -> Bool
    ) {
        self.directory = directory
        state = Locked(State(inbox: Inbox(directory: directory, takes: takes)))
    }

    /// What was not given a name is removed.
    deinit {
        let left = state.withLock { $0.inbox.members + ($0.inbox.current.map { [$0] } ?? []) }
        for member in left { directory.discard(member.temporary) }
    }

    package func write(_ bytes: [UInt8]) throws(StoreError) {
        try bytes.withBytes { (bytes) throws(StoreError) in
            try state.withLock { (state) throws(StoreError) in
                try state.reader.take(bytes, into: &state.inbox)
            }
        }
    }

    /// All members, once the archive has come to its end; they are on stable storage.
    ///
    /// - Throws: `.badArchive` if it has not.
    func finish() throws(StoreError) -> (members: [Member], notes: ArchiveNotes) {
        try state.withLock { (state) throws(StoreError) in
            try state.reader.finish()
            return (state.inbox.members, state.inbox.notes)
        }
    }
}

/// The files of a tar archive as they come.
private struct Inbox: TarReceiver, ~Copyable {
    let directory: DataDirectory
    let takes: @Sendable (_ name: String) throws(StoreError) -> Bool
    var members: [TarImport.Member] = []
    var current: TarImport.Member?
    var notes = ArchiveNotes()
    private var names: Set<String> = []
    private var folder: Substring?
    private var file: File?
    private var offset = 0

    private static var memberLimit: Int { 2 * LogSize.fileNumberLimit }

    init(
        directory: DataDirectory,
        takes: @escaping @Sendable (_ name: String) throws(StoreError) -> Bool
    ) {
        self.directory = directory
        self.takes = takes
    }

    mutating func begin(_ path: String, size: Int) throws(StoreError) {
        let end = path.lastIndex(of: "/")
        let name = String(end.map { path[path.index(after: $0)...] } ?? path[...])
        let folder = path[..<(end ?? path.startIndex)]
        guard self.folder ?? folder == folder else {
            throw .badArchive(detail: "the files of the archive lie in more than one folder")
        }
        self.folder = folder
        guard try takes(name) else { return }
        guard names.insert(name).inserted else {
            throw .badArchive(detail: "\(name) is in the archive twice")
        }
        guard members.count < Self.memberLimit else {
            throw .badArchive(detail: "the archive has more files than a log can have")
        }
        let temporary = directory.temporaryName()
        file = try directory.open(temporary, flags: O_RDWR | O_CREAT | O_EXCL)
        current = TarImport.Member(name: name, temporary: temporary, size: size)
        offset = 0
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        try file?.write(bytes, at: offset)
        offset += bytes.count
    }

    mutating func end() throws(StoreError) {
        guard let member = current else { return }
        try file?.sync()
        file = nil
        members.append(member)
        current = nil
    }

    mutating func comment(_ text: String) { notes = ArchiveNotes(text) ?? notes }
}

/// What an archive made here says of the log in it, in the comment that stands before its files.
struct ArchiveNotes: Equatable, Sendable {
    var values: [String: String] = [:]

    private static let mark = "tidemark"

    init() {}

    /// Nil for a comment of somebody else.
    init?(_ comment: String) {
        let words = comment.split(separator: " ")
        guard words.first == Self.mark[...] else { return nil }
        for word in words.dropFirst() {
            guard let equals = word.firstIndex(of: "=") else { continue }
            values[String(word[..<equals])] = String(word[word.index(after: equals)...])
        }
    }

    var comment: String {
        let words = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([Self.mark] + words).joined(separator: " ")
    }
}
