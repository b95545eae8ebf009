import Glibc

/// The calls that clients have named and that outlive the process, in a small file for each resource.
///
/// Notes are only added; of a name the newest counts. A file that has grown is written anew with
/// the newest of them. What a crash leaves half written is behind all that was flushed, and cut off.
package final class CallNotes: Sendable {
    /// A file is written anew beyond this, with half of it.
    package static let fileLimit = 4 << 20

    /// A file that is not larger goes when nothing is left in it.
    private static let smallSize = 4096

    private let directory: DataDirectory
    private let turns: NameTurns
    private let listener = Locked<(@Sendable (String) -> Void)?>(nil)

    package init(in directory: DataDirectory, on workers: Workers) {
        self.directory = directory
        turns = NameTurns(on: workers)
    }

    /// The newest note of each name, oldest first; void ones are left out.
    package func read(_ resource: String) throws(StoreError) -> [CallNote] {
        try turns.with(resource) { () throws(StoreError) in
            let path = Self.path(resource)
            guard directory.exists(path) else { return [] }
            let file = try directory.open(path, flags: O_RDWR)
            let size = Int(try file.status().st_size)
            let (notes, end) = Self.decode(try file.read(at: 0, count: size))
            if end < size { try file.truncate(to: end) }
            return Self.newest(notes)
        }
    }

    /// Puts a note behind the others, on stable storage if it says that something is to be done or was.
    ///
    /// - Returns: false if the file holds only the newest notes now, and the others must be forgotten.
    /// - Throws: and has written nothing then.
    package func add(_ note: CallNote, to resource: String) throws(StoreError) -> Bool {
        try turns.with(resource) { () throws(StoreError) in
            let path = Self.path(resource)
            let isNew = !directory.exists(path)
            if isNew { try directory.makeFolders(above: path) }
            let file = try directory.open(path, flags: O_RDWR | O_CREAT)
            if isNew { try directory.syncFolder(of: path) }
            let end = Int(try file.status().st_size)
            if note.state == .void, end <= Self.smallSize {
                let others = Self.newest(Self.decode(try file.read(at: 0, count: end)).notes)
                    .filter { $0.key.name != note.key.name }
                if others.isEmpty {
                    try directory.remove(path)
                    return true
                }
            }
            do throws(StoreError) {
                try file.write(note.bytes, at: end)
                if note.state != .void { try file.syncData() }
            } catch {
                try file.truncate(to: end)
                throw error
            }
            guard end + note.size > Self.fileLimit else { return true }
            guard let all = try? file.read(at: 0, count: end + note.size) else { return true }
            let kept = Self.kept(Self.newest(Self.decode(all).notes))
            do throws(StoreError) {
                try directory.replaceContents(of: path, with: kept.flatMap(\.bytes))
            } catch {
                // The note is there: until that works the file is larger than it should be.
                return true
            }
            return false
        }
    }

    /// Calls `forgotten` with each resource whose calls were forgotten, before anything can be called
    /// on one that is made anew.
    package func whenForgotten(_ forgotten: @escaping @Sendable (String) -> Void) {
        listener.withLock { $0 = forgotten }
    }

    /// Forgets what was called on a resource that has gone, or is about to be made.
    package func forget(_ resource: String) throws(StoreError) {
        // Last: whoever has read the file before it went must not be believed any more.
        defer { listener.withLock { $0 }?(resource) }
        try turns.with(resource) { () throws(StoreError) in
            let path = Self.path(resource)
            if directory.exists(path) { try directory.remove(path) }
        }
    }

    /// - Parameter resource: kind and name, such as `pools/demo`.
    private static func path(_ resource: String) -> String {
        ".tidemark/calls/" + resource.split(separator: "/").joined(separator: "-")
    }

    private static func decode(_ bytes: [UInt8]) -> (notes: [CallNote], end: Int) {
        var notes: [CallNote] = []
        var end = 0
        while let note = CallNote(bytes, at: end) {
            notes.append(note)
            end += note.size
        }
        return (notes, end)
    }

    private static func newest(_ notes: [CallNote]) -> [CallNote] {
        var places: [KeyDigest: Int] = [:]
        for (place, note) in notes.enumerated() { places[note.key.name] = place }
        return places.values.sorted().map { notes[$0] }.filter { $0.state != .void }
    }

    private static func kept(_ notes: [CallNote]) -> [CallNote] {
        var size = 0
        let kept = notes.reversed().prefix { note in
            size += note.size
            return size <= fileLimit / 2
        }
        return kept.reversed()
    }
}
