/// Which page leaves a full pool.
package enum ReplacementPolicy: String, CaseIterable, Sendable {
    /// The page whose last pin was given back longest ago.
    case lru
    /// S3-FIFO: a small queue for what is new, a main queue for what was wanted again, and the
    /// names of what has just left.
    case s3fifo
}

/// Whether the pages of a pool carry LSNs of a log, which then has to be flushed before them.
package enum PageLog: Sendable {
    /// There is no log: a sync takes no LSN.
    case none
    /// Somebody else flushes it before a page is marked dirty.
    case external
    /// It is flushed up to an LSN before a page with that LSN is written.
    case flushed(@Sendable (LSN) throws(StoreError) -> Void)
}

/// After how many writes a sync rests, and for how long; 5.3's memp_set_mp_max_write.
package struct WritePacing: Equatable, Sendable {
    /// It never rests if 0.
    package var writes = 0
    package var sleepMicroseconds = 0

    package init(writes: Int = 0, sleepMicroseconds: Int = 0) {
        self.writes = writes
        self.sleepMicroseconds = sleepMicroseconds
    }
}

/// What a pool is opened with; the configuration of memp_open.
package struct MPoolOptions: Sendable {
    /// Bytes of page data: the sum of the sizes of all cached pages is never above it.
    package var cacheSize = 131_072
    /// Bytes; a read-only file that is not larger is not cached but read past the pool.
    package var mmapSize = 10_485_760
    /// Permissions of the region file, less the umask.
    package var mode: UInt32 = 0o640
    /// Make what is missing.
    package var create = false
    /// The pool of this process alone; nothing is made on disk.
    package var isPrivate = false
    /// No file of this pool is read past it.
    package var noMmap = false
    package var policy = ReplacementPolicy.lru
    package var log = PageLog.none
    package var pacing = WritePacing()
    /// The one page size that all files have, for a pool that takes no others and little room.
    package var onlyPageSize: Int?
    /// How many times its size the pool may grow to.
    package var growth = 4

    package init() {}

    package static let smallestCache = 20_480
    package static let largestCache = 1 << 36

    /// - Throws: `.badArgument` for what no pool can have.
    package static func check(cacheSize: Int) throws(StoreError) {
        guard (smallestCache...largestCache).contains(cacheSize) else {
            throw .badArgument(
                option: "cachesize",
                detail: "a cache has \(smallestCache) to \(largestCache) bytes, not \(cacheSize)")
        }
    }
}

/// What a file is opened with; the arguments of memp_fopen.
package struct PageFileOptions: Equatable, Sendable {
    /// What errors and statistics call the file, and where it lies; nil for a temporary file.
    package var name: String?
    /// Where the file lies, if not at `name`.
    package var path: String?
    /// A power of two from 512 on.
    package var pageSize = 0
    /// Which filters its pages pass; 0 for none.
    package var fileType = 0
    package var create = false
    package var readOnly = false
    package var noMmap = false
    /// Permissions of a file that is made, less the umask.
    package var mode: UInt32 = 0o640
    /// Where on a page its LSN stands; -1 if pages have none.
    package var lsnOffset = -1
    /// Handed to the filters; at most 1,024 bytes.
    package var cookie: [UInt8]?
    /// 20 bytes that identify the file instead of its device and inode.
    package var uid: [UInt8]?
    /// A length that is no multiple of the page size is no error; the end is not a page.
    package var oddSize = false
    /// The highest page that may be made; no limit if 0.
    package var maxPages: UInt32 = 0
    /// How willingly its pages leave; fixed by the first handle of the file.
    package var priority = PagePriority.normal
    /// There is no file, only pages by a name, which never leave the pool.
    package var inMemory = false
    /// Pages that come in together where they are missed in order; each comes alone if below 2.
    ///
    /// They count as read, and those not asked for as hits once they are.
    package var readAhead = 0
    /// How many bytes of a new page have to be zeros; pages are cleared as a whole.
    package var clearLength: Int?

    package init() {}

    package static let largestPage = 16 << 20
    package static let mostAhead = 64
    package static let largestCookie = 1024
    package static let uidLength = 20

    func check() throws(StoreError) {
        guard pageSize >= 512, pageSize <= Self.largestPage, pageSize & (pageSize - 1) == 0 else {
            throw .badArgument(
                option: "pagesize",
                detail: "a page has a power of two of bytes, from 512 to \(Self.largestPage)")
        }
        guard lsnOffset >= -1, lsnOffset <= pageSize - 8 else {
            throw .badArgument(
                option: "lsn_offset", detail: "lsn_offset must leave room for 8 bytes in the page")
        }
        guard clearLength ?? 0 <= pageSize, clearLength ?? 0 >= 0 else {
            throw .badArgument(
                option: "clear_len", detail: "clear_len is larger than the page")
        }
        guard (0...Self.mostAhead).contains(readAhead) else {
            throw .badArgument(
                option: "readahead", detail: "readahead is 0 to \(Self.mostAhead) pages")
        }
        guard name != nil || !readOnly else {
            throw .badArgument(option: "rdonly", detail: "a private file can't be read only")
        }
        guard !inMemory || name != nil && uid == nil else {
            throw .badArgument(
                option: "inmemory", detail: "a file in memory has a name, and no uid")
        }
        guard cookie?.count ?? 0 <= Self.largestCookie else {
            throw .badArgument(
                option: "pgcookie", detail: "a cookie has at most \(Self.largestCookie) bytes")
        }
        guard uid?.count ?? Self.uidLength == Self.uidLength else {
            throw .badArgument(option: "uid", detail: "uid has \(Self.uidLength) bytes")
        }
    }
}
