import Synchronization

// Pages behind one that is missed in order come in with it, by one call.

extension MPool {
    /// Puts pages that follow on their way too, pinned by this process: as many as the handle reads
    /// ahead, if its last one was the page before, and as fit without a write.
    ///
    /// With the lock.
    func installAhead(of pgno: UInt32, _ file: PageFile) -> [UInt32] {
        let limit = min(file.options.readAhead, state.pointee.cacheSize / file.pageSize / 4)
        guard limit > 1, file.isNext(pgno) else { return [] }
        let end = file.entry.knownSize.pointee.load(ordering: .relaxed) / UInt64(file.pageSize)
        var installed: [UInt32] = []
        while installed.count < limit - 1 {
            let next = UInt64(pgno) + UInt64(installed.count) + 1
            guard next < end else { break }
            let key = PageKey(file: file.key, pgno: UInt32(next))
            guard region.find(key).index == Region.none, makeRoomWithoutWriting(file.pageSize),
                let index = try? install(key, file)
            else { break }
            installed.append(index)
        }
        file.expect(UInt64(pgno) + UInt64(installed.count) + 1)
        return installed
    }

    private func makeRoomWithoutWriting(_ size: Int) -> Bool {
        while isFull(size) {
            guard evictColdest(for: size) else { return false }
        }
        return true
    }

    /// Reads a page, and those that were installed ahead; how many bytes of the first one there are.
    ///
    /// Without the lock. What could not be read is gone afterwards; the others are no longer pinned.
    func read(
        _ backing: PageBacking, _ pgno: UInt32, into page: UnsafeMutableRawBufferPointer,
        ahead: [UInt32], _ file: PageFile
    ) throws(StoreError) -> Int {
        var found = 0
        defer { end(ahead, whole: found / page.count - 1, file) }
        found = try backing.read(
            pgno, into: [page] + ahead.map { region.page(region.header($0)) })
        return min(found, page.count)
    }

    private func end(_ ahead: [UInt32], whole: Int, _ file: PageFile) {
        for (number, index) in ahead.enumerated() {
            let header = region.header(index)
            let key = PageKey(bits: header.key.pointee.load(ordering: .acquiring)).settled
            let isGood =
                number < whole && (try? convert(key.pgno, region.page(header), file)) != nil
            if isGood {
                header.key.pointee.store(key.bits, ordering: .sequentiallyConsistent)
                putUnchanged(index, file.stampOffset)
            } else {
                // Without the lock nothing can be done: the page is reclaimed with this process.
                try? locked {
                    region.ownPins(index).pointee.wrappingSubtract(
                        PinWord.pin, ordering: .sequentiallyConsistent)
                    drop(index)
                    file.entry.read.takeBack()
                }
            }
        }
        endedIO()
    }
}
