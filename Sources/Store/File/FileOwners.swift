/// Which resource a file belongs to, so that none is written, moved or removed for another.
///
/// A file at the place that a name has by default, such as `logs/NAME.LOG`, belongs to that name,
/// whether it is there or not. Of other files the notes tell, which are read when first asked, and what
/// was opened since.
final class FileOwners: Sendable {
    struct Owner: Equatable, Sendable, CustomStringConvertible {
        /// Its folder, such as `logs`.
        let kind: String
        let name: String

        var description: String { "the \(kind.dropLast()) \(name)" }
    }

    private struct State {
        /// By path; nil until the notes were read.
        var claims: [String: Owner]?
        /// How many handles of buffer pools a file is open for.
        var pageFiles: [String: Int] = [:]
    }

    private let directory: DataDirectory
    private let state = Locked(State())

    init(in directory: DataDirectory) { self.directory = directory }

    // MARK: - Asking

    /// Whether the file is nobody else's, nor open for its pages; waits.
    ///
    /// Inner files of a log, such as `s/app.1` of the log at `s/app`, and those in a journal's folder
    /// are theirs.
    func isFree(_ path: String, for owner: Owner) throws(StoreError) -> Bool {
        try state.withLock { (state) throws(StoreError) in
            // Its own place is nobody else's, but for what older versions allowed.
            if state.claims == nil, Self.place(path) == owner { return true }
            try load(&state)
            let found = Self.owner(of: path, state)
            return (found == nil || found == owner) && state.pageFiles[path] == nil
        }
    }

    private static func owner(of path: String, _ state: State) -> Owner? {
        let claims = state.claims ?? [:]
        if let owner = claims[path] { return owner }
        if let owner = place(path) { return owner }
        for base in bases(of: path) {
            if let owner = claims[base], owner.kind == "logs" { return owner }
        }
        var folder = path[...]
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            if let owner = claims[String(folder)], owner.kind == "journals" { return owner }
        }
        return nil
    }

    /// Whose a file is by its place alone.
    private static func place(_ path: String) -> Owner? {
        let segments = path.split(separator: "/").map(String.init)
        guard segments.count > 1 else { return nil }
        switch segments[0] {
        case "pools" where segments.count == 2: return Owner(kind: "pools", name: segments[1])
        case "journals": return Owner(kind: "journals", name: segments[1])
        case "logs" where segments.count == 2:
            let names = [segments[1]] + bases(of: segments[1])
            guard let name = names.first(where: { $0.hasSuffix(".LOG") }) else { return nil }
            return Owner(kind: "logs", name: String(name.dropLast(4)))
        default: return nil
        }
    }

    /// What the file's name is without the endings that a log gives to its files, nearest first.
    private static func bases(of path: String) -> [String] {
        var found: [String] = []
        var rest = path[...]
        while let dot = rest.lastIndex(of: "."), isEnding(rest[dot...].dropFirst()) {
            rest = rest[..<dot]
            found.append(String(rest))
        }
        return found
    }

    private static func isEnding(_ text: Substring) -> Bool {
        if ["idx", "siz", "gz", "TMP", "NEW"].contains(text) { return true }
        return !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    // MARK: - Claiming

    /// Takes the file for a resource that writes it; waits.
    ///
    /// - Returns: whether it was not its before, and must be released if nothing comes of it.
    /// - Throws: `.locked` if it is another's.
    func claim(_ path: String, for owner: Owner) throws(StoreError) -> Bool {
        try state.withLock { (state) throws(StoreError) in
            if Self.place(path) == owner, state.claims?[path] == nil { return false }
            try load(&state)
            if state.claims?[path] == owner { return false }
            if let found = Self.owner(of: path, state), found != owner {
                throw Self.taken(path, by: found)
            }
            try requireAlone(path, for: owner, state)
            state.claims?[path] = owner
            return true
        }
    }

    /// Takes the name that a log's files are to be given, until it is released; waits.
    ///
    /// - Parameter isVacant: whether nothing lies at the default place of a log.
    /// - Throws: `.locked` if it is anybody's.
    func claim(
        target path: String, for owner: Owner, isHalt: Bool,
        isVacant: () throws(StoreError) -> Bool
    ) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            try load(&state)
            if let found = Self.owner(of: path, state) {
                // A log of one file has no inner ones.
                let isOwnInner = found == owner && isHalt && !directory.exists(path)
                let isPlace = state.claims?[path] == nil && path == Logs.defaultBase(found.name)
                let isVacant = isPlace && found.kind == "logs" ? try isVacant() : false
                guard isOwnInner || isVacant else { throw Self.taken(path, by: found) }
            }
            try requireAlone(path, for: owner, state)
            state.claims?[path] = owner
        }
    }

    /// - Throws: `.locked` if pages of the file are in use, or inner files of a log there would be
    ///   another's.
    private func requireAlone(
        _ path: String, for owner: Owner, _ state: State
    ) throws(StoreError) {
        func isInner(_ other: String) -> Bool {
            owner.kind == "logs" && other.hasPrefix(path) && Self.bases(of: other).contains(path)
        }
        if let pages = state.pageFiles.keys.first(where: { $0 == path || isInner($0) }) {
            throw .locked(detail: "\(pages) is open in a buffer pool")
        }
        if let inner = state.claims?.first(where: { $0.value != owner && isInner($0.key) }) {
            throw Self.taken(inner.key, by: inner.value)
        }
    }

    /// The file is not the resource's any more.
    func release(_ path: String, of owner: Owner) {
        state.withLock { state in
            if state.claims?[path] == owner { state.claims?[path] = nil }
        }
    }

    /// Nothing is the resource's any more but what is at its default place.
    func release(_ owner: Owner) {
        state.withLock { state in
            state.claims = state.claims?.filter { $0.value != owner }
        }
    }

    /// Takes the file for a handle of a buffer pool, of which several share it; waits.
    ///
    /// Those in the folder of buffer pools are nobody else's anyway.
    /// - Throws: `.locked` if it is another resource's.
    func open(pagesOf path: String) throws(StoreError) {
        guard !path.hasPrefix("mpools/") else { return }
        try state.withLock { (state) throws(StoreError) in
            try load(&state)
            if let found = Self.owner(of: path, state) { throw Self.taken(path, by: found) }
            state.pageFiles[path, default: 0] += 1
        }
    }

    func close(pagesOf path: String) {
        state.withLock { state in
            let left = (state.pageFiles[path] ?? 1) - 1
            state.pageFiles[path] = left > 0 ? left : nil
        }
    }

    private static func taken(_ path: String, by owner: Owner) -> StoreError {
        .locked(detail: "\(path) belongs to \(owner)")
    }

    // MARK: - The notes

    private func load(_ state: inout State) throws(StoreError) {
        guard state.claims == nil else { return }
        var claims: [String: Owner] = [:]
        for (kind, key) in [("pools", "file"), ("logs", "file"), ("journals", "path")] {
            for name in try directory.names(in: ".tidemark/" + kind) {
                let note = try Note(at: ".tidemark/\(kind)/\(name)", in: directory)
                let owner = Owner(kind: kind, name: name)
                guard let path = note.values[key], Self.place(path) != owner else { continue }
                if kind == "pools", !directory.exists(path) { continue }
                if note.values["mode"] == "read_only" { continue }
                // Of several that name one file, as older versions allowed, it is that of the one in use.
                if claims[path] == nil || note.values["held"] == "1" { claims[path] = owner }
            }
        }
        state.claims = claims
    }
}
