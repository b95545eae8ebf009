import Foundation
import Glibc
import Synchronization
import Testing

@testable import Store

/// Pools in a folder of their own, private unless a test says otherwise.
struct MPoolFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "mpool-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func pool(
        isPrivate: Bool = true, _ change: (inout MPoolOptions) -> Void = { _ in }
    ) throws -> MPool {
        var options = MPoolOptions()
        options.isPrivate = isPrivate
        options.create = true
        options.cacheSize = 8 * 4096
        change(&options)
        return try MPool.open(path, options)
    }

    func file(
        _ pool: MPool, _ name: String? = "f", _ change: (inout PageFileOptions) -> Void = { _ in }
    ) throws -> PageFile {
        var options = PageFileOptions()
        options.name = name
        options.path = name.map { path + "/" + $0 }
        options.pageSize = 4096
        options.create = true
        change(&options)
        return try pool.open(options)
    }

    func write(_ file: PageFile, _ pgno: UInt32, _ byte: UInt8) throws {
        try file.withPage(.create(pgno), putting: .dirty) { page in
            _ = page.initializeMemory(as: UInt8.self, repeating: byte)
        }
    }

    func byte(_ file: PageFile, _ pgno: UInt32) throws -> UInt8 {
        try file.withPage(pgno) { $0[4095] }
    }
}

@Suite struct MPoolTests {
    private let folder: MPoolFolder

    init() throws { folder = try MPoolFolder() }

    @Test func aNewPageOfAnEmptyFileIsPageOne() throws {
        let file = try folder.file(folder.pool())
        var pin = try file.get(.new)
        #expect(pin.pgno == 1)
        try pin.put()
        #expect(throws: StoreError.mpool(.noSuchPage(file: "f", pgno: 0))) {
            try file.withPage(0) { _ in }
        }
    }

    @Test func theCacheNeverHoldsMoreThanItsSize() throws {
        let pool = try folder.pool()
        let small = try folder.file(pool)
        let large = try folder.file(pool, "g") { $0.pageSize = 16384 }
        for pgno in 0..<20 as Range<UInt32> {
            try folder.write(small, pgno, 1)
            try folder.write(large, pgno, 2)
            #expect(pool.usedBytes <= 8 * 4096)
        }
        for pgno in 0..<20 as Range<UInt32> {
            #expect(try folder.byte(small, pgno) == 1)
            #expect(try folder.byte(large, pgno) == 2)
        }
    }

    @Test func everythingPinnedIsNoRoomUntilAPinIsGivenBack() throws {
        let file = try folder.file(folder.pool())
        let pins = try (0..<7 as Range<UInt32>).map { pgno in
            let pin = try file.get(.create(pgno))
            return Locked<PagePin?>(pin)
        }
        var last: PagePin? = try file.get(.create(7))
        #expect(throws: StoreError.self) { try file.withPage(.create(8)) { _ in } }
        last = nil
        _ = last == nil
        try file.withPage(.create(8)) { _ in }
        withExtendedLifetime(pins) {}
    }

    @Test func aPageHasAtMost65535Pins() throws {
        let file = try folder.file(folder.pool())
        let first = try file.get(.create(0))
        for _ in 1..<65_535 { _ = file.pool.pinOnce(file, 0) }
        #expect(throws: StoreError.mpool(.pinOverflow(pgno: 0))) { try file.withPage(0) { _ in } }
        #expect(try file.pool.statistics().hashSearches == 65_536)
        withExtendedLifetime(first.pgno) {}
    }

    @Test func aPageIsWrittenAfterItsLogRecord() throws {
        let flushed = Locked<[LSN]>([])
        let end = LSN(file: 1, offset: 100)
        let pool = try folder.pool { options in
            options.log = .flushed { (lsn) throws(StoreError) in
                if lsn > end { throw .mpool(.lsnBeyondLog(lsn)) }
                flushed.withLock { $0.append(lsn) }
            }
        }
        let file = try folder.file(pool) { $0.lsnOffset = 8 }
        func stamp(_ pgno: UInt32, _ offset: UInt32) throws {
            try file.withPage(.create(pgno), putting: .dirty) { page in
                page.storeBytes(of: UInt32(1).littleEndian, toByteOffset: 8, as: UInt32.self)
                page.storeBytes(of: offset.littleEndian, toByteOffset: 12, as: UInt32.self)
            }
        }
        try stamp(0, 50)
        #expect(try file.sync() == .complete)
        #expect(flushed.withLock { $0 } == [LSN(file: 1, offset: 50)])
        try stamp(1, 101)
        let beyond = LSN(file: 1, offset: 101)
        #expect(throws: StoreError.mpool(.lsnBeyondLog(beyond))) { try file.sync() }
        #expect(try pool.statistics().dirtyPages == 1)
        try stamp(1, 99)
        let asked = LSN(file: 1, offset: 100)
        let result = try pool.sync(asked)
        #expect(result.result == .complete && result.lsn == LSN(file: 1, offset: 99))
    }

    @Test func aReplacedPageIsWhatItWasToThoseWhoHaveItPinned() throws {
        let file = try folder.file(folder.pool())
        try folder.write(file, 0, 1)
        let before = try file.get(.existing(0))
        var writer = try file.get(.existing(0))
        try writer.replace(with: [UInt8](repeating: 2, count: 4096))
        #expect(try before.withBytes { $0[0] } == 1)
        #expect(try folder.byte(file, 0) == 2)
        try writer.put()
        #expect(try file.sync() == .complete)
    }

    @Test func closingTheLastHandleLosesWhatWasNotSynced() throws {
        let pool = try folder.pool()
        let file = try folder.file(pool)
        try folder.write(file, 0, 1)
        let other = try folder.file(pool)
        #expect(try file.close() == ClosedPages())
        #expect(try folder.byte(other, 0) == 1)
        let pin = try other.get(.existing(0))
        #expect(try other.close() == ClosedPages(pinsDropped: 1, dirtyPagesDropped: 1))
        #expect(throws: StoreError.mpool(.notPinned)) { try pin.set(.dirty) }
        #expect(try pool.statistics().pages == 0)
        #expect(FileManager.default.contents(atPath: folder.path + "/f")?.isEmpty == true)
    }

    @Test func temporaryFilesLeaveNothingBehind() throws {
        let pool = try folder.pool()
        let file = try folder.file(pool, nil)
        for pgno in 0..<30 as Range<UInt32> { try folder.write(file, pgno, UInt8(pgno)) }
        for pgno in 0..<30 as Range<UInt32> { #expect(try folder.byte(file, pgno) == UInt8(pgno)) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        #expect(try pool.statistics().files.isEmpty)
    }

    @Test func aFileOfExactlyTheLimitIsReadPastThePool() throws {
        _ = FileManager.default.createFile(
            atPath: folder.path + "/f", contents: Data(repeating: 7, count: 8192))
        for (limit, mapped) in [(8191, 0), (8192, 1)] {
            let pool = try folder.pool { $0.mmapSize = limit }
            let file = try folder.file(pool) { $0.readOnly = true }
            #expect(try folder.byte(file, 1) == 7)
            #expect(try pool.statistics().counts.mapped == mapped)
        }
    }

    @Test func twoPoolObjectsOnOneFolderShareTheirPages() throws {
        let one = try folder.pool(isPrivate: false)
        let two = try folder.pool(isPrivate: false) { $0.cacheSize = 1 << 20 }
        #expect(two.cacheSize == 8 * 4096)
        let writer = try folder.file(one)
        let reader = try folder.file(two)
        try folder.write(writer, 3, 9)
        #expect(try folder.byte(reader, 3) == 9)
        let statistics = try two.statistics()
        #expect(statistics.counts.hits == 1 && statistics.counts.created == 1)
        let pin = try reader.get(.existing(3))
        #expect(try writer.sync() == .incomplete)
        withExtendedLifetime(pin.pgno) {}
    }

    @Test(arguments: ReplacementPolicy.allCases)
    func aThreadThatDiesWithTheLockStopsNobody(policy: ReplacementPolicy) throws {
        let pool = try folder.pool(isPrivate: false) { $0.policy = policy }
        let file = try folder.file(pool)
        for pgno in 0..<20 as Range<UInt32> { try folder.write(file, pgno, UInt8(pgno)) }
        let before = try pool.statistics()
        let isGone = Locked(false)
        _ = startThread("dies") {
            _ = pool.region.lock.take()
            pool.state.pointee.pages = 12345
            pool.state.pointee.usedBytes = -1
            isGone.withLock { $0 = true }
            isGone.wakeAll()
        }
        isGone.whenReady({ $0 }) { _ in }
        let after = try pool.statistics()
        #expect(after.pages == before.pages && after.dirtyPages == before.dirtyPages)
        for pgno in 0..<20 as Range<UInt32> { #expect(try folder.byte(file, pgno) == UInt8(pgno)) }
    }

    @Test func aPoolGrowsAtOnceAndShrinksByEviction() throws {
        let pool = try folder.pool()
        let file = try folder.file(pool)
        try pool.resize(cacheSize: 20 * 4096)
        for pgno in 0..<20 as Range<UInt32> { try folder.write(file, pgno, 1) }
        #expect(try pool.statistics().pages == 20)
        try pool.resize(cacheSize: 5 * 4096)
        #expect(try pool.statistics().pages == 5)
        #expect(throws: StoreError.self) { try pool.resize(cacheSize: 1 << 40) }
        #expect(throws: StoreError.self) { try pool.resize(cacheSize: 4096) }
    }

    @Test func manyThreadsOnASmallPoolLoseNothing() throws {
        for policy in ReplacementPolicy.allCases {
            let pool = try folder.pool { $0.policy = policy }
            let file = try folder.file(pool, "t-\(policy.rawValue)")
            let left = Locked(4)
            let torn = Atomic2()
            for thread in 0..<4 {
                _ = startThread("reader") {
                    var state = UInt64(thread + 1) &* 0x9E37_79B9_7F4A_7C15
                    for _ in 0..<3_000 {
                        state = state &* 6_364_136_223_846_793_005 &+ 1
                        let pgno = UInt32(state >> 33) % 24
                        let byte = UInt8(state >> 40 & 0xFF)
                        let isWhole = try? file.withWhole(pgno, byte, changes: state >> 60 < 4)
                        if isWhole != true { torn.add() }
                    }
                    left.withLock { $0 -= 1 }
                    left.wakeAll()
                }
            }
            left.whenReady({ $0 == 0 }) { _ in }
            #expect(torn.count == 0)
            let statistics = try pool.statistics()
            #expect(try pool.pinCount() == 0)
            #expect(statistics.counts.hits + statistics.counts.misses == statistics.hashSearches)
            #expect(statistics.counts.read + statistics.counts.created == statistics.counts.misses)
            try pool.close()
        }
    }
}

private final class Atomic2: Sendable {
    private let value = Atomic(0)
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
    var count: Int { value.load(ordering: .relaxed) }
}

extension PageFile {
    /// Reads a page, or replaces it; whether all its bytes were the same.
    fileprivate func withWhole(
        _ pgno: UInt32, _ byte: UInt8, changes: Bool
    ) throws(StoreError) -> Bool {
        var pin = try get(.create(pgno))
        if changes { try pin.replace(with: [UInt8](repeating: byte, count: pageSize)) }
        let isWhole = try pin.withBytes { page in page.allSatisfy { $0 == page[0] } }
        try pin.put()
        return isWhole
    }
}

extension MPool {
    /// Takes a pin that nobody gives back.
    fileprivate func pinOnce(_ file: PageFile, _ pgno: UInt32) -> Bool {
        let request = WantedPage.existing(pgno)
        return (try? acquire(file, request)) != nil
    }
}
