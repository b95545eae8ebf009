import Glibc

/// A moment of the monotonic clock, which no change of the wall clock moves.
package struct Instant: Comparable, Sendable {
    /// Nanoseconds since an arbitrary start.
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// The present.
    package static var now: Instant {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: time.tv_sec * 1_000_000_000 + time.tv_nsec)
    }

    /// The moment `milliseconds` later.
    package func advanced(milliseconds: Int) -> Instant {
        Instant(nanoseconds: nanoseconds + milliseconds * 1_000_000)
    }

    /// Milliseconds until this moment, the last one begun counted as whole; 0 or less once it is over.
    package var millisecondsLeft: Int {
        let left = nanoseconds(since: Instant.now)
        return left <= 0 ? 0 : (left + 999_999) / 1_000_000
    }

    /// Nanoseconds from `earlier` to this moment.
    package func nanoseconds(since earlier: Instant) -> Int { nanoseconds - earlier.nanoseconds }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    var timespec: Glibc.timespec {
        .init(
            tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    }
}
