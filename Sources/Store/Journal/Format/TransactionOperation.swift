/// One operation of a transaction, or of a system record; `__wt_logop_*`.
///
/// File identifiers name tables; keys and values are as the table packs them.
package enum TransactionOperation: Equatable, Sendable {
    case rowPut(fileID: UInt32, key: [UInt8], value: [UInt8])
    case rowRemove(fileID: UInt32, key: [UInt8])
    /// From `start` to `stop`, both included; nil is an open end.
    case rowTruncate(fileID: UInt32, start: [UInt8]?, stop: [UInt8]?)
    /// - Parameter value: the list of changes, as `change(_:)` packs it.
    case rowModify(fileID: UInt32, key: [UInt8], value: [UInt8])
    case columnPut(fileID: UInt32, recordNumber: UInt64, value: [UInt8])
    case columnRemove(fileID: UInt32, recordNumber: UInt64)
    /// 0 is an open end.
    case columnTruncate(fileID: UInt32, start: UInt64, stop: UInt64)
    case columnModify(fileID: UInt32, recordNumber: UInt64, value: [UInt8])
    case checkpointStart
    case previousLSN(LSN)

    /// One change of a modify: `size` bytes at `offset` give way to `data`.
    package struct Change: Equatable, Sendable {
        package let data: [UInt8]
        package let offset: Int
        package let size: Int

        package init(data: [UInt8], offset: Int, size: Int) {
            self.data = data
            self.offset = offset
            self.size = size
        }
    }

    /// The value of a modify: how many changes, then three numbers for each, then the data.
    package static func value(of changes: [Change]) -> [UInt8] {
        var value: [UInt8] = []
        func add(_ number: Int) {
            withUnsafeBytes(of: UInt64(number).littleEndian) { value.append(contentsOf: $0) }
        }
        add(changes.count)
        for change in changes {
            add(change.data.count)
            add(change.offset)
            add(change.size)
        }
        for change in changes { value += change.data }
        return value
    }

    /// Appends the packed operation.
    package func append(to bytes: inout [UInt8]) {
        let type = UInt64(type)
        let fields = fields
        // The size counts itself, and how long it is depends on what it says.
        let others = PackedInteger.length(of: type) + fields.count
        var size = others + 1
        while others + PackedInteger.length(of: UInt64(size)) != size {
            size = others + PackedInteger.length(of: UInt64(size))
        }
        PackedInteger.append(type, to: &bytes)
        PackedInteger.append(UInt64(size), to: &bytes)
        bytes += fields
    }

    private var fields: [UInt8] {
        var bytes: [UInt8] = []
        func add(_ number: some UnsignedInteger) {
            PackedInteger.append(UInt64(number), to: &bytes)
        }
        func add(item: [UInt8]) {
            add(UInt(item.count))
            bytes += item
        }
        switch self {
        case .rowPut(let file, let key, let value), .rowModify(let file, let key, let value):
            add(file)
            add(item: key)
            bytes += value
        case .rowRemove(let file, let key):
            add(file)
            bytes += key
        case .rowTruncate(let file, let start, let stop):
            add(file)
            add(item: start ?? [])
            add(item: stop ?? [])
            add(Self.mode(start, stop))
        case .columnPut(let file, let number, let value),
            .columnModify(let file, let number, let value):
            add(file)
            add(number)
            bytes += value
        case .columnRemove(let file, let number):
            add(file)
            add(number)
        case .columnTruncate(let file, let start, let stop):
            add(file)
            add(start)
            add(stop)
        case .checkpointStart: break
        case .previousLSN(let lsn):
            add(lsn.file)
            add(lsn.offset)
        }
        return bytes
    }

    /// Which ends a truncate has: `WT_TXN_TRUNC_*`.
    private static func mode(_ start: [UInt8]?, _ stop: [UInt8]?) -> UInt {
        switch (start, stop) {
        case (nil, nil): 0
        case (_?, _?): 1
        case (_?, nil): 2
        case (nil, _?): 3
        }
    }

    private var type: UInt32 {
        switch self {
        case .columnPut: OperationType.columnPut
        case .columnRemove: OperationType.columnRemove
        case .columnTruncate: OperationType.columnTruncate
        case .rowPut: OperationType.rowPut
        case .rowRemove: OperationType.rowRemove
        case .rowTruncate: OperationType.rowTruncate
        case .checkpointStart: OperationType.checkpointStart
        case .previousLSN: OperationType.previousLSN
        case .columnModify: OperationType.columnModify
        case .rowModify: OperationType.rowModify
        }
    }
}

/// The types of operations; others are legal for a reader.
package enum OperationType {
    package static let columnPut: UInt32 = 1
    package static let columnRemove: UInt32 = 2
    package static let columnTruncate: UInt32 = 3
    package static let rowPut: UInt32 = 4
    package static let rowRemove: UInt32 = 5
    package static let rowTruncate: UInt32 = 6
    package static let checkpointStart: UInt32 = 7
    package static let previousLSN: UInt32 = 8
    package static let columnModify: UInt32 = 9
    package static let rowModify: UInt32 = 10
    /// Of diagnostic logging, and therefore with the bit that makes recovery pass it over.
    package static let timestamp: UInt32 = 0x8000_000B
    package static let backupID: UInt32 = 12

    /// All that have a name, by the name that the original's printlog gives them.
    package static let names: [(type: UInt32, name: StaticString)] = [
        (columnPut, "col_put"), (columnRemove, "col_remove"), (columnTruncate, "col_truncate"),
        (rowPut, "row_put"), (rowRemove, "row_remove"), (rowTruncate, "row_truncate"),
        (checkpointStart, "checkpoint_start"), (previousLSN, "prev_lsn"),
        (columnModify, "col_modify"), (rowModify, "row_modify"), (timestamp, "txn_timestamp"),
        (backupID, "backup_id"),
    ]

    /// The name of a type; nil for one that nobody knows.
    package static func name(of type: UInt32) -> StaticString? {
        names.first { $0.type == type }?.name
    }
}
