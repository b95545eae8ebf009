/// The bodies of the records that are written here: the packed type, then what belongs to it.
package enum RecordBody {
    /// A text; log_printf.
    ///
    /// - Parameter text: without zero bytes: the first one would end it.
    package static func message(_ text: some Collection<UInt8>) -> [UInt8] {
        var body = start(RecordType.message)
        body.reserveCapacity(text.count + 2)
        body += text
        body.append(0)
        return body
    }

    /// A transaction.
    ///
    /// - Parameter operations: packed, one after the other.
    package static func commit(transaction: UInt64, operations: [UInt8]) -> [UInt8] {
        var body = start(RecordType.commit)
        PackedInteger.append(transaction, to: &body)
        return body + operations
    }

    /// The beginning of a checkpoint.
    static var checkpointStart: [UInt8] {
        var body = start(RecordType.system)
        TransactionOperation.checkpointStart.append(to: &body)
        return body
    }

    /// The end of a checkpoint that began at an LSN, without transactions under way.
    static func checkpoint(of lsn: LSN) -> [UInt8] {
        var body = start(RecordType.checkpoint)
        PackedInteger.append(UInt64(lsn.file), to: &body)
        PackedInteger.append(UInt64(lsn.offset), to: &body)
        PackedInteger.append(0, to: &body)
        return body
    }

    private static func start(_ type: UInt32) -> [UInt8] {
        var body: [UInt8] = []
        PackedInteger.append(UInt64(type), to: &body)
        return body
    }
}
