/// Puts records together as they stand in a journal's file.
package struct RecordEncoder: Sendable {
    package let compressor: JournalCompressor

    package init(compressor: JournalCompressor = .none) { self.compressor = compressor }

    /// Appends a record with that body, padded and with its checksum.
    ///
    /// - Returns: how many bytes the record has before padding and compression: what the statistics
    ///   of the original call payload.
    @discardableResult
    package func append(body: [UInt8], to bytes: inout [UInt8]) -> Int {
        let plain = RecordHeader.size + body.count
        if let packed = compressor.compress(body, ifShorterThan: plain) {
            Self.append(
                packed, flags: RecordHeader.compressed, memLength: plain, marksEnd: true, to: &bytes
            )
        } else {
            Self.append(body, flags: 0, memLength: 0, marksEnd: true, to: &bytes)
        }
        return plain
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
