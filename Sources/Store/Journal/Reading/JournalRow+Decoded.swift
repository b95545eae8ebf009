extension JournalRow {
    /// What a row leaves packed in its value.
    package enum Decoded: Equatable, Sendable {
        case checkpoint(LSN)
        case previous(LSN)
        case fileSync(file: UInt32, start: UInt32)
        case rowTruncate(file: UInt32, start: [UInt8], stop: [UInt8], mode: UInt32)
        case columnTruncate(file: UInt32, start: UInt64, stop: UInt64)
        /// Seconds, nanoseconds, then the five timestamps.
        case timestamps([UInt64])
    }

    /// What the value holds; nil if there is nothing to unpack, or it can't be.
    package var decoded: Decoded? {
        if operationCounter > 0 { return decodedOperation }
        switch recordType {
        case RecordType.checkpoint, RecordType.fileSync:
            return withValue { value in
                var reader = PackedReader(value)
                guard let first = reader.unsigned32(), let second = reader.unsigned32() else {
                    return nil
                }
                return recordType == RecordType.checkpoint
                    ? .checkpoint(LSN(file: first, offset: second))
                    : .fileSync(file: first, start: second)
            }
        case RecordType.system: return decodedOperation
        default: return nil
        }
    }

    private var decodedOperation: Decoded? {
        withValue { value in
            var reader = PackedReader(value)
            switch operationCounter == 0 ? nil : operationType {
            case nil, OperationType.rowTruncate, OperationType.columnTruncate,
                OperationType.timestamp:
                break
            default: return nil
            }
            guard let type = reader.unsigned32(), reader.unsigned() != nil else { return nil }
            return Self.fields(of: type, value, &reader)
        }
    }

    private static func fields(
        of type: UInt32, _ value: UnsafeRawBufferPointer, _ reader: inout PackedReader
    ) -> Decoded? {
        switch type {
        case OperationType.previousLSN:
            guard let file = reader.unsigned32(), let offset = reader.unsigned32() else {
                return nil
            }
            return .previous(LSN(file: file, offset: offset))
        case OperationType.rowTruncate:
            guard let file = reader.unsigned32(), let start = reader.item(),
                let stop = reader.item(), let mode = reader.unsigned32()
            else { return nil }
            return .rowTruncate(
                file: file, start: Array(value[start]), stop: Array(value[stop]), mode: mode)
        case OperationType.columnTruncate:
            guard let file = reader.unsigned32(), let start = reader.unsigned(),
                let stop = reader.unsigned()
            else { return nil }
            return .columnTruncate(file: file, start: start, stop: stop)
        case OperationType.timestamp:
            let numbers = (0..<7).compactMap { _ in reader.unsigned() }
            return numbers.count == 7 ? .timestamps(numbers) : nil
        default: return nil
        }
    }
}
