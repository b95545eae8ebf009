/// Where in a region what lies; offsets in bytes, the same for every process that maps it.
///
/// ```
/// 0          control: settings, lock, clock, counters, free lists
/// 8 KiB      files, 8 KiB each
/// ...        buckets of the page table, 4 bytes each
/// ...        page headers, 64 bytes each
/// ...        pins of processes 1 and up, 8 bytes for each header; process 0 has them in the headers
/// ...        one arena of page memory for each page size
/// ```
///
/// Every page size has room for the largest cache by itself, so that memory is never too scattered
/// for a page that the cache size allows. Only what has been used takes memory or disk space.
struct RegionLayout: Equatable, Sendable {
    static let processes = 32
    static let files = 1024
    static let fileBytes = 8192
    static let headerBytes = 64
    static let controlBytes = 8192
    static let bucketsAt = controlBytes + files * fileBytes

    /// Bytes that the cache may ever grow to.
    let reserve: Int
    let smallestPage: Int
    let largestPage: Int
    /// A power of two.
    let buckets: Int
    /// How many processes may share the region.
    let processes: Int

    let headers: Int
    let headersAt: Int
    let pinsAt: Int
    let arenasAt: Int
    let byteCount: Int

    init(reserve: Int, smallestPage: Int, largestPage: Int, buckets: Int, processes: Int) {
        self.reserve = reserve
        self.smallestPage = smallestPage
        self.largestPage = largestPage
        self.buckets = buckets
        self.processes = processes
        // A header belongs to one page size for good: half as many for each larger size.
        headers = reserve / smallestPage * (smallestPage == largestPage ? 1 : 2)
        headersAt = Self.roundUp(Self.bucketsAt + buckets * 4)
        pinsAt = Self.roundUp(headersAt + headers * Self.headerBytes)
        arenasAt = Self.roundUp(pinsAt + (processes - 1) * headers * 8)
        byteCount = arenasAt + Self.classes(smallestPage, largestPage) * reserve
    }

    /// The layout of a region that is there, and whose state has been checked.
    init(_ state: RegionControl.State) {
        self.init(
            reserve: state.reserve, smallestPage: state.smallestPage,
            largestPage: state.largestPage, buckets: state.buckets, processes: state.processes)
    }

    /// The layout of a new region.
    init(_ options: MPoolOptions) {
        let reserve =
            options.isPrivate && options.growth == 1
            ? options.cacheSize : max(options.cacheSize * options.growth, 64 << 20)
        let only = options.onlyPageSize
        let pages = options.cacheSize / (only ?? 1024)
        self.init(
            reserve: Self.roundUp(reserve), smallestPage: only ?? 512,
            largestPage: only ?? PageFileOptions.largestPage,
            buckets: Self.powerOfTwo(atLeast: max(pages, 64)),
            processes: options.isPrivate ? 1 : Self.processes)
    }

    /// Which arena pages of that size lie in.
    func arena(of pageSize: Int) -> Int {
        pageSize.trailingZeroBitCount - smallestPage.trailingZeroBitCount
    }

    func pageSize(ofArena arena: Int) -> Int { smallestPage << arena }

    var arenas: Int { Self.classes(smallestPage, largestPage) }

    func arenaAt(_ arena: Int) -> Int { arenasAt + arena * reserve }

    func pinsAt(process: Int) -> Int { pinsAt + (process - 1) * headers * 8 }

    private static func classes(_ smallest: Int, _ largest: Int) -> Int {
        largest.trailingZeroBitCount - smallest.trailingZeroBitCount + 1
    }

    private static func roundUp(_ size: Int) -> Int { (size + 0xFFFF) & ~0xFFFF }

    private static func powerOfTwo(atLeast least: Int) -> Int {
        1 << (Int.bitWidth - (least - 1).leadingZeroBitCount)
    }
}
