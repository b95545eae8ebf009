import CLinux
import Glibc

/// Threads that run jobs which may wait for the disk, so that no network thread has to.
///
/// Threads are made when a job finds none idle, up to `limit`, and stay until `stop`. Those that wait for
/// each other don't count, so that what they wait for finds a thread.
package final class Workers: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct State {
        var jobs: [Job] = []
        var next = 0
        var idle = 0
        var threads = 0
        /// Threads that wait for one of the others.
        var blocked = 0
        var stopping = false

        var hasJob: Bool { next < jobs.count }

        mutating func takeJob() -> Job? {
            guard hasJob else { return nil }
            let job = jobs[next]
            // What the job holds goes with it, not with those that came after it.
            jobs[next] = {}
            next += 1
            if next == jobs.count {
                jobs.removeAll(keepingCapacity: jobs.capacity <= 1024)
                next = 0
            } else if next >= 1024, next * 2 > jobs.count {
                jobs.removeFirst(next)
                next = 0
            }
            return job
        }
    }

    private let name: String
    private let limit: Int
    private let state = Locked(State())

    /// Threads there may be besides `limit` while others are blocked.
    private static let spare = 240

    /// - Parameters:
    ///   - name: what the system calls the threads.
    ///   - limit: how many threads there may be at once.
    package init(name: String, limit: Int) {
        self.name = name
        self.limit = limit
    }

    /// Runs `job` on one of the threads, in the order of submission as far as threads are free.
    package func submit(_ job: @escaping Job) {
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            return takeThread(&state)
        }
        if needsThread { start() } else { state.wakeOne() }
    }

    /// Runs `body`, which waits for what another job does: meanwhile a thread more may run jobs.
    func whileBlocked<Result>(_ body: () -> Result) -> Result {
        let needsThread = state.withLock { state in
            state.blocked += 1
            return takeThread(&state)
        }
        if needsThread { start() }
        defer { state.withLock { $0.blocked -= 1 } }
        return body()
    }

    private func takeThread(_ state: inout State) -> Bool {
        guard state.idle < state.jobs.count - state.next, mayStart(state) else { return false }
        state.threads += 1
        return true
    }

    private func mayStart(_ state: State) -> Bool {
        state.threads - state.blocked < limit && state.threads < limit + Self.spare
    }

    private func start() {
        let started = startThread(name) { [self] in runJobs() }
        if !started { runWithoutThread() }
    }

    /// The system has no thread to give: if there is none at all, the caller does the work, since
    /// nobody else ever would.
    private func runWithoutThread() {
        while true {
            let job: Job? = state.withLock { state in
                guard state.threads == 1 else { return nil }
                return state.takeJob()
            }
            guard let job else { break }
            job()
        }
        state.withLock { $0.threads -= 1 }
    }

    /// True while jobs wait for a thread: whoever holds one should give it back soon.
    package var isContended: Bool { state.withLock { $0.hasJob && !mayStart($0) } }

    /// Lets the threads end once every job that was submitted has run, and waits for that.
    package func stop() {
        state.withLock { $0.stopping = true }
        state.wakeAll()
        state.whenReady({ $0.threads == 0 && !$0.hasJob }) { _ in }
    }

    private func runJobs() {
        while true {
            let isSpare = state.withLock { state in
                let isSpare = state.threads - state.blocked > limit
                if !isSpare { state.idle += 1 }
                return isSpare
            }
            if isSpare { break }
            let job = state.whenReady({ $0.hasJob || $0.stopping }) { state in
                state.idle -= 1
                return state.takeJob()
            }
            guard let job else { break }
            job()
        }
        state.withLock { $0.threads -= 1 }
        state.wakeAll()
    }
}

/// Starts a detached thread with all signals blocked; false if the system has none to give.
///
/// - Parameter name: what the system calls it; 15 bytes at most.
package func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 512 * 1024)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let box = Unmanaged.passRetained(
        Box {
            clinux_name_thread(name)
            body()
        })
    var blocked = sigset_t()
    var previous = sigset_t()
    sigfillset(&blocked)
    pthread_sigmask(SIG_SETMASK, &blocked, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    if result != 0 { box.release() }
    return result == 0
}
