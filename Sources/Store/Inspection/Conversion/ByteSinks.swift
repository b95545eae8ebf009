import Glibc

/// Makes an external log: the records' bytes and nothing else.
final class ExternalSink: RecordSink {
    private let folder: DataDirectory
    private let name: String
    private let temporary: String
    private let file: File
    private var pending = PendingBytes()
    private var length = 0

    init(_ name: String, in folder: DataDirectory) throws(StoreError) {
        self.folder = folder
        self.name = name
        temporary = folder.temporaryName()
        file = try folder.open(temporary, flags: O_RDWR | O_CREAT | O_EXCL)
    }

    func add(_ record: UnsafeRawBufferPointer) throws(StoreError) {
        pending.add { $0.append(contentsOf: record) }
        if pending.isLarge { try write() }
    }

    private func write() throws(StoreError) {
        let bytes = pending.take()
        try file.write(bytes, at: length)
        length += bytes.count
    }

    func finish() throws(StoreError) {
        try write()
        try file.sync()
        try folder.publish(temporary, as: name)
    }

    func abandon() { folder.discard(temporary) }
}

/// Makes a pool: its headers are written when it is known how much data there is.
final class PoolSink: RecordSink {
    private let folder: DataDirectory
    private let name: String
    private let temporary: String
    private let size: Int?
    private let file: File
    private var pending = PendingBytes()
    private var end = PoolLayout.dataStart

    /// - Parameter size: of the file; nil for as much as is needed.
    init(_ name: String, in folder: DataDirectory, size: Int?) throws(StoreError) {
        if let size, size < PoolLayout.minimumSize {
            throw .badArgument(
                option: "size",
                detail: "a pool has at least \(PoolLayout.minimumSize) bytes: give a larger "
                    + "--size, or none for as much as is needed")
        }
        try PoolOptions(size: size).check()
        try PoolFile.checkName(name)
        self.folder = folder
        self.name = name
        self.size = size
        temporary = folder.temporaryName()
        file = try folder.open(temporary, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
    }

    func add(_ record: UnsafeRawBufferPointer) throws(StoreError) {
        pending.add { $0.append(contentsOf: record) }
        if let size {
            let room = PoolLayout.nbyte(poolSize: size)
            guard end - PoolLayout.dataStart + pending.bytes.count <= room else {
                throw .badArgument(
                    option: "size",
                    detail: "the data does not fit into a pool of \(size) bytes, which has room "
                        + "for \(room); give a larger --size, or none for as much as is needed")
            }
        }
        if pending.isLarge { try write() }
    }

    private func write() throws(StoreError) {
        let bytes = pending.take()
        try file.write(bytes, at: end)
        end += bytes.count
    }

    func finish() throws(StoreError) {
        try write()
        let page = PoolLayout.pageSize
        let needed = max(PoolLayout.minimumSize, (end + page - 1) / page * page)
        let size = size ?? needed
        try file.allocate(size: size)
        var pages = PoolLayout.newPages(
            poolSize: size, createdAt: WallClock.nowMilliseconds / 1000)
        pages.storeLittleEndian(UInt64(end), at: PoolLayout.writeOffsetField)
        try file.write(pages, at: 0)
        try file.sync()
        try folder.publish(temporary, as: name)
    }

    func abandon() { folder.discard(temporary) }
}
