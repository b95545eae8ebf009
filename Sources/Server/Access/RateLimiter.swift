import Store
import Synchronization

/// How many requests a token may make.
struct TokenRate: Equatable, Sendable {
    let requestsPerSecond: Int
    /// Requests at once.
    let burst: Int
}

/// Keeps a rate: a bucket that holds `burst` requests and fills evenly.
///
/// One number tells how full it is: when it would be full again if nothing came.
final class RateLimiter: Sendable {
    /// What a request found.
    struct Finding {
        let isAllowed: Bool
        /// Requests that may follow at once.
        let remaining: Int
        /// Seconds, rounded up, until the bucket is full; of a refused one until the next may come.
        let seconds: Int
    }

    let rate: TokenRate
    private let interval: Int
    private let fullAt = Atomic(0)

    init(_ rate: TokenRate) {
        self.rate = rate
        interval = 1_000_000_000 / rate.requestsPerSecond
    }

    /// Takes a request out, if there is one.
    func take(_ now: Instant = .now) -> Finding {
        while true {
            let before = fullAt.load(ordering: .relaxed)
            let after = max(before, now.nanoseconds) + interval
            let wait = after - now.nanoseconds - rate.burst * interval
            if wait > 0 {
                return Finding(isAllowed: false, remaining: 0, seconds: Self.seconds(wait))
            }
            if fullAt.compareExchange(expected: before, desired: after, ordering: .relaxed)
                .exchanged
            {
                return Finding(
                    isAllowed: true, remaining: -wait / interval,
                    seconds: Self.seconds(after - now.nanoseconds))
            }
        }
    }

    /// How it stands, taking nothing.
    func look(_ now: Instant = .now) -> Finding {
        let left = max(fullAt.load(ordering: .relaxed) - now.nanoseconds, 0)
        return Finding(
            isAllowed: true, remaining: max(rate.burst - (left + interval - 1) / interval, 0),
            seconds: Self.seconds(left))
    }

    private static func seconds(_ nanoseconds: Int) -> Int {
        (nanoseconds + 999_999_999) / 1_000_000_000
    }
}

/// Counts failed attempts by address, so that nobody can try tokens without end.
///
/// A token that holds is taken whatever came from its address before: behind a proxy everyone has
/// the same one.
final class FailureLimiter: Sendable {
    /// Addresses that are remembered at most.
    private static let most = 10_000

    /// By address, when it will have no failures left.
    private let quietAt = Locked<[String: Int]>([:])
    private let interval: Int
    private let burst: Int

    init(perMinute: Int) {
        interval = 60_000_000_000 / perMinute
        burst = perMinute
    }

    /// Notes a failure; seconds until the next may come if there were too many.
    func note(_ address: String, _ now: Instant = .now) -> Int? {
        quietAt.withLock { quietAt in
            let after = max(quietAt[address] ?? 0, now.nanoseconds) + interval
            let wait = after - now.nanoseconds - burst * interval
            guard wait <= 0 else { return (wait + 999_999_999) / 1_000_000_000 }
            if quietAt.count >= Self.most {
                quietAt = quietAt.filter { $0.value > now.nanoseconds }
                if quietAt.count >= Self.most { quietAt = [:] }
            }
            quietAt[address] = after
            return nil
        }
    }
}
