/// A record as it was read, its checksum found right.
struct StoredRecord: Sendable {
    let lsn: LSN
    /// Whatever was read with it.
    let storage: [UInt8]
    /// Where in `storage` the record lies, header and padding included.
    let range: Range<Int>
    /// The offset behind it in its file.
    let end: Int

    var header: RecordHeader {
        storage.withUnsafeBytes {
            RecordHeader(UnsafeRawBufferPointer(rebasing: $0[range]))
        }
    }

    /// The length of its body before it was compressed.
    ///
    /// - Throws: `.corrupt` if nothing can have packed so much into it: whoever believed that would
    ///   make room for whatever a few bytes claim.
    func unpackedLength() throws(StoreError) -> Int {
        let length = header.memLength - RecordHeader.size
        guard JournalCompressor.canPack(length, in: range.count) else {
            throw .journal(
                .corrupt(
                    lsn,
                    detail:
                        "the record at \(lsn) claims to hold \(header.memLength) bytes in \(range.count)"
                ))
        }
        return length
    }

    /// The record with its body as it was before it was compressed.
    ///
    /// - Throws: `.noCompressor`, `.corrupt`.
    func unpacked(by compressor: JournalCompressor) throws(StoreError) -> RecordRows {
        let header = header
        let body = range.lowerBound + RecordHeader.size..<range.upperBound
        if header.isEncrypted {
            throw .journal(
                .noCompressor(lsn, detail: "the record at \(lsn) is encrypted"))
        }
        guard header.isCompressed else { return RecordRows(lsn: lsn, storage, body) }
        guard compressor != .none else {
            throw .journal(
                .noCompressor(
                    lsn,
                    detail:
                        "the record at \(lsn) is compressed; open the journal with its compressor"
                ))
        }
        let length = try unpackedLength()
        let plain = storage.withUnsafeBytes {
            compressor.decompress(UnsafeRawBufferPointer(rebasing: $0[body]), length: length)
        }
        guard let plain else {
            throw .journal(
                .noCompressor(
                    lsn, detail: "\(compressor.rawValue) can't unpack the record at \(lsn)"))
        }
        return RecordRows(lsn: lsn, plain, 0..<plain.count)
    }
}
