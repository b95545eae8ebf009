import TestSupport
import Testing

@testable import Store

@Suite struct KeyRingTests {
    private let path = ".tidemark/keys/logs-a"

    private func digest(_ number: Int) -> KeyDigest {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes.storeLittleEndian(Int64(number), at: 0)
        return KeyDigest(bytes)
    }

    private func slot(_ number: Int) -> KeySlot {
        KeySlot(
            IdempotencyKey(name: digest(number), content: digest(-number), note: number),
            generation: 1, first: number * 10, next: number * 10 + 10, lastLength: 7,
            durability: .synced)
    }

    private func withDirectory(_ body: (DataDirectory) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try body(try DataDirectory(path: directory.path))
    }

    @Test func whatIsAppendedIsFoundAgainAfterOpening() throws {
        try withDirectory { data in
            var ring = try KeyRing.open(at: path, in: data)
            try ring.append((1...5).map(slot))
            try ring.append((6...6).map(slot))
            var again = try KeyRing.open(at: path, in: data)
            #expect(again.last == 6)
            for number in 1...6 {
                let found = try again.newest(of: digest(number))
                #expect(found?.key.note == number && found?.sequence == number)
            }
            #expect(try again.newest(of: digest(7)) == nil)
        }
    }

    @Test(arguments: [-1, 0, 1, 70, 5000])
    func theOldestGiveWayToTheNewest(beyond: Int) throws {
        try withDirectory { data in
            let capacity = 1000
            let count = capacity + beyond
            var ring = try KeyRing.open(at: path, in: data, capacity: capacity)
            try ring.append((1...count).map(slot))
            var again = try KeyRing.open(at: path, in: data, capacity: capacity)
            #expect(again.last == count)
            let oldest = max(1, beyond + 1)
            for number in [oldest, oldest + 1, count - 1, count] {
                #expect(try again.newest(of: digest(number))?.key.note == number)
                #expect(try ring.newest(of: digest(number))?.key.note == number)
            }
            if beyond > 0 { #expect(try again.newest(of: digest(beyond)) == nil) }
        }
    }

    /// A power loss may keep any of the slots that were not flushed.
    @Test(arguments: [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], [3]])
    func slotsThatAPowerLossTookAreHolesAndDoNotHideOthers(lost: [Int]) throws {
        try withDirectory { data in
            var ring = try KeyRing.open(at: path, in: data)
            try ring.append((1...4).map(slot))
            try ring.append((5...8).map(slot))
            let file = try data.open(path, flags: 2)
            for index in lost {
                let zeros = [UInt8](repeating: 0, count: KeySlot.size)
                try file.write(zeros, at: (4 + index) * KeySlot.size)
            }
            var again = try KeyRing.open(at: path, in: data)
            for number in 5...8 {
                let found = try again.newest(of: digest(number))
                #expect((found == nil) == lost.contains(number - 5), "\(number)")
            }
            // What comes now must not be taken for what was lost, nor bring it back.
            try again.append([slot(9)])
            var third = try KeyRing.open(at: path, in: data)
            #expect(third.last == again.last)
            #expect(try third.newest(of: digest(9))?.key.note == 9)
        }
    }

    @Test func whatIsStruckOutIsNotFoundAndCanComeAgain() throws {
        try withDirectory { data in
            var ring = try KeyRing.open(at: path, in: data)
            try ring.append((1...6).map(slot))
            #expect(try ring.newest(of: digest(5)) != nil)
            try ring.void(after: 4)
            #expect(try ring.newest(of: digest(4)) != nil)
            #expect(try ring.newest(of: digest(5)) == nil)
            var again = try KeyRing.open(at: path, in: data)
            #expect(try again.newest(of: digest(6)) == nil)
            try again.append([slot(5)])
            #expect(try again.newest(of: digest(5))?.sequence == 7)
        }
    }

    @Test func theEndOfTheLogTellsWhatHasHappened() throws {
        try withDirectory { data in
            let keys = AppendKeys(at: path, in: data)
            for (number, first, next) in [(1, 0, 10), (2, 10, 20), (3, 20, 30)] {
                let append = Append(
                    bytes: [1], lengths: [1],
                    key: IdempotencyKey(name: digest(number), content: digest(number)))
                keys.intend(append, first: first, next: next, generation: 4)
            }
            try keys.commit()
            let after = AppendKeys(at: path, in: data)
            #expect(try after.cut(tail: 30, generation: 4) == nil)
            #expect(try after.cut(tail: 20, generation: 4) == nil)
            #expect(try after.cut(tail: 15, generation: 4) == 10)
            #expect(try after.cut(tail: 5, generation: 5) == nil, "the log was emptied since")
            try after.settle(tail: 10, generation: 4)
            func isKnown(_ number: Int) throws -> Bool {
                let key = IdempotencyKey(name: digest(number), content: digest(number))
                return try AppendKeys(at: path, in: data).replay(key) != nil
            }
            #expect(try isKnown(1) && !isKnown(2) && !isKnown(3))
        }
    }

    /// Names that have one hash are told apart, and of one name the newest slot counts.
    @Test func namesOfOneHashAreToldApart() throws {
        func name(_ number: Int) -> KeyDigest {
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes.storeLittleEndian(Int64(number), at: 8)
            return KeyDigest(bytes)
        }
        try withDirectory { data in
            let slots = (1...40).map { number in
                KeySlot(
                    IdempotencyKey(name: name(number % 30), content: digest(1), note: number),
                    generation: 1, first: 0, next: 1, lastLength: 1, durability: .synced)
            }
            var ring = try KeyRing.open(at: path, in: data)
            #expect(try ring.newest(of: name(1)) == nil)
            for slot in slots { try ring.append([slot]) }
            var again = try KeyRing.open(at: path, in: data)
            for number in 0..<30 {
                let newest = number >= 1 && number <= 10 ? number + 30 : number == 0 ? 30 : number
                #expect(try ring.newest(of: name(number))?.key.note == newest)
                #expect(try again.newest(of: name(number))?.key.note == newest)
            }
            #expect(try ring.newest(of: name(30)) == nil)
        }
    }

    @Test func indexFindsWhatADictionaryFinds() {
        var index = KeyIndex(count: 0)
        var known: [Int: Int] = [:]
        var state: UInt64 = 4711
        func random(below limit: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % limit)
        }
        for _ in 0..<20_000 {
            let (slot, name) = (random(below: 700), random(below: 300))
            if name < 50 {
                index.remove(slot)
                known[slot] = nil
            } else {
                index.note(digest(name), in: slot)
                known[slot] = name
            }
        }
        for name in 0..<300 {
            let wanted = known.filter { $0.value == name }.keys.sorted()
            // Neighbours among the numbers have one hash.
            let found = index.candidates(for: digest(name)).filter { known[$0] == name }
            #expect(found.sorted() == wanted)
        }
    }
}
