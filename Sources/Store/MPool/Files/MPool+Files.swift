import Glibc
import Synchronization

/// What closing a file or a pool left undone.
package struct ClosedPages: Equatable, Sendable {
    /// Pins that were still held; their pages are gone.
    package var pinsDropped = 0
    /// Pages whose changes are lost.
    package var dirtyPagesDropped = 0

    static func += (left: inout Self, right: Self) {
        left.pinsDropped += right.pinsDropped
        left.dirtyPagesDropped += right.dirtyPagesDropped
    }
}

extension MPool {
    /// Opens a file for its pages; memp_fopen.
    ///
    /// The first handle of a file fixes its page size, type, LSN offset and cookie.
    /// - Throws: `.argumentMismatch` if the file is in the pool with others, `.noSuchFile`,
    ///   `.badArgument`, or what opening failed with.
    package func open(_ options: PageFileOptions) throws(StoreError) -> PageFile {
        try options.check()
        guard options.pageSize >= region.layout.smallestPage,
            options.pageSize <= region.layout.largestPage
        else {
            throw .badArgument(
                option: "pagesize", detail: "the pool takes no pages of that size")
        }
        let found =
            try options.inMemory
            ? nil
            : options.name.map { (name) throws(StoreError) in
                try FoundFile(options, name: name)
            }
        try takeLock()
        defer { giveLockBack() }
        if closed.load(ordering: .relaxed) { throw .mpool(.closed) }
        let slot = try slot(for: options, found)
        let entry = region.file(slot)
        let fields = entry.fields
        if let found { adopt(found, slot, entry) }
        note(options.priority)
        fields.pointee.handles += 1
        entry.handles(of: region.process).pointee += 1
        let mapping = mapping(options, found, fields)
        return PageFile(
            pool: self, options: options, slot: slot,
            key: PageKey.file(slot: slot, generation: fields.pointee.generation),
            mapping: mapping)
    }

    /// Gives the process a file to read from, or one that it can write too where it had none.
    private func adopt(_ found: FoundFile, _ slot: Int, _ entry: PageFileEntry) {
        let generation = entry.fields.pointee.generation
        entry.noteEnd(found.size)
        if let known = backings[slot], known.generation == generation,
            known.isWritable || !found.isWritable
        {
            return
        }
        // Pages belong to the file that was opened first, whatever a later handle calls it.
        guard found.path == entry.path else {
            if let file = try? File(path: entry.path, name: entry.name, flags: O_RDWR) {
                backings[slot] = PageBacking(
                    file, isWritable: true, generation: generation)
            }
            return
        }
        guard let file = try? found.reopened() else { return }
        backings[slot] = PageBacking(
            file, isWritable: found.isWritable, generation: generation)
    }

    /// The right to be read past the pool ends for all handles once one breaks a condition.
    private func mapping(
        _ options: PageFileOptions, _ found: FoundFile?,
        _ fields: UnsafeMutablePointer<PageFileEntry.Fields>
    ) -> PageBacking? {
        guard let found, options.readOnly, options.fileType == 0, !options.noMmap,
            !state.pointee.noMmap, found.size <= state.pointee.mmapSize
        else {
            fields.pointee.isMappable = false
            return nil
        }
        guard fields.pointee.isMappable, found.size > 0, let file = try? found.reopened() else {
            return nil
        }
        return PageBacking(file, isWritable: false, generation: fields.pointee.generation)
    }

    private func slot(
        for options: PageFileOptions, _ found: FoundFile?
    ) throws(StoreError) -> Int {
        var free: Int?
        for slot in 0..<RegionLayout.files {
            let fields = region.file(slot).fields
            guard fields.pointee.isUsed else {
                free = free ?? slot
                if slot >= state.pointee.fileBound { break }
                continue
            }
            if options.inMemory {
                guard fields.pointee.isInMemory, region.file(slot).name == options.name else {
                    continue
                }
            } else {
                guard let found, !fields.pointee.isTemporary,
                    fields.pointee.identity == found.identity
                else { continue }
            }
            try check(options, against: fields.pointee, options.name ?? "")
            return slot
        }
        if options.inMemory, let name = options.name {
            guard options.create else { throw .mpool(.noSuchFile(name: name)) }
            guard name.utf8.count < PageFileEntry.longestName else {
                throw .badArgument(option: "path", detail: "the name of \(name) is too long")
            }
        }
        guard let free else {
            throw .overloaded(detail: "the pool has \(RegionLayout.files) files open already")
        }
        try region.memory.back(
            from: RegionLayout.controlBytes + free * RegionLayout.fileBytes,
            count: RegionLayout.fileBytes)
        state.pointee.nextGeneration = (state.pointee.nextGeneration &+ 1) & 0x3FFFF
        let entry = region.file(free)
        entry.fill(
            options, path: found?.path ?? "", identity: found?.identity ?? (0, 0, 0),
            generation: state.pointee.nextGeneration)
        entry.noteSize(found?.size ?? 0)
        let last = (found?.size ?? 0) / options.pageSize - 1
        entry.fields.pointee.mappedLast = UInt32(clamping: max(last, 0))
        state.pointee.fileBound = max(state.pointee.fileBound, free + 1)
        backings[free] = nil
        return free
    }

    private func check(
        _ options: PageFileOptions, against fields: PageFileEntry.Fields, _ name: String
    ) throws(StoreError) {
        let pairs: [(String, Int, Int)] = [
            ("pagesize", fields.pageSize, options.pageSize),
            ("ftype", fields.fileType, options.fileType),
            ("lsn_offset", fields.lsnOffset, options.lsnOffset),
            ("clear_len", fields.clearLength, options.clearLength ?? -1),
        ]
        for (option, expected, actual) in pairs where expected != actual {
            throw .argumentMismatch(
                option: option, expected: String(expected), actual: String(actual))
        }
        let priority = PagePriority(number: fields.priority)
        guard priority == options.priority else {
            throw .argumentMismatch(
                option: "priority", expected: priority.rawValue, actual: options.priority.rawValue)
        }
    }

    // MARK: Closing

    /// With the last handle the file's pages leave the pool, changes included.
    func close(_ file: PageFile) throws(StoreError) -> ClosedPages {
        try takeLock()
        defer { giveLockBack() }
        if closed.load(ordering: .relaxed) { return ClosedPages() }
        region.file(file.slot).handles(of: region.process).pointee -= 1
        return try removeHandle(file.slot, file.key)
    }

    func removeHandle(_ slot: Int, _ key: UInt64) throws(StoreError) -> ClosedPages {
        let fields = region.file(slot).fields
        fields.pointee.handles -= 1
        guard fields.pointee.handles <= 0 else { return ClosedPages() }
        var closed = ClosedPages()
        var pages = pages(of: key)
        while let index = pages.popLast() {
            let header = region.header(index)
            func now() -> PageKey { PageKey(bits: header.key.pointee.load(ordering: .acquiring)) }
            try waitForIO { now().file == key && isMoving(index) }
            let now = now()
            guard !now.isFree, !now.isOrphan, now.file == key else { continue }
            if header.flags.contains(.dirty) { closed.dirtyPagesDropped += 1 }
            closed.pinsDropped += removePage(index, now)
        }
        endFile(slot)
        return closed
    }

    /// Takes a page out of the pool, held or not; how many pins it had.
    ///
    /// One that is held keeps its memory until its last put, so that nobody reads another page's
    /// bytes.
    private func removePage(_ index: UInt32, _ key: PageKey) -> Int {
        if region.seize(index) {
            drop(index)
            return 0
        }
        let header = region.header(index)
        forget(index, key)
        header.key.pointee.store(key.bits | PageKey.orphan, ordering: .sequentiallyConsistent)
        header.set([.orphan])
        let pins = region.pinCount(index)
        if pins == 0 { drop(index) }
        return Int(pins)
    }

    private func endFile(_ slot: Int) {
        let entry = region.file(slot)
        state.pointee.counts.gone += entry.counts
        // Who opens the file next shall see what the disk has.
        if entry.fields.pointee.hasLostWrites { backings[slot]?.file.dropCache() }
        entry.fields.pointee.isUsed = false
        entry.fields.pointee.identity = (0, 0, 0)
        backings[slot] = nil
    }
}

extension PageFile {
    /// Closes the handle; memp_fclose.
    ///
    /// Nothing is written: changes that were not synced are lost with the last handle of the file.
    @discardableResult
    package func close() throws(StoreError) -> ClosedPages {
        guard becomeClosed() else { return ClosedPages() }
        return try pool.close(self)
    }
}
