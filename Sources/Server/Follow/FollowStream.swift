import API
import Store

/// Where a follower's records come from.
///
/// Equal ones tell the same next.
protocol FollowSource: Equatable, Sendable {
    /// The path of the resource, for problems.
    var path: String { get }

    /// Whether there may be something to tell; looks at no file.
    var hasNews: Bool { get }

    /// Tells what there is, as much as one look gives; waits for the disk.
    mutating func advance(_ events: inout EventWriter) throws(Problem) -> FollowProgress

    /// Calls `resume` once: when there is more, or when `milliseconds` have passed.
    func wait(milliseconds: Int, _ resume: @escaping @Sendable () -> Void)
}

/// How far a follower has come.
enum FollowProgress {
    /// There may be more at once.
    case more
    /// Nothing is left; where that is.
    case caughtUp(JSONValue)
    /// Nothing will follow: the last event has said why.
    case ended
}

/// What is appended, as server-sent events, as soon as it is as safe as the resource promises.
///
/// A slow client costs nobody anything: it reads the files at its own pace.
final class FollowStream<Source: FollowSource>: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that fetches or resumes it.
    private enum State { case reading, caughtUp, finished }

    private let service: Service
    private var source: Source
    private let follower: Follower
    private let requestID: String
    private var output = StreamBuffer("retry: 2000\n\n")
    private var state = State.reading
    /// Whether records have been told since the client was last told that it has them all.
    private var isBehind = true
    private var looks = 0
    private var lastOutput = Instant.now
    /// Whether others may wait for this one to read.
    private var isReader = false
    /// When the stream last set out to read.
    private var lastLook = Instant.now

    /// A line that means nothing keeps intermediaries from cutting an idle connection.
    private static var heartbeat: Int { 15_000_000_000 }
    /// How often the stream looks whether its client is there.
    private static var glance: Int { 1000 }

    init(_ service: Service, _ source: Source, _ follower: Follower, requestID: String) {
        self.service = service
        self.source = source
        self.follower = follower
        self.requestID = requestID
    }

    // A client may go before its stream has read.
    deinit { stopReading(at: source) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        if output.isEmpty, state == .caughtUp { look() }
        guard output.isEmpty else {
            lastOutput = .now
            return .bytes(output.take(into: buffer))
        }
        switch state {
        case .reading: return .mustFetch
        case .caughtUp:
            // Whoever has nothing to read needs no memory for it.
            output = StreamBuffer()
            return .mustWait
        case .finished: return .end
        }
    }

    /// What can be done without the disk, once the connection has been resumed.
    private func look() {
        if service.isDraining {
            return fail(Problem(.draining, "the service is about to stop"))
        }
        if source.hasNews {
            lastLook = .now
            if !takeShared() {
                // One of those who are at the same place reads for all.
                isReader = follower.claim(source)
                if isReader { state = .reading }
            }
        } else if Instant.now.nanoseconds(since: lastOutput) > Self.heartbeat {
            output.refill { output in
                var events = EventWriter(output)
                events.heartbeat()
                output = events.bytes
            }
        }
    }

    func fetch() {
        let before = source
        var chunk: FollowChunk<Source>?
        defer {
            if let chunk { follower.share(chunk) }
            stopReading(at: before)
        }
        if service.isDraining {
            return fail(Problem(.draining, "the service is about to stop"))
        }
        guard !takeShared() else { return }
        do throws(Problem) {
            try output.refill { output throws(Problem) in
                var events = EventWriter(output)
                let progress = try source.advance(&events)
                chunk = FollowChunk(
                    before: before, after: source, progress: progress, events: events.bytes)
                follow(progress, &events)
                output = events.bytes
            }
        } catch {
            fail(error)
        }
    }

    /// Lets those go on who wait for this one to read.
    private func stopReading(at place: Source) {
        guard isReader else { return }
        isReader = false
        follower.yield(place)
    }

    /// Takes what another follower of the same has been told, if that is what comes next here.
    private func takeShared() -> Bool {
        guard let chunk = follower.chunk(behind: source) else { return false }
        source = chunk.after
        output.refill { output in
            var events = EventWriter(output)
            events.append(chunk.events)
            follow(chunk.progress, &events)
            output = events.bytes
        }
        return true
    }

    private func follow(_ progress: FollowProgress, _ events: inout EventWriter) {
        switch progress {
        case .more:
            // More than one look at once means that the client was behind.
            looks += 1
            if looks > 1 { isBehind = true }
            state = .reading
        case .caughtUp(let place):
            looks = 0
            if isBehind { events.event("caught_up", ["position": place]) }
            isBehind = false
            state = .caughtUp
        case .ended: state = .finished
        }
    }

    /// Of a writer at full speed many followers hear now and then, and more each time: else they
    /// would take the time that it needs.
    func wait(_ resume: @escaping @Sendable () -> Void) {
        if follower.waitForReader(of: source, resume) { return }
        // It may have read since the last look.
        if source.hasNews, follower.chunk(behind: source) != nil { return resume() }
        if let delay = follower.delay(since: lastLook) {
            service.store.timers.schedule(afterMilliseconds: delay, resume)
        } else {
            source.wait(milliseconds: Self.glance, resume)
        }
    }

    private func fail(_ problem: Problem) {
        state = .finished
        output.refill { output in
            var events = EventWriter(output)
            events.event(
                "error",
                problem.document(instance: source.path + "/follow", requestID: requestID))
            output = events.bytes
        }
    }
}
