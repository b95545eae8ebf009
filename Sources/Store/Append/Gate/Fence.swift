import Synchronization

/// Lets the writer with the highest token through and no older one, also after a restart.
///
/// A writer that has been replaced, and does not know it yet, has a lower token than the one that
/// took its place. The highest token is on stable storage before anything is written with it.
package final class Fence: Sendable {
    /// What is asked of writers.
    package struct State: Equatable, Sendable {
        /// The highest token that was given; 0 if none was.
        package let current: Int
        /// Whether nothing is written without a token.
        package let isRequired: Bool
    }

    private let path: String
    private let directory: DataDirectory
    private let token: Atomic<Int>
    private let required: Atomic<Bool>

    init(at path: String, in directory: DataDirectory) throws(StoreError) {
        self.path = path
        self.directory = directory
        let note = try Note(at: path, in: directory)
        token = Atomic(note["token"] ?? 0)
        required = Atomic(note["required"] == 1)
    }

    /// The highest token that was given; 0 if none was.
    package var current: Int { token.load(ordering: .acquiring) }

    /// Whether nothing is written without a token.
    package var isRequired: Bool { required.load(ordering: .acquiring) }

    package var state: State { State(current: current, isRequired: isRequired) }

    /// Lets a token through, and remembers it if it is the highest; only in the log's turn.
    ///
    /// - Throws: `.fenced` if it is lower than the highest, or missing where one is required.
    func admit(_ given: Int?) throws(StoreError) {
        guard let given else {
            if isRequired { throw .fenced(current: current) }
            return
        }
        guard given >= current else { throw .fenced(current: current) }
        if given > current { try save(given, isRequired) }
    }

    /// Raises the token, or sets whether one is required; the highest token.
    func change(_ token: Int?, _ isRequired: Bool?) -> Result<Int, StoreError> {
        do throws(StoreError) {
            if let token { try admit(token) }
            if let isRequired { try require(isRequired) }
            return .success(current)
        } catch {
            return .failure(error)
        }
    }

    /// From now on nothing is written without a token, or it is again.
    private func require(_ isRequired: Bool) throws(StoreError) {
        if isRequired != self.isRequired { try save(current, isRequired) }
    }

    private func save(_ token: Int, _ isRequired: Bool) throws(StoreError) {
        var note = try Note(at: path, in: directory)
        note["token"] = token
        note["required"] = isRequired ? 1 : nil
        try note.save(at: path, in: directory)
        self.token.store(token, ordering: .releasing)
        required.store(isRequired, ordering: .releasing)
    }
}
