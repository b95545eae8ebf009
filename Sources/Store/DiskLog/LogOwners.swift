/// Whose call a request is: handles stand for the processes of the original.
package enum LogCaller: Equatable, Sendable {
    /// The service itself, for requests that name no handle.
    case service
    case handle(String)
}

/// What a request wants of a log, as far as a block is concerned; disk_log's table of answers.
enum LogRequest: Sendable {
    /// log, sync, truncate and what else changes something.
    case change
    /// alog and its like: nobody waits for an answer.
    case asynchronous
    case read
    /// Never queued.
    case reopen
    /// Takes effect when its turn comes.
    case block(by: String, queues: Bool)
}

/// Who holds a log open, and who has blocked it.
///
/// A blocked log keeps the requests of others, in order, until it is unblocked or their time is up.
final class LogOwners: Sendable {
    /// Called once: with nil when the request's turn has come, else with why it never will.
    typealias Turn = @Sendable (StoreError?) -> Void

    private struct Waiting {
        let id: Int
        let request: LogRequest
        let bytes: Int
        let timer: Timers.Token
        let turn: Turn
    }

    /// So many requests may wait for a log, and so many bytes with them.
    private static let waitingLimit = (requests: 10_000, bytes: 64 << 20)

    /// A block, and what becomes of others' requests meanwhile.
    struct Block: Equatable, Sendable {
        let handle: String
        let queues: Bool
    }

    struct Holders: Sendable {
        /// Whether the service holds the log itself.
        var service = false
        /// Owners, and whether each is told of notices.
        var owners: [String: Bool] = [:]
        /// Anonymous users.
        var users = 0
        var block: Block?

        var isEmpty: Bool { !service && owners.isEmpty && users == 0 }
    }

    private struct State {
        var holders = Holders()
        var waiting: [Waiting] = []
        var waitingBytes = 0
        var nextID = 0
    }

    private let name: String
    private let timers: Timers
    private let isAlive: @Sendable (String) -> Bool
    private let state = Locked(State())

    /// - Parameter isAlive: whether there is a handle of that name; who ends one lifts its block
    ///   afterwards.
    init(name: String, timers: Timers, isAlive: @escaping @Sendable (String) -> Bool) {
        self.name = name
        self.timers = timers
        self.isAlive = isAlive
    }

    var holders: Holders { state.withLock { $0.holders } }

    /// Changes who holds the log; true if nobody does any more.
    func update(_ change: (inout Holders) -> Void) -> Bool {
        state.withLock { state in
            change(&state.holders)
            return state.holders.isEmpty
        }
    }

    /// Gives a request its turn: now, when the log is unblocked, or never.
    ///
    /// `turn` is called while the order is held: it may only hand the work on.
    /// - Parameter bytes: what the request keeps in memory while it waits.
    /// - Returns: the refusal, if `turn` was called with one at once.
    @discardableResult
    func admit(
        _ request: LogRequest, by caller: LogCaller, waitMilliseconds: Int, bytes: Int = 0,
        _ turn: @escaping Turn
    ) -> StoreError? {
        let refusal: StoreError? = state.withLock { state in
            switch Self.decide(request, caller, state.holders.block, name) {
            case .go:
                start(request, &state, turn)
                return nil
            case .refuse(let error): return error
            case .wait:
                guard state.waiting.count < Self.waitingLimit.requests,
                    state.waitingBytes + bytes <= Self.waitingLimit.bytes
                else { return .overloaded(detail: "too much waits for the log \(name) already") }
                let id = state.nextID
                state.nextID += 1
                state.waitingBytes += bytes
                let timer = timers.schedule(afterMilliseconds: waitMilliseconds) { [self] in
                    expire(id)
                }
                state.waiting.append(
                    Waiting(
                        id: id, request: request, bytes: bytes, timer: timer, turn: turn))
                return nil
            }
        }
        if let refusal { turn(refusal) }
        return refusal
    }

    /// Runs `body` at once if the log is not blocked, before anyone can block it; false if it is.
    func whileFree(_ body: () -> Void) -> Bool {
        state.withLock { state in
            guard state.holders.block == nil else { return false }
            body()
            return true
        }
    }

    private enum Decision { case go, wait, refuse(StoreError) }

    private static func decide(
        _ request: LogRequest, _ caller: LogCaller, _ block: Block?, _ name: String
    ) -> Decision {
        guard let block else { return .go }
        let isBlocker = caller == .handle(block.handle)
        switch request {
        case .read where isBlocker: return .go
        case .reopen: return .refuse(.log(.blocked(name: name)))
        case .asynchronous where block.queues: return .wait
        case _ where isBlocker || !block.queues: return .refuse(.log(.blocked(name: name)))
        default: return .wait
        }
    }

    private func start(_ request: LogRequest, _ state: inout State, _ turn: Turn) {
        if case .block(let handle, let queues) = request {
            // Nobody would lift the block of a handle that ended while it waited.
            guard isAlive(handle) else { return turn(.log(.noSuchHandle(handle: handle))) }
            state.holders.block = Block(handle: handle, queues: queues)
        }
        turn(nil)
    }

    /// Lifts a block, if `handle` made it, and serves those who waited.
    ///
    /// - Throws: `.notBlocked`, `.notBlockedByCaller`.
    func unblock(by caller: LogCaller) throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard let block = state.holders.block else {
                throw .log(.notBlocked(name: name))
            }
            guard caller == .handle(block.handle) else {
                throw .log(.notBlockedByCaller(name: name))
            }
            state.holders.block = nil
            serve(&state)
        }
    }

    /// A block by others that is served in its turn keeps those behind it waiting.
    private func serve(_ state: inout State) {
        while state.holders.block == nil, !state.waiting.isEmpty {
            let next = state.waiting.removeFirst()
            state.waitingBytes -= next.bytes
            timers.cancel(next.timer)
            start(next.request, &state, next.turn)
        }
    }

    /// Refuses everyone who waits: the log is about to close.
    func refuseAll() {
        let waiting = state.withLock { state in
            defer {
                state.waiting = []
                state.waitingBytes = 0
            }
            state.holders.block = nil
            return state.waiting
        }
        for one in waiting {
            timers.cancel(one.timer)
            one.turn(.log(.noSuchLog(name: name, isKnown: true)))
        }
    }

    /// Ends all waits at once, as if their time had run out.
    func expireAll() {
        for id in state.withLock({ $0.waiting.map(\.id) }) { expire(id) }
    }

    private func expire(_ id: Int) {
        let expired = state.withLock { state in
            let index = state.waiting.firstIndex { $0.id == id }
            guard let index else { return nil as Waiting? }
            let waiting = state.waiting.remove(at: index)
            state.waitingBytes -= waiting.bytes
            return waiting
        }
        if let expired { timers.cancel(expired.timer) }
        expired?.turn(.log(.waitTimedOut(name: name)))
    }
}
