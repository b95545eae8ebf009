/// The pool named `service`: pages of log files that were read before.
///
/// Only what can't change is kept: whole pages before the end of what is written, of one life of a
/// file. A file that is emptied or replaced begins another life, under which no page of the former is
/// found; who reads looks whether the life still lasts once it has read.
final class ReadCache: Sendable {
    /// One life of one file of a log: these numbers together never come again.
    struct Life: Hashable, Sendable {
        let identity: UInt32
        let epoch: UInt32
        let generation: UInt32
        let file: UInt32
        /// The position of the file's first item.
        let start: Int

        /// As many bytes as a file's identifier has; the position's upper half is left out.
        fileprivate var uid: [UInt8] {
            var bytes: [UInt8] = []
            for word in [identity, epoch, generation, file, UInt32(truncatingIfNeeded: start)] {
                bytes.appendBigEndian(word)
            }
            return bytes
        }
    }

    private struct Entry {
        let file: PageFile
        var used: Int
    }

    private struct State {
        var entries: [Life: Entry] = [:]
        var tick = 0
    }

    /// Bytes of a page.
    static let pageSize = 16_384
    /// Larger reads go past the pool: they are faster so, and hardly come again.
    static let largestRead = 65_536
    /// Files that have pages in the pool at once.
    private static let limit = 256

    let pool: MPool
    private let directory: DataDirectory
    private let state = Locked(State())

    /// - Parameter size: bytes of the pool; nil is given back for 0, which means none.
    init?(size: Int, _ directory: DataDirectory) throws(StoreError) {
        guard size > 0 else { return nil }
        self.directory = directory
        var options = MPoolOptions()
        options.isPrivate = true
        options.cacheSize = max(size, MPoolOptions.smallestCache)
        options.policy = .s3fifo
        options.onlyPageSize = Self.pageSize
        options.growth = 1
        pool = try MPool.open(nil, name: MPools.service, options)
    }

    /// What clients see of its options.
    var settings: MPoolSettings {
        var settings = MPoolSettings()
        settings.isPrivate = true
        settings.policy = .s3fifo
        return settings
    }

    /// Copies the whole pages at the beginning of a stretch of a file.
    ///
    /// Waits for the disk unless they are in the pool.
    /// - Parameters:
    ///   - path: where the file lies below the data directory.
    ///   - end: what is written ends there.
    /// - Returns: how many bytes were copied; the rest has to be read from the file.
    func copy(
        _ life: Life, path: String, at offset: Int, end: Int,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        let whole = end / Self.pageSize * Self.pageSize
        guard buffer.count <= Self.largestRead, offset < whole,
            let file = file(life, path: path)
        else { return 0 }
        var done = 0
        while done < buffer.count, offset + done < whole {
            let place = offset + done
            let count = copyPage(
                file, place, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
            // What the pool can't give the file can, or says itself what is wrong.
            guard count > 0 else { break }
            done += count
        }
        return done
    }

    private func copyPage(
        _ file: PageFile, _ place: Int, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        let within = place % Self.pageSize
        let count = min(Self.pageSize - within, buffer.count)
        do throws(StoreError) {
            try file.withPage(UInt32(place / Self.pageSize)) { page in
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: page[within..<within + count]))
            }
            return count
        } catch {
            return 0
        }
    }

    private func file(_ life: Life, path: String) -> PageFile? {
        let known: PageFile? = state.withLock { state in
            state.tick += 1
            state.entries[life]?.used = state.tick
            return state.entries[life]?.file
        }
        if let known { return known }
        var options = PageFileOptions()
        options.name = path
        options.path = directory.absolute(path)
        options.pageSize = Self.pageSize
        options.readOnly = true
        options.noMmap = true
        options.oddSize = true
        options.uid = life.uid
        guard let file = try? pool.open(options) else { return nil }
        // Closed outside of the lock, which a close may hold for long.
        let closed: PageFile? = state.withLock { state in
            var oldest: PageFile?
            if state.entries.count >= Self.limit,
                let first = state.entries.min(by: { $0.value.used < $1.value.used })
            {
                oldest = state.entries.removeValue(forKey: first.key)?.file
            }
            state.entries[life] = Entry(file: file, used: state.tick)
            return oldest
        }
        _ = try? closed?.close()
        return file
    }

    /// Lets go of files that nobody will read any more; their pages leave, and their disk space with
    /// them if they were removed.
    func forget(where isGone: (Life) -> Bool) {
        let gone: [PageFile] = state.withLock { state in
            let lives = state.entries.keys.filter(isGone)
            return lives.compactMap { state.entries.removeValue(forKey: $0)?.file }
        }
        for file in gone { _ = try? file.close() }
    }

    func close() { forget { _ in true } }
}
