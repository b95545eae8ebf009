import Glibc

/// The time of day, in UTC.
package enum WallClock {
    /// Milliseconds since 1970.
    package static var nowMilliseconds: Int {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    /// The moment as RFC 3339 has it, with milliseconds.
    package static func text(ofMilliseconds milliseconds: Int) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let start = String(unsafeUninitializedCapacity: 32) { buffer in
            buffer.withMemoryRebound(to: CChar.self) {
                strftime($0.baseAddress, $0.count, "%Y-%m-%dT%H:%M:%S", &parts)
            }
        }
        let fraction = String(milliseconds % 1000)
        return start + "." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction + "Z"
    }
}
