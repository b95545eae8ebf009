import Synchronization

/// The two queues of S3-FIFO in a region, and the names of pages that have just left.
///
/// A new page enters the small queue, a tenth of the cache. At its end a page that was hit more than
/// once goes on to the main queue, any other leaves and its name is kept; a page that comes back while
/// its name is known enters the main queue. At the end of the main queue a page that was hit goes
/// round once more.
struct S3Fifo {
    static let small: UInt8 = 0
    static let main: UInt8 = 1
    static let none: UInt8 = 2

    let region: Region

    private var state: UnsafeMutablePointer<RegionControl.State> { region.state }

    func append(_ index: UInt32, to queue: UInt8) {
        let header = region.header(index)
        header.queue = queue
        header.after = 0
        header.before = tail(queue)
        if header.before == 0 {
            setHead(queue, index + 1)
        } else {
            region.header(header.before - 1).after = index + 1
        }
        setTail(queue, index + 1)
        addBytes(queue, header.pageSize)
    }

    /// Puts a page where the next one is taken from.
    func discard(_ index: UInt32) {
        remove(index)
        let header = region.header(index)
        header.queue = Self.small
        header.before = 0
        header.after = head(Self.small)
        if header.after == 0 {
            setTail(Self.small, index + 1)
        } else {
            region.header(header.after - 1).before = index + 1
        }
        setHead(Self.small, index + 1)
        addBytes(Self.small, header.pageSize)
    }

    func remove(_ index: UInt32) {
        let header = region.header(index)
        let queue = header.queue
        guard queue != Self.none else { return }
        if header.before == 0 {
            setHead(queue, header.after)
        } else {
            region.header(header.before - 1).after = header.after
        }
        if header.after == 0 {
            setTail(queue, header.before)
        } else {
            region.header(header.after - 1).before = header.before
        }
        addBytes(queue, -header.pageSize)
        header.queue = Self.none
    }

    /// The page that has to go next; nil if none of them may.
    ///
    /// - Parameters:
    ///   - names: takes the name of a page that leaves without having been wanted again.
    ///   - pool: whose region this is.
    ///   - unwritten: pages that can't be written, and may not leave.
    func victim(
        _ names: inout GhostNames, in pool: MPool, past unwritten: UnwrittenPages?
    ) -> UInt32? {
        let state = state.pointee
        for _ in 0..<4 * state.pages + 4 {
            let (index, isDiscarded) = candidate
            guard let index else { return nil }
            if mustStay(index, isDiscarded) || !pool.mayLeave(index, past: unwritten) {
                remove(index)
                append(index, to: Self.main)
                continue
            }
            if region.header(index).queue == Self.small {
                let bits = region.header(index).key.pointee.load(ordering: .relaxed)
                names.insert(PageKey(bits: bits).settled, live: state.pages)
            }
            return index
        }
        return nil
    }

    /// The page at the end of the queue whose turn it is; a discarded one comes first.
    private var candidate: (index: UInt32?, isDiscarded: Bool) {
        let state = state.pointee
        let small = head(Self.small)
        let isDiscarded = small != 0 && region.header(small - 1).flags.contains(.discarded)
        let takesSmall =
            isDiscarded || head(Self.main) == 0
            || state.queues.bytes.0 >= max(state.cacheSize / 10, 1)
        let link = takesSmall && small != 0 ? small : head(Self.main)
        return (link == 0 ? nil : link - 1, isDiscarded)
    }

    /// Whether a page was wanted again, so that it has another round; that is forgotten.
    private func mustStay(_ index: UInt32, _ isDiscarded: Bool) -> Bool {
        let header = region.header(index)
        let hits = header.frequency.pointee.load(ordering: .relaxed)
        if isDiscarded { return false }
        if header.queue == Self.small {
            guard hits > 1 else { return false }
            header.frequency.pointee.store(0, ordering: .relaxed)
            return true
        }
        guard hits > 0 else { return false }
        header.frequency.pointee.store(hits - 1, ordering: .relaxed)
        return true
    }

    private func head(_ queue: UInt8) -> UInt32 {
        queue == 0 ? state.pointee.queues.heads.0 : state.pointee.queues.heads.1
    }

    private func tail(_ queue: UInt8) -> UInt32 {
        queue == 0 ? state.pointee.queues.tails.0 : state.pointee.queues.tails.1
    }

    private func setHead(_ queue: UInt8, _ link: UInt32) {
        if queue == 0 {
            state.pointee.queues.heads.0 = link
        } else {
            state.pointee.queues.heads.1 = link
        }
    }

    private func setTail(_ queue: UInt8, _ link: UInt32) {
        if queue == 0 {
            state.pointee.queues.tails.0 = link
        } else {
            state.pointee.queues.tails.1 = link
        }
    }

    private func addBytes(_ queue: UInt8, _ count: Int) {
        if queue == 0 {
            state.pointee.queues.bytes.0 += count
        } else {
            state.pointee.queues.bytes.1 += count
        }
    }
}

/// The names of pages that left the small queue of S3-FIFO unwanted, as many as pages are cached.
///
/// Each process keeps those that it has seen leave.
struct GhostNames {
    private var order: [UInt64] = []
    private var next = 0
    private var places: [UInt64: Int] = [:]
    private var inserted = 0

    mutating func insert(_ key: PageKey, live: Int) {
        let limit = max(live - live / 10, 1)
        places[key.bits] = inserted
        order.append(key.bits)
        inserted += 1
        while order.count - next > limit { forgetOldest() }
        if next > 4096, next > order.count / 2 {
            order.removeFirst(next)
            next = 0
        }
    }

    /// Whether the name is known; it is forgotten.
    mutating func take(_ key: PageKey) -> Bool { places.removeValue(forKey: key.bits) != nil }

    private mutating func forgetOldest() {
        let bits = order[next]
        let place = inserted - (order.count - next)
        if places[bits] == place { places[bits] = nil }
        next += 1
    }
}
