import API
import Store
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite struct KeyedCallsTests {
    private static func key(_ number: UInt8) -> IdempotencyKey {
        IdempotencyKey(
            name: KeyDigest([UInt8](repeating: number, count: 16)),
            content: KeyDigest([UInt8](repeating: 1, count: 16)))
    }

    /// Answers until those that came before are forgotten.
    private static func fill(_ calls: KeyedCalls) throws {
        let answer = RememberedAnswer.response(
            Response(type: .octetStream, body: [UInt8](repeating: 0, count: 1 << 20)))
        for number in 10..<UInt8(10 + KeyedCalls.byteLimit >> 20 + 1) {
            _ = try calls.begin(key(number), on: "other", isOnDisk: false) {}
            calls.finish(key(number), on: "other", answer, isOnDisk: false)
        }
    }

    private static let small = RememberedAnswer.response(Response(type: .json, body: []))

    @Test func oldAnswersGiveWayToNewOnes() throws {
        let folder = try TemporaryDirectory()
        let calls = KeyedCalls(
            CallNotes(
                in: try DataDirectory(path: folder.path), on: Workers(name: "test", limit: 1)))
        let key = Self.key(1)
        _ = try calls.begin(key, on: "r", isOnDisk: false) {}
        calls.finish(key, on: "r", Self.small, isOnDisk: false)
        guard case .done = try calls.begin(key, on: "r", isOnDisk: false, again: {}) else {
            Issue.record("the answer is not remembered")
            return
        }
        try Self.fill(calls)
        guard case .new = try calls.begin(key, on: "r", isOnDisk: false, again: {}) else {
            Issue.record("the answer is remembered for good")
            return
        }
    }

    @Test func callUnderWayIsNotForgottenWithAnOldOneOfItsName() throws {
        let folder = try TemporaryDirectory()
        let notes = CallNotes(
            in: try DataDirectory(path: folder.path), on: Workers(name: "test", limit: 1))
        let calls = KeyedCalls(notes)
        let key = Self.key(1)
        let told = Atomic(0)
        _ = try calls.begin(key, on: "r", isOnDisk: false) {}
        calls.finish(key, on: "r", Self.small, isOnDisk: false)
        try notes.forget("r")
        _ = try calls.begin(key, on: "r", isOnDisk: false) {}
        try Self.fill(calls)
        let again = try calls.begin(key, on: "r", isOnDisk: false) {
            told.add(1, ordering: .relaxed)
        }
        guard case .running = again else {
            Issue.record("it would be done twice")
            return
        }
        calls.finish(key, on: "r", Self.small, isOnDisk: false)
        #expect(told.load(ordering: .relaxed) == 1)
    }

    @Test func answerOnDiskIsFoundWhereOthersHaveTakenItsPlaceInMemory() throws {
        let folder = try TemporaryDirectory()
        let calls = KeyedCalls(
            CallNotes(
                in: try DataDirectory(path: folder.path), on: Workers(name: "test", limit: 1)))
        let key = Self.key(1)
        _ = try calls.begin(key, on: "logs/r", isOnDisk: true) {}
        calls.finish(key, on: "logs/r", Self.small, isOnDisk: true)
        for number in 0...KeyedCalls.resourceLimit {
            _ = try calls.begin(Self.key(2), on: "logs/\(number)", isOnDisk: true) {}
            calls.drop(Self.key(2), on: "logs/\(number)", isOnDisk: true)
        }
        guard case .done = try calls.begin(key, on: "logs/r", isOnDisk: true, again: {}) else {
            Issue.record("it would be done twice")
            return
        }
    }

    @Test func answersThatWereReadBeforeTheyWereForgottenAreNotTaken() throws {
        let folder = try TemporaryDirectory()
        let notes = CallNotes(
            in: try DataDirectory(path: folder.path), on: Workers(name: "test", limit: 1))
        let key = Self.key(1)
        let before = KeyedCalls(notes)
        _ = try before.begin(key, on: "logs/r", isOnDisk: true) {}
        before.finish(key, on: "logs/r", Self.small, isOnDisk: true)
        let calls = KeyedCalls(notes)
        let reading = try #require(try calls.read("logs/r"))
        try notes.forget("logs/r")
        calls.take(reading, of: "logs/r")
        guard case .new = try calls.begin(key, on: "logs/r", isOnDisk: true, again: {}) else {
            Issue.record("it is answered for a resource that has gone")
            return
        }
    }

    @Test func answersThatCameAfterTheReadingAreNotHiddenByIt() throws {
        let folder = try TemporaryDirectory()
        let calls = KeyedCalls(
            CallNotes(
                in: try DataDirectory(path: folder.path), on: Workers(name: "test", limit: 1)))
        let key = Self.key(1)
        let reading = try #require(try calls.read("logs/r"))
        _ = try calls.begin(key, on: "logs/r", isOnDisk: true) {}
        calls.finish(key, on: "logs/r", Self.small, isOnDisk: true)
        // Others take its place in memory.
        for number in 0...KeyedCalls.resourceLimit {
            _ = try calls.begin(Self.key(2), on: "logs/\(number)", isOnDisk: true) {}
            calls.drop(Self.key(2), on: "logs/\(number)", isOnDisk: true)
        }
        calls.take(reading, of: "logs/r")
        guard case .done = try calls.begin(key, on: "logs/r", isOnDisk: true, again: {}) else {
            Issue.record("it would be done twice")
            return
        }
    }
}
