import Foundation
import TestSupport
import Testing

@testable import Store

/// What is remembered of calls that outlive the process.
@Suite struct CallNotesTests {
    private func note(
        _ number: UInt64, _ state: CallNote.State, payload: [UInt8] = []
    ) -> CallNote {
        let digest = { (high: UInt64) in
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes.storeLittleEndian(high, at: 0)
            return KeyDigest(bytes)
        }
        let key = IdempotencyKey(name: digest(number), content: digest(~number))
        return CallNote(key, state, time: 1_700_000_000_000, payload: payload)
    }

    private func withDirectory(_ body: (DataDirectory) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try body(try DataDirectory(path: directory.path))
    }

    @Test func ofEachNameTheNewestCounts() throws {
        try withDirectory { directory in
            let notes = CallNotes(in: directory, on: Workers(name: "test", limit: 1))
            #expect(try notes.read("pools/p").isEmpty)
            for each in [note(1, .intended, payload: [1]), note(2, .intended), note(3, .intended)] {
                #expect(try notes.add(each, to: "pools/p"))
            }
            #expect(try notes.add(note(1, .done, payload: [7, 8]), to: "pools/p"))
            #expect(try notes.add(note(3, .void), to: "pools/p"))
            let found = try CallNotes(in: directory, on: Workers(name: "test", limit: 1)).read(
                "pools/p")
            #expect(found == [note(2, .intended), note(1, .done, payload: [7, 8])])
            #expect(try notes.read("pools/q").isEmpty)
        }
    }

    @Test func whatACrashLeavesAtTheEndIsCutOff() throws {
        try withDirectory { directory in
            let notes = CallNotes(in: directory, on: Workers(name: "test", limit: 1))
            _ = try notes.add(note(1, .done, payload: [1, 2, 3]), to: "logs/l")
            let path = ".tidemark/calls/logs-l"
            let whole = try #require(try directory.contents(of: path, limit: 1 << 20))
            let next = note(2, .done, payload: [4, 5]).bytes
            for cut in 0..<next.count {
                try directory.replaceContents(of: path, with: whole + next[..<cut])
                #expect(try notes.read("logs/l") == [note(1, .done, payload: [1, 2, 3])])
                #expect(try directory.contents(of: path, limit: 1 << 20) == whole)
            }
            for place in 8..<next.count {
                var damaged = next
                damaged[place] ^= 1
                try directory.replaceContents(of: path, with: whole + damaged)
                #expect(try notes.read("logs/l").count == 1)
            }
        }
    }

    @Test func aFileThatHasGrownKeepsTheNewest() throws {
        try withDirectory { directory in
            let notes = CallNotes(in: directory, on: Workers(name: "test", limit: 1))
            let large = [UInt8](repeating: 9, count: 1 << 20)
            var wasWhole = true
            var count: UInt64 = 0
            while wasWhole {
                count += 1
                wasWhole = try notes.add(note(count, .done, payload: large), to: "logs/l")
            }
            #expect(count == 4)
            #expect(try notes.read("logs/l").map(\.key.name) == [note(4, .done).key.name])
        }
    }

    @Test func aFileWithNothingLeftGoes() throws {
        try withDirectory { directory in
            let notes = CallNotes(in: directory, on: Workers(name: "test", limit: 1))
            _ = try notes.add(note(1, .intended), to: "logs/l")
            _ = try notes.add(note(1, .void), to: "logs/l")
            #expect(!directory.exists(".tidemark/calls/logs-l"))
        }
    }

    @Test func noteIsKeptWhereTheFileCannotBeWrittenAnew() throws {
        let folder = try TemporaryDirectory()
        let notes = CallNotes(
            in: try DataDirectory(path: folder.path), on: Workers(name: "test", limit: 1))
        let large = [UInt8](repeating: 7, count: CallNotes.fileLimit / 2)
        #expect(try notes.add(note(1, .done, payload: large), to: "pools/p"))
        let unfinished = folder.path + "/.tidemark/new"
        try FileManager.default.removeItem(atPath: unfinished)
        #expect(try notes.add(note(2, .intended, payload: large), to: "pools/p"))
        #expect(try notes.read("pools/p").map(\.key) == [note(1, .done).key, note(2, .done).key])
        try FileManager.default.createDirectory(
            atPath: unfinished, withIntermediateDirectories: false)
        #expect(try !notes.add(note(3, .intended), to: "pools/p"))
        #expect(try notes.read("pools/p").map(\.key) == [note(3, .intended).key])
    }
}
