import Glibc

/// Makes a halt log of terms, closed.
final class LogSink: RecordSink {
    private let folder: DataDirectory
    private let name: String
    private let writer: LogFileSink

    init(_ name: String, in folder: DataDirectory) throws(StoreError) {
        self.folder = folder
        self.name = name
        writer = try LogFileSink(in: folder)
    }

    func add(_ term: UnsafeRawBufferPointer) throws(StoreError) { try writer.add(term) }

    func finish() throws(StoreError) {
        try writer.finish()
        try folder.publish(writer.temporary, as: name)
    }

    func abandon() { folder.discard(writer.temporary) }
}

/// Makes a ring of terms, all of whose files are closed, and none of whose records is overwritten.
final class RingSink: RecordSink {
    private let name: String
    private let size: RingSizeFile
    private let folder: DataDirectory
    private var writer: LogFileSink
    private var index = RingIndex.new
    private var names: NewNames

    init(_ name: String, in folder: DataDirectory, size: Int?, files: Int?) throws(StoreError) {
        guard let size, let files else {
            throw .badArgument(
                option: "size",
                detail: "a ring has a size: give --size, the bytes of each file, and --files, how "
                    + "many there are")
        }
        try LogSize.files(maxBytes: size, maxFiles: files).check(for: .wrap)
        self.name = name
        self.folder = folder
        self.size = RingSizeFile(maxBytes: UInt64(size), maxFiles: UInt32(files), version: 2)
        names = NewNames(in: folder)
        writer = try LogFileSink(in: folder)
        names.add(writer.temporary, as: "\(name).1")
    }

    func add(_ term: UnsafeRawBufferPointer) throws(StoreError) {
        let counted = writer.counted + LogItem.countedSize(term.count)
        if counted > size.maxBytes, writer.items > 0 { try moveOn() }
        try writer.add(term)
    }

    private func moveOn() throws(StoreError) {
        guard index.current < size.maxFiles else {
            throw .badArgument(
                option: "size",
                detail: "the records need more than \(size.maxFiles) files of \(size.maxBytes) "
                    + "bytes: the ring would drop the oldest; give it a larger --size or more --files"
            )
        }
        try close()
        index.current += 1
        writer = try LogFileSink(in: folder)
        names.add(writer.temporary, as: "\(name).\(index.current)")
    }

    private func close() throws(StoreError) {
        try writer.finish()
        index[index.current] = writer.items
    }

    func finish() throws(StoreError) {
        try close()
        try names.add(size.encoded, as: RingSizeFile.path(name))
        try names.add(index.encoded, as: RingIndex.path(name))
        try names.publish()
    }

    func abandon() { names.abandon() }
}

/// One internal file that is being made.
final class LogFileSink {
    let temporary: String
    private let file: LogFile
    private var pending = PendingBytes()
    private(set) var items = 0
    /// The byte count that limits a file.
    private(set) var counted = LogMark.headerSize

    init(in folder: DataDirectory) throws(StoreError) {
        temporary = folder.temporaryName()
        file = try LogFile.make(temporary, format: .internal, head: nil, in: folder)
        try file.publish(in: folder)
    }

    func add(_ term: UnsafeRawBufferPointer) throws(StoreError) {
        guard term.count <= LogItem.sizeLimit else {
            throw .recordTooLarge(size: term.count, limit: LogItem.sizeLimit)
        }
        pending.add { LogItem.append(term, to: &$0) }
        items += 1
        counted += LogItem.countedSize(term.count)
        if pending.isLarge { try file.append(pending.take()) }
    }

    /// Makes it durable, and closed.
    func finish() throws(StoreError) {
        try file.append(pending.take())
        try file.sync()
        try file.mark(.closed)
        try file.sync()
    }
}
