/// What the service remembers about one journal beside its files: its note.
///
/// ```
/// path= mode= file_max= compressor= archive= prealloc= durability= hold=   as last opened
/// identity=HEX         of this journal, until it is removed
/// generation=N         rises with each change of its settings and each repair
/// checkpoint=FILE,OFF  where the last checkpoint began
/// closed=1             closed by request
/// deleting=1           the files are being removed
/// ```
struct JournalMemory: Equatable, Sendable {
    private(set) var note: Note
    private let notePath: String

    init(of name: String, in directory: DataDirectory) throws(StoreError) {
        notePath = Self.path(of: name)
        note = try Note(at: notePath, in: directory)
    }

    static func path(of name: String) -> String { ".tidemark/journals/" + name }

    var isKnown: Bool { !note.values.isEmpty }

    var identity: String { note.values["identity"] ?? "00000000" }

    var generation: Int {
        // Room to rise is left, whatever stands there.
        get { min(note["generation"] ?? 1, 1 << 62) }
        set { note["generation"] = newValue }
    }

    var checkpoint: LSN {
        get { note.values["checkpoint"].flatMap { LSN($0) } ?? .none }
        set { note.values["checkpoint"] = newValue.description }
    }

    var isClosed: Bool {
        get { note["closed"] == 1 }
        set { note["closed"] = newValue ? 1 : nil }
    }

    var isDeleting: Bool {
        get { note["deleting"] == 1 }
        set { note["deleting"] = newValue ? 1 : nil }
    }

    var options: JournalOptions {
        get {
            var options = JournalOptions()
            options.path = note.values["path"]
            options.mode = note.values["mode"].flatMap(JournalOptions.Mode.init)
            options.fileMax = note["file_max"]
            options.compressor = note.values["compressor"].flatMap(JournalCompressor.init)
            options.archive = note["archive"].map { $0 == 1 }
            options.prealloc = note["prealloc"].map { $0 == 1 }
            options.durability = note.values["durability"].flatMap(Durability.init)
            options.maxCursorHoldMilliseconds = note["hold"]
            return options
        }
        set {
            note.values["path"] = newValue.path
            note.values["mode"] = newValue.mode?.rawValue
            note["file_max"] = newValue.fileMax
            note.values["compressor"] = newValue.compressor?.rawValue
            note["archive"] = newValue.archive.map { $0 ? 1 : 0 }
            note["prealloc"] = newValue.prealloc.map { $0 ? 1 : 0 }
            note.values["durability"] = newValue.durability?.rawValue
            note["hold"] = newValue.maxCursorHoldMilliseconds
        }
    }

    /// The options, which a journal must be able to have.
    ///
    /// - Throws: `.failed` where somebody has damaged the note.
    func checkedOptions() throws(StoreError) -> JournalOptions {
        let options = options
        let isRead = [
            "mode": options.mode != nil, "file_max": options.fileMax != nil,
            "compressor": options.compressor != nil, "archive": options.archive != nil,
            "prealloc": options.prealloc != nil, "durability": options.durability != nil,
            "hold": options.maxCursorHoldMilliseconds != nil,
        ]
        try note.requireRead(isRead, at: notePath)
        do throws(StoreError) {
            try options.check()
        } catch {
            throw Note.damaged(notePath, error)
        }
        return options
    }

    /// Gives a journal that is new the identity that it keeps.
    mutating func begin() {
        guard note.values["identity"] == nil else { return }
        note.values["identity"] = RandomName.digits()
        generation = 1
    }

    func save(in directory: DataDirectory) throws(StoreError) {
        try note.save(at: notePath, in: directory)
    }
}
