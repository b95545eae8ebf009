import Foundation
import Glibc
import TestSupport
import Testing

@testable import Store

/// Pages that come in before anybody asks for them.
@Suite struct ReadingAheadTests {
    private let folder: MPoolFolder
    private static let pages: UInt32 = 100

    init() throws {
        folder = try MPoolFolder()
        let bytes = (0..<Self.pages).flatMap { [UInt8](repeating: UInt8($0), count: 4096) }
        try Data(bytes).write(to: URL(filePath: folder.path + "/f"))
    }

    private func opened(
        _ change: (inout MPoolOptions) -> Void = { _ in }, ahead: Int = 16, fileType: Int = 0
    ) throws -> PageFile {
        let pool = try folder.pool {
            $0.cacheSize = 64 * 4096
            change(&$0)
        }
        return try folder.file(pool) {
            $0.readAhead = ahead
            $0.fileType = fileType
            $0.create = false
        }
    }

    @Test(arguments: [ReplacementPolicy.lru, .s3fifo])
    func pagesInOrderComeTogether(_ policy: ReplacementPolicy) throws {
        let file = try opened { $0.policy = policy }
        for pgno in 0..<Self.pages { #expect(try folder.byte(file, pgno) == UInt8(pgno)) }
        let figures = try file.pool.statistics()
        // The first one, the second one with 15 more, and so on.
        #expect(figures.counts.misses == 8)
        #expect(figures.counts.read == 100 && figures.counts.hits == 92)
        #expect(file.pool.usedBytes <= 64 * 4096)
        #expect(try file.pool.pinCount() == 0)
    }

    @Test func pagesInAnotherOrderComeAlone() throws {
        let file = try opened()
        for pgno in stride(from: Self.pages - 1, to: 0, by: -3) {
            #expect(try folder.byte(file, pgno) == UInt8(pgno))
        }
        #expect(file.counts.read == file.counts.misses)
    }

    @Test func nothingThatHasChangedIsWrittenForIt() throws {
        let file = try opened { $0.cacheSize = 8 * 4096 }
        for pgno in 40..<47 as Range<UInt32> { try folder.write(file, pgno, 200) }
        #expect(try folder.byte(file, 0) == 0)
        #expect(try folder.byte(file, 1) == 1)
        #expect(file.counts.written <= 2)
        for pgno in 2..<Self.pages where !(40..<47).contains(pgno) {
            #expect(try folder.byte(file, pgno) == UInt8(pgno))
        }
        for pgno in 40..<47 as Range<UInt32> { #expect(try folder.byte(file, pgno) == 200) }
    }

    @Test func aPageThatAFilterRefusesHarmsNoOther() throws {
        let file = try opened(fileType: 1)
        let refusing: PageFilter.Function = { pgno, _, _ in pgno == 9 ? EIO : 0 }
        try file.pool.register(fileType: 1, PageFilter(pgin: refusing, pgout: { _, _, _ in 0 }))
        for pgno in 0..<30 as Range<UInt32> where pgno != 9 {
            #expect(try folder.byte(file, pgno) == UInt8(pgno))
        }
        #expect(throws: StoreError.self) { try folder.byte(file, 9) }
        #expect(try file.pool.pinCount() == 0)
    }

    @Test func aFileThatIsCutShortGivesWhatItHas() throws {
        let file = try opened()
        #expect(try folder.byte(file, 0) == 0)
        truncate(folder.path + "/f", 5 * 4096 + 100)
        for pgno in 1..<5 as Range<UInt32> { #expect(try folder.byte(file, pgno) == UInt8(pgno)) }
        #expect(throws: StoreError.self) { try folder.byte(file, 5) }
        #expect(try file.pool.pinCount() == 0)
    }

    @Test func threadsThatReadTheSamePagesGetThem() throws {
        let file = try opened { $0.cacheSize = 24 * 4096 }
        let wrong = Locked(0)
        let left = Locked(4)
        for thread in 0..<4 as Range<UInt32> {
            _ = startThread("reader") {
                for turn in 0..<2000 as Range<UInt32> {
                    let pgno = (turn + thread * 3) % Self.pages
                    let byte = try? file.withPage(pgno) { $0[4095] }
                    if byte != UInt8(pgno) { wrong.withLock { $0 += 1 } }
                }
                left.withLock { $0 -= 1 }
                left.wakeAll()
            }
        }
        left.whenReady({ $0 == 0 }) { _ in }
        #expect(wrong.withLock { $0 } == 0)
        #expect(try file.pool.pinCount() == 0)
    }
}
