import Glibc
import Store

/// Writes lines to a descriptor on a thread of its own, so that nobody waits for a slow terminal.
final class LineSink: Sendable {
    private struct State {
        var pending: [UInt8] = []
        var dropped = 0
        var isRunning = true
        var hasEnded = false
    }

    /// Lines that nobody takes are dropped beyond this, and counted.
    private static let longestQueue = 4 << 20

    private let descriptor: Int32
    private let state = Locked(State())

    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = startThread("log") { [self] in run() }
    }

    func write(_ line: [UInt8]) {
        let wasEmpty = state.withLock { state in
            guard state.pending.count < Self.longestQueue else {
                state.dropped += 1
                return false
            }
            defer { state.pending.append(contentsOf: line) }
            return state.pending.isEmpty
        }
        if wasEmpty { state.wakeAll() }
    }

    /// Writes what is left and ends the thread.
    func stop() {
        state.withLock { $0.isRunning = false }
        state.wakeAll()
        state.whenReady(before: Instant.now.advanced(milliseconds: 2000), { $0.hasEnded }) { _ in }
    }

    private func run() {
        while true {
            let lines: [UInt8]? = state.whenReady({ !$0.pending.isEmpty || !$0.isRunning }) {
                state in
                guard !state.pending.isEmpty else { return nil }
                var lines = state.pending
                if state.dropped > 0 {
                    lines += Array("(\(state.dropped) lines were dropped)\n".utf8)
                    state.dropped = 0
                }
                state.pending = []
                return lines
            }
            guard let lines else { break }
            write(all: lines)
        }
        state.withLock { $0.hasEnded = true }
        state.wakeAll()
    }

    private func write(all lines: [UInt8]) {
        var done = 0
        while done < lines.count {
            let count = lines.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                return Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if count > 0 { done += count } else if errno != EINTR { return }
        }
    }
}
