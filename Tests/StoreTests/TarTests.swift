import Testing

@testable import Store

@Suite struct TarTests {
    /// Members as they came.
    private struct Inbox: TarReceiver {
        var members: [(name: String, bytes: [UInt8])] = []
        var sizes: [Int] = []
        var comments: [String] = []

        mutating func begin(_ name: String, size: Int) throws(StoreError) {
            members.append((name, []))
            sizes.append(size)
        }
        mutating func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
            members[members.count - 1].bytes += bytes
        }
        mutating func end() throws(StoreError) {}
        mutating func comment(_ text: String) { comments.append(text) }
    }

    private func read(_ bytes: [UInt8], pieces: Int) throws -> Inbox {
        var reader = TarReader()
        var inbox = Inbox()
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes {
                try reader.take($0, into: &inbox)
            }
        }
        return inbox
    }

    @Test(arguments: [1, 7, 512, 100_000])
    func membersComeAsTheyWereWritten(pieces: Int) throws {
        var records: [UInt8] = []
        PaxRecords.append("comment", "tidemark a=b", to: &records)
        var bytes = TarHeader.records(records, as: .global, time: 1)
        let long = String(repeating: "long", count: 40)
        for (name, size) in [("a", 0), ("b", 511), ("c", 512), (long, 1300)] {
            bytes += TarHeader.blocks(of: name, size: size, time: 1)
            bytes += [UInt8](repeating: 7, count: size)
            bytes += [UInt8](repeating: 0, count: TarHeader.padding(size))
        }
        bytes += [UInt8](repeating: 0, count: 1024)
        let inbox = try read(bytes, pieces: pieces)
        #expect(inbox.members.map(\.name) == ["a", "b", "c", long])
        #expect(inbox.members.map(\.bytes.count) == [0, 511, 512, 1300])
        #expect(inbox.comments.map(ArchiveNotes.init)[0]?.values == ["a": "b"])
    }

    @Test func sizesBeyondEightGibibytesAreWrittenAndRead() throws {
        for size in [0o77_777_777_777, 0o100_000_000_000, 1 << 50] {
            let inbox = try read(TarHeader.blocks(of: "large", size: size, time: 1), pieces: 512)
            #expect(inbox.sizes == [size])
        }
    }

    @Test func lengthsOfPaxRecordsCountThemselves() throws {
        for count in 80...110 {
            var bytes: [UInt8] = []
            let value = String(repeating: "x", count: count)
            PaxRecords.append("key", value, to: &bytes)
            #expect(try PaxRecords.parse(bytes) == ["key": value])
        }
    }

    @Test func whatIsCutShortIsNoWholeArchive() throws {
        var reader = TarReader()
        var inbox = Inbox()
        let bytes = TarHeader.blocks(of: "a", size: 0, time: 1)
        try bytes.withUnsafeBytes { try reader.take($0, into: &inbox) }
        #expect(throws: StoreError.self) { try reader.finish() }
        try [UInt8](repeating: 0, count: 512).withUnsafeBytes {
            try reader.take($0, into: &inbox)
        }
        try reader.finish()
    }
}
