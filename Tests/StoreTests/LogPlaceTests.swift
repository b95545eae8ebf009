import Glibc
import TestSupport
import Testing

@testable import Store

@Suite struct LogPlaceTests {
    private let place = LogPlace(
        identity: 0x1234_5678, epoch: 3, generation: 2, file: 4, start: 1 << 40, items: 17,
        bytes: 4711, isClosed: true, boot: 99)

    /// Calls `body` with what is read of a file that begins with these bytes.
    private func read(_ bytes: [UInt8]) throws -> [LogPlace] {
        let directory = try TemporaryDirectory()
        let data = try DataDirectory(path: directory.path)
        let file = try data.open("slots", flags: O_RDWR | O_CREAT)
        try file.write(bytes, at: 0)
        return try LogPlace.read("slots", in: data).map(\.place)
    }

    @Test func aSlotIsReadAsItWasWritten() throws {
        #expect(try read(place.encoded(sequence: 8)) == [place])
    }

    @Test func noSingleBitOfASlotCanChangeUnnoticed() throws {
        let good = place.encoded(sequence: 8)
        for bit in 0..<good.count * 8 {
            var bytes = good
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(try read(bytes).isEmpty, "bit \(bit)")
        }
    }

    @Test func aSlotOfTheFirstVersionIsRead() throws {
        var bytes = place.encoded(sequence: 8)
        bytes[3] = 0x31
        let sum = Fletcher64.checksum(Array(bytes.dropLast(4)), field: 60)
        for (place, byte) in withUnsafeBytes(
            of: UInt32(truncatingIfNeeded: sum ^ sum >> 32).bigEndian, Array.init
        ).enumerated() {
            bytes[60 + place] = byte
        }
        #expect(try read(bytes) == [place])
    }
}
