import Foundation
import Glibc
import Synchronization
import Testing

@testable import Store

/// A filter that holds up who calls it, for as long as a test wants.
final class PageGate: Sendable {
    private struct State {
        var isShut = false
        var inside = 0
    }

    private let state = Locked(State())

    /// A filter through which pages pass one way at the gate's will.
    var filter: PageFilter.Function {
        { [state] _, _, _ in
            state.withLock { $0.inside += 1 }
            state.wakeAll()
            state.whenReady({ !$0.isShut }) { $0.inside -= 1 }
            return 0
        }
    }

    static let open: PageFilter.Function = { _, _, _ in 0 }

    func shut() { state.withLock { $0.isShut = true } }

    func open() {
        state.withLock { $0.isShut = false }
        state.wakeAll()
    }

    /// Waits until somebody is held up.
    func waitForSomebody() { state.whenReady({ $0.inside > 0 }) { _ in } }
}

/// What a thread of its own gives.
final class Background<Value: Sendable>: Sendable {
    private let result = Locked<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) {
        _ = startThread("background") { [result] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
            result.wakeAll()
        }
    }

    var isOver: Bool { result.withLock { $0 != nil } }

    func value() throws -> Value {
        try #require(result.whenReady({ $0 != nil }) { $0 }).get()
    }
}

extension MPool {
    /// Looks again and again until something holds under the region's lock.
    func waitUntil(_ holds: () -> Bool) throws {
        let end = Date() + 60
        while try !locked({ holds() }) {
            try #require(Date() < end)
            sched_yield()
        }
    }

    /// Threads that wait for a page's read or write.
    var waiting: Int { Int(region.control.ioWaiters.pointee.load(ordering: .relaxed)) }
}

/// Calls that meet in the middle of each other, where the lock is given back.
@Suite struct MPoolRaceTests {
    private let folder: MPoolFolder
    private let gate = PageGate()

    init() throws { folder = try MPoolFolder() }

    /// A pool whose files of type 1 are written through the gate.
    private func gatedPool(_ change: (inout MPoolOptions) -> Void = { _ in }) throws -> MPool {
        let pool = try folder.pool(change)
        try pool.register(fileType: 1, PageFilter(pgin: PageGate.open, pgout: gate.filter))
        return pool
    }

    private func gated(_ pool: MPool, _ name: String = "f") throws -> PageFile {
        try folder.file(pool, name) { $0.fileType = 1 }
    }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(filePath: folder.path + "/" + name))
    }

    @Test func whoOpensAFileThatIsBeingClosedGetsItAfterwards() throws {
        let pool = try gatedPool()
        let first = try gated(pool)
        try folder.write(first, 0, 1)
        #expect(try first.sync() == .complete)
        try folder.write(first, 1, 2)
        gate.shut()
        let sync = Background { try first.sync() }
        gate.waitForSomebody()
        let close = Background { try first.close() }
        try pool.waitUntil { first.entry.fields.pointee.handles == 0 }
        let folder = folder
        let open = Background { try folder.file(pool) { $0.fileType = 1 } }
        // Who syncs waits in its filter; the one who closes and the one who opens wait for that.
        try pool.waitUntil { pool.waiting == 2 || open.isOver }
        #expect(!open.isOver)
        gate.open()
        _ = try close.value()
        #expect(throws: StoreError.mpool(.closed)) { try sync.value() }
        let second = try open.value()
        #expect(try folder.byte(second, 0) == 1)
        let other = try folder.file(pool, "g")
        try folder.write(other, 0, 7)
        try folder.write(second, 0, 8)
        #expect(try other.sync() == .complete && second.sync() == .complete)
        #expect(try bytes("f")[0] == 8 && bytes("g")[0] == 7)
    }

    /// Has a thread die that holds the lock of the region, and the lock passed on.
    private func dieWithTheLock(_ pool: MPool) throws {
        let isGone = Locked(false)
        _ = startThread("dies") {
            _ = pool.region.lock.take()
            isGone.withLock { $0 = true }
            isGone.wakeAll()
        }
        isGone.whenReady({ $0 }) { _ in }
        _ = try pool.statistics()
    }

    @Test func aReadThatIsUnderWayOutlivesARepair() throws {
        let pool = try folder.pool(isPrivate: false)
        try pool.register(fileType: 1, PageFilter(pgin: gate.filter, pgout: PageGate.open))
        _ = FileManager.default.createFile(
            atPath: folder.path + "/f", contents: Data(repeating: 4, count: 4096))
        let file = try gated(pool)
        gate.shut()
        let read = Background { try file.withPage(0) { $0[0] } }
        gate.waitForSomebody()
        try dieWithTheLock(pool)
        gate.open()
        #expect(try read.value() == 4)
        #expect(try folder.byte(file, 0) == 4)
        #expect(try pool.pinCount() == 0 && file.counts.read == 1)
    }

    @Test func aCloseThatIsUnderWayOutlivesARepair() throws {
        let pool = try gatedPool { $0.isPrivate = false }
        let first = try gated(pool)
        try folder.write(first, 0, 1)
        gate.shut()
        let sync = Background { try first.sync() }
        gate.waitForSomebody()
        let close = Background { try first.close() }
        try pool.waitUntil { first.entry.fields.pointee.handles == 0 }
        try dieWithTheLock(pool)
        gate.open()
        #expect(try close.value() == ClosedPages())
        _ = try? sync.value()
        let second = try gated(pool)
        #expect(try folder.byte(second, 0) == 1)
        #expect(try pool.statistics().pages == 1)
    }

    @Test func whoFindsTheOneDeadThatEndsAFileEndsIt() throws {
        let (one, two) = (try folder.pool(isPrivate: false), try folder.pool(isPrivate: false))
        let file = try folder.file(one)
        try folder.write(file, 0, 1)
        // As the last thing that a process does.
        try one.locked {
            file.entry.handles(of: one.region.process).pointee = 0
            one.beginEnd(file.slot, removing: 1)
        }
        let isEnding = try one.locked { one.isEnding(file.slot, file.key) }
        #expect(isEnding)
        try two.locked { two.reclaim(one.region.process) }
        let hasEnded = try two.locked { !two.isEnding(file.slot, file.key) }
        #expect(hasEnded)
        #expect(try two.statistics().pages == 0)
        let again = try folder.file(two)
        #expect(throws: StoreError.self) { try folder.byte(again, 0) }
    }

    @Test func noNumberIsGivenOutTwice() throws {
        // Room for one page that has changed, and one that has not.
        let pool = try gatedPool { $0.cacheSize = 5 * 4096 }
        let file = try folder.file(pool)
        let other = try gated(pool, "g")
        try folder.write(other, 0, 1)
        for pgno in 0..<4 as Range<UInt32> {
            try file.withPage(.create(pgno), putting: []) { _ in }
        }
        _ = try pool.statistics(clear: true)
        gate.shut()
        let slow = Background { try Self.makePage(file, 1) }
        gate.waitForSomebody()
        // The page that leaves for this one need not be written.
        let fast = try Self.makePage(file, 2)
        _ = try pool.statistics(clear: true)
        gate.open()
        let numbers = [fast, try slow.value()]
        #expect(numbers[1] == numbers[0] + 1)
        #expect(try folder.byte(file, numbers[0]) == 2 && folder.byte(file, numbers[1]) == 1)
    }

    @Test func aPinThatMeetsAReplacedPageLeavesNothingBehind() throws {
        let pool = try folder.pool()
        let file = try folder.file(pool)
        try folder.write(file, 0, 1)
        let key = PageKey(file: file.key, pgno: 0)
        let index = pool.region.find(key).index
        let hits = try pool.statistics().counts.hits
        for byte in 2..<6 as Range<UInt8> {
            let index = pool.region.find(key).index
            // What a get counts before it looks at the key once more.
            pool.region.ownPins(index).pointee.wrappingAdd(
                PinWord.pin | PinWord.hit, ordering: .sequentiallyConsistent)
            var writer = try file.get(.existing(0))
            try writer.replace(with: [UInt8](repeating: byte, count: 4096))
            try writer.put()
            #expect(pool.usedBytes == 2 * 4096)
            pool.takeBack(index, key)
            #expect(pool.usedBytes == 4096)
        }
        #expect(try pool.statistics().counts.hits == hits + 4)
        // Nobody has taken this one's hit.
        pool.region.ownPins(index).pointee.wrappingAdd(
            PinWord.pin | PinWord.hit, ordering: .sequentiallyConsistent)
        pool.takeBack(index, key)
        #expect(try pool.statistics().counts.hits == hits + 4)
        #expect(try pool.pinCount() == 0)
    }

    private static func makePage(_ file: PageFile, _ byte: UInt8) throws -> UInt32 {
        var pin = try file.get(.new)
        try pin.replace(with: [UInt8](repeating: byte, count: file.pageSize))
        try pin.put(.dirty)
        return pin.pgno
    }
}
