import Glibc
import TestSupport
import Testing

@testable import Store

/// Log files as this process or another one writes them, and what readers find meanwhile.
struct JournalReadingTests {
    /// Half of it is more than a reader looks at in one piece.
    private static let fileMax = 1 << 20

    /// A folder of log files that is written at will.
    private final class Folder {
        private let temporary: TemporaryDirectory
        private let data: DataDirectory
        let directory: JournalDirectory
        let files: JournalFiles

        init(_ compressor: JournalCompressor = .none) throws {
            temporary = try TemporaryDirectory()
            data = DataDirectory(around: temporary.path)
            directory = JournalDirectory(data: data, path: ".")
            files = JournalFiles(
                directory, compressor: compressor, statistics: JournalStatistics(StoreCounters()))
        }

        /// Makes a file with zeros behind its head, or with nothing.
        func make(_ number: UInt32, size: Int = fileMax, previous: LSN = .beginning) throws {
            try write(
                JournalFileHead.bytes(fileMax: fileMax, previous: previous),
                at: LSN(file: number, offset: 0))
            try open(number).truncate(to: size)
        }

        func write(_ bytes: [UInt8], at lsn: LSN) throws {
            try open(lsn.file).write(bytes, at: Int(lsn.offset))
        }

        func open(_ number: UInt32) throws -> File {
            try data.open(directory.logPath(number), flags: O_RDWR | O_CREAT)
        }

        /// Which of the messages from `first` on a search doesn't find.
        func missing(_ count: Int, from first: LSN) -> [LSN] {
            (0..<count).map { first.advanced(by: $0 * 128) }.filter { lsn in
                (try? files.record(at: lsn))?.lsn != lsn
            }
        }

        /// The LSNs of a walk's messages, and what it ended with.
        func walk(backwards: Bool = false) throws -> (lsns: [LSN], error: StoreError?) {
            var walk = try JournalWalk(files, from: nil, to: nil, backwards: backwards)
            var found: [LSN] = []
            do throws(StoreError) {
                while let row = try walk.next() {
                    if row.recordType == RecordType.message { found.append(row.lsn) }
                }
            } catch {
                return (found, error)
            }
            return (found, nil)
        }
    }

    /// So many messages of 128 bytes each.
    private static func messages(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { number in
            var bytes: [UInt8] = []
            var tally = RecordTally()
            RecordEncoder().append(
                body: RecordBody.message("message \(number)".utf8), to: &bytes, &tally)
            return bytes
        }
    }

    private static let first = LSN(file: 1, offset: 256)

    @Test func whatIsWrittenIntoZerosThatWereReadIsFound() throws {
        let folder = try Folder()
        try folder.make(1)
        var end = Self.first
        for count in [3, 2, 3000] {
            let place = end
            try folder.write(Self.messages(count), at: place)
            end = end.advanced(by: count * 128)
            #expect(folder.missing(count, from: place) == [])
            // The last one was found: behind it zeros have been read.
            #expect(throws: StoreError.journal(.notFound(end))) { try folder.files.record(at: end) }
        }
        let forwards = try folder.walk().lsns
        #expect(forwards.count == 3005)
        #expect(try folder.walk(backwards: true).lsns == forwards.reversed())
    }

    @Test func aHoleThatIsFilledLaterIsGoneThroughThen() throws {
        let folder = try Folder()
        try folder.make(1)
        let behind = Self.first.advanced(by: 10 * 128)
        try folder.write(Self.messages(5), at: behind)
        #expect(folder.missing(5, from: behind) == [])
        try folder.write(Self.messages(10), at: Self.first)
        #expect(folder.missing(15, from: Self.first) == [])
        #expect(try folder.walk(backwards: true).lsns.count == 15)
    }

    @Test func aFileBehindTheEndIsNotThereYet() throws {
        let folder = try Folder()
        try folder.make(1, size: 256)
        try folder.write(Self.messages(3), at: Self.first)
        folder.files.publish(end: Self.first.advanced(by: 3 * 128))
        let next = LSN(file: 2, offset: 0)
        try folder.make(2, previous: Self.first.advanced(by: 3 * 128))
        #expect(throws: StoreError.journal(.notFound(next))) { try folder.files.record(at: next) }
        let place = LSN(file: 2, offset: 256)
        try folder.write(Self.messages(3000), at: place)
        folder.files.publish(end: place.advanced(by: 3000 * 128))
        #expect(folder.missing(3000, from: place) == [])
        #expect(try folder.files.record(at: next).lsn == LSN(file: 2, offset: 128))
        #expect(try folder.walk(backwards: true).lsns.count == 3003)
    }

    @Test(arguments: [JournalCompressor.snappy, .zlib])
    func aRecordThatClaimsMoreThanItCanHoldIsCorrupt(compressor: JournalCompressor) throws {
        let folder = try Folder(compressor)
        try folder.make(1, size: 256)
        let claimed = 3_900_000_000
        // Eight bytes for the length of the block; in that five for what it comes to, and a byte.
        var body: [UInt8] = [7, 0, 0, 0, 0, 0, 0, 0]
        for place in 0..<5 {
            body.append(UInt8(claimed >> (7 * place) & 0x7F) | (place < 4 ? 0x80 : 0))
        }
        body += [0, 0x61]
        try folder.write(Self.packed(body, memLength: claimed + RecordHeader.size), at: Self.first)
        let (found, error) = try folder.walk()
        #expect(found == [])
        guard case .journal(.corrupt(Self.first, _)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // A block of its own may say less than the record does, or more than it can come to.
        for length in [claimed, 0x4_0000, 65, 1] {
            let unpacked = body.withUnsafeBytes { compressor.decompress($0, length: length) }
            #expect(unpacked == nil)
        }
    }

    private static func packed(_ body: [UInt8], memLength: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        RecordEncoder.append(
            body, flags: RecordHeader.compressed, memLength: memLength, marksEnd: true, to: &bytes)
        return bytes
    }

    @Test(arguments: [JournalCompressor.snappy, .zlib])
    func whatIsPackedAsTightAsItCanBeIsRead(compressor: JournalCompressor) throws {
        let folder = try Folder(compressor)
        try folder.make(1, size: 256)
        var bytes: [UInt8] = []
        var tally = RecordTally()
        let text = [UInt8](repeating: 0x61, count: 10 << 20)
        RecordEncoder(compressor: compressor).append(
            body: RecordBody.message(text), to: &bytes, &tally)
        #expect(tally.compressed == 1)
        try folder.write(bytes, at: Self.first)
        let (found, error) = try folder.walk()
        #expect(found == [Self.first] && error == nil)
    }

    // MARK: - Zeros

    /// A record of which only the beginning is there.
    private static func torn() -> [UInt8] {
        var bytes: [UInt8] = []
        var tally = RecordTally()
        RecordEncoder().append(
            body: RecordBody.message([UInt8](repeating: 0x61, count: 300)), to: &bytes, &tally)
        return Array(bytes[..<200]) + [UInt8](repeating: 0, count: bytes.count - 200)
    }

    @Test func writtenZerosBehindATornRecordAreReadOnce() throws {
        let folder = try Folder()
        try folder.make(1, size: 256)
        try folder.write(Self.messages(1) + Self.torn(), at: Self.first)
        let torn = Self.first.advanced(by: 128)
        // Were the rest read for each of 32,768 blocks, that would be 64 GiB: no run would wait for it.
        try folder.write(
            [UInt8](repeating: 0, count: 4 << 20), at: Self.first.advanced(by: 512))
        #expect(folder.missing(1, from: Self.first) == [])
        var reader = JournalFileReader(try folder.open(1), number: 1)
        try reader.measure()
        #expect(try reader.nextRecord(behind: Int(torn.offset)) == nil)
        // What lies behind the zeros is found, also if it comes later.
        let behind = Self.first.advanced(by: 512 + (4 << 20))
        try folder.write(Self.messages(2), at: behind)
        #expect(folder.missing(2, from: behind) == [])
    }

    @Test(arguments: [1, 100, 1000, 3000])
    func recordsBehindZerosAndGarbageAreFound(zeros: Int) throws {
        let folder = try Folder()
        try folder.make(1, size: 256)
        let gap = [UInt8](repeating: 0, count: zeros * 128)
        let garbage = [UInt8](repeating: 0, count: 100) + [UInt8](repeating: 0xA5, count: 156)
        let start = Self.torn() + gap + garbage + gap
        try folder.write(start + Self.messages(2), at: Self.first)
        #expect(folder.missing(2, from: Self.first.advanced(by: start.count)) == [])
        #expect(folder.missing(1, from: Self.first) == [Self.first])
    }

    // MARK: - From file to file

    @Test func aFileOfOthersIsNotLeftBeforeAllOfItIsWritten() throws {
        let folder = try Folder()
        try folder.make(1)
        try folder.write(Self.messages(3), at: Self.first)
        let late = Self.first.advanced(by: 3 * 128)
        var reader = JournalReader(folder.files)
        for _ in 0..<4 { #expect(try reader.next() != nil) }
        // As while a database switches: the file is there, and then what it says of the one before.
        let head = JournalFileHead.bytes(
            fileMax: Self.fileMax, previous: late.advanced(by: 2 * 128))
        let next = LSN(file: 2, offset: 0)
        try folder.write(Array(head[..<128]), at: next)
        try folder.open(2).truncate(to: Self.fileMax)
        #expect(try reader.next() == nil && reader.place == late)
        try folder.write(head + Self.messages(1), at: next)
        #expect(try reader.next() == nil && reader.place == late)
        try folder.write(Self.messages(2), at: late)
        var found: [LSN] = []
        while let record = try reader.next() { found.append(record.lsn) }
        #expect(
            found == [
                late, late.advanced(by: 128), LSN(file: 2, offset: 128),
                LSN(file: 2, offset: 256),
            ])
    }

    @Test func aFileThatDoesNotTellOfTheOneBeforeFollowsIt() throws {
        let folder = try Folder()
        try folder.make(1)
        try folder.write(Self.messages(3), at: Self.first)
        // The first file of an opening, and one of the first version.
        try folder.make(2)
        try folder.write(Self.messages(1), at: LSN(file: 2, offset: 256))
        var head = Array(JournalFileHead.bytes(fileMax: Self.fileMax, previous: .none)[..<128])
        head[20] = 1
        head.storeLittleEndian(head.withUnsafeBytes(RecordHeader.checksum), at: 4)
        try folder.write(head + Self.messages(2), at: LSN(file: 3, offset: 0))
        var reader = JournalReader(folder.files)
        var count = 0
        while try reader.next() != nil { count += 1 }
        #expect(count == 4 + 2 + 2)
    }

    /// Three files of three messages each, of which the first has lost some, and what its end is.
    private static func shortened(by lost: Int, others: Int = 3) throws -> (Folder, LSN) {
        let folder = try Folder()
        for number in 1...3 as ClosedRange<UInt32> {
            let count = number == 1 ? 3 : others
            let end = LSN(file: number - 1, offset: UInt32(256 + (number == 2 ? 3 : others) * 128))
            try folder.make(number, size: 256, previous: number == 1 ? .beginning : end)
            try folder.write(messages(count), at: LSN(file: number, offset: 256))
        }
        let end = first.advanced(by: (3 - lost) * 128)
        try folder.open(1).truncate(to: Int(end.offset))
        return (folder, end)
    }

    @Test(arguments: [true, false])
    func aLostEndOfAFileIsDamage(isOwn: Bool) throws {
        let (folder, end) = try Self.shortened(by: 2)
        if isOwn { folder.files.publish(end: LSN(file: 3, offset: 256 + 3 * 128)) }
        let (found, error) = try folder.walk()
        #expect(found == [Self.first])
        guard case .journal(.corrupt(end, _)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(folder.missing(3, from: LSN(file: 2, offset: 256)) == [])
        let (behind, told) = try folder.walk(backwards: true)
        #expect(behind.count == 6)
        guard case .journal(.corrupt(end, _)) = told else {
            Issue.record("\(String(describing: told))")
            return
        }
    }

    @Test func whatRecoveryLeftBehindAnUnfinishedFileIsNoDamage() throws {
        let (folder, _) = try Self.shortened(by: 2, others: 0)
        // An opening begins a file of its own, which says nothing.
        try folder.make(3, size: 256)
        for backwards in [false, true] {
            let (found, error) = try folder.walk(backwards: backwards)
            #expect(found == [Self.first] && error == nil)
        }
    }

    @Test(arguments: [1, 2, 3])
    func filesThatGoOnWhereTheOneBeforeEndsAreWhole(lost: Int) throws {
        let (folder, end) = try Self.shortened(by: lost)
        try folder.write(Self.messages(lost), at: end)
        for backwards in [false, true] {
            let (found, error) = try folder.walk(backwards: backwards)
            #expect(found.count == 9 && error == nil)
        }
    }
}
