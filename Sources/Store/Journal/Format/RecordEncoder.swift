/// Puts records together as they stand in a journal's file.
package struct RecordEncoder: Sendable {
    package let compressor: JournalCompressor

    package init(compressor: JournalCompressor = .none) { self.compressor = compressor }

    /// Appends a record with that body, padded and with its checksum.
    ///
    /// - Parameter tally: told of what became of it.
    package func append(body: [UInt8], to bytes: inout [UInt8], _ tally: inout RecordTally) {
        let plain = RecordHeader.size + body.count
        tally.payload += plain
        if compressor != .none, plain < JournalCompressor.leastSize { tally.tooSmall += 1 }
        if let packed = compressor.compress(body, ifShorterThan: plain) {
            tally.compressed += 1
            Self.append(
                packed, flags: RecordHeader.compressed, memLength: plain, marksEnd: true, to: &bytes
            )
        } else {
            if compressor != .none, plain >= JournalCompressor.leastSize {
                tally.notCompressed += 1
            }
            Self.append(body, flags: 0, memLength: 0, marksEnd: true, to: &bytes)
        }
    }

    /// Appends a record.
    ///
    /// - Parameter marksEnd: whether the last byte of the padding tells that the record was written
    ///   to its end, as in all records but the two that a file begins with.
    static func append(
        _ body: [UInt8], flags: UInt16, memLength: Int, marksEnd: Bool, to bytes: inout [UInt8]
    ) {
        let start = bytes.count
        let plain = RecordHeader.size + body.count
        let length = RecordHeader.aligned(plain)
        bytes.reserveCapacity(start + length)
        withUnsafeBytes(of: UInt32(length).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [0, 0, 0, 0])
        withUnsafeBytes(of: flags.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [0, 0])
        withUnsafeBytes(of: UInt32(memLength).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: body)
        bytes.append(contentsOf: repeatElement(0, count: length - plain))
        if marksEnd, length - plain >= 2 { bytes[bytes.count - 1] = endMark }
        let sum = bytes.withUnsafeBytes { all in
            RecordHeader.checksum(of: UnsafeRawBufferPointer(rebasing: all[start...]))
        }
        bytes.storeLittleEndian(sum, at: start + 4)
    }

    private static let endMark: UInt8 = 0xAB
}

/// What became of records as they were put together.
package struct RecordTally: Equatable, Sendable {
    /// Bytes without padding, before compression: what the original calls payload.
    package internal(set) var payload = 0
    package internal(set) var compressed = 0
    package internal(set) var notCompressed = 0
    package internal(set) var tooSmall = 0

    package init() {}
}
