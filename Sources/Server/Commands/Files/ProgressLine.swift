import Glibc
import Store

/// A line on stderr that shows how far a command is, if that is a terminal; nothing anywhere else.
final class ProgressLine {
    private let total: Int
    private let started = Instant.now
    private let isShown: Bool
    private var shownAt: Int?
    private var last = Instant.now
    private var hasLine = false

    /// So often the clock is looked at.
    private static let step = 1 << 20
    private static let width = 28

    /// - Parameters:
    ///   - total: bytes that there are to pass.
    ///   - isShown: false if what the command prints goes to the same terminal.
    init(total: Int, isShown: Bool = true) {
        self.total = total
        self.isShown = isShown && isatty(2) == 1
    }

    func show(_ done: Int) {
        guard isShown, done - (shownAt ?? -Self.step) >= Self.step else { return }
        shownAt = done
        let now = Instant.now
        guard now.nanoseconds(since: last) >= 100_000_000 else { return }
        last = now
        draw(done, now)
    }

    /// Takes the line away.
    func clear() {
        guard hasLine else { return }
        put("\r\u{1B}[K")
        hasLine = false
    }

    private func draw(_ done: Int, _ now: Instant) {
        let share = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let filled = Int(share * Double(Self.width))
        let bar =
            String(repeating: "#", count: filled)
            + String(repeating: "-", count: Self.width - filled)
        let seconds = Double(max(1, now.nanoseconds(since: started))) / 1e9
        let rate = Int(Double(done) / seconds)
        put(
            "\r[\(bar)] \(Int(share * 100))%  \(Bytes.text(done)) of \(Bytes.text(total)), "
                + "\(Bytes.text(rate))/s\u{1B}[K")
        hasLine = true
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(2, bytes, bytes.count)
    }
}

/// Numbers of bytes as people read them.
enum Bytes {
    static func text(_ count: Int) -> String {
        let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0 else { return "\(count) bytes" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
