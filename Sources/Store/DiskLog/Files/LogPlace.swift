import Glibc

/// What the service knows of a log's place in the count of everything that was ever logged.
///
/// The engine's own files say how many items there are, not how many went before them. A few slots
/// are written in turn, each with a checksum, so that the one before is always whole.
struct LogPlace: Equatable {
    /// Tells the log from others that had its name.
    var identity: UInt32
    /// Rises when bytes lie elsewhere than before, or are gone: what points into the files ends.
    var epoch: UInt32 = 1
    /// Rises by one with each truncation and reopening.
    var generation: UInt32 = 1
    /// The file that is written; 0 for a log of one file.
    var file: UInt32 = 0
    /// What was logged before that file's first item: items, or bytes of an external log.
    var start = 0
    /// Items, or bytes, of that file, known if `isClosed`.
    var items = 0
    /// The length of that file, known if `isClosed`.
    var bytes = 0
    var isClosed = false
    /// A new file is about to take the file's place.
    ///
    /// `bytes` is its inode's number, and `start` is where it starts. If the file is another still,
    /// that one starts `items` earlier.
    var isMoving = false
    /// The files are about to get another base name.
    var isReopening = false
    /// A flush has failed: what the page cache shows may not be what the device holds.
    var isSuspect = false
    /// The system's run in which the log was opened, shortened.
    var boot: UInt32 = 0

    /// The place of a file that is about to take this one's, which holds so many units.
    func moving(after units: Int, generations: UInt32 = 0) -> LogPlace {
        var next = self
        next.start += units
        next.generation += generations
        next.items = units
        next.isMoving = true
        next.isClosed = false
        return next
    }

    /// The file has taken its place.
    mutating func settle() {
        isMoving = false
        isReopening = false
        items = 0
    }

    /// The identity as it stands in tokens and entity tags.
    var identityText: String {
        let digits = String(identity, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    static let size = 64
    private static let slotDistance = 512
    /// So many are written in turn: the index of a ring may be some moves behind after a power loss.
    private static let slotCount = 8
    private static let signature: UInt32 = 0x6C70_6432
    /// Of slots with another checksum, which misses some single bits: read, and written no more.
    private static let oldSignature: UInt32 = 0x6C70_6431

    /// The slots of a file, the newest first.
    static func read(
        _ path: String, in directory: DataDirectory
    ) throws(StoreError) -> [(place: LogPlace, sequence: UInt64)] {
        let bytes = try directory.contents(of: path, limit: slotDistance * slotCount) ?? []
        let slots = (0..<slotCount).map { $0 * slotDistance }.compactMap { offset in
            offset + size <= bytes.count ? decode(Array(bytes[offset..<offset + size])) : nil
        }
        return slots.sorted { $0.sequence > $1.sequence }
    }

    /// Where the slot of that number lies in the file.
    static func offset(ofSequence sequence: UInt64) -> Int {
        Int(sequence % UInt64(slotCount)) * slotDistance
    }

    func encoded(sequence: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        let flags: UInt32 =
            (isClosed ? 1 : 0) | (isMoving ? 2 : 0) | (isSuspect ? 4 : 0) | (isReopening ? 8 : 0)
        for word in [Self.signature, identity, epoch, generation, file, flags, boot] {
            bytes.appendBigEndian(word)
        }
        for value in [sequence, UInt64(start), UInt64(items), UInt64(self.bytes)] {
            bytes.appendBigEndian(value)
        }
        bytes.appendBigEndian(Self.checksum(bytes))
        return bytes
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.checksum(of: $0) }
    }

    private static func oldChecksum(_ bytes: [UInt8]) -> UInt32 {
        let sum = Fletcher64.checksum(bytes, field: bytes.count)
        return UInt32(truncatingIfNeeded: sum ^ sum >> 32)
    }

    private static func isWhole(_ slot: [UInt8]) -> Bool {
        let (bytes, sum) = (Array(slot.dropLast(4)), slot.bigEndian(UInt32.self, at: size - 4))
        switch slot.bigEndian(UInt32.self, at: 0) {
        case signature: return sum == checksum(bytes)
        case oldSignature: return sum == oldChecksum(bytes)
        default: return false
        }
    }

    private static func decode(_ bytes: [UInt8]) -> (place: LogPlace, sequence: UInt64)? {
        guard isWhole(bytes) else { return nil }
        let words = (1...6).map { bytes.bigEndian(UInt32.self, at: $0 * 4) }
        let values = (0...3).map { bytes.bigEndian(UInt64.self, at: 28 + $0 * 8) }
        // Nothing can be added to larger ones.
        guard values.dropFirst().allSatisfy({ $0 < 1 << 60 }) else { return nil }
        let place = LogPlace(
            identity: words[0], epoch: words[1], generation: words[2], file: words[3],
            start: Int(clamping: values[1]), items: Int(clamping: values[2]),
            bytes: Int(clamping: values[3]), isClosed: words[4] & 1 != 0,
            isMoving: words[4] & 2 != 0, isReopening: words[4] & 8 != 0,
            isSuspect: words[4] & 4 != 0, boot: words[5])
        return (place, values[0])
    }

    /// Names the present run of the system: after a crash of the process alone nothing that was
    /// written is lost, after one of the system it may be.
    static let currentBoot: UInt32 = {
        guard
            let file = try? File(
                path: "/proc/sys/kernel/random/boot_id", name: "boot_id", flags: O_RDONLY),
            let text = try? file.read(at: 0, count: 36)
        else { return 0 }
        return text.reduce(UInt32(5381)) { $0 &* 33 ^ UInt32($1) }
    }()
}

/// The file of a log's place, kept open while what was written may not be durable.
final class LogPlaceFile: Sendable {
    private struct State: ~Copyable {
        var sequence: UInt64
        var file: File?
        /// Whether the file's name is on stable storage: whoever made it may have died before.
        var isNamed = false
    }

    private let path: String
    private let directory: DataDirectory
    /// Kept open, as the log's own: a flush that fails would end the log's work.
    private let folder: Folder?
    // Held over I/O: only the log's turn takes it.
    private let state: Locked<State>

    init(
        _ path: String, lastSequence: UInt64, mode: LogMode, in directory: DataDirectory
    ) throws(StoreError) {
        folder = mode == .readWrite ? try directory.keepFolder(of: path) : nil
        self.path = path
        self.directory = directory
        state = Locked(State(sequence: lastSequence, file: nil))
    }

    static func path(of name: String) -> String { ".tidemark/places/" + name }

    /// Writes the next slot.
    func write(_ place: LogPlace) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            if state.file == nil {
                state.file = try directory.open(path, flags: O_RDWR | O_CREAT)
            }
            state.sequence += 1
            try state.file?.write(
                place.encoded(sequence: state.sequence),
                at: LogPlace.offset(ofSequence: state.sequence))
        }
    }

    /// Writes what spares the next opening the counting.
    func close(_ place: inout LogPlace, _ appender: FileAppender) throws(StoreError) {
        place.items = appender.units
        place.bytes = appender.file.end
        place.isClosed = true
        place.isMoving = false
        try write(place)
    }

    /// Puts what was written on stable storage.
    func sync() throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            try state.file?.syncData()
            if state.file != nil, !state.isNamed {
                try directory.syncFolder(of: path)
                state.isNamed = true
            }
            state.file = nil
        }
    }
}
