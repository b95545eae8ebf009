import Synchronization

/// The first bytes of a region: its settings and its state.
///
/// `state` and the lists are changed by the holder of the region's lock; the rest are atomics.
struct RegionControl {
    let base: UnsafeMutableRawPointer

    static let magic: UInt64 = 0x544D_4D50_4F4F_4C31
    static let version: UInt32 = 4

    /// In place of a process number: closed, so that nobody uses the pool, and with pins that have to
    /// be given back should the process die.
    static let closedWithPins = UInt32.max

    /// What only the holder of the lock reads and writes.
    struct State {
        var magic: UInt64 = 0
        var version: UInt32 = 0
        /// 1 once everything is in its place.
        var isReady: UInt32 = 0
        /// Which start of the system the region is of; its processes are gone after another.
        var bootHigh: UInt64 = 0
        var bootLow: UInt64 = 0
        var reserve = 0
        var smallestPage = 0
        var largestPage = 0
        var buckets = 0
        var processes = 0
        /// One more than the highest slot that a process ever had.
        var processBound = 0
        var cacheSize = 0
        var mmapSize = 0
        var noMmap = false
        var policy: UInt8 = 0
        /// One more than the highest place in the table of files that was ever used.
        var fileBound = 0
        /// Headers in use, free ones included.
        var headers = 0
        var usedBytes = 0
        var pages = 0
        var dirtyPages = 0
        /// Pages that a checkpoint waits for.
        var pendingPages = 0
        /// Counts down: pages marked as discarded are colder than every other.
        var coldClock: UInt64 = PagePriority.firstCold
        var discards: UInt64 = 0
        /// Whether any page ever had another priority than the default, and the lowest that one had.
        var hasPriorities = false
        var lowestRank = PagePriority.normal.rank
        /// Pages that came in, as long as there are priorities.
        var arrivals: UInt64 = 0
        var nextGeneration: UInt32 = 1
        var checkpoint = Checkpoint()
        /// How many pages and files left that were not durable: closing drops changes.
        var losses: UInt64 = 0
        /// How many syncs and flushes have failed.
        var failures: UInt64 = 0
        var counts = Counts()
        var queues = QueueState()
    }

    /// The last memp_sync with an LSN.
    struct Checkpoint {
        var asked = LSN(file: 0, offset: 0)
        var written = LSN(file: 0, offset: 0)
        var hasWritten = false
        var mustRetry = false
    }

    /// The figures of memp_stat that no file has.
    struct Counts {
        /// Lookups that neither a hit nor a miss came of.
        var failedSearches = 0
        var cleanEvicted = 0
        var dirtyEvicted = 0
        var trickled = 0
        var lockWaits = 0
        var lockTaken = 0
        /// Of files that have left the pool.
        var gone = PageFileCounts()
    }

    /// The two queues of S3-FIFO: headers by number plus 1, 0 for none.
    struct QueueState {
        var heads: (UInt32, UInt32) = (0, 0)
        var tails: (UInt32, UInt32) = (0, 0)
        var bytes: (Int, Int) = (0, 0)
    }

    static let lockAt = 64
    private static let clockAt = 192
    static let ioSequenceAt = 256
    private static let ioWaitersAt = 260
    private static let examinedAt = 320
    private static let longestAt = 328
    private static let processesAt = 512
    private static let freeAt = 1024
    private static let usedAt = 1536
    static let stateAt = 2048

    var state: UnsafeMutablePointer<State> {
        (base + Self.stateAt).assumingMemoryBound(to: State.self)
    }

    /// What the youngest put of any thread may have been stamped with, less a few.
    var clock: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(Self.clockAt) }

    /// Counts ended reads and writes of pages; those who wait for one sleep on it.
    var ioSequence: UnsafeMutablePointer<Atomic<UInt32>> { base.word32(Self.ioSequenceAt) }
    var ioWaiters: UnsafeMutablePointer<Atomic<UInt32>> { base.word32(Self.ioWaitersAt) }

    /// Elements looked at beyond the first of each hit.
    var examinedMore: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(Self.examinedAt) }
    var longestSearch: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(Self.longestAt) }

    /// The process number in a slot, for people to read; 0 if the slot is free.
    func process(_ slot: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        base.word32(Self.processesAt + slot * 4)
    }

    /// How many pages of an arena have ever been used.
    func usedInArena(_ arena: Int) -> UnsafeMutablePointer<UInt32> {
        (base + Self.usedAt + arena * 4).assumingMemoryBound(to: UInt32.self)
    }

    /// The first free header of an arena, by number plus 1.
    func firstFree(_ arena: Int) -> UnsafeMutablePointer<UInt32> {
        (base + Self.freeAt + arena * 4).assumingMemoryBound(to: UInt32.self)
    }
}
