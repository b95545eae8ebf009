import Foundation
import Testing

@testable import Store

@Suite struct NamedFilterTests {
    private let keys: PageKeys
    private let cookie = Array("main/a".utf8)

    init() throws { keys = try Self.keys("main \(String(repeating: "5a", count: 32))") }

    private static func keys(_ text: String, mode: Int = 0o600) throws -> PageKeys {
        let file = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: file.path)
        return try PageKeys(path: file.path)
    }

    private func run(
        _ name: String, incoming: Bool, _ page: inout [UInt8], pgno: UInt32 = 7,
        _ cookie: [UInt8]? = nil
    ) throws -> Int32 {
        let function = try NamedFilter.function(name, isIncoming: incoming, keys: keys)
        return page.withUnsafeMutableBytes { function(pgno, $0, cookie ?? self.cookie) }
    }

    private func randomPage(_ size: Int) -> [UInt8] {
        (0..<size).map { _ in .random(in: 0...255) }
    }

    private static let rooms = ["crc32c": 4, "aes-gcm": 28, "zstd": 8]

    @Test(arguments: [512, 4096, 65536])
    func whatGoesOutComesBack(_ size: Int) throws {
        let single = NamedFilter.names.filter { $0 != "fail" }
        let pairs = single.flatMap { first in single.map { "\(first)+\($0)" } }
        for name in single + pairs + ["zstd+aes-gcm+crc32c", "xor+byteswap64+aes-xts+crc32c"] {
            let room = name.split(separator: "+").reduce(0) {
                $0 + Self.rooms[String($1), default: 0]
            }
            for original in [randomPage(size), Array(repeating: 3, count: size)] {
                var page = original
                #expect(try run(name, incoming: false, &page) == 0, "\(name)")
                #expect(try run(name, incoming: true, &page) == 0, "\(name)")
                let kept = size - room
                #expect(page[..<kept] == original[..<kept], "\(name), \(size)")
            }
        }
    }

    @Test func zerosPassUnchanged() throws {
        for name in NamedFilter.names where name != "fail" {
            var page = [UInt8](repeating: 0, count: 4096)
            #expect(try run(name, incoming: false, &page) == 0)
            #expect(page.allSatisfy { $0 == 0 }, "\(name)")
            #expect(try run(name, incoming: true, &page) == 0)
            #expect(page.allSatisfy { $0 == 0 }, "\(name)")
        }
    }

    @Test func aSealedPageThatWasTouchedOrMovedIsRefused() throws {
        let original = randomPage(4096)
        var sealed = original
        #expect(try run("aes-gcm", incoming: false, &sealed) == 0)
        for place in [0, 100, 4067, 4068, 4079, 4080, 4095] {
            var page = sealed
            page[place] ^= 1
            #expect(try run("aes-gcm", incoming: true, &page) == EIO, "byte \(place)")
        }
        var page = sealed
        #expect(try run("aes-gcm", incoming: true, &page, pgno: 8) == EIO)
        page = sealed
        #expect(try run("aes-gcm", incoming: true, &page, Array("main/b".utf8)) == EIO)
        var again = original
        #expect(try run("aes-gcm", incoming: false, &again) == 0)
        #expect(again != sealed, "each write has a nonce of its own")
    }

    @Test func encryptionDependsOnTheNumberOfThePage() throws {
        let original = [UInt8](repeating: 9, count: 4096)
        var (first, second) = (original, original)
        #expect(try run("aes-xts", incoming: false, &first, pgno: 1) == 0)
        #expect(try run("aes-xts", incoming: false, &second, pgno: 2) == 0)
        #expect(first != second)
    }

    @Test func withoutItsKeyAPageGoesNowhere() throws {
        for name in ["aes-xts", "aes-gcm"] {
            for cookie in ["other", "", "main2/a", "/main"] {
                let original = randomPage(4096)
                var page = original
                let errno = try run(name, incoming: false, &page, Array(cookie.utf8))
                #expect(errno == ENOKEY, "\(name), \(cookie)")
            }
        }
    }

    @Test func repeatedBytesLeaveZerosBehind() throws {
        var page = [UInt8](repeating: 7, count: 4096)
        #expect(try run("zstd", incoming: false, &page) == 0)
        #expect(page[256...].allSatisfy { $0 == 0 })
    }

    @Test func damagedFramesAreRefused() throws {
        var packed = Array("tidemark ".utf8) + Array(repeating: 7, count: 4087)
        #expect(try run("zstd", incoming: false, &packed) == 0)
        for place in 0..<8 {
            var page = packed
            page[place] ^= 0x55
            #expect(try run("zstd", incoming: true, &page) == EIO, "byte \(place)")
        }
        for _ in 0..<2000 {
            var page = packed
            page[.random(in: 8..<64)] = .random(in: 0...255)
            // Whatever the frame says, nothing beyond the page is touched.
            _ = try run("zstd", incoming: true, &page)
        }
    }

    @Test(arguments: [
        "main 5a", "main", "main \(String(repeating: "5", count: 63))g", "ma/in 00",
        "a \(String(repeating: "00", count: 32)) b",
        "a \(String(repeating: "00", count: 32))\na \(String(repeating: "11", count: 32))",
    ])
    func aFileOfKeysThatIsNoneIsRefused(_ text: String) throws {
        #expect(throws: StoreError.self) { try Self.keys(text) }
    }

    @Test func aFileOfKeysThatEverybodyMayReadIsRefused() throws {
        #expect(throws: StoreError.self) { try Self.keys("", mode: 0o644) }
        let text = "# comment\n\n a\t\(String(repeating: "A0", count: 32)) \r\n"
        let keys = try Self.keys(text, mode: 0o640)
        #expect(keys.secret(of: Array("a/x".utf8)) == [UInt8](repeating: 0xA0, count: 32))
    }
}
