/// Whether bytes are a term for `binary_to_term` of OTP 25.
///
/// Counts the terms that are still to come, so that depth costs nothing. Only inside keys of maps,
/// whose sums are needed to find a key that comes twice, does it remember where it is.
struct TermValidator {
    /// Terms that are still to come, and what is to be done in between.
    private struct Frame {
        enum Kind {
            case plain
            /// A list inside a key, its tail included.
            case list
            /// The last term is the tail of a list inside a key.
            case tail
            /// Keys and values in turn.
            case map
            /// What made a fun inside a key, and the variables of the fun.
            case function
            /// What made it has been read; it counts for nothing.
            case creator
        }

        var kind: Kind
        var left: Int
    }

    /// What a map needs to know that has several keys, or is part of a key.
    private struct Map {
        let pairs: Int
        /// Where its keys start among all.
        let firstKey: Int
        /// The sum of what is around it, if that is part of a key.
        let around: Fingerprint?
        /// The sum of its pairs, if it is part of a key.
        var sum = Fingerprint.zero
    }

    private var reader: TermReader
    private var top = Frame(kind: .plain, left: 1)
    /// Frames that wait for the top one to end.
    private var frames: [Frame] = []
    private var maps: [Map] = []
    private var keys: [Fingerprint] = []
    /// Sums as they were before what made a fun.
    private var creators: [Fingerprint] = []
    /// Makes the sum of the key that is being read, if one is.
    private var hasher: TermHasher?

    /// How many bytes the term takes, once it has been read.
    var length: Int { reader.offset }

    /// - Parameter body: the bytes from the first tag on; what follows the term is not looked at.
    init(_ body: UnsafeRawBufferPointer) { reader = TermReader(body) }

    mutating func run() throws(TermError) {
        while true {
            if top.kind != .plain { try turn() }
            if top.left == 0 {
                guard let frame = frames.popLast() else { return }
                top = frame
                continue
            }
            top.left -= 1
            let token = try reader.next()
            if hasher != nil { try absorb(token) }
            switch token {
            case .tuple(let count): push(.plain, count)
            case .list(let count): push(hasher == nil ? .plain : .list, count + 1)
            case .map(let count): begin(pairs: count)
            case .function(let head):
                push(hasher == nil ? .plain : .function, 1 + head.freeCount)
            default: break
            }
        }
    }

    /// Lets `count` terms come before the rest.
    @inline(__always)
    private mutating func push(_ kind: Frame.Kind, _ count: Int) {
        if kind == .plain && top.kind == .plain {
            top.left += count
        } else {
            // One that waits for nothing need not be kept.
            if top.kind != .plain || top.left > 0 { frames.append(top) }
            top = Frame(kind: kind, left: count)
        }
    }

    /// What is to be done before the next term of the top frame.
    private mutating func turn() throws(TermError) {
        switch top.kind {
        case .plain, .tail: break
        case .list: if top.left == 1 { top.kind = .tail }
        case .map: try turnMap()
        case .function:
            if let hasher { creators.append(hasher.sum) }
            top.kind = .creator
        case .creator:
            if let sum = creators.popLast() { hasher?.resume(sum) }
            top.kind = .plain
        }
    }

    // MARK: Keys

    private mutating func absorb(_ token: TermToken) throws(TermError) {
        guard top.kind == .tail else {
            try hasher?.absorb(token)
            return
        }
        // A list that is the tail of a list goes on with it.
        top.kind = .plain
        switch token {
        case .list: break
        case .emptyList: hasher?.absorb(.endOfList)
        case .string(let bytes): hasher?.absorb(elements: bytes)
        default:
            hasher?.absorb(.tail)
            try hasher?.absorb(token)
        }
    }

    private mutating func begin(pairs: Int) {
        if hasher == nil && pairs < 2 { return push(.plain, 2 * pairs) }
        // Most maps have few keys; the number that this one claims is not to be trusted.
        if keys.isEmpty { keys.reserveCapacity(min(pairs, 32)) }
        maps.append(Map(pairs: pairs, firstKey: keys.count, around: hasher?.sum))
        push(.map, 2 * pairs)
    }

    private mutating func turnMap() throws(TermError) {
        let map = maps[maps.count - 1]
        if top.left % 2 == 1 { return try endKey(of: map) }
        if top.left < 2 * map.pairs, map.around != nil, let hasher {
            maps[maps.count - 1].sum &+= hasher.sum
        }
        if top.left == 0 {
            endMap()
        } else {
            hasher = TermHasher()
        }
    }

    private mutating func endKey(of map: Map) throws(TermError) {
        if let hasher { keys.append(hasher.sum) }
        if top.left == 1 {
            guard !KeyCheck.hasDuplicates(keys[map.firstKey...]) else {
                throw reader.failure(.duplicateKey)
            }
            keys.removeSubrange(map.firstKey...)
        }
        guard map.around == nil else { return }
        hasher = nil
        // The last value is a term like any other.
        if top.left == 1 {
            maps.removeLast()
            top.kind = .plain
        }
    }

    private mutating func endMap() {
        top.kind = .plain
        guard let map = maps.popLast(), let around = map.around else { return }
        hasher?.resume(around)
        hasher?.absorb(map.sum)
    }
}
