/// What the service remembers about one pool beside its file: its note, kept in memory too.
///
/// ```
/// file=PATH         where the pool lies, if not at pools/NAME
/// generation=N      how often it was rewound, plus 1
/// closed=1          it was closed by request and stays so
/// untrusted_after=N bytes from position N on may not have reached the disk
/// ```
final class PoolMemory: Sendable {
    static let file = "file"
    static let generation = "generation"
    static let closed = "closed"
    static let untrustedAfter = "untrusted_after"

    private let path: String
    private let directory: DataDirectory
    private let note: Locked<Note>
    /// Held over a change and its saving: of two at once each would lose what the other has changed.
    private let saving = Locked(())
    /// False while the file says less than is known here.
    private let saved = Locked(true)

    /// Reads the note of the pool `name`, which need not exist.
    init(of name: String, in directory: DataDirectory) throws(StoreError) {
        path = Self.path(of: name)
        self.directory = directory
        note = Locked(try Note(at: path, in: directory))
    }

    static func path(of name: String) -> String { ".tidemark/pools/" + name }

    var current: Note { note.withLock { $0 } }

    /// Whether everything known is on stable storage.
    var isSaved: Bool { saved.withLock { $0 } }

    /// Changes the note; returns when that is on stable storage.
    func update(_ change: (inout Note) -> Void) throws(StoreError) {
        try saving.withLock { _ throws(StoreError) in
            var changed = current
            change(&changed)
            guard changed != current || !isSaved else { return }
            try changed.save(at: path, in: directory)
            note.withLock { [changed] in $0 = changed }
            saved.withLock { $0 = true }
        }
    }

    /// As `update`, for a failing disk: what can't be written is remembered while the process lives.
    func rememberUntrusted(after tell: Int) {
        saving.withLock { _ in
            note.withLock { $0[Self.untrustedAfter] = tell }
            saved.withLock { $0 = false }
        }
        try? update { _ in }
    }
}
