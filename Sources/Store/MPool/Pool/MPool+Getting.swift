import Glibc
import Synchronization

extension MPool {
    /// Pins a cached page without a lock; `Region.none` where that can't be done.
    @inline(__always)
    func pinCached(_ key: PageKey) -> UInt32 {
        var link = region.bucket(key).pointee.load(ordering: .acquiring)
        var examined: UInt64 = 0
        while link != 0, examined < 64 {
            examined &+= 1
            let index = link &- 1
            let header = region.header(index)
            header.fetchToWrite()
            if header.key.pointee.load(ordering: .acquiring) == key.bits {
                let word = region.ownPins(index)
                let before = word.pointee.wrappingAdd(
                    PinWord.pin | PinWord.hit, ordering: .sequentiallyConsistent
                ).oldValue
                let isStill = header.key.pointee.load(ordering: .sequentiallyConsistent) == key.bits
                guard isStill, before & PinWord.mask < PinWord.cautious else {
                    takeBack(index, key)
                    return Region.none
                }
                if examined > 1 { noteSearch(examined) }
                if !isLRU { bump(header) }
                return index
            }
            link = header.next.pointee.load(ordering: .acquiring)
        }
        return Region.none
    }

    /// Takes a pin back, and its hit, that met a page which was leaving or being replaced.
    ///
    /// Whoever did that may have seen the pin and left the rest to its put, and have taken the hit
    /// together with the page's others.
    @inline(never)
    func takeBack(_ index: UInt32, _ key: PageKey) {
        let word = region.ownPins(index)
        var known = word.pointee.load(ordering: .relaxed)
        var hit: UInt64
        var isDone: Bool
        repeat {
            hit = known < PinWord.hit ? 0 : PinWord.hit
            (isDone, known) = word.pointee.compareExchange(
                expected: known, desired: known &- PinWord.pin &- hit,
                ordering: .sequentiallyConsistent)
        } while !isDone
        if hit == 0 { region.file(key.slot).takeHitBack() }
        if !region.header(index).flags.isDisjoint(with: .needsCare) { afterLastPut(index) }
    }

    /// Counts a hit for S3-FIFO, which wants to know of three at most.
    @inline(__always)
    private func bump(_ header: PageHeader) {
        let hits = header.frequency.pointee.load(ordering: .relaxed)
        if hits < 3 { header.frequency.pointee.store(hits &+ 1, ordering: .relaxed) }
    }

    private func noteSearch(_ examined: UInt64) {
        region.control.examinedMore.add(Int(examined) - 1)
        noteLongest(examined)
    }

    private func noteLongest(_ examined: UInt64) {
        let longest = region.control.longestSearch
        if longest.pointee.load(ordering: .relaxed) < examined {
            _ = longest.pointee.max(examined, ordering: .relaxed)
        }
    }

    /// Pins a page: finds it, or makes room and loads or makes it.
    ///
    /// The order is that of the original's rules, so that a get that fails leaves everything as it
    /// was: number, search, does it exist, room, bytes, filter.
    func acquire(
        _ file: PageFile, _ request: WantedPage
    ) throws(StoreError) -> (index: UInt32, pgno: UInt32) {
        try takeLock()
        var isLocked = true
        defer { if isLocked { giveLockBack() } }
        let isNew = request == .new
        var plan: Plan?
        var unwritten = UnwrittenPages()
        while true {
            if file.isClosed || closed.load(ordering: .relaxed) { throw .mpool(.closed) }
            if let known = plan, known.arrivals != file.arrivals { plan = nil }
            let pgno: UInt32
            if let plan { pgno = plan.pgno } else { pgno = try number(request, file) }
            let key = PageKey(file: file.key, pgno: pgno)
            let (found, examined) = isNew ? (Region.none, 0) : region.find(key)
            if found != Region.none {
                if isLoading(found, key) {
                    try waitForIO { isLoading(found, key) }
                    continue
                }
                try pinFound(found, pgno, examined)
                return (found, pgno)
            }
            do throws(StoreError) {
                let isStored: Bool
                if let plan {
                    isStored = plan.isStored
                } else {
                    isStored = try self.isStored(pgno, request, file)
                }
                let backing = isStored ? try readable(file) : nil
                plan = Plan(pgno: pgno, isStored: isStored, arrivals: file.arrivals)
                guard try makeRoom(file.pageSize, past: &unwritten) else { continue }
                let index = try install(key, file)
                noteAbsent(examined)
                let ahead =
                    backing != nil && file.options.readAhead > 1
                    ? installAhead(of: pgno, file) : []
                file.entry.countArrival(isStored: isStored, isNew: isNew, ahead: ahead.count)
                giveLockBack()
                isLocked = false
                try fill(index, key, file, backing, ahead, isNew: isNew)
                return (index, pgno)
            } catch {
                // `fill` counts for itself: it fails without the lock.
                if isLocked, !isNew {
                    noteAbsent(examined)
                    state.pointee.counts.failedSearches += 1
                }
                throw error
            }
        }
    }

    /// Where a file is read: one that this process has not got open must not pass for one of zeros.
    private func readable(_ file: PageFile) throws(StoreError) -> PageBacking {
        let generation = file.entry.fields.pointee.generation
        if let backing = backings[file.slot], backing.generation == generation { return backing }
        throw .io(.init(call: "pread", errno: EBADF, file: file.name))
    }

    private func isLoading(_ index: UInt32, _ key: PageKey) -> Bool {
        let bits = region.header(index).key.pointee.load(ordering: .sequentiallyConsistent)
        return PageKey(bits: bits).settled == key && PageKey(bits: bits).isLoading
    }

    private func noteAbsent(_ examined: Int) {
        guard examined > 0 else { return }
        region.control.examinedMore.add(examined)
        noteLongest(UInt64(examined))
    }

    private func number(_ request: WantedPage, _ file: PageFile) throws(StoreError) -> UInt32 {
        switch request {
        case .existing(let pgno), .create(let pgno): return pgno
        case .last: return try lastPage(file.slot)
        case .new:
            if file.isReadOnly {
                throw .badArgument(
                    option: "flags", detail: "no page can be added to a file that is read only")
            }
            let last = try lastPage(file.slot)
            if last == .max {
                throw .mpool(.fileFull(file: file.name, limit: .max))
            }
            return last + 1
        }
    }

    /// The last page of a file: in the file, or in the pool if that is higher; 0 if there is none.
    private func lastPage(_ slot: Int) throws(StoreError) -> UInt32 {
        let file = region.file(slot)
        let size = try backings[slot]?.size() ?? 0
        file.noteSize(size)
        let inFile = UInt32(clamping: max(size / file.fields.pointee.pageSize - 1, 0))
        guard file.fields.pointee.pages > 0 else { return inFile }
        if file.fields.pointee.highestIsStale, file.fields.pointee.highestCached > inFile {
            let key = PageKey.file(slot: slot, generation: file.fields.pointee.generation)
            file.fields.pointee.highestCached =
                pages(of: key).map { index in
                    PageKey(bits: region.header(index).key.pointee.load(ordering: .relaxed)).pgno
                }.max() ?? 0
            file.fields.pointee.highestIsStale = false
        }
        return max(inFile, file.fields.pointee.highestCached)
    }

    private func pinFound(_ index: UInt32, _ pgno: UInt32, _ examined: Int) throws(StoreError) {
        if region.pinCount(index) >= PinWord.limit {
            state.pointee.counts.failedSearches += 1
            noteAbsent(examined)
            throw .mpool(.pinOverflow(pgno: pgno))
        }
        region.ownPins(index).pointee.wrappingAdd(
            PinWord.pin | PinWord.hit, ordering: .sequentiallyConsistent)
        noteSearch(UInt64(examined))
        if !isLRU { bump(region.header(index)) }
    }

    /// What was decided before room was made.
    ///
    /// Writing a page may have made the file longer, so that looking again would find another answer.
    /// It stands as long as no page of the file has come in meanwhile.
    private struct Plan {
        let pgno: UInt32
        /// Whether its bytes are read from the file.
        let isStored: Bool
        let arrivals: UInt64
    }

    /// Whether an absent page is read from the file, or made.
    private func isStored(
        _ pgno: UInt32, _ request: WantedPage, _ file: PageFile
    ) throws(StoreError) -> Bool {
        let limit = file.entry.fields.pointee.maxPages
        let mayMake: Bool
        switch request {
        case .create, .new: mayMake = true
        case .existing, .last: mayMake = false
        }
        if mayMake, limit > 0, pgno > limit {
            throw .mpool(.fileFull(file: file.name, limit: limit))
        }
        if request != .new, try isInFile(pgno, file.slot) { return true }
        guard mayMake else { throw .mpool(.noSuchPage(file: file.name, pgno: pgno)) }
        try checkReach(pgno, file)
        return false
    }

    /// Refuses a page that its file can't hold, and that could therefore never be written.
    private func checkReach(_ pgno: UInt32, _ file: PageFile) throws(StoreError) {
        if file.options.inMemory { return }
        let end = (Int(pgno) + 1) * file.pageSize
        var limit = rlimit()
        let isLimited = getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0
        let isInLimit = !isLimited || UInt64(end) <= limit.rlim_cur
        guard isInLimit, backings[file.slot]?.file.canReach(end) ?? true else {
            throw .fileTooLarge(
                detail: "\(file.name) can't have \(end) bytes, to the end of page \(pgno)")
        }
    }

    /// Whether a page lies wholly inside the file.
    func isInFile(_ pgno: UInt32, _ slot: Int) throws(StoreError) -> Bool {
        let file = region.file(slot)
        let end = (UInt64(pgno) + 1) * UInt64(file.fields.pointee.pageSize)
        if end <= file.knownSize.pointee.load(ordering: .relaxed) { return true }
        guard let size = try backings[slot]?.size() else { return false }
        file.noteSize(size)
        return end <= UInt64(size)
    }

    /// Puts a page that is on its way into the page table, pinned by this process.
    func install(_ key: PageKey, _ file: PageFile) throws(StoreError) -> UInt32 {
        let index = try region.allocate(pageSize: file.pageSize)
        let header = region.header(index)
        header.reset(file.discards ? .discarded : [])
        header.ioProcess = UInt8(region.process)
        header.lastWrite = 0
        header.frequency.pointee.store(0, ordering: .relaxed)
        header.stamp.pointee.store(clock.tickForAll() &+ file.stampOffset, ordering: .relaxed)
        region.ownPins(index).pointee.wrappingAdd(PinWord.pin, ordering: .relaxed)
        header.key.pointee.store(key.bits | PageKey.loading, ordering: .releasing)
        region.link(index, key)
        header.queue = S3Fifo.none
        if !isLRU {
            let queue = ghosts.take(key) ? S3Fifo.main : S3Fifo.small
            S3Fifo(region: region).append(index, to: queue)
        }
        state.pointee.usedBytes += file.pageSize
        state.pointee.pages += 1
        noteArrival(index)
        let fields = file.entry.fields
        if fields.pointee.pages == 0 || key.pgno >= fields.pointee.highestCached {
            fields.pointee.highestCached = key.pgno
            fields.pointee.highestIsStale = false
        }
        fields.pointee.pages += 1
        fields.pointee.arrivals += 1
        return index
    }

    /// Gives a page that is on its way its bytes; without the lock.
    ///
    /// If that fails, it is gone, and was not counted.
    private func fill(
        _ index: UInt32, _ key: PageKey, _ file: PageFile, _ backing: PageBacking?,
        _ ahead: [UInt32], isNew: Bool
    ) throws(StoreError) {
        let entry = file.entry
        var isRead = false
        do throws(StoreError) {
            let page = region.page(region.header(index))
            if let backing {
                let count =
                    ahead.isEmpty
                    ? try backing.read(key.pgno, into: page)
                    : try read(backing, key.pgno, into: page, ahead: ahead, file)
                guard count == page.count else {
                    entry.noteSize(0)
                    throw .mpool(.noSuchPage(file: file.name, pgno: key.pgno))
                }
            } else {
                page.initializeMemory(as: UInt8.self, repeating: 0)
            }
            isRead = true
            if !isNew { try convert(key.pgno, page, file) }
        } catch {
            try locked {
                region.ownPins(index).pointee.wrappingSubtract(
                    PinWord.pin, ordering: .sequentiallyConsistent)
                drop(index)
                entry.takeArrivalBack(isRead: isRead, isNew: isNew)
                if !isNew { state.pointee.counts.failedSearches += 1 }
            }
            endedIO()
            throw error
        }
        region.header(index).key.pointee.store(key.bits, ordering: .sequentiallyConsistent)
        endedIO()
    }

    func convert(
        _ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ file: PageFile
    ) throws(StoreError) {
        let fields = file.entry.fields
        guard let filter = filter(of: fields.pointee.fileType) else { return }
        let errno = filter.pgin(pgno, page, file.entry.cookie)
        if errno != 0 {
            throw .mpool(.filterFailed(file: file.name, pgno: pgno, errno: errno))
        }
    }
}
