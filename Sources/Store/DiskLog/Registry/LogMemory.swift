/// What the service remembers about one log beside its files: its note.
///
/// ```
/// file=PATH  type=T  format=F      as at the last opening
/// size= mode= head= quiet= durability= notify=     the other options of it
/// held=1                           the service holds the log open, also when it starts again
/// moving=PATH  moving_size=        the files are being given that base name; the log's size then
/// deleting=1                       the files are being removed
/// ```
struct LogMemory: Equatable, Sendable {
    private(set) var note: Note
    private let path: String

    init(of name: String, in directory: DataDirectory) throws(StoreError) {
        path = Self.path(of: name)
        note = try Note(at: path, in: directory)
    }

    static func path(of name: String) -> String { ".tidemark/logs/" + name }

    var isKnown: Bool { !note.values.isEmpty }

    var file: String? { note.values["file"] }
    var type: LogType? { note.values["type"].flatMap(LogType.init) }
    var format: LogFormat? { note.values["format"].flatMap(LogFormat.init) }
    var isHeld: Bool { note.values["held"] == "1" }
    /// The base name that a reopening was giving the files.
    var movingTo: String? { note.values["moving"] }

    /// The size of a ring whose reopening has not ended, or was cut short: the file that says it goes
    /// with the others.
    var sizeWhenMoved: LogSize? { note.values["moving_size"].flatMap(LogSize.init(noted:)) }

    /// Whether the files are being removed.
    var isDeleting: Bool { note.values["deleting"] == "1" }

    /// The options with which a log that the service holds is opened again.
    var options: LogOptions {
        var options = LogOptions()
        options.file = file
        options.type = type
        options.format = format
        options.size = note.values["size"].flatMap(LogSize.init(noted:)) ?? sizeWhenMoved
        options.mode = note.values["mode"].flatMap(LogMode.init)
        options.head = note.values["head"].flatMap(LogHead.init(noted:))
        options.quiet = note.values["quiet"].map { $0 == "1" }
        options.durability = note.values["durability"].flatMap(Durability.init)
        return options
    }

    /// The options, which a log must be able to have.
    ///
    /// - Throws: `.failed` where somebody has damaged the note.
    func checkedOptions(for name: String) throws(StoreError) -> LogOptions {
        let options = options.sized(for: type)
        let isRead = [
            "type": type != nil, "format": format != nil, "mode": options.mode != nil,
            "durability": options.durability != nil, "head": options.head != nil,
            "size": note.values["size"].flatMap(LogSize.init(noted:)) != nil,
            "moving_size": sizeWhenMoved != nil,
        ]
        try note.requireRead(isRead, at: path)
        do throws(StoreError) {
            try options.check(for: name)
            if let movingTo { try ResourceName.checkPath(movingTo, kind: "logs") }
        } catch {
            throw Note.damaged(path, error)
        }
        return options
    }

    /// Keeps the options with which a log was opened, and whether the service holds it.
    mutating func remember(_ options: LogOptions, isHeld: Bool) {
        note.values["file"] = options.file
        note.values["type"] = options.type?.rawValue
        note.values["format"] = options.format?.rawValue
        note.values["size"] = options.size?.noted
        note.values["mode"] = options.mode?.rawValue
        note.values["head"] = options.head?.noted
        note.values["quiet"] = options.quiet == true ? "1" : nil
        note.values["durability"] = options.durability?.rawValue
        note.values["held"] = isHeld ? "1" : nil
        note.values["moving_size"] = nil
    }

    mutating func hold(_ isHeld: Bool) { note.values["held"] = isHeld ? "1" : nil }

    mutating func change(size: LogSize) { note.values["size"] = size.noted }

    mutating func change(head: LogHead) { note.values["head"] = head.noted }

    mutating func change(durability: Durability) {
        note.values["durability"] = durability.rawValue
    }

    mutating func beginDeleting() { note.values["deleting"] = "1" }

    mutating func move(to base: String?, size: LogSize? = nil) {
        note.values["moving"] = base
        note.values["moving_size"] = size?.noted
    }

    func save(in directory: DataDirectory) throws(StoreError) {
        try note.save(at: path, in: directory)
    }

    /// What is saved later, ready for that: then a full disk can't refuse it any more.
    struct Prepared {
        fileprivate let path: String
        fileprivate let temporary: String

        func save(in directory: DataDirectory) throws(StoreError) {
            try directory.replace(path, withPrepared: temporary)
        }

        func discard(in directory: DataDirectory) { directory.discard(temporary) }
    }

    func prepare(in directory: DataDirectory) throws(StoreError) -> Prepared {
        Prepared(path: path, temporary: try directory.prepare(note.encoded))
    }
}

extension LogSize {
    fileprivate var noted: String {
        switch self {
        case .infinity: "infinity"
        case .bytes(let bytes): "\(bytes)"
        case .files(let bytes, let files): "\(bytes),\(files)"
        }
    }

    fileprivate init?(noted: String) {
        let parts = noted.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        switch numbers.count == parts.count ? numbers.count : 0 {
        case 1: self = .bytes(numbers[0])
        case 2: self = .files(maxBytes: numbers[0], maxFiles: numbers[1])
        default:
            guard noted == "infinity" else { return nil }
            self = .infinity
        }
    }
}

extension LogHead {
    /// Hexadecimal digits, since a head may hold any bytes.
    fileprivate var noted: String? {
        switch self {
        case .none: nil
        case .fixed(let bytes): "fixed:" + Self.hexadecimal(bytes)
        case .generated(let generator):
            generator.kind.rawValue + ":" + Self.hexadecimal(Array(generator.text.utf8))
        }
    }

    fileprivate init?(noted: String) {
        let parts = noted.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let digits = Array(parts[1])
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        if parts[0] == "fixed" {
            self = .fixed(bytes)
        } else if let kind = HeadGenerator.Kind(rawValue: String(parts[0])) {
            self = .generated(.init(kind: kind, text: String(decoding: bytes, as: UTF8.self)))
        } else {
            return nil
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
