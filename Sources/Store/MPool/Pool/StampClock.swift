import CLinux
import Synchronization

/// Numbers that order the puts of all threads without making them meet.
///
/// A thread counts on a line of its own, and tells the pool's clock every 64 puts. With one thread
/// the order is exact; two threads may differ by what they have not told yet.
final class StampClock: @unchecked Sendable {
    // Sendable because the counters are atomics, at addresses that stay until deinit.
    private let lines: UnsafeMutableRawPointer
    private let shared: UnsafeMutablePointer<Atomic<UInt64>>

    private static let count = 64
    private static let lineBytes = 128

    init(_ shared: UnsafeMutablePointer<Atomic<UInt64>>) {
        self.shared = shared
        lines = .allocate(byteCount: Self.count * Self.lineBytes, alignment: Self.lineBytes)
        lines.initializeMemory(
            as: UInt8.self, repeating: 0, count: Self.count * Self.lineBytes)
    }

    deinit { lines.deallocate() }

    /// A stamp that is later than all that this thread has seen.
    @inline(__always)
    func tick() -> UInt64 {
        let line = lines.word64(
            Int(clinux_thread_number() & UInt32(Self.count - 1)) &* Self.lineBytes)
        let known = shared.pointee.load(ordering: .relaxed)
        let stamp = max(line.pointee.load(ordering: .relaxed), known) &+ 1
        line.pointee.store(stamp, ordering: .relaxed)
        if stamp & 63 == 0 { shared.pointee.max(stamp, ordering: .relaxed) }
        return stamp
    }

    /// As `tick`, and every later stamp of any thread is later.
    func tickForAll() -> UInt64 {
        let stamp = tick()
        shared.pointee.max(stamp, ordering: .relaxed)
        return stamp
    }
}
