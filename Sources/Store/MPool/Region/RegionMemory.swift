import CLinux
import Glibc
import Synchronization

/// One mapped block: the region of a pool, which processes share through a file.
///
/// It is the only owner of the mapping. Nothing in the block is an address.
final class RegionMemory: @unchecked Sendable {
    // Sendable because the mapping stays until deinit; what is in it has its own rules, see
    // `RegionControl` and `PageHeader`.
    let base: UnsafeMutableRawPointer
    let layout: RegionLayout
    /// The file behind it; nil if it is private.
    private let file: SharedFile?

    /// An open file that several owners need.
    final class SharedFile: Sendable {
        let file: File
        init(_ file: consuming File) { self.file = file }

        /// Whether any process holds a byte of it, whatever its layout.
        var isClaimed: Bool { clinux_any_byte_is_locked(file.descriptor) != 0 }
    }

    /// Maps `file`, or memory of this process alone.
    init(_ layout: RegionLayout, file: SharedFile?) throws(StoreError) {
        let flags = file == nil ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED
        let address = mmap(
            nil, layout.byteCount, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE,
            file?.file.descriptor ?? -1, 0)
        guard let address, address != MAP_FAILED else {
            throw StoreError(call: "mmap", errno: errno, file: file?.file.name ?? "a private pool")
        }
        base = address
        self.layout = layout
        self.file = file
        if file == nil, layout.reserve >= 8 << 20 {
            let large = Int32(14)  // MADV_HUGEPAGE, which the module map lacks
            madvise(base + layout.headersAt, layout.byteCount - layout.headersAt, large)
        }
    }

    deinit { munmap(base, layout.byteCount) }

    var isShared: Bool { file != nil }

    /// Gives a stretch disk space of its own: a store into a hole on a full disk would be SIGBUS.
    func back(from offset: Int, count: Int) throws(StoreError) {
        guard let file, count > 0 else { return }
        let first = offset & ~4095
        var result: Int32
        repeat {
            result = posix_fallocate(
                file.file.descriptor, off_t(first), off_t(offset + count - first))
        } while result == EINTR
        if result != 0 {
            throw StoreError(call: "fallocate", errno: result, file: file.file.name)
        }
    }

    /// Gives the memory of a page back; its bytes are gone.
    func giveBack(_ offset: Int, count: Int) {
        if let file {
            _ = clinux_punch_hole(file.file.descriptor, offset, count)
        } else {
            madvise(base + offset, count, MADV_DONTNEED)
        }
    }

    /// Holds the byte that says that a process slot is in use, for as long as the file is open.
    func claim(process: Int) -> Bool {
        guard let file else { return true }
        return clinux_lock_byte(file.file.descriptor, layout.byteCount + process) == 0
    }

    /// Whether the process in a slot is gone; the kernel says, so that no number is confused.
    func isGone(process: Int) -> Bool {
        guard let file else { return false }
        return clinux_byte_is_locked(file.file.descriptor, layout.byteCount + process) == 0
    }

    /// Sleeps while the word at `offset` is `value`, for `milliseconds` at most.
    func sleep(at offset: Int, while value: UInt32, milliseconds: Int) {
        clinux_futex_wait(base + offset, value, milliseconds)
    }

    /// Wakes all that sleep at `offset`, in every process.
    func wake(at offset: Int) { clinux_futex_wake(base + offset) }
}

extension UnsafeMutableRawPointer {
    /// Has the line of memory fetched for this core alone, without waiting for it.
    @inline(__always)
    func fetchToWrite() { clinux_fetch_to_write(self) }

    /// A number that threads and processes change without a lock.
    @inline(__always)
    func word64(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// A number that threads and processes change without a lock.
    @inline(__always)
    func word32(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
}
