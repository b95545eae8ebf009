/// Which appends a resource lets through: of the newest writer, and none twice.
package struct AppendGate: Sendable {
    package let fence: Fence
    let keys: AppendKeys

    /// - Parameter kind: the kind's folder, such as `pools`.
    init(of kind: String, _ name: String, in directory: DataDirectory) throws(StoreError) {
        fence = try Fence(at: Self.fencePath(kind, name), in: directory)
        keys = AppendKeys(at: Self.keyPath(kind, name), in: directory)
    }

    private static func fencePath(_ kind: String, _ name: String) -> String {
        ".tidemark/fences/\(kind)-\(name)"
    }

    private static func keyPath(_ kind: String, _ name: String) -> String {
        ".tidemark/keys/\(kind)-\(name)"
    }

    /// Forgets the writers of what has been removed, or is made now.
    ///
    /// What is made may not go on with what is left of another's: it would take a new append for one that
    /// was done.
    static func forget(
        _ kind: String, _ name: String, in directory: DataDirectory
    ) throws(StoreError) {
        for path in [fencePath(kind, name), keyPath(kind, name)] where directory.exists(path) {
            try directory.remove(path)
        }
    }
}

/// A pool, log or journal whose writers can be fenced off.
package protocol FencedLog: Sendable {
    /// Which writers may append; nil where nothing is written.
    var fence: Fence? { get }

    /// Lets no writer with a lower token append any more, or none without one; `complete` gets the
    /// highest token.
    func raiseFence(
        to token: Int?, isRequired: Bool?,
        complete: @escaping @Sendable (Result<Int, StoreError>) -> Void
    ) throws(StoreError)
}

/// An engine that lets appends through a gate.
package protocol GatedEngine: CommitEngine {
    var gate: AppendGate { get }

    /// - Throws: what keeps it from taking appends.
    func requireOpen() throws(StoreError)
}

extension GatedEngine {
    /// What an append that has been done before came to; nil if it is to be done.
    ///
    /// - Throws: `.keyReused`; what keeps the engine from taking appends: of one that was on its way
    ///   when that happened nobody knows.
    func replay(_ append: Append) throws(StoreError) -> Appended? {
        do throws(StoreError) {
            try requireOpen()
        } catch {
            let known = error.isFatal ? try? gate.keys.replay(append.key) : nil
            throw known == nil ? error : error.asUnknown(of: "the \(Self.kind)")
        }
        return try gate.keys.replay(append.key)
    }
}

extension Committer where Engine: GatedEngine {
    func raiseFence(
        to token: Int?, isRequired: Bool?,
        complete: @escaping @Sendable (Result<Int, StoreError>) -> Void
    ) {
        perform { engine in
            do throws(StoreError) {
                try engine.requireOpen()
            } catch {
                // One that has failed keeps its fence for the next opening; one that was closed may have
                // been opened anew already, with another.
                if !error.isFatal { return complete(.failure(error)) }
            }
            complete(engine.gate.fence.change(token, isRequired))
        }
    }
}
