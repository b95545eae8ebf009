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
/// Nothing waits for a slow listener: what it does not fetch in time is counted as lost.
package final class LogNotices: Sendable {
    /// A notice, and how many there were before it.
    package struct Numbered: Sendable {
        package let number: Int
        package let notice: LogNotice
    }

    private struct Listener {
        var waiting: [Numbered] = []
        var bytes = 0
        var count = 0
        /// Called once when there is something to fetch.
        var resume: (@Sendable () -> Void)?
    }

    private struct State {
        var listeners: [String: Listener] = [:]
        var status: StoreError?
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
        let resume = state.withLock { $0.listeners.removeValue(forKey: handle)?.resume }
        resume?()
    }

    /// Tells all listeners.
    func send(_ notice: LogNotice) {
        let resumes = state.withLock { state in
            state.listeners.keys.compactMap { Self.add(notice, to: &state.listeners[$0]) }
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

    private static func add(
        _ notice: LogNotice, to listener: inout Listener?
    ) -> (@Sendable () -> Void)? {
        guard var changed = listener else { return nil }
        let hasRoom = changed.waiting.count < limit && changed.bytes + notice.bytes <= byteLimit
        if hasRoom || notice.isLast {
            changed.bytes += notice.bytes
            changed.waiting.append(Numbered(number: changed.count, notice: notice))
        }
        changed.count += 1
        let resume = changed.resume
        changed.resume = nil
        listener = changed
        return resume
    }

    /// Takes what waits for the listener; nil if it has been unsubscribed.
    package func take(_ handle: String) -> [Numbered]? {
        state.withLock { state in
            guard let waiting = state.listeners[handle]?.waiting else { return nil }
            state.listeners[handle]?.waiting = []
            state.listeners[handle]?.bytes = 0
            return waiting
        }
    }

    /// Calls `resume` once: when there is something for the listener, at once if there is already.
    package func whenReady(_ handle: String, _ resume: @escaping @Sendable () -> Void) {
        let isReady = state.withLock { state in
            guard let listener = state.listeners[handle], listener.waiting.isEmpty else {
                return true
            }
            state.listeners[handle]?.resume = resume
            return false
        }
        if isReady { resume() }
    }

    /// Forgets a `resume` that has not been called; true if there was one.
    package func cancelWait(_ handle: String) -> Bool {
        state.withLock { state in
            defer { state.listeners[handle]?.resume = nil }
            return state.listeners[handle]?.resume != nil
        }
    }
}
