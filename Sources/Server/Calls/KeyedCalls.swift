import API
import Store
import Synchronization

/// What became of the calls that clients have named with an `Idempotency-Key`, appends excepted.
///
///     begin ─▶ running ─┬─ done ─▶ remembered ─▶ replayed
///                       ├─ refused ─▶ forgotten
///                       └─ nobody knows ─▶ undecided
///
/// Of those that outlive the process, `CallNotes` has a copy, which is read when the first key of a
/// resource comes.
final class KeyedCalls: Sendable {
    /// A day, in milliseconds.
    static let lifetime = 86_400_000
    /// How many answers are kept in memory, and their bytes together.
    static let countLimit = 65_536
    static let byteLimit = 64 << 20
    /// Resources whose files have been read.
    static let resourceLimit = 256

    /// What is known of a call that begins.
    enum Finding {
        /// Nothing: it is to be done.
        case new
        /// Whether it was done is not known.
        case undecided(before: [UInt8])
        /// It is being done; who asks again is called when it has ended.
        case running
        case done(RememberedAnswer)
        /// Something else has that name.
        case other
    }

    private enum Progress {
        case running([@Sendable () -> Void])
        case undecided(before: [UInt8])
        case done(RememberedAnswer)
    }

    private struct Entry {
        let resource: String
        let content: KeyDigest
        let isOnDisk: Bool
        var time: Int
        var progress: Progress
        /// Which line of `order` is its; 0 for none.
        var line = 0

        var size: Int {
            guard case .done(let answer) = progress else { return 256 }
            return answer.size
        }
    }

    private struct State {
        var entries: [KeyDigest: Entry] = [:]
        /// Those only in memory, oldest first, and their bytes.
        var order: [(name: KeyDigest, size: Int, line: Int)] = []
        var oldest = 0
        var lines = 0
        var bytes = 0
        /// Resources whose files have been read, oldest first.
        var loaded: [String] = []
        /// Rises when calls are forgotten, or leave: what was read of a file before may be wrong.
        var departures = 0
    }

    let replays = Atomic(0)
    private let notes: CallNotes
    private let state = Locked(State())

    init(_ notes: CallNotes) {
        self.notes = notes
        notes.whenForgotten { [weak self] resource in self?.forget(resource) }
    }

    // MARK: - Beginning

    /// Takes the call's name, or says what is known of it; waits for the disk if it is on disk.
    ///
    /// - Parameter again: called when the call under way has ended, if that is the finding.
    func begin(
        _ key: IdempotencyKey, on resource: String, isOnDisk: Bool,
        again: @escaping @Sendable () -> Void
    ) throws(StoreError) -> Finding {
        while true {
            if isOnDisk { try load(resource) }
            let finding = state.withLock { state -> Finding? in
                // Others may have made it leave since: what is on disk of the name is not known then.
                guard !isOnDisk || state.loaded.contains(resource) else { return nil }
                return Self.begin(key, on: resource, isOnDisk: isOnDisk, again, &state)
            }
            if let finding { return finding }
        }
    }

    private static func begin(
        _ key: IdempotencyKey, on resource: String, isOnDisk: Bool,
        _ again: @escaping @Sendable () -> Void, _ state: inout State
    ) -> Finding {
        let now = WallClock.nowMilliseconds
        guard var entry = state.entries[key.name], !hasEnded(entry, now) else {
            state.entries[key.name] = Entry(
                resource: resource, content: key.content, isOnDisk: isOnDisk, time: now,
                progress: .running([]))
            return .new
        }
        guard entry.content == key.content else { return .other }
        switch entry.progress {
        case .done(let answer): return .done(answer)
        case .undecided(let before):
            entry.progress = .running([])
            state.entries[key.name] = entry
            return .undecided(before: before)
        case .running(let others):
            entry.progress = .running(others + [again])
            state.entries[key.name] = entry
            return .running
        }
    }

    private static func hasEnded(_ entry: Entry, _ now: Int) -> Bool {
        if case .running = entry.progress { return false }
        return now - entry.time > lifetime
    }

    /// What was found on disk of a resource's calls.
    struct Reading {
        fileprivate let notes: [CallNote]
        fileprivate let departures: Int
    }

    private func load(_ resource: String) throws(StoreError) {
        if let reading = try read(resource) { take(reading, of: resource) }
    }

    /// Reads what is on disk of a resource's calls; nil if that was done before.
    func read(_ resource: String) throws(StoreError) -> Reading? {
        let departures = state.withLock { $0.loaded.contains(resource) ? nil : $0.departures }
        guard let departures else { return nil }
        return Reading(notes: try notes.read(resource), departures: departures)
    }

    /// Remembers what was read, unless it may have been forgotten or added to since.
    func take(_ reading: Reading, of resource: String) {
        state.withLock { state in
            guard !state.loaded.contains(resource), state.departures == reading.departures else {
                return
            }
            state.loaded.append(resource)
            for note in reading.notes where state.entries[note.key.name] == nil {
                let answer = note.state == .done ? RememberedAnswer(note.payload) : nil
                state.entries[note.key.name] = Entry(
                    resource: resource, content: note.key.content, isOnDisk: true,
                    time: note.time,
                    progress: answer.map(Progress.done) ?? .undecided(before: note.payload))
            }
            if state.loaded.count > Self.resourceLimit { Self.unload(&state) }
        }
    }

    /// Lets go of the resource that was read first, if none of its calls is under way.
    private static func unload(_ state: inout State) {
        let resource = state.loaded.removeFirst()
        let own = state.entries.filter { $0.value.resource == resource && $0.value.isOnDisk }
        let isBusy = own.contains { if case .running = $0.value.progress { true } else { false } }
        if isBusy { return state.loaded.append(resource) }
        for name in own.keys { state.entries[name] = nil }
        state.departures += 1
    }

    // MARK: - Ending

    /// Puts on stable storage what is about to be done; waits for the disk.
    func intend(
        _ key: IdempotencyKey, on resource: String, before: [UInt8]
    ) throws(StoreError) {
        let now = WallClock.nowMilliseconds
        try add(CallNote(key, .intended, time: now, payload: before), resource)
    }

    /// Remembers what the call came to; of one on disk this waits for the disk.
    func finish(
        _ key: IdempotencyKey, on resource: String, _ answer: RememberedAnswer, isOnDisk: Bool
    ) {
        let now = WallClock.nowMilliseconds
        if isOnDisk {
            // If that fails, the next process finds the intention alone, and says so.
            try? add(CallNote(key, .done, time: now, payload: answer.bytes), resource)
        }
        end(key, .done(answer), now)
    }

    /// Forgets a call that changed nothing.
    func drop(_ key: IdempotencyKey, on resource: String, isOnDisk: Bool) {
        if isOnDisk {
            try? add(CallNote(key, .void, time: WallClock.nowMilliseconds), resource)
        }
        end(key, nil, 0)
    }

    /// Leaves open whether it was done.
    func leaveOpen(_ key: IdempotencyKey, before: [UInt8]) {
        end(key, .undecided(before: before), WallClock.nowMilliseconds)
    }

    /// Forgets all calls on a resource that has gone, or is about to be made, and has none on disk.
    private func forget(_ resource: String) {
        state.withLock { state in
            for (name, entry) in state.entries where entry.resource == resource {
                if case .running = entry.progress { continue }
                state.entries[name] = nil
            }
            state.loaded.removeAll { $0 == resource }
            state.departures += 1
        }
    }

    private func add(_ note: CallNote, _ resource: String) throws(StoreError) {
        guard try !notes.add(note, to: resource) else { return }
        // The file has let the oldest go.
        let kept = Set(try notes.read(resource).map(\.key.name))
        state.withLock { state in
            for (name, entry) in state.entries
            where entry.resource == resource && entry.isOnDisk && !kept.contains(name) {
                if case .running = entry.progress { continue }
                state.entries[name] = nil
            }
        }
    }

    private func end(_ key: IdempotencyKey, _ progress: Progress?, _ now: Int) {
        let waiting = state.withLock { state -> [@Sendable () -> Void] in
            guard var entry = state.entries[key.name], case .running(let waiting) = entry.progress
            else { return [] }
            guard let progress else {
                state.entries[key.name] = nil
                return waiting
            }
            entry.progress = progress
            entry.time = now
            if !entry.isOnDisk {
                state.lines += 1
                entry.line = state.lines
            }
            state.entries[key.name] = entry
            if !entry.isOnDisk { Self.keep(key.name, entry, &state) }
            return waiting
        }
        for again in waiting { again() }
    }

    private static func keep(_ name: KeyDigest, _ entry: Entry, _ state: inout State) {
        state.order.append((name, entry.size, entry.line))
        state.bytes += entry.size
        while state.bytes > byteLimit || state.order.count - state.oldest > countLimit {
            let first = state.order[state.oldest]
            state.oldest += 1
            // What was forgotten before its turn counts until then.
            state.bytes -= first.size
            // The name may stand for another call by now, which may be under way.
            if state.entries[first.name]?.line == first.line { state.entries[first.name] = nil }
        }
        if state.oldest > countLimit {
            state.order.removeFirst(state.oldest)
            state.oldest = 0
        }
    }
}
