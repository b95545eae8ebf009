import Foundation
import Glibc
import Synchronization
import Testing

@testable import Store

/// What a sync answers where others close, fail, die or can't write at the same time.
@Suite struct MPoolSyncTests {
    private let folder: MPoolFolder
    private let gate = PageGate()
    private static let refusing: PageFilter.Function = { _, _, _ in EIO }

    init() throws { folder = try MPoolFolder() }

    private func file(_ pool: MPool, _ name: String, type: Int) throws -> PageFile {
        try folder.file(pool, name) { $0.fileType = type }
    }

    private func shared() throws -> (one: MPool, two: MPool) {
        (
            try folder.pool(isPrivate: false) { $0.log = .external },
            try folder.pool(isPrivate: false) { $0.log = .external }
        )
    }

    @Test func aSyncWhoseScheduleAnotherOneHasForgottenIsIncomplete() throws {
        let pool = try folder.pool()
        try pool.register(fileType: 1, PageFilter(pgin: PageGate.open, pgout: gate.filter))
        try pool.register(fileType: 2, PageFilter(pgin: PageGate.open, pgout: Self.refusing))
        let pinned = try folder.file(pool)
        let slow = try file(pool, "g", type: 1)
        let failing = try file(pool, "h", type: 2)
        try folder.write(pinned, 0, 1)
        let pin = try pinned.get(.existing(0))
        try folder.write(slow, 0, 1)
        gate.shut()
        let first = Background { try pool.sync(nil).result }
        gate.waitForSomebody()
        try folder.write(failing, 0, 1)
        let second = Background { try pool.sync(nil).result }
        try pool.waitUntil { pool.waiting > 0 }
        gate.open()
        #expect(throws: StoreError.self) { try second.value() }
        #expect(try first.value() == .incomplete)
        withExtendedLifetime(pin.pgno) {}
    }

    @Test func aSyncThatMeetsACloseWhichDropsChangesIsIncomplete() throws {
        let pool = try folder.pool()
        try pool.register(fileType: 1, PageFilter(pgin: PageGate.open, pgout: gate.filter))
        let slow = try file(pool, "f", type: 1)
        let closed = try folder.file(pool, "g")
        try folder.write(slow, 0, 1)
        gate.shut()
        let sync = Background { try pool.sync(nil).result }
        gate.waitForSomebody()
        try folder.write(closed, 0, 1)
        #expect(try closed.close().dirtyPagesDropped == 1)
        gate.open()
        #expect(try sync.value() == .incomplete)
        #expect(try pool.sync(nil).result == .complete)
    }

    @Test func aFileThatCanOnlyBeReadIsFlushedToo() throws {
        let (one, two) = try shared()
        try one.register(fileType: 3, PageFilter(pgin: PageGate.open, pgout: PageGate.open))
        let file = try file(one, "f", type: 3)
        let fields = file.entry.fields
        try folder.write(file, 0, 1)
        #expect(try one.trickle(percent: 100) == 1)
        #expect(fields.pointee.flushedWrites == 0)
        #expect(try two.sync(nil).result == .complete)
        #expect(fields.pointee.writes == 1 && fields.pointee.flushedWrites == 1)
    }

    @Test func aFileThatCannotBeFoundIsNotFlushed() throws {
        let (one, two) = try shared()
        let file = try folder.file(one)
        for name in ["absent", "another"] {
            try folder.write(file, 0, 1)
            #expect(try one.trickle(percent: 100) == 1)
            try FileManager.default.moveItem(atPath: folder.path + "/f", toPath: folder.path + "/m")
            if name == "another" {
                _ = FileManager.default.createFile(
                    atPath: folder.path + "/f", contents: Data(count: 4096))
            }
            #expect(try two.sync(nil).result == .incomplete)
            #expect(try one.sync(nil).result == .complete)
            try? FileManager.default.removeItem(atPath: folder.path + "/f")
            try FileManager.default.moveItem(atPath: folder.path + "/m", toPath: folder.path + "/f")
        }
    }

    @Test func aFileMadeAnewUnderTheNameOfAnotherIsNotWritten() throws {
        let (one, two) = try shared()
        let file = try folder.file(one)
        try FileManager.default.moveItem(atPath: folder.path + "/f", toPath: folder.path + "/m")
        _ = FileManager.default.createFile(atPath: folder.path + "/f", contents: Data(count: 4096))
        try folder.write(file, 0, 1)
        #expect(try two.sync(nil).result == .incomplete)
        let name = URL(filePath: folder.path + "/f")
        #expect(try Data(contentsOf: name) == Data(count: 4096))
        #expect(try one.sync(nil).result == .complete)
        #expect(try Data(contentsOf: URL(filePath: folder.path + "/m"))[0] == 1)
    }

    @Test func aCheckpointGoesOnWhoeverFoundItsHolderDead() throws {
        let pool = try folder.pool { $0.log = .external }
        let file = try folder.file(pool)
        try folder.write(file, 0, 1)
        let (index, _) = try pool.acquire(file, .existing(0))
        let lsn = LSN(file: 1, offset: 1)
        #expect(try pool.sync(lsn).result == .incomplete)
        #expect(try pool.sync(lsn).result == .incomplete)
        // As another process does that finds the holder dead.
        pool.region.ownPins(index).pointee.wrappingSubtract(
            PinWord.pin, ordering: .sequentiallyConsistent)
        #expect(try pool.sync(lsn).result == .complete)
        #expect(try Data(contentsOf: URL(filePath: folder.path + "/f"))[0] == 1)
    }

    @Test func temporaryPagesOfAnotherProcessHoldNoSyncUp() throws {
        let (one, two) = try shared()
        let temporary = try folder.file(one, nil)
        try folder.write(temporary, 0, 1)
        #expect(try two.sync(nil).result == .complete)
        #expect(try folder.byte(temporary, 0) == 1)
    }

    @Test func aPoolClosedWithPinsIsNotInUseAndNotForgotten() throws {
        let (one, two) = try shared()
        let file = try folder.file(one)
        try folder.write(file, 0, 1)
        let number = two.region.control.process(one.region.process)
        let pin = try file.get(.existing(0))
        try one.close()
        #expect(number.pointee.load(ordering: .relaxed) == RegionControl.closedWithPins)
        _ = consume pin
        try two.close()
        let other = two.region.control.process(two.region.process)
        #expect(other.pointee.load(ordering: .relaxed) == 0)
        try MPool.unlink(folder.path)
    }
}

/// Pages that can't be written, and regions that can't be used.
@Suite struct MPoolRefusalTests {
    private let folder: MPoolFolder

    init() throws { folder = try MPoolFolder() }

    @Test func aPageThatNoFileCanReachIsRefused() throws {
        let pool = try folder.pool { $0.cacheSize = 64 << 20 }
        let file = try folder.file(pool) { $0.pageSize = 16 << 20 }
        let backing = try #require(pool.backings[file.slot])
        let last = Int(UInt32.max) * file.pageSize
        // Whether there is such a limit is the file system's.
        let isThere = backing.file.canReach(last + file.pageSize)
        let made = Result { try file.withPage(.create(.max)) { _ in } }
        #expect(((try? made.get()) != nil) == isThere)
        #expect(try pool.pinCount() == 0)
    }

    @Test func whatWasEmptyAtFirstIsReadPastThePoolOnceItIsNot() throws {
        let path = folder.path + "/f"
        _ = FileManager.default.createFile(atPath: path, contents: Data())
        let pool = try folder.pool()
        let first = try folder.file(pool) { $0.readOnly = true }
        try Data(repeating: 5, count: 3 * 4096).write(to: URL(filePath: path), options: [])
        let second = try folder.file(pool) { $0.readOnly = true }
        #expect(try folder.byte(second, 2) == 5)
        withExtendedLifetime(first) {}
    }

    @Test(arguments: 0..<6)
    func aRegionWhoseNumbersLeadOutOfItIsNoRegion(which: Int) throws {
        let path = folder.path + "/" + MPool.regionName
        do {
            let pool = try folder.pool(isPrivate: false)
            let file = try folder.file(pool)
            try folder.write(file, 0, 1)
            let state = pool.state
            switch which {
            case 0: pool.region.header(0).offset = 1 << 40
            case 1: state.pointee.fileBound = 5000
            case 2: state.pointee.processBound = 5000
            case 3: state.pointee.headers = 1 << 30
            case 4: pool.region.control.firstFree(3).pointee = 1 << 30
            default: pool.region.header(0).next.pointee.store(1 << 30, ordering: .relaxed)
            }
            // Nobody can tell what it is, but somebody is in it.
            #expect(throws: StoreError.mpool(.busy(name: "mpool"))) {
                try folder.pool(isPrivate: false)
            }
            #expect(throws: StoreError.mpool(.busy(name: "mpool"))) {
                try MPool.unlink(folder.path)
            }
            try pool.repairForTests(which)
        }
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: UInt64(RegionLayout.bucketsAt))
        try file.write(contentsOf: Data(repeating: 0xFF, count: 4))
        try file.close()
        let pool = try folder.pool(isPrivate: false)
        #expect(try pool.statistics().pages == 0)
    }
}

extension MPool {
    /// Puts back what a test has damaged, so that the pool can be closed.
    fileprivate func repairForTests(_ which: Int) throws {
        switch which {
        case 0: region.header(0).offset = region.layout.arenaAt(3)
        case 1: state.pointee.fileBound = 1
        case 2: state.pointee.processBound = 1
        case 3: state.pointee.headers = 1
        case 4: region.control.firstFree(3).pointee = 0
        default: region.header(0).next.pointee.store(0, ordering: .relaxed)
        }
    }
}
