import Glibc
import Synchronization

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
        if let found {
            do throws(StoreError) {
                try adopt(found, slot, entry)
            } catch {
                if fields.pointee.handles == 0 { endFile(slot) }
                throw error
            }
        }
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
    private func adopt(
        _ found: FoundFile, _ slot: Int, _ entry: PageFileEntry
    ) throws(StoreError) {
        // Pages belong to the file that was opened first, whatever a later handle calls it, and a
        // user's 20 bytes don't tell whether this is the one.
        let isSame = !found.hasUID || found.path == entry.path
        if isSame { entry.noteEnd(found.size) }
        let generation = entry.fields.pointee.generation
        if let known = backings[slot], known.generation == generation,
            known.isWritable || !found.isWritable
        {
            return
        }
        let file =
            isSame
            ? try found.reopened()
            : try openByName(entry, found.isWritable ? O_RDWR : O_RDONLY)
        backings[slot] = PageBacking(
            file, isWritable: found.isWritable, generation: generation)
    }

    /// Opens a file of the pool by the name that it was first opened with.
    ///
    /// - Throws: if it is another file by now, and the pool knows by its inode.
    func openByName(_ entry: PageFileEntry, _ flags: Int32) throws(StoreError) -> File {
        let file = try File(path: entry.path, name: entry.name, flags: flags | O_NONBLOCK)
        let identity = entry.fields.pointee.identity
        guard !FoundFile.isUID(identity) else { return file }
        guard FoundFile.identity(nil, try file.status()) == identity else {
            throw .io(.init(call: "open", errno: ESTALE, file: entry.name))
        }
        return file
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
        if !fields.pointee.hasMapping {
            fields.pointee.hasMapping = true
            fields.pointee.mappedLast = UInt32(clamping: max(found.size / options.pageSize - 1, 0))
        }
        return PageBacking(file, isWritable: false, generation: fields.pointee.generation)
    }

    /// The place of a file that is in the pool already; nil if it is not.
    private func known(_ options: PageFileOptions, _ found: FoundFile?) -> Int? {
        (0..<state.pointee.fileBound).first { slot in
            let fields = region.file(slot).fields.pointee
            guard fields.isUsed else { return false }
            if options.inMemory {
                return fields.isInMemory && region.file(slot).name == options.name
            }
            guard let found else { return false }
            return !fields.isTemporary && fields.identity == found.identity
        }
    }

    /// The place of a file in the table of files, a new one if it has none.
    private func slot(
        for options: PageFileOptions, _ found: FoundFile?
    ) throws(StoreError) -> Int {
        while let slot = known(options, found) {
            let generation = region.file(slot).fields.pointee.generation
            let key = PageKey.file(slot: slot, generation: generation)
            guard isEnding(slot, key) else {
                try check(options, against: region.file(slot).fields.pointee, options.name ?? "")
                return slot
            }
            try waitForIO { isEnding(slot, key) }
            if closed.load(ordering: .relaxed) { throw .mpool(.closed) }
        }
        if options.inMemory, let name = options.name {
            guard options.create else { throw .mpool(.noSuchFile(name: name)) }
            guard name.utf8.count < PageFileEntry.longestName else {
                throw .badArgument(option: "path", detail: "the name of \(name) is too long")
            }
        }
        let free = (0..<RegionLayout.files).first { slot in
            slot >= state.pointee.fileBound || !region.file(slot).fields.pointee.isUsed
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
}
