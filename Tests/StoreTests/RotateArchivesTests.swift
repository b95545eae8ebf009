import Foundation
import TestSupport
import Testing

@testable import Store

/// The archives of a rotate log where a push has not come to its end.
@Suite struct RotateArchivesTests {
    /// A folder with the files `log`, `log.N.gz` of the numbers, each with its name in it.
    private func with(
        _ numbers: [Int], _ body: (RotateArchives, (String) -> String?) throws -> Void
    ) throws {
        let folder = try TemporaryDirectory()
        func path(_ name: String) -> String { folder.path + "/data/" + name }
        let directory = try DataDirectory(path: folder.path + "/data")
        for name in ["log"] + numbers.map({ "log.\($0).gz" }) {
            try Data(name.utf8).write(to: URL(filePath: path(name)))
        }
        try body(RotateArchives(base: "log", directory: directory)) { name in
            FileManager.default.contents(atPath: path(name)).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
    }

    @Test func pushMovesAllArchivesUpOverTheOldest() throws {
        try with([0, 1, 2]) { archives, contents in
            try archives.push(maxFiles: 3)
            #expect(contents("log.0") == "log" && contents("log") == nil)
            #expect(contents("log.0.gz") == nil)
            #expect(contents("log.1.gz") == "log.0.gz" && contents("log.2.gz") == "log.1.gz")
        }
    }

    @Test func pushFillsAMissingPlaceAndLosesNoArchive() throws {
        try with([0, 2, 3]) { archives, contents in
            try archives.push(maxFiles: 4)
            #expect(contents("log.1.gz") == "log.0.gz")
            #expect(contents("log.2.gz") == "log.2.gz" && contents("log.3.gz") == "log.3.gz")
        }
    }

    @Test func pushOfALogWithOneArchiveMovesNone() throws {
        try with([0]) { archives, contents in
            try archives.push(maxFiles: 1)
            #expect(contents("log.0") == "log" && contents("log.0.gz") == "log.0.gz")
        }
    }

    @Test func removalBehindAMissingPlaceReachesWhatIsKnownToHaveBeenThere() throws {
        try with([0, 1, 3, 4]) { archives, contents in
            try archives.removeBeyond(2, former: 4)
            #expect([0, 1].allSatisfy { contents("log.\($0).gz") != nil })
            #expect([3, 4].allSatisfy { contents("log.\($0).gz") == nil })
        }
    }
}
