/// One step of a log cursor: a whole record, or one operation of a transaction.
package struct JournalRow: Sendable {
    package let lsn: LSN
    /// 0 for the whole record, 1 and on for its operations.
    package let operationCounter: Int
    /// Of a commit record; otherwise 0.
    package let transactionID: UInt64
    package let recordType: UInt32
    /// 0 for the whole record.
    package let operationType: UInt32
    /// Of operations that have a key; otherwise 0.
    package let fileID: UInt32
    /// Of operations on columns.
    package let recordNumber: UInt64?

    private let storage: [UInt8]
    private let keyRange: Range<Int>
    private let valueRange: Range<Int>

    init(
        lsn: LSN, operationCounter: Int, transactionID: UInt64, recordType: UInt32,
        operationType: UInt32, fileID: UInt32, recordNumber: UInt64?, storage: [UInt8],
        key: Range<Int>, value: Range<Int>
    ) {
        self.lsn = lsn
        self.operationCounter = operationCounter
        self.transactionID = transactionID
        self.recordType = recordType
        self.operationType = operationType
        self.fileID = fileID
        self.recordNumber = recordNumber
        self.storage = storage
        keyRange = key
        valueRange = value
    }

    /// Runs `body` with the operation's key: of a column its number as eight bytes, the least
    /// significant first.
    package func withKey<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let recordNumber { return withUnsafeBytes(of: recordNumber.littleEndian, body) }
        return with(keyRange, body)
    }

    /// Runs `body` with the value: of a whole record all that follows the type, padding included.
    package func withValue<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        with(valueRange, body)
    }

    package var key: [UInt8] { withKey { Array($0) } }
    package var value: [UInt8] { withValue { Array($0) } }

    private func with<Result>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Key and value as a cursor in raw mode gives them: the numbers packed (`III`, `qIIIuu`).
    package var raw: (key: [UInt8], value: [UInt8]) {
        var packedKey: [UInt8] = []
        for number in [lsn.file, lsn.offset, UInt32(operationCounter)] {
            PackedInteger.append(UInt64(number), to: &packedKey)
        }
        var packedValue: [UInt8] = []
        PackedInteger.append(transactionID, to: &packedValue)
        for number in [recordType, operationType, fileID] {
            PackedInteger.append(UInt64(number), to: &packedValue)
        }
        withKey { key in
            PackedInteger.append(UInt64(key.count), to: &packedValue)
            packedValue += key
        }
        withValue { packedValue += $0 }
        return (packedKey, packedValue)
    }
}
