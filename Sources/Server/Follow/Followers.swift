import API
import Store

/// What one look at a resource told, for those who come from the same place.
struct FollowChunk<Source: FollowSource>: Sendable {
    let before: Source
    let after: Source
    let progress: FollowProgress
    let events: [UInt8]
}

/// How many follow each resource.
final class Followers: Sendable {
    private let resources = Locked<[String: FollowedResource]>([:])

    /// Followers that one resource may have.
    static let limit = 1000

    /// Those of all resources whose paths begin so.
    func count(below prefix: String) -> Int {
        resources.withLock { resources in
            resources.reduce(0) { $0 + ($1.key.hasPrefix(prefix) ? $1.value.count : 0) }
        }
    }

    /// - Throws: `rate_limited`.
    func join(_ path: String) throws(Problem) -> Follower {
        let joined = resources.withLock { resources -> FollowedResource? in
            let resource = resources[path] ?? FollowedResource()
            guard resource.count < Self.limit else { return nil }
            resource.join()
            resources[path] = resource
            return resource
        }
        guard let joined else {
            throw Problem(
                .rateLimited, "\(path) has \(Self.limit) followers already",
                members: [.init(name: "limit", value: .integer(Self.limit))])
        }
        return Follower(self, path, joined)
    }

    fileprivate func leave(_ path: String) {
        resources.withLock { resources in
            if resources[path]?.leave() == 0 { resources[path] = nil }
        }
    }
}

/// One place among those who follow; given back when it goes.
final class Follower: Sendable {
    private let followers: Followers
    private let path: String
    private let resource: FollowedResource

    fileprivate init(_ followers: Followers, _ path: String, _ resource: FollowedResource) {
        self.followers = followers
        self.path = path
        self.resource = resource
    }

    deinit { followers.leave(path) }

    /// Milliseconds until the next look; nil if it may come at once.
    ///
    /// All who wait look at the same time, and so from the same place: one of them reads, for all.
    func delay(since last: Instant) -> Int? {
        let tick = resource.pace * 1_000_000
        let now = Instant.now.nanoseconds
        // Each looks once in a tick.
        guard tick > 0, now / tick == last.nanoseconds / tick else { return nil }
        return (tick - now % tick + 999_999) / 1_000_000
    }

    /// What another follower has been told where this one is; nil if nobody has looked there.
    func chunk<Source: FollowSource>(behind source: Source) -> FollowChunk<Source>? {
        resource.chunk(behind: source)
    }

    /// Keeps what was told, for those who come to the same place.
    func share(_ chunk: FollowChunk<some FollowSource>) { resource.share(chunk) }

    /// Whether the caller is the one to read there, until it yields; else another reads already.
    func claim(_ source: some FollowSource) -> Bool { resource.claim(source) }

    /// Calls `resume` once whoever reads there has done so; false if nobody does.
    func waitForReader(of source: some FollowSource, _ resume: @escaping FollowClaim.Resume) -> Bool
    {
        resource.waitForReader(of: source, resume)
    }

    /// Ends a claim: those who wait go on.
    func yield(_ source: some FollowSource) { resource.yield(source) }
}

/// Somebody reads, and others wait for it.
struct FollowClaim: Sendable {
    typealias Resume = @Sendable () -> Void

    let source: any FollowSource
    var waiting: [Resume] = []
}

/// What the followers of one resource have in common.
private final class FollowedResource: Sendable {
    private struct State {
        var count = 0
        /// The newest is the last one.
        var chunks: [any Sendable] = []
        var claims: [FollowClaim] = []

        func claim<Source: FollowSource>(on source: Source) -> Int? {
            claims.firstIndex { $0.source as? Source == source }
        }
    }

    private let state = Locked(State())

    /// So many looks are kept: followers ask for different forms, and not all are equally quick.
    private static let chunkLimit = 4
    /// So many followers of one resource look every millisecond.
    private static let looksPerMillisecond = 6
    /// Nobody waits longer than that, in milliseconds.
    private static let slowestPace = 50

    var count: Int { state.withLock { $0.count } }

    /// Milliseconds between two looks of each follower.
    var pace: Int { min(count / Self.looksPerMillisecond, Self.slowestPace) }

    func join() { state.withLock { $0.count += 1 } }

    /// - Returns: how many are left.
    func leave() -> Int {
        state.withLock { state in
            state.count -= 1
            return state.count
        }
    }

    func chunk<Source: FollowSource>(behind source: Source) -> FollowChunk<Source>? {
        state.withLock { state in
            for case let chunk as FollowChunk<Source> in state.chunks.reversed()
            where chunk.before == source {
                return chunk
            }
            return nil
        }
    }

    func claim(_ source: some FollowSource) -> Bool {
        state.withLock { state in
            guard state.claim(on: source) == nil else { return false }
            state.claims.append(FollowClaim(source: source))
            return true
        }
    }

    func waitForReader(of source: some FollowSource, _ resume: @escaping FollowClaim.Resume) -> Bool
    {
        state.withLock { state in
            guard let index = state.claim(on: source) else { return false }
            state.claims[index].waiting.append(resume)
            return true
        }
    }

    func share(_ chunk: FollowChunk<some FollowSource>) {
        guard !chunk.events.isEmpty else { return }
        state.withLock { state in
            guard state.count > 1 else { return }
            if state.chunks.count == Self.chunkLimit { state.chunks.removeFirst() }
            state.chunks.append(chunk)
        }
    }

    func yield(_ source: some FollowSource) {
        let waiting = state.withLock { state in
            state.claim(on: source).map { state.claims.remove(at: $0).waiting } ?? []
        }
        for resume in waiting { resume() }
    }
}
