import Glibc
import Testing
import TestSupport

@testable import Store

/// Which page leaves when files, or single puts, have priorities.
@Suite struct PagePriorityTests {
    private let folder: MPoolFolder

    init() throws { folder = try MPoolFolder() }

    private func isCached(_ file: PageFile, _ pgno: UInt32) -> Bool {
        file.pool.region.find(PageKey(file: file.key, pgno: pgno)).index != Region.none
    }

    private func touch(
        _ file: PageFile, _ pgno: UInt32, _ priority: PagePriority? = nil, replaces: Bool = false
    ) throws {
        var pin = try file.get(.create(pgno))
        if replaces { try pin.replace(with: [UInt8](repeating: 1, count: 4096)) }
        if let priority { try pin.rank(priority) }
        try pin.put()
    }

    @Test func pagesOfALowerPriorityLeaveFirst() throws {
        let pool = try folder.pool()
        let high = try folder.file(pool, "high") { $0.priority = .high }
        let normal = try folder.file(pool, "normal")
        let low = try folder.file(pool, "low") { $0.priority = .low }
        try touch(high, 0)
        try touch(low, 0)
        for pgno in 0..<6 as Range<UInt32> { try touch(normal, pgno) }
        try touch(low, 0)
        try touch(normal, 6)
        #expect(!isCached(low, 0) && isCached(high, 0) && isCached(normal, 0))
        for pgno in 7..<40 as Range<UInt32> { try touch(normal, pgno) }
        #expect(isCached(high, 0))
        for pgno in 1..<9 as Range<UInt32> { try touch(high, pgno) }
        #expect(!isCached(high, 0) && !isCached(normal, 39))
        try touch(low, 1)
        try touch(low, 2)
        #expect(!isCached(low, 1))
    }

    @Test func everyPutOfAFileOfVeryLowPriorityDiscards() throws {
        let pool = try folder.pool()
        let file = try folder.file(pool, "scan") { $0.priority = .veryLow }
        let hot = try folder.file(pool, "hot")
        for pgno in 0..<4 as Range<UInt32> { try touch(hot, pgno) }
        for pgno in 0..<50 as Range<UInt32> { try touch(file, pgno) }
        for pgno in 0..<4 as Range<UInt32> { #expect(isCached(hot, pgno)) }
    }

    @Test func aPutMayGiveAPageAnotherPriorityUntilTheNext() throws {
        let file = try folder.file(folder.pool())
        try touch(file, 0, .veryHigh)
        for pgno in 1..<20 as Range<UInt32> { try touch(file, pgno) }
        #expect(isCached(file, 0))
        try touch(file, 0)
        for pgno in 20..<28 as Range<UInt32> { try touch(file, pgno) }
        #expect(!isCached(file, 0))
    }

    @Test func handlesOfAFileHaveOnePriority() throws {
        let pool = try folder.pool()
        let first = try folder.file(pool) { $0.priority = .low }
        #expect(throws: StoreError.self) { try folder.file(pool) }
        _ = try folder.file(pool) { $0.priority = .low }
        withExtendedLifetime(first) {}
    }

    /// The rules, as a list that is searched from the beginning each time.
    @Test(arguments: 0..<20) func randomAccessesEvictWhatTheRulesSay(_ number: Int) throws {
        let seed = Seed.current
        var dice = SeededGenerator(seed: seed &+ UInt64(number))
        let pool = try folder.pool { $0.cacheSize = 24 * 4096 }
        let files = try PagePriority.allCases.enumerated().map { index, priority in
            try folder.file(pool, "f\(number)-\(index)") { $0.priority = priority }
        }
        struct Page: Equatable {
            let file: Int
            let pgno: UInt32
        }
        var model: [(page: Page, rank: Int, turn: Int)] = []
        var discarded: Set<Int> = []
        for turn in 0..<3000 {
            let page = Page(
                file: .random(in: 0..<files.count, using: &dice),
                pgno: .random(in: 0..<14, using: &dice))
            let override: PagePriority? =
                Int.random(in: 0..<12, using: &dice) == 0
                ? PagePriority.allCases.randomElement(using: &dice) : nil
            try touch(files[page.file], page.pgno, override, replaces: turn % 5 == 0)
            var isDiscarded = page.file == 0 || override == .veryLow
            if let known = model.firstIndex(where: { $0.page == page }) {
                isDiscarded = isDiscarded || discarded.contains(model[known].turn)
                model.remove(at: known)
            } else if model.count == 24 {
                let victim = model.min { ($0.rank, $0.turn) < ($1.rank, $1.turn) }
                model.removeAll { $0.page == victim?.page }
            }
            let rank = override.map { PagePriority.allCases.firstIndex(of: $0) ?? 2 } ?? page.file
            // Those discarded later leave earlier.
            model.append((page, isDiscarded ? 0 : rank, isDiscarded ? -turn : turn))
            if isDiscarded { discarded.insert(-turn) }
            for (file, handle) in files.enumerated() {
                for pgno in 0..<14 as Range<UInt32> {
                    let isThere = model.contains { $0.page == Page(file: file, pgno: pgno) }
                    guard isCached(handle, pgno) == isThere else {
                        Issue.record("seed \(seed), turn \(turn): \(file).\(pgno)")
                        return
                    }
                }
            }
        }
    }
}

/// Files that have a name and no place on disk.
@Suite struct InMemoryFileTests {
    private let folder: MPoolFolder

    init() throws { folder = try MPoolFolder() }

    private func inMemory(_ pool: MPool, create: Bool = true) throws -> PageFile {
        try folder.file(pool, "m") {
            $0.path = nil
            $0.inMemory = true
            $0.create = create
        }
    }

    @Test func pagesInMemoryStayAndAreNeverWritten() throws {
        let pool = try folder.pool()
        let file = try inMemory(pool)
        let other = try folder.file(pool, "f")
        for pgno in 0..<4 as Range<UInt32> { try folder.write(file, pgno, UInt8(pgno + 1)) }
        for pgno in 0..<50 as Range<UInt32> { try folder.write(other, pgno, 9) }
        #expect(try pool.sync(nil).result == .complete)
        #expect(try file.sync() == .complete)
        _ = try pool.trickle(percent: 100)
        for pgno in 0..<4 as Range<UInt32> {
            #expect(try folder.byte(file, pgno) == UInt8(pgno + 1))
        }
        #expect(try pool.statistics().dirtyPages == 4)
        #expect(file.counts.written == 0)
        #expect(access(folder.path + "/m", F_OK) != 0)
    }

    @Test func aPoolFullOfThemTakesNoMore() throws {
        let pool = try folder.pool()
        let file = try inMemory(pool)
        for pgno in 0..<8 as Range<UInt32> { try folder.write(file, pgno, 1) }
        #expect(throws: StoreError.self) { try folder.write(file, 8, 1) }
        #expect(try folder.byte(file, 0) == 1)
        _ = try file.close()
        try folder.write(try folder.file(pool, "f"), 0, 1)
    }

    @Test func handlesOfOneNameShareItUntilTheLastIsClosed() throws {
        let pool = try folder.pool()
        #expect(throws: StoreError.mpool(.noSuchFile(name: "m"))) {
            try inMemory(pool, create: false)
        }
        let first = try inMemory(pool)
        try folder.write(first, 3, 7)
        let second = try inMemory(pool, create: false)
        #expect(try folder.byte(second, 3) == 7)
        #expect(try second.get(.last).pgno == 3)
        _ = try first.close()
        #expect(try folder.byte(second, 3) == 7)
        #expect(try second.close().dirtyPagesDropped == 1)
        #expect(throws: StoreError.self) { try inMemory(pool, create: false) }
    }

    @Test func processesShareThem() throws {
        let one = try folder.pool(isPrivate: false)
        let other = try folder.pool(isPrivate: false)
        let file = try inMemory(one)
        try folder.write(file, 0, 5)
        #expect(try folder.byte(try inMemory(other, create: false), 0) == 5)
    }
}
