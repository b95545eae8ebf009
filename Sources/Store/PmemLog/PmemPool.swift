import CPMemLog
import Glibc

/// An open pool of libpmemlog: owns the handle, and turns what the library answers into errors.
///
/// The functions are those of the library and of PyNVM's `nvm.pmemlog`. A handle is used by one
/// thread at a time; `close` consumes it, so that it cannot be used afterwards.
package struct PmemPool: ~Copyable, @unchecked Sendable {
    // Sendable because the library takes a lock of its own in every call.
    private let handle: OpaquePointer
    /// Where the data is mapped; the library gives it to callbacks of a walk.
    private let data: UnsafeRawPointer
    private let name: String
    private let nbyteAtOpening: Int

    /// `pmemlog_open(3)`.
    ///
    /// - Parameters:
    ///   - path: a pool or a set file that `PoolFile` has found in order.
    ///   - name: how errors call it.
    /// - Throws: `.locked` if any process, this one included, has it open; `.notAPool`.
    package init(opening path: String, name: String) throws(StoreError) {
        errno = 0
        guard let handle = pmemlog_open(path) else {
            throw Self.error(errno, call: "pmemlog_open", name: name)
        }
        self.handle = handle
        self.name = name
        nbyteAtOpening = pmemlog_nbyte(handle)
        var start = UnsafeRawPointer(handle)
        withUnsafeMutablePointer(to: &start) { slot in
            pmemlog_walk(
                handle, 0,
                { data, _, slot in
                    guard let data, let slot else { return 0 }
                    slot.assumingMemoryBound(to: UnsafeRawPointer.self).pointee = UnsafeRawPointer(
                        data)
                    return 0
                }, slot)
        }
        data = start
    }

    /// Whether stores reach persistent memory without the system: the library needs no msync(2) then;
    /// `pmem_is_pmem(3)`.
    var isPersistentMemory: Bool {
        pmem_is_pmem(UnsafeRawPointer(handle), PoolLayout.dataStart + nbyteAtOpening) != 0
    }

    /// Capacity in bytes; `pmemlog_nbyte(3)`, `len()` of PyNVM.
    package var nbyte: Int { nbyteAtOpening }

    /// Length of the data in bytes; `pmemlog_tell(3)`.
    package var tell: Int { Int(pmemlog_tell(handle)) }

    /// Appends `bytes` as one: all or nothing, also across a power cut, and durable on return.
    ///
    /// `pmemlog_append(3)`, which is `pmemlog_appendv(3)` of one piece.
    /// - Throws: `.poolFull`; `.readOnlyMode`; `.failed` if the file was cut short underneath;
    ///   `.syncFailed` if a flush failed, which the library keeps to itself.
    package func append(_ bytes: [UInt8]) throws(StoreError) {
        try makeWritable(count: bytes.count)
        errno = 0
        let result = bytes.withUnsafeBytes { pmemlog_append(handle, $0.baseAddress, $0.count) }
        try check(result, errno, call: "pmemlog_append", needed: bytes.count)
    }

    /// Appends many pieces as one; `pmemlog_appendv(3)`.
    package func append(gathering pieces: [[UInt8]]) throws(StoreError) {
        if let only = pieces.first, pieces.count == 1 { return try append(only) }
        var gathered: [UInt8] = []
        gathered.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { gathered += piece }
        try append(gathered)
    }

    /// Empties the pool durably; `pmemlog_rewind(3)`.
    package func rewind() throws(StoreError) {
        try makeWritable(count: 0)
        errno = 0
        pmemlog_rewind(handle)
        try check(0, errno, call: "pmemlog_rewind", needed: 0)
    }

    /// Calls `body` with the data in chunks, in order, until it returns false; `pmemlog_walk(3)`.
    ///
    /// - Parameters:
    ///   - chunkSize: bytes a chunk; 0: one call with everything, also when that is nothing.
    ///     Anything above `tell` acts like `tell`: close to 2^64 the library wraps around.
    ///   - body: must not append, rewind or wait: the library's lock is held meanwhile.
    package func walk<Failure: Error>(
        chunkSize: Int = 0, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Bool
    ) throws(Failure) {
        var failure: Failure?
        walkOpaquely(chunk: max(0, min(chunkSize, max(tell, 1)))) { chunk in
            do throws(Failure) {
                return try body(chunk)
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    /// The C callback can capture nothing and know no generic type: it finds the closure in a slot.
    private func walkOpaquely(chunk: Int, _ body: (UnsafeRawBufferPointer) -> Bool) {
        withoutActuallyEscaping(body) { escapable in
            var slot = escapable
            withUnsafeMutablePointer(to: &slot) { slot in
                pmemlog_walk(
                    handle, chunk,
                    { data, count, slot in
                        guard let slot else { return 0 }
                        let body = slot.assumingMemoryBound(
                            to: ((UnsafeRawBufferPointer) -> Bool).self)
                        return body.pointee(UnsafeRawBufferPointer(start: data, count: count))
                            ? 1 : 0
                    }, slot)
            }
        }
    }

    /// Leaves the pool cleanly closed; `pmemlog_close(3)`.
    ///
    /// A file that was cut short underneath is only let go of: writing its header would kill the
    /// process.
    /// - Parameter tell: after a failed flush, the length up to which all is certain. The write offset has
    ///   moved beyond it, and the header that the library is about to write says so.
    package consuming func close(durableTell tell: Int? = nil) {
        let base = UnsafeMutableRawPointer(handle)
        guard populate(from: base, count: PoolLayout.dataStart) else {
            munmap(base, nbyteAtOpening + PoolLayout.dataStart)
            return
        }
        if let tell {
            let offset = UInt64(PoolLayout.dataStart + tell)
            base.storeBytes(
                of: offset.littleEndian, toByteOffset: PoolLayout.writeOffsetField, as: UInt64.self)
            // If this fails too, the next opening asks the device.
            msync(base, PoolLayout.dataStart, MS_SYNC)
        }
        pmemlog_close(handle)
    }

    /// `pmemlog_check(3)`: what the library thinks of a pool that nobody has open.
    ///
    /// - Returns: nil if it is consistent, else what is wrong.
    /// - Throws: `.locked`, `.fileAccess` and the like if it could not be examined.
    package static func check(_ path: String, name: String) throws(StoreError) -> String? {
        errno = 0
        switch pmemlog_check(path) {
        case 1: return nil
        case 0: return "inconsistent"
        default:
            let number = errno
            guard number == EINVAL else { throw error(number, call: "pmemlog_check", name: name) }
            return message
        }
    }

    /// `pmemlog_check_version(3)`: nil if the library offers that version, else why not.
    package static func checkVersion(major: UInt32, minor: UInt32) -> String? {
        pmemlog_check_version(major, minor).map { String(cString: $0) }
    }

    /// The version of the library's interface.
    package static var version: (major: Int, minor: Int) {
        (Int(PMEMLOG_MAJOR_VERSION), Int(PMEMLOG_MINOR_VERSION))
    }

    /// Makes the pages that a call is about to store into writable, or fails where the store itself
    /// would raise SIGBUS: the file was cut short, the disk cannot be read, a hole cannot be filled.
    private func makeWritable(count: Int) throws(StoreError) {
        // The headers come first: tell() reads them.
        guard populate(from: UnsafeMutableRawPointer(handle), count: PoolLayout.dataStart) else {
            throw unwritable
        }
        let tell = tell
        let tail = UnsafeMutableRawPointer(mutating: data) + tell
        let fits = count <= nbyteAtOpening - tell
        guard !fits || populate(from: tail, count: count) else { throw unwritable }
    }

    private var unwritable: StoreError {
        .failed(detail: "\(name) was cut short underneath, or its disk fails")
    }

    private func populate(from address: UnsafeMutableRawPointer, count: Int) -> Bool {
        let page = UInt(PoolLayout.pageSize)
        let start = UInt(bitPattern: address) / page * page
        let end = (UInt(bitPattern: address) + UInt(count) + page - 1) / page * page
        guard end > start, let pointer = UnsafeMutableRawPointer(bitPattern: start) else {
            return true
        }
        let result = madvise(pointer, Int(end - start), MADV_POPULATE_WRITE)
        // Kernels before 5.14 don't know the request.
        return result == 0 || errno == EINVAL
    }

    /// The library ignores a failing flush and returns 0; the error number is the only trace.
    private func check(
        _ result: Int32, _ number: Int32, call: String, needed: Int
    ) throws(StoreError) {
        guard result != 0 else {
            if number == EROFS { throw .readOnlyMode }
            if number != 0 { throw .syncFailed(.init(call: call, errno: number, file: name)) }
            return
        }
        switch number {
        case ENOSPC: throw .poolFull(needed: needed, position: tell, capacity: nbyteAtOpening)
        case EROFS: throw .readOnlyMode
        default: throw Self.error(number, call: call, name: name)
        }
    }

    private static func error(_ number: Int32, call: String, name: String) -> StoreError {
        switch number {
        case EAGAIN: .locked(detail: "\(name) is open in another process or under another name")
        // Its words for a path that it has no memory for; sizes were looked at before.
        case EINVAL where message.contains("negative size"):
            .overloaded(detail: "\(call) of \(name): no memory")
        case EINVAL: .notAPool(detail: message)
        case ENOTSUP: .notImplemented(detail: message)
        default: StoreError(call: call, errno: number, file: name)
        }
    }

    /// The library's last words on this thread; they may hold absolute paths, which are cut out.
    private static var message: String {
        let text = pmemlog_errormsg().map { String(cString: $0) } ?? ""
        return text.split(separator: " ").map { word in
            word.contains("/")
                ? word.split(separator: "/").last.map(String.init) ?? "" : String(word)
        }.joined(separator: " ")
    }
}
