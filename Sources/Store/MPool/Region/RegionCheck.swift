import Synchronization

/// Whether a region file that somebody else has made can be used: that no number in it leads out of it.
///
/// It may be in use, and is looked at without its lock, which may be no lock. So only that is asked
/// which holds at every moment.
struct RegionCheck {
    private let region: Region

    init(_ memory: RegionMemory) { region = Region(memory, process: 0) }

    private var layout: RegionLayout { region.layout }

    var isSound: Bool {
        let state = region.state.pointee
        guard state.isSane, RegionLayout(state) == layout, state.headers <= layout.headers,
            (0..<UInt32(state.headers)).allSatisfy(isSound(header:)),
            (0..<state.fileBound).allSatisfy(isSound(file:)),
            (0..<layout.arenas).allSatisfy(isSound(arena:))
        else { return false }
        let highest = highestLink(state)
        // Headers are counted before they are linked, so the count is looked at afterwards.
        return highest <= region.state.pointee.headers
    }

    private func isSound(header index: UInt32) -> Bool {
        let header = region.header(index)
        guard isSound(pageSize: header.pageSize) else { return false }
        let arena = layout.arena(of: header.pageSize)
        let place = header.offset - layout.arenaAt(arena)
        return place >= 0 && place <= layout.reserve - header.pageSize
            && place % header.pageSize == 0
    }

    private func isSound(file slot: Int) -> Bool {
        let fields = region.file(slot).fields.pointee
        guard fields.isUsed else { return true }
        return isSound(pageSize: fields.pageSize)
            && (-1...fields.pageSize - 8).contains(fields.lsnOffset)
            && (-1...PageFileOptions.largestCookie).contains(fields.cookieLength)
            && (0...PageFileEntry.longestPath).contains(fields.pathLength)
            && (0...PageFileEntry.longestName).contains(fields.nameLength)
            && fields.ender <= layout.processes
    }

    private func isSound(arena: Int) -> Bool {
        let used = Int(region.control.usedInArena(arena).pointee)
        return used <= layout.reserve / layout.pageSize(ofArena: arena)
    }

    private func isSound(pageSize: Int) -> Bool {
        pageSize.nonzeroBitCount == 1 && pageSize >= layout.smallestPage
            && pageSize <= layout.largestPage
    }

    /// The highest header, by number plus 1, that a list or the page table leads to.
    private func highestLink(_ state: RegionControl.State) -> Int {
        let queues = state.queues
        var highest = max(queues.heads.0, queues.heads.1, queues.tails.0, queues.tails.1)
        for arena in 0..<layout.arenas {
            highest = max(highest, region.control.firstFree(arena).pointee)
        }
        for bucket in 0..<layout.buckets {
            let link = region.memory.base.word32(RegionLayout.bucketsAt + bucket * 4)
            highest = max(highest, link.pointee.load(ordering: .acquiring))
        }
        for index in 0..<UInt32(state.headers) {
            let header = region.header(index)
            let next = header.next.pointee.load(ordering: .acquiring)
            highest = max(highest, next, header.before, header.after)
        }
        return Int(highest)
    }
}

extension RegionControl.State {
    /// Whether it is of a finished region that this program understands.
    var isSane: Bool {
        magic == RegionControl.magic && version == RegionControl.version && isReady == 1
            && processes == RegionLayout.processes && hasSaneSizes && policy <= 1
            && (1...processes).contains(processBound)
            && (0...RegionLayout.files).contains(fileBound) && headers >= 0
            && headers < Int(UInt32.max)
    }

    private var hasSaneSizes: Bool {
        (2...1 << 40).contains(buckets) && buckets.nonzeroBitCount == 1
            && smallestPage >= 512 && smallestPage.nonzeroBitCount == 1
            && largestPage >= smallestPage && largestPage.nonzeroBitCount == 1
            && largestPage <= PageFileOptions.largestPage
            && reserve > 0 && reserve % (64 << 10) == 0
            && reserve <= MPoolOptions.largestCache * 8
            && (0...reserve).contains(cacheSize) && mmapSize >= 0
    }
}
