import Foundation
import TestSupport
import Testing

@testable import Store

@Suite struct PoolsTests {
    @Test func aNewPoolIsEmptyAndOfTheSmallestSize() throws {
        let store = try TemporaryStore()
        let (log, isNew) = try store.pools.create("a", PoolOptions())
        #expect(isNew)
        #expect(log.nbyte == 2_088_960)
        #expect(log.view.tell == 0)
        #expect(try store.pools.create("a", PoolOptions()).isNew == false)
    }

    @Test func appendsLieOneAfterTheOther() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        #expect(try log.appendAndWait([1, 2, 3]).next == 3)
        let second = try log.appendAndWait([4])
        #expect(second.first == 3)
        #expect(second.durability == .synced)
        #expect(try log.contents() == [1, 2, 3, 4])
    }

    @Test func manyAppendersAtOnceAreAllThereOnceAndWhole() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        let writers = 8
        let each = 50
        DispatchQueue.concurrentPerform(iterations: writers) { writer in
            for number in 0..<each {
                _ = try? log.appendAndWait([UInt8(writer), UInt8(number), 0xFF])
            }
        }
        let contents = try log.contents()
        let records = stride(from: 0, to: contents.count, by: 3).map {
            Array(contents[$0..<$0 + 3])
        }
        #expect(records.count == writers * each)
        for writer in 0..<writers {
            let own = records.filter { $0[0] == UInt8(writer) }.map { $0[1] }
            #expect(own == (0..<UInt8(each)).map { $0 }, "writer \(writer) in its order")
        }
    }

    @Test func anAppendThatDoesNotFitChangesNothing() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        _ = try log.appendAndWait([UInt8](repeating: 1, count: log.nbyte - 1))
        #expect(throws: StoreError.poolFull(needed: 2, position: 2_088_959, capacity: 2_088_960)) {
            try log.appendAndWait([1, 2])
        }
        #expect(try log.appendAndWait([9]).next == log.nbyte)
        #expect(throws: StoreError.recordTooLarge(size: log.nbyte + 1, limit: log.nbyte)) {
            try log.appendAndWait([UInt8](repeating: 0, count: log.nbyte + 1))
        }
    }

    @Test func expectationsAreDecidedInTheOrderOfTheLog() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        #expect(try log.appendAndWait([1], Expectation(position: 0)).next == 1)
        #expect(throws: StoreError.positionMismatch(position: 1, generation: 1)) {
            try log.appendAndWait([2], Expectation(position: 0))
        }
        let state = Expectation.State(identity: log.identity, generation: 1, position: 1)
        #expect(try log.appendAndWait([2], Expectation(states: [state])).next == 2)
        #expect(throws: StoreError.positionMismatch(position: 2, generation: 1)) {
            try log.rewindAndWait(Expectation(states: [state]))
        }
    }

    @Test func rewindingEmptiesAndRaisesTheGeneration() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        _ = try log.appendAndWait([1, 2, 3])
        #expect(try log.rewindAndWait() == 2)
        #expect(log.view.tell == 0)
        _ = try log.appendAndWait([7])
        #expect(try log.contents() == [7])
        var byte: [UInt8] = [0]
        #expect(throws: StoreError.positionGone(oldest: 0)) {
            try byte.withUnsafeMutableBytes { try log.read(at: 0, generation: 1, into: $0) }
        }
    }

    @Test func everythingIsKnownAgainAfterReopening() throws {
        let directory = try TemporaryDirectory()
        do {
            let store = try Store(path: directory.path)
            let log = try store.pools.create("a", PoolOptions(size: 4 << 20, mode: 0o640)).log
            _ = try log.appendAndWait([1])
            _ = try log.rewindAndWait()
            _ = try log.appendAndWait(Array("kept".utf8))
            _ = try store.pools.create("shut", PoolOptions())
            _ = try store.pools.close("shut")
            store.close()
        }
        let store = try Store(path: directory.path)
        defer { store.close() }
        let status = try store.pools.status("a")
        #expect(status.generation == 2)
        #expect(status.mode == 0o640)
        #expect(status.poolSize == 4 << 20)
        #expect(try store.pools.find("a").contents() == Array("kept".utf8))
        #expect(throws: StoreError.poolClosed(name: "shut")) { try store.pools.find("shut") }
        #expect(try store.pools.status("shut").state == .closed)
        #expect(try store.pools.open("shut").view.state == .open)
    }

    @Test func aClosedPoolTakesNothing() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        _ = try store.pools.close("a")
        #expect(throws: StoreError.poolClosed(name: "a")) { try log.appendAndWait([1]) }
        #expect(throws: StoreError.poolClosed(name: "a")) { try log.rewindAndWait() }
        #expect(try store.pools.close("a").state == .closed)
    }

    @Test func aPoolMadeAgainIsAnotherOne() throws {
        let store = try TemporaryStore()
        let first = try store.pools.create("a", PoolOptions()).log.identity
        try store.pools.delete("a", keepFile: false)
        #expect(!FileManager.default.fileExists(atPath: store.path("pools/a")))
        #expect(throws: StoreError.noSuchPool(name: "a")) { try store.pools.find("a") }
        #expect(throws: StoreError.noSuchPool(name: "a")) {
            try store.pools.delete("a", keepFile: false)
        }
        #expect(try store.pools.create("a", PoolOptions()).log.identity != first)
    }

    @Test func optionsThatDifferFromThePoolAreRefused() throws {
        let store = try TemporaryStore()
        _ = try store.pools.create("a", PoolOptions(size: 4 << 20))
        #expect(
            throws: StoreError.argumentMismatch(
                option: "pool_size", expected: "4194304", actual: "2097152")
        ) { try store.pools.create("a", PoolOptions(size: 2 << 20)) }
        #expect(
            throws: StoreError.argumentMismatch(option: "file", expected: "pools/a", actual: "x/y")
        ) { try store.pools.create("a", PoolOptions(file: "x/y")) }
    }

    @Test(arguments: [
        PoolOptions(size: 2_097_151), PoolOptions(size: 0), PoolOptions(size: -1),
        PoolOptions(mode: 0), PoolOptions(mode: 0o400), PoolOptions(mode: 0o17777),
        PoolOptions(file: "../x"), PoolOptions(file: "/x"), PoolOptions(file: "logs/x"),
        PoolOptions(file: "a//b"), PoolOptions(file: ".tidemark/x"), PoolOptions(file: "pools"),
        PoolOptions(file: "a\nb"), PoolOptions(file: String(repeating: "n", count: 236)),
    ])
    func optionsThatCannotBeAreRefused(_ options: PoolOptions) throws {
        let store = try TemporaryStore()
        #expect {
            try store.pools.create("a", options)
        } throws: {
            if case .badArgument = $0 as? StoreError { true } else { false }
        }
        #expect(throws: StoreError.noSuchPool(name: "a")) { try store.pools.find("a") }
    }

    @Test func aPoolMayLieElsewhereBelowTheDataDirectory() throws {
        let store = try TemporaryStore()
        _ = try store.pools.create("a", PoolOptions(file: "archive/2026/a.pool")).log
        #expect(FileManager.default.fileExists(atPath: store.path("archive/2026/a.pool")))
        #expect(try store.pools.names(prefix: "", after: nil, limit: 9).names == ["a"])
        #expect(try store.pools.status("a").path == "archive/2026/a.pool")
        try store.pools.delete("a", keepFile: true)
        #expect(FileManager.default.fileExists(atPath: store.path("archive/2026/a.pool")))
        #expect(
            try store.pools.create("b", PoolOptions(file: "archive/2026/a.pool")).isNew == false)
    }

    @Test func namesComeInOrderAndByPage() throws {
        let store = try TemporaryStore()
        for name in ["b2", "a1", "b1", "b3"] { _ = try store.pools.create(name, PoolOptions()) }
        let first = try store.pools.names(prefix: "b", after: nil, limit: 2)
        #expect(first.names == ["b1", "b2"])
        #expect(!first.isComplete)
        let second = try store.pools.names(prefix: "b", after: "b2", limit: 2)
        #expect(second.names == ["b3"])
        #expect(second.isComplete)
    }

    @Test func halfMadeFilesAreRemovedAtTheStart() throws {
        let directory = try TemporaryDirectory()
        try Store(path: directory.path).close()
        let leftover = directory.path + "/.tidemark/new/half"
        #expect(FileManager.default.createFile(atPath: leftover, contents: Data([0])))
        let reports = Locked<[String]>([])
        let store = try Store(
            path: directory.path, report: { text in reports.withLock { $0.append(text) } })
        defer { store.close() }
        #expect(!FileManager.default.fileExists(atPath: leftover))
        #expect(reports.withLock { $0 } == ["removed 1 files whose making was cut short"])
    }

    @Test func aSecondStoreOnTheSameDirectoryIsRefused() throws {
        let store = try TemporaryStore()
        #expect {
            try Store(path: store.directory.path)
        } throws: {
            if case .locked = $0 as? StoreError { true } else { false }
        }
    }

    @Test func anImportIsCheckedBeforeItHasAName() throws {
        let store = try TemporaryStore()
        let log = try store.pools.create("a", PoolOptions()).log
        _ = try log.appendAndWait(Array("exported".utf8))
        let good = try store.pools.beginImport()
        try good.write(log.exportedPages(tell: 8))
        var data = [UInt8](repeating: 0, count: log.nbyte)
        data.replaceSubrange(0..<8, with: Array("exported".utf8))
        try good.write(data)
        #expect(try store.pools.finishImport(good, as: "b").contents() == Array("exported".utf8))
        let bad = try store.pools.beginImport()
        try bad.write([UInt8](repeating: 7, count: 2 << 20))
        #expect {
            try store.pools.finishImport(bad, as: "c")
        } throws: {
            if case .notAPool = $0 as? StoreError { true } else { false }
        }
        #expect(throws: StoreError.noSuchPool(name: "c")) { try store.pools.find("c") }
    }
}
