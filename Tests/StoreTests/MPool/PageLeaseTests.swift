import Foundation
import Testing

@testable import Store

/// Pins of clients, and changes without pins that meet them.
@Suite struct PageLeaseTests {
    private let folder: TemporaryStore
    private let pool: OpenMPool
    private let file: PageFile
    private let gate = PageGate()

    init() throws {
        folder = try TemporaryStore()
        var settings = MPoolSettings()
        settings.isPrivate = true
        settings.cacheSize = 32 * 4096
        pool = try folder.store.mpools.open("p", settings).pool
        try pool.pool.register(
            fileType: 1, PageFilter(pgin: gate.filter, pgout: PageGate.open))
        file = try Self.open(pool)
    }

    private static func open(_ pool: OpenMPool) throws -> PageFile {
        var options = PageFileOptions()
        options.pageSize = 4096
        options.create = true
        options.fileType = 1
        return try pool.open("f", path: nil, isPrivate: false, options).file
    }

    private static func page(_ byte: UInt8) -> PageChange {
        .whole([UInt8](repeating: byte, count: 4096))
    }

    private func put(_ pgno: UInt32, _ byte: UInt8) throws {
        _ = try pool.change(file, pgno, Self.page(byte), create: true, PageCondition())
    }

    private func pin(
        _ request: WantedPage, _ mode: PageLeases.Mode = .read, of file: PageFile? = nil
    ) throws -> (info: PageLeases.Info, result: [UInt8]) {
        try pool.leases.get(
            file ?? self.file, name: "f", request, mode, ttlMilliseconds: 60_000
        ) { Array($0) }
    }

    private func tag(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { file.tag(of: $0) } }

    @Test func aWritePinComesAfterAChangeThatIsUnderWay() throws {
        try put(0, 1)
        _ = try pool.close("f", sync: true)
        let file = try Self.open(pool)
        let pool = pool
        gate.shut()
        let change = Background {
            try pool.change(
                file, 0, .patches([(at: 0, bytes: [2])]), create: false, PageCondition())
        }
        gate.waitForSomebody()
        let pin = Background {
            try pool.leases.get(file, name: "f", .existing(0), .write, ttlMilliseconds: 60_000) {
                Array($0)
            }
        }
        gate.open()
        _ = try change.value()
        let (info, bytes) = try pin.value()
        #expect(bytes[0] == 2)
        var condition = PageCondition()
        condition.tags = [tag(bytes)]
        _ = try pool.leases.put(
            info.id, of: file, .dirty, .patches([(at: 1, bytes: [3])]), condition)
        #expect(try file.withPage(0) { Array($0[0..<3]) } == [2, 3, 1])
    }

    @Test func aPinOfWhatAPageWasChangesNothing() throws {
        try put(0, 1)
        let (info, bytes) = try pin(.existing(0), .write)
        // As another process would.
        var other = try file.get(.existing(0))
        try other.replace(with: [UInt8](repeating: 2, count: 4096))
        try other.put()
        var condition = PageCondition()
        condition.tags = [tag(bytes)]
        #expect(throws: StoreError.mpool(.notPinned)) {
            try pool.leases.put(info.id, of: file, .dirty, Self.page(3), condition)
        }
        #expect(try file.withPage(0) { $0[0] } == 2)
        try pool.leases.end(info.id)
    }

    @Test func aPinOfWhatAPageWasIsPutBackWithDiscard() throws {
        try put(0, 1)
        let (info, _) = try pin(.existing(0))
        try put(0, 2)
        _ = try pool.leases.put(info.id, of: file, .discard, nil)
        #expect(pool.leases.all.isEmpty)
    }

    @Test func closingWithSyncLosesNothingThatWasPinned() throws {
        for closesPool in [false, true] {
            let file = try closesPool ? Self.open(pool) : file
            for pgno in 0..<3 as Range<UInt32> {
                _ = try pool.change(
                    file, pgno, Self.page(closesPool ? 2 : 1), create: true, PageCondition())
            }
            _ = try pin(.existing(2), of: file)
            let closed =
                closesPool
                ? try folder.store.mpools.close("p", sync: true) : try pool.close("f", sync: true)
            #expect(closed == ClosedPages(pinsDropped: 1, dirtyPagesDropped: 0))
            let bytes = try Data(contentsOf: URL(filePath: folder.path("mpools/p/f")))
            #expect(bytes == Data(repeating: closesPool ? 2 : 1, count: 3 * 4096))
        }
        #expect(throws: StoreError.self) { try pin(.existing(0)) }
    }

    @Test func versionsOfAPageCountAgainstTheCap() throws {
        try put(1, 9)
        var refused: StoreError?
        for byte in 0..<100 as Range<UInt8> where refused == nil {
            try put(0, byte)
            do { _ = try pin(.existing(0)) } catch { refused = error as? StoreError }
        }
        guard case .mpool(.cacheFull)? = refused else {
            Issue.record("refused with \(String(describing: refused))")
            return
        }
        #expect(pool.leases.count == 25)
        // The rest of the cache is for everybody.
        for pgno in 1..<20 as Range<UInt32> { try put(pgno, 1) }
        let misses = file.counts.misses
        #expect(throws: StoreError.self) { try pin(.create(30)) }
        #expect(file.counts.misses == misses)
        _ = pool.leases.endAll()
        _ = try pin(.create(30))
    }

    @Test func newBytesUnderAPinCountWhereOthersKeepTheOld() throws {
        try put(0, 1)
        let writer = try pin(.existing(0), .write).info.id
        var count = 0
        #expect(throws: StoreError.self) {
            while count < 100 {
                _ = try pin(.existing(0))
                _ = try pool.leases.set(writer, of: file, .dirty, Self.page(UInt8(count)))
                count += 1
            }
        }
        #expect((20..<26).contains(count))
    }

    @Test func aCopyPastThePoolCountsByItself() throws {
        try put(0, 1)
        _ = try pool.close("f", sync: true)
        var options = PageFileOptions()
        options.pageSize = 4096
        options.readOnly = true
        let mapped = try pool.open("f", path: nil, isPrivate: false, options).file
        #expect(mapped.isMapped)
        var count = 0
        #expect(throws: StoreError.self) {
            while count < 100 {
                _ = try pin(.existing(0), of: mapped)
                count += 1
            }
        }
        #expect(count == 25)
    }

    @Test func aSecondSyncDoesNotWaitForOneThatRests() throws {
        try pool.change(
            cacheSize: nil, maxPinnedPercent: nil,
            pacing: WritePacing(writes: 1, sleepMicroseconds: 1))
        try pool.pool.register(
            fileType: 1, PageFilter(pgin: PageGate.open, pgout: gate.filter))
        try put(0, 1)
        gate.shut()
        let (pool, file) = (pool, file)
        let first = Background { try pool.sync(file) }
        gate.waitForSomebody()
        #expect(try pool.sync(nil).result == .incomplete)
        #expect(try pool.sync(file) == .incomplete)
        gate.open()
        #expect(try first.value() == .complete)
        #expect(try pool.sync(nil).result == .complete)
    }

    @Test func whoHasWaitedInVainIsForgotten() throws {
        try put(0, 1)
        _ = try pin(.existing(0), .write)
        let isOver = Locked(false)
        pool.leases.whenFree(file, 0, milliseconds: 1) {
            isOver.withLock { $0 = true }
            isOver.wakeAll()
        }
        isOver.whenReady({ $0 }) { _ in }
        #expect(pool.leases.state.withLock { $0.waiters.isEmpty })
    }

    @Test func anOldTimerDoesNotEndAPinThatWasRenewed() throws {
        try put(0, 1)
        let id = try pin(.existing(0)).info.id
        _ = try pool.leases.renew(id, ttlMilliseconds: nil)
        #expect(pool.leases.end([id], expired: 0) == 0)
        #expect(pool.leases.end([id], expired: 1) == 1)
    }
}
