import API
import Glibc

/// What a command prints, in large blocks; a reader that leaves ends it quietly.
struct StandardOutput {
    private var writer = JSONWriter(capacity: blockSize * 2)
    /// Whether somebody still reads.
    private(set) var isOpen = true

    private static let blockSize = 64 << 10

    /// From now on a reader that leaves is no signal.
    init() { signal(SIGPIPE, SIG_IGN) }

    static var isTerminal: Bool { isatty(1) == 1 }

    /// Writes a line; whether anyone wants another.
    mutating func line(_ body: (inout JSONWriter) -> Void) -> Bool {
        body(&writer)
        writer.literal("\n")
        if writer.bytes.count >= Self.blockSize { flush() }
        return isOpen
    }

    mutating func flush() {
        var done = 0
        let count = writer.bytes.count
        while isOpen, done < count {
            let written = writer.bytes.withUnsafeBytes {
                write(1, $0.baseAddress.map { $0 + done }, count - done)
            }
            if written > 0 {
                done += written
            } else if written < 0, errno != EINTR {
                failure = errno == EPIPE ? nil : errno
                isOpen = false
            }
        }
        writer.bytes.removeAll(keepingCapacity: writer.bytes.capacity < 8 << 20)
    }

    /// The error number of what could not be written, though somebody wants it.
    private(set) var failure: Int32?
}
