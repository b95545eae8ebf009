import CPMemLog
import Foundation
import TestSupport
import Testing

@testable import Store

/// The wrapper and the layout against the library itself.
@Suite struct PmemPoolTests {
    /// A pool that the library made.
    private func makePool(_ path: String, size: Int = 2 << 20) throws {
        let handle = try #require(pmemlog_create(path, size, 0o600))
        pmemlog_close(handle)
    }

    @Test func theLayoutReadsWhatTheLibraryMakes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a"
        try makePool(path, size: (3 << 20) + 100)
        let pages = Array(try Data(contentsOf: URL(filePath: path)).prefix(8192))
        let layout = try PoolLayout(pages: pages, poolSize: (3 << 20) + 100)
        #expect(layout.nbyte == PoolLayout.nbyte(poolSize: (3 << 20) + 100))
        #expect(layout.tell == 0)
        #expect(!layout.isReadOnly)
    }

    @Test func theLibraryTakesWhatTheLayoutMakes() throws {
        let directory = try TemporaryDirectory()
        let data = try DataDirectory(path: directory.path)
        for size in [2 << 20, (2 << 20) + 1, (5 << 20) + 4095] {
            try PoolFile.create("pools/p\(size)", size: size, mode: 0o600, createdAt: 1, in: data)
            let path = data.absolute("pools/p\(size)")
            #expect(try PmemPool.check(path, name: "p") == nil)
            let pool = try PmemPool(opening: path, name: "p")
            #expect(pool.nbyte == PoolLayout.nbyte(poolSize: size))
            pool.close()
        }
    }

    /// Each byte that the library's check covers, changed: layout and library agree.
    @Test func layoutAndLibraryRefuseTheSameDamage() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a"
        try makePool(path)
        let good = try Data(contentsOf: URL(filePath: path))
        let places = [
            0, 7, 8, 0x0C, 0x10, 0x14, 0x18, 0x30, 0x78, 0x80, 0x88, 0x8E, 0x90, 0x7FF, 0x800,
            0xFB0, 0xFB8, 0xFF8,
            0x1000, 0x1008, 0x1010, 0x1013, 0x1018, 0x1050, 0x2000,
        ]
        for place in places {
            var bytes = good
            bytes[place] ^= 0x5A
            try bytes.write(to: URL(filePath: path))
            let library = try PmemPool.check(path, name: "a") == nil
            let layout =
                (try? PoolLayout(pages: Array(bytes.prefix(8192)), poolSize: 2 << 20)) != nil
            #expect(layout == library, "byte \(String(place, radix: 16))")
        }
    }

    @Test func walkGivesChunksUntilTheBodyHasEnough() throws {
        let directory = try TemporaryDirectory()
        try makePool(directory.path + "/a")
        let pool = try PmemPool(opening: directory.path + "/a", name: "a")
        try pool.append(gathering: [Array("hello ".utf8), Array("world".utf8)])
        var chunks: [String] = []
        pool.walk(chunkSize: 4) { chunk in
            chunks.append(String(decoding: chunk, as: UTF8.self))
            return true
        }
        #expect(chunks == ["hell", "o wo", "rld"])
        chunks = []
        pool.walk(chunkSize: 4) { chunk in
            chunks.append(String(decoding: chunk, as: UTF8.self))
            return chunks.count < 2
        }
        #expect(chunks == ["hell", "o wo"])
        pool.close()
    }

    /// The library wraps around for such chunks and would show its headers.
    @Test(arguments: [Int.max, Int.max - 4095, 0])
    func hugeChunksAndZeroGiveEverythingOnce(_ chunkSize: Int) throws {
        let directory = try TemporaryDirectory()
        try makePool(directory.path + "/a")
        let pool = try PmemPool(opening: directory.path + "/a", name: "a")
        try pool.append(Array("data".utf8))
        var chunks: [[UInt8]] = []
        pool.walk(chunkSize: chunkSize) { chunk in
            chunks.append(Array(chunk))
            return true
        }
        #expect(chunks == [Array("data".utf8)])
        pool.close()
    }

    @Test func anEmptyPoolIsWalkedOnceAsAWholeAndNotInChunks() throws {
        let directory = try TemporaryDirectory()
        try makePool(directory.path + "/a")
        let pool = try PmemPool(opening: directory.path + "/a", name: "a")
        var lengths: [Int] = []
        pool.walk { chunk in
            lengths.append(chunk.count)
            return true
        }
        #expect(lengths == [0])
        pool.walk(chunkSize: 7) { chunk in
            lengths.append(chunk.count)
            return true
        }
        #expect(lengths == [0])
        pool.close()
    }

    @Test func anErrorOfTheBodyEndsTheWalkAndComesOut() throws {
        struct Enough: Error {}
        let directory = try TemporaryDirectory()
        try makePool(directory.path + "/a")
        let pool = try PmemPool(opening: directory.path + "/a", name: "a")
        try pool.append([1, 2, 3])
        var calls = 0
        do {
            try pool.walk(chunkSize: 1) { _ in
                calls += 1
                throw Enough()
            }
            Issue.record("nothing was thrown")
        } catch { #expect(calls == 1) }
        pool.close()
    }

    @Test func aPoolThatIsOpenIsLocked() throws {
        let directory = try TemporaryDirectory()
        try makePool(directory.path + "/a")
        let pool = try PmemPool(opening: directory.path + "/a", name: "a")
        do {
            _ = try PmemPool(opening: directory.path + "/a", name: "a")
            Issue.record("it opened twice")
        } catch {
            #expect(error == .locked(detail: "a is open in another process or under another name"))
        }
        pool.close()
    }

    @Test func appendRewindAndTellAgree() throws {
        let directory = try TemporaryDirectory()
        try makePool(directory.path + "/a")
        let pool = try PmemPool(opening: directory.path + "/a", name: "a")
        try pool.append([UInt8](repeating: 1, count: pool.nbyte))
        #expect(pool.tell == pool.nbyte)
        #expect(throws: StoreError.poolFull(needed: 1, position: pool.nbyte, capacity: pool.nbyte))
        {
            try pool.append([1])
        }
        try pool.rewind()
        #expect(pool.tell == 0)
        pool.close()
    }

    @Test func theVersionsOfTheLibraryAreKnown() {
        #expect(PmemPool.checkVersion(major: 1, minor: 1) == nil)
        #expect(PmemPool.checkVersion(major: 1, minor: 0) == nil)
        #expect(
            PmemPool.checkVersion(major: 1, minor: 2)?.contains("minor version mismatch") == true)
        #expect(
            PmemPool.checkVersion(major: 2, minor: 0)?.contains("major version mismatch") == true)
    }

    /// A store into such a mapping would be a SIGBUS.
    @Test func aFileCutShortUnderneathIsAnErrorAndNotTheEnd() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a"
        try makePool(path)
        let pool = try PmemPool(opening: path, name: "a")
        #expect(truncate(path, 4096) == 0)
        #expect {
            try pool.append([1])
        } throws: {
            if case .failed = $0 as? StoreError { true } else { false }
        }
        pool.close()
    }

    @Test func aHoleInAFileIsFilledBeforeTheLibraryStoresIntoIt() throws {
        let store = try TemporaryStore()
        let path = store.path("pools/sparse")
        try makePool(path)
        let pages = try Data(contentsOf: URL(filePath: path)).prefix(8192)
        try pages.write(to: URL(filePath: path))
        #expect(truncate(path, 2 << 20) == 0)
        let log = try store.pools.find("sparse")
        var status = stat()
        stat(path, &status)
        #expect(status.st_blocks * 512 >= 2 << 20)
        #expect(try log.appendAndWait([1]).next == 1)
    }
}

@Suite struct PoolSetTests {
    @Test func partsAreReadWithTheirSizesAndOptions() throws {
        let set = try PoolSet(
            text: "PMEMPOOLSET\r\n# two\r\nOPTION SINGLEHDR\r\n2M /a/b\r\n3MB\t/c d\r\n".replacing(
                " d", with: ""))
        #expect(set.hasSingleHeader)
        #expect(
            set.parts == [.init(size: 2 << 20, path: "/a/b"), .init(size: 3_000_000, path: "/c")])
    }

    @Test(arguments: [
        "", "PMEMPOOLSET", "PMEMPOOLSET x\n2M /a", "PMEMPOOLSET\n2M relative", "PMEMPOOLSET\n2X /a",
        "PMEMPOOLSET\n2M /a\n2M /a", "PMEMPOOLSET\nOPTION NOHDRS\n2M /a", "PMEMPOOLSET\n2M",
        "PMEMPOOLSET\n99999999999T /a",
    ])
    func whatIsNoSetIsRefused(_ text: String) {
        #expect {
            try PoolSet(text: text)
        } throws: {
            if case .notAPool = $0 as? StoreError { true } else { false }
        }
    }

    @Test func replicasAreNotOffered() {
        #expect {
            try PoolSet(text: "PMEMPOOLSET\n2M /a\nREPLICA\n2M /b")
        } throws: {
            if case .notImplemented = $0 as? StoreError { true } else { false }
        }
    }

    @Test(arguments: [("", 5_230_592), ("OPTION SINGLEHDR\n", 5_234_688)])
    func aSetThatTheLibraryMadeIsReadAcrossItsParts(_ option: String, _ nbyte: Int) throws {
        let store = try TemporaryStore()
        let text =
            "PMEMPOOLSET\n\(option)2M \(store.path("pools/s.0"))\n3M \(store.path("pools/s.1"))\n"
        try Data(text.utf8).write(to: URL(filePath: store.path("pools/s")))
        let handle = try #require(pmemlog_create(store.path("pools/s"), 0, 0o600))
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        #expect(pmemlog_append(handle, bytes, bytes.count) == 0)
        pmemlog_close(handle)
        let log = try store.pools.find("s")
        #expect(log.nbyte == nbyte)
        #expect(try log.contents() == bytes)
        _ = try log.appendAndWait([1, 2, 3])
        #expect(try log.contents().suffix(3) == [1, 2, 3])
    }

    /// The library would leak a lock that keeps the pool from ever being opened.
    @Test func aPartOfAnotherSizeIsRefusedAndCanBeMended() throws {
        let store = try TemporaryStore()
        let set = URL(filePath: store.path("pools/s"))
        let right = "PMEMPOOLSET\n2M \(store.path("pools/s.0"))\n2M \(store.path("pools/s.1"))\n"
        try Data(right.utf8).write(to: set)
        pmemlog_close(pmemlog_create(set.path, 0, 0o600))
        try Data(right.replacing("2M", with: "3M").utf8).write(to: set)
        for _ in 0..<2 {
            #expect {
                try store.pools.find("s")
            } throws: {
                if case .notAPool = $0 as? StoreError { true } else { false }
            }
        }
        try Data(right.utf8).write(to: set)
        #expect(try store.pools.find("s").view.tell == 0)
    }
}
