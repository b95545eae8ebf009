/// What owners of a log are told; the messages `{disk_log, Node, Log, Info}`.
package enum LogNotice: Sendable {
    /// The log moved to another file, of which so many items were lost.
    case wrap(lostItems: Int)
    /// The log was truncated or reopened.
    case truncated(lostItems: Int)
    case full
    /// Asynchronous appends that were refused, as encoded items.
    case readOnly(items: [[UInt8]])
    case blockedLog(items: [[UInt8]])
    case formatExternal(items: [[UInt8]])
    /// How the last write went; nil if well.
    case errorStatus(StoreError?)
    case closed
    case deleted

    /// Bytes of the records that it holds.
    var bytes: Int {
        switch self {
        case .readOnly(let items), .blockedLog(let items), .formatExternal(let items):
            items.reduce(0) { $0 + $1.count }
        default: 0
        }
    }

    /// Whether nothing comes after it.
    var isLast: Bool {
        switch self {
        case .closed, .deleted: true
        default: false
        }
    }
}

/// Who is told of a log's notices.
///
/// Nothing waits for a slow listener: what it does not fetch in time is counted as lost. A listener
/// may have several streams, each of which is told everything.
package final class LogNotices: Sendable {
    /// A notice, and how many there were before it.
    package struct Numbered: Sendable {
        package let number: Int
        package let notice: LogNotice
    }

    /// What waits to be fetched.
    private struct Queue {
        var waiting: [Numbered] = []
        var bytes = 0
        /// Called once when there is something to fetch.
        var resume: (@Sendable () -> Void)?

        mutating func add(_ notice: Numbered) -> (@Sendable () -> Void)? {
            let size = notice.notice.bytes
            let hasRoom = waiting.count < limit && bytes + size <= byteLimit
            if hasRoom || notice.notice.isLast {
                bytes += size
                waiting.append(notice)
            }
            defer { resume = nil }
            return resume
        }

        mutating func take() -> [Numbered] {
            defer {
                waiting = []
                bytes = 0
            }
            return waiting
        }
    }

    private struct Listener {
        /// What waits for each of its streams.
        var streams: [Int: Queue] = [:]
        /// What waits while it has no stream.
        var kept = Queue()
        /// How many notices there were.
        var count = 0

        mutating func add(_ notice: LogNotice) -> [@Sendable () -> Void] {
            let numbered = Numbered(number: count, notice: notice)
            count += 1
            guard !streams.isEmpty else {
                _ = kept.add(numbered)
                return []
            }
            return streams.keys.compactMap { streams[$0]?.add(numbered) }
        }
    }

    private struct State {
        var listeners: [String: Listener] = [:]
        var status: StoreError?
        var nextStream = 0
    }

    /// So many notices wait for a listener, and so many bytes of records with them.
    package static let limit = 1000
    private static let byteLimit = 16 << 20

    private let state = Locked(State())

    /// How the last write went; nil if well.
    var status: StoreError? { state.withLock { $0.status } }

    func subscribe(_ handle: String) {
        state.withLock { state in
            if state.listeners[handle] == nil { state.listeners[handle] = Listener() }
        }
    }

    func unsubscribe(_ handle: String) {
        let streams = state.withLock { $0.listeners.removeValue(forKey: handle)?.streams }
        for stream in (streams ?? [:]).values { stream.resume?() }
    }

    /// Tells all listeners.
    func send(_ notice: LogNotice) {
        let resumes = state.withLock { state in
            state.listeners.keys.flatMap { state.listeners[$0]?.add(notice) ?? [] }
        }
        for resume in resumes { resume() }
    }

    /// Tells all listeners how a write went, if that differs from the one before.
    func report(_ status: StoreError?) {
        let differs = state.withLock { state in
            defer { state.status = status }
            return !Self.isSame(state.status, status)
        }
        if differs { send(.errorStatus(status)) }
    }

    /// Whether the original would see no difference: a full log is full, however many bytes it holds.
    private static func isSame(_ one: StoreError?, _ other: StoreError?) -> Bool {
        if case .log(.full) = one, case .log(.full) = other { return true }
        return one == other
    }

    /// Begins a stream to a listener, which is told all that the others are told from now on, and
    /// what has waited while there was none.
    package func attach(_ handle: String) -> Int {
        state.withLock { state in
            state.nextStream += 1
            let stream = state.nextStream
            guard var listener = state.listeners[handle] else { return stream }
            listener.streams[stream] = listener.streams.isEmpty ? listener.kept : Queue()
            listener.kept = Queue()
            state.listeners[handle] = listener
            return stream
        }
    }

    /// Ends a stream; what the last one has not fetched waits for the next.
    package func detach(_ stream: Int, of handle: String) {
        state.withLock { state in
            guard var queue = state.listeners[handle]?.streams.removeValue(forKey: stream),
                state.listeners[handle]?.streams.isEmpty == true
            else { return }
            queue.resume = nil
            state.listeners[handle]?.kept = queue
        }
    }

    /// Takes what waits for the stream; nil if its listener is told no more.
    package func take(_ handle: String, _ stream: Int) -> [Numbered]? {
        state.withLock { $0.listeners[handle]?.streams[stream]?.take() }
    }

    /// Calls `resume` once: when there is something for the stream, at once if there is already.
    package func whenReady(
        _ handle: String, _ stream: Int, _ resume: @escaping @Sendable () -> Void
    ) {
        let isReady = state.withLock { state in
            guard let queue = state.listeners[handle]?.streams[stream], queue.waiting.isEmpty
            else { return true }
            state.listeners[handle]?.streams[stream]?.resume = resume
            return false
        }
        if isReady { resume() }
    }
}
