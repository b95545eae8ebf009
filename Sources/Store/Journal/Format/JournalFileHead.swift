/// What a log file begins with: the header, and from version 2 on the previous file's end.
///
/// ```
///   0  header record of 128 bytes: magic, version, the size at which files are switched
/// 128  system record of 128 bytes: prev_lsn
/// 256  records
/// ```
enum JournalFileHead {
    static let magic: UInt32 = 0x101064
    /// What we write; 4 and 5 have the same bytes, and older libraries refuse them.
    static let version: UInt16 = 3
    static let newestVersion: UInt16 = 5
    /// Where a writer's first record lies.
    static let firstRecord = 256

    /// The first `firstRecord` bytes of a file.
    ///
    /// - Parameter previous: the end of the last record of the file before, if the journal was open
    ///   already when this file was made; `LSN.beginning` says that nobody should compare it.
    static func bytes(fileMax: Int, previous: LSN) -> [UInt8] {
        var bytes: [UInt8] = []
        RecordEncoder.append(body(fileMax), flags: 0, memLength: 0, marksEnd: false, to: &bytes)
        var system: [UInt8] = []
        PackedInteger.append(UInt64(RecordType.system), to: &system)
        TransactionOperation.previousLSN(previous).append(to: &system)
        RecordEncoder.append(system, flags: 0, memLength: 0, marksEnd: false, to: &bytes)
        return bytes
    }

    private static func body(_ fileMax: Int) -> [UInt8] {
        var body = [UInt8](repeating: 0, count: RecordHeader.alignment - RecordHeader.size)
        body.storeLittleEndian(magic, at: 0)
        body.storeLittleEndian(version, at: 4)
        body.storeLittleEndian(UInt64(fileMax), at: 8)
        return body
    }

    /// The version of a file, if its header is one.
    ///
    /// - Parameter header: the first 128 bytes.
    static func version(of header: UnsafeRawBufferPointer) -> UInt16? {
        let body = RecordHeader.size
        let found = UInt32(
            littleEndian: header.loadUnaligned(fromByteOffset: body, as: UInt32.self))
        guard found == magic else { return nil }
        return UInt16(
            littleEndian: header.loadUnaligned(fromByteOffset: body + 4, as: UInt16.self))
    }

    /// Whether a record's body is a prev_lsn, as it must stand behind a header of version 2 and on.
    static func isPrevious(_ body: UnsafeRawBufferPointer) -> Bool {
        var reader = PackedReader(body)
        return reader.unsigned() == UInt64(RecordType.system)
            && reader.unsigned() == UInt64(OperationType.previousLSN)
    }
}

/// What a file says of the one before it.
enum JournalPredecessor: Equatable {
    /// Its last record ends there.
    case ends(LSN)
    /// Nobody should ask: the file is the first of an opening, or of a version that doesn't tell.
    case unknown
    /// The file has just been begun, and says it later.
    case unwritten

    /// - Parameter body: of the record behind the header, in files of version 2 and on.
    init(_ body: UnsafeRawBufferPointer) {
        self = .unknown
        guard JournalFileHead.isPrevious(body) else { return }
        var reader = PackedReader(body)
        // The types of the record and its operation, and its size.
        for _ in 0..<3 { _ = reader.unsigned() }
        guard let file = reader.unsigned32(), let offset = reader.unsigned32() else { return }
        let lsn = LSN(file: file, offset: offset)
        if lsn > .beginning { self = .ends(lsn) }
    }
}

/// The types of records; others are legal for a reader.
package enum RecordType {
    package static let checkpoint: UInt32 = 0
    package static let commit: UInt32 = 1
    package static let fileSync: UInt32 = 2
    package static let message: UInt32 = 3
    package static let system: UInt32 = 4

    /// The name that the original's printlog gives a type; nil for one that nobody knows.
    package static func name(of type: UInt32) -> StaticString? {
        switch type {
        case checkpoint: "checkpoint"
        case commit: "commit"
        case fileSync: "file_sync"
        case message: "message"
        case system: "system"
        default: nil
        }
    }
}
