import Testing

@testable import Store

/// The bytes of the original's examples, and what must come back from them.
struct JournalFormatTests {
    @Test(
        arguments: [
            (0, [0x80]), (63, [0xBF]), (64, [0xC0, 0]), (8255, [0xDF, 0xFF]), (8256, [0xE1, 0]),
            (8512, [0xE2, 1, 0]), (100_000, [0xE3, 1, 0x66, 0x60]),
            (4_294_967_295, [0xE4, 0xFF, 0xFF, 0xDF, 0xBF]),
            (UInt64.max, [0xE8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xDF, 0xBF]),
        ] as [(UInt64, [UInt8])])
    func integersArePackedAsTheOriginalDoes(value: UInt64, packed: [UInt8]) {
        var bytes: [UInt8] = []
        PackedInteger.append(value, to: &bytes)
        #expect(bytes == packed)
        #expect(PackedInteger.length(of: value) == packed.count)
        bytes.withUnsafeBytes { bytes in
            var reader = PackedReader(bytes)
            #expect(reader.unsigned() == value)
            #expect(reader.isAtEnd)
        }
    }

    @Test func randomIntegersComeBackAndSortAsTheirBytes() {
        var generator = SystemRandomNumberGenerator()
        let values = (0..<20_000).map { _ in
            UInt64.random(in: 0 ... .max, using: &generator)
                >> UInt64.random(in: 0..<64, using: &generator)
        }.sorted()
        var last: [UInt8] = []
        for value in values {
            var bytes: [UInt8] = []
            PackedInteger.append(value, to: &bytes)
            #expect(!bytes.lexicographicallyPrecedes(last))
            let back = bytes.withUnsafeBytes { bytes in
                var reader = PackedReader(bytes)
                return reader.signed()
            }
            #expect(back == value)
            last = bytes
        }
    }

    @Test(
        arguments: [
            ([0x7F], -1), ([0x40], -64), ([0x3F, 0xFF], -65), ([0x20, 0], -8256),
            ([0x16, 0xDF, 0xBF], -8257),
        ] as [([UInt8], Int)])
    func negativeIntegersAreUnpacked(packed: [UInt8], value: Int) {
        packed.withUnsafeBytes { bytes in
            var reader = PackedReader(bytes)
            #expect(reader.signed() == UInt64(bitPattern: Int64(value)))
        }
    }

    @Test func noPackedIntegerIsReadBeyondTheEnd() {
        for first in UInt8.min...UInt8.max {
            [first].withUnsafeBytes { bytes in
                var reader = PackedReader(bytes)
                _ = reader.signed()
                #expect(reader.offset <= 1)
            }
        }
    }

    @Test func theChecksumIsCastagnolis() {
        let sum = Array("123456789".utf8).withUnsafeBytes { CRC32C.checksum(of: $0) }
        #expect(sum == 0xE306_9283)
    }

    private func record(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var tally = RecordTally()
        RecordEncoder().append(body: body, to: &bytes, &tally)
        return bytes
    }

    @Test func aMessageHasTheBytesOfTheOriginal() {
        let bytes = record(RecordBody.message("hello".utf8))
        #expect(bytes.count == 128)
        #expect(
            bytes[..<23] == [
                0x80, 0, 0, 0, 0x4A, 0x80, 0xC5, 0xE8, 0, 0, 0, 0, 0, 0, 0, 0, 0x83, 0x68, 0x65,
                0x6C, 0x6C, 0x6F, 0,
            ])
        #expect(bytes[127] == 0xAB)
    }

    @Test(arguments: [(108, 128, 0xAB), (109, 128, 0), (110, 128, 0), (111, 256, 0xAB)])
    func paddingEndsWithAMarkIfThereIsRoomForIt(length: Int, padded: Int, last: UInt8) {
        let bytes = record(RecordBody.message([UInt8](repeating: 0x61, count: length)))
        #expect(bytes.count == padded)
        #expect(bytes[padded - 1] == last)
    }

    @Test func aTransactionHasTheBytesOfTheOriginal() {
        var operations: [UInt8] = []
        TransactionOperation.rowPut(
            fileID: 2, key: Array("k4\0".utf8), value: Array("v4\0".utf8)
        ).append(to: &operations)
        let bytes = record(RecordBody.commit(transaction: 7, operations: operations))
        #expect(
            bytes[4..<28] == [
                0x84, 0x45, 0xD9, 0xB1, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x87, 0x84, 0x8A, 0x82,
                0x83, 0x6B, 0x34, 0, 0x76, 0x34, 0,
            ])
    }

    @Test func aFileBeginsAsTheOriginalsDo() {
        let bytes = JournalFileHead.bytes(fileMax: 104_857_600, previous: .beginning)
        #expect(bytes.count == 256)
        #expect(
            bytes[..<32] == [
                0x80, 0, 0, 0, 0x8F, 0x82, 0x1F, 0x8A, 0, 0, 0, 0, 0, 0, 0, 0, 0x64, 0x10, 0x10,
                0, 3, 0, 0, 0, 0, 0, 0x40, 6, 0, 0, 0, 0,
            ])
        #expect(bytes[128..<136] == [0x80, 0, 0, 0, 0x14, 0xC0, 0xA6, 0x8E])
        #expect(bytes[144..<149] == [0x84, 0x88, 0x84, 0x81, 0x80])
    }

    @Test(arguments: [60, 61, 62, 63, 64, 65, 8190, 8255, 8260, 100_000])
    func anOperationsSizeCountsItself(length: Int) {
        var bytes: [UInt8] = []
        TransactionOperation.rowRemove(
            fileID: 1, key: [UInt8](repeating: 7, count: length)
        ).append(to: &bytes)
        let size = bytes.withUnsafeBytes { bytes in
            var reader = PackedReader(bytes)
            _ = reader.unsigned()
            return reader.unsigned()
        }
        #expect(size == UInt64(bytes.count))
    }

    @Test(arguments: [JournalCompressor.snappy, .zlib])
    func whatACompressorMakesComesBack(compressor: JournalCompressor) throws {
        let body = [UInt8](repeating: 0x81, count: 10_000)
        let packed = try #require(compressor.compress(body, ifShorterThan: body.count + 16))
        #expect(packed.count < 1000)
        let back = packed.withUnsafeBytes { compressor.decompress($0, length: body.count) }
        #expect(back == body)
        let wrong = packed.withUnsafeBytes { compressor.decompress($0, length: body.count + 1) }
        #expect(wrong == nil)
    }
}
