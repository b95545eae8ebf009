/// The rows of one record, in order; `__curlog_kv` and what it calls.
package struct RecordRows: Sendable {
    package let lsn: LSN
    private let storage: [UInt8]
    private let body: Range<Int>
    private var recordType: UInt32 = 0
    private var transactionID: UInt64 = 0
    /// Where the next operation begins; nil if there can be none.
    private var offset: Int?
    /// The counter of the next row.
    private(set) var counter = 0

    /// - Parameter body: where in `storage` the body lies.
    init(lsn: LSN, _ storage: [UInt8], _ body: Range<Int>) {
        self.lsn = lsn
        self.storage = storage
        self.body = body
    }

    /// The rows of a record of which only the body is there, unpacked.
    package init(body: [UInt8], lsn: LSN) { self.init(lsn: lsn, body, 0..<body.count) }

    /// The next row; nil behind the last one.
    ///
    /// - Throws: `.corrupt` if what follows is no operation; asking again gives it again.
    package mutating func next() throws(StoreError) -> JournalRow? {
        try counter == 0 ? whole() : operation()
    }

    private mutating func whole() throws(StoreError) -> JournalRow {
        let body = body
        let head = storage.withUnsafeBytes {
            all -> (type: UInt32, transaction: UInt64, value: Int, operations: Int?)? in
            var reader = PackedReader(all, from: body.lowerBound, to: body.upperBound)
            guard let type = reader.unsigned32() else { return nil }
            let value = reader.offset
            guard type == RecordType.commit else { return (type, 0, value, nil) }
            guard let transaction = reader.signed() else { return nil }
            return (type, transaction, value, reader.offset)
        }
        guard let head else {
            throw .journal(.corrupt(lsn, detail: "the record at \(lsn) has no type"))
        }
        counter = 1
        recordType = head.type
        transactionID = head.transaction
        offset = head.operations
        return row(
            0, 0, fileID: 0, recordNumber: nil, key: 0..<0, value: head.value..<body.upperBound)
    }

    private mutating func operation() throws(StoreError) -> JournalRow? {
        guard let start = offset, start < body.upperBound, storage[start] != 0 else { return nil }
        let found = storage.withUnsafeBytes {
            OperationFields($0, at: start, within: body)
        }
        guard let found else {
            throw .journal(
                .corrupt(
                    lsn,
                    detail: "operation \(counter) of the record at \(lsn) is not as long as it says"
                ))
        }
        offset = found.range.upperBound
        defer { counter += 1 }
        return row(
            counter, found.type, fileID: found.fileID, recordNumber: found.recordNumber,
            key: found.key, value: found.value)
    }

    private func row(
        _ counter: Int, _ operationType: UInt32, fileID: UInt32, recordNumber: UInt64?,
        key: Range<Int>, value: Range<Int>
    ) -> JournalRow {
        JournalRow(
            lsn: lsn, operationCounter: counter, transactionID: transactionID,
            recordType: recordType, operationType: operationType, fileID: fileID,
            recordNumber: recordNumber, storage: storage, key: key, value: value)
    }
}

/// Where the parts of one packed operation lie.
struct OperationFields {
    let type: UInt32
    /// The whole operation.
    let range: Range<Int>
    private(set) var fileID: UInt32 = 0
    private(set) var recordNumber: UInt64?
    private(set) var key = 0..<0
    private(set) var value: Range<Int>

    /// Nil if the operation's size disagrees with its fields, or with the body around it.
    init?(_ bytes: UnsafeRawBufferPointer, at start: Int, within body: Range<Int>) {
        var reader = PackedReader(bytes, from: start, to: body.upperBound)
        guard let type = reader.unsigned32(), let size = reader.unsigned(),
            size <= UInt64(body.upperBound - start), start + Int(size) >= reader.offset
        else { return nil }
        self.type = type
        range = start..<start + Int(size)
        value = range
        reader = PackedReader(bytes, from: reader.offset, to: range.upperBound)
        guard readFields(&reader) else { return nil }
    }

    private mutating func readFields(_ reader: inout PackedReader) -> Bool {
        switch type {
        case OperationType.rowPut, OperationType.rowModify:
            guard let file = reader.unsigned32(), let key = reader.item() else { return false }
            fileID = file
            self.key = key
            value = reader.rest()
        case OperationType.rowRemove:
            guard let file = reader.unsigned32() else { return false }
            fileID = file
            key = reader.rest()
            value = key.upperBound..<key.upperBound
        case OperationType.columnPut, OperationType.columnModify, OperationType.columnRemove:
            guard let file = reader.unsigned32(), let number = reader.unsigned() else {
                return false
            }
            fileID = file
            recordNumber = number
            guard type == OperationType.columnRemove else {
                value = reader.rest()
                return true
            }
            value = reader.offset..<reader.offset
            return reader.isAtEnd
        default: break
        }
        return true
    }
}
