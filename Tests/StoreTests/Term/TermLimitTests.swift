// Compiled together with a file that imports it, pthread's types count as this module's.
import CPMemLog
import Glibc
import Testing

@testable import Store

@Suite struct TermLimitTests {
    private func isTerm(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { ExternalTerm.isTerm($0) }
    }

    /// Whatever nests, and however deep, is read in little memory and without recursion.
    @Test(
        arguments: [
            ([104, 1], []), ([108, 0, 0, 0, 1], [106]), ([108, 0, 0, 0, 1, 97, 1], []),
            ([116, 0, 0, 0, 1], [97, 1]), ([116, 0, 0, 0, 1, 97, 1], []), ([104, 2], [97, 1]),
            ([116, 0, 0, 0, 2, 97, 1, 97, 1], [97, 2]),
            ([116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 2], []),
            ([116, 0, 0, 0, 2, 97, 1, 97, 1, 104, 1, 108, 0, 0, 0, 1], [106, 97, 2]),
        ] as [([UInt8], [UInt8])])
    func deepTermsAreValid(_ open: [UInt8], _ close: [UInt8]) {
        let levels = 200_000
        let opened = repeated(open, levels)
        let closed = repeated(close, levels)
        #expect(isTerm([131] + opened + [106] + closed))
        #expect(!isTerm([131] + opened))
    }

    private func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
        [[UInt8]](repeating: bytes, count: count).flatMap { $0 }
    }

    private func nested(_ levels: Int) -> [UInt8] { [131] + repeated([104, 1], levels) + [106] }

    @Test func treesNestUpToTheLimit() throws {
        _ = try Term(encoding: nested(Term.maximumNesting))
        #expect {
            try Term(encoding: nested(Term.maximumNesting + 1))
        } throws: {
            ($0 as? TermError)?.reason == .nesting(limit: Term.maximumNesting)
        }
    }

    /// The threads that decode have small stacks.
    @Test func theDeepestTreeFitsIntoTheStackOfAWorker() throws {
        let map: [UInt8] = [116, 0, 0, 0, 1, 97, 1]
        let list: [UInt8] = [108, 0, 0, 0, 1, 108, 0, 0, 0, 0]
        let levels = Term.maximumNesting / 3
        let start = [131] + repeated(map + [104, 1], levels)
        let bytes = start + repeated(list, levels) + [97, 1] + repeated([97, 2], levels)
        try onSmallStack {
            let left = try Term(encoding: bytes)
            let right = try Term(encoding: bytes)
            #expect(left == right)
            #expect(left.hashValue == right.hashValue)
            #expect(!Term.precedes(left, right))
            #expect(try Term(text: left.text) == right)
            #expect(try Term(encoding: left.encoded()) == right)
        }
    }

    @Test func theDeepestKeysAreComparedOnTheStackOfAWorker() throws {
        let map: [UInt8] = [116, 0, 0, 0, 2]
        let end: [UInt8] = [97, 1, 97, 2, 97, 1]
        let levels = Term.maximumNesting
        let bytes = [131] + repeated(map, levels) + [97, 7] + repeated(end, levels)
        try onSmallStack {
            let left = try Term(encoding: bytes)
            let right = try Term(encoding: bytes)
            #expect(left == right)
            #expect(!Term.precedes(left, right))
            #expect(try Term(text: left.text).text == right.text)
        }
    }

    private final class Box {
        let run: () throws -> Void
        var error: (any Error)?
        init(_ run: @escaping () throws -> Void) { self.run = run }
    }

    private func onSmallStack(_ run: @escaping () throws -> Void) throws {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 512 * 1024)
        let box = Box(run)
        var thread = pthread_t()
        let started = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeUnretainedValue()
                do { try box.run() } catch { box.error = error }
                return nil
            }, Unmanaged.passUnretained(box).toOpaque())
        #expect(started == 0)
        pthread_join(thread, nil)
        if let error = box.error { throw error }
    }

    /// A map of many keys, one of them twice at its ends: found, and found fast.
    @Test func aKeyThatComesTwiceIsFoundAmongMany() {
        let count = 200_000
        func map(last: Int) -> [UInt8] {
            var bytes: [UInt8] = [131, 116]
            withUnsafeBytes(of: UInt32(count).bigEndian) { bytes.append(contentsOf: $0) }
            for key in 1...count {
                bytes.append(98)
                withUnsafeBytes(of: UInt32(key < count ? key : last).bigEndian) {
                    bytes.append(contentsOf: $0)
                }
                bytes.append(106)
            }
            return bytes
        }
        #expect(isTerm(map(last: count)))
        #expect(!isTerm(map(last: 1)))
    }

    // Made by zlib: 131, 80, the length 1002, and the stream of a binary of 997 zeros.
    private static let compressed: [UInt8] = {
        let body: [UInt8] = [109, 0, 0, 3, 229] + [UInt8](repeating: 0, count: 997)
        // Stored as it is: one block, then the checksum.
        var (low, high) = (1 as UInt32, 0 as UInt32)
        for byte in body {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        let sum = high << 16 | low
        return [131, 80, 0, 0, 3, 234, 0x78, 1, 1, 0xEA, 3, 0x15, 0xFC] + body
            + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) }
    }()

    @Test func compressedTermsAreUnpacked() throws {
        #expect(try Term(encoding: Self.compressed) == .binary([UInt8](repeating: 0, count: 997)))
        #expect(isTerm(Self.compressed + [1, 2, 3]))
    }

    @Test func damagedCompressionIsRefused() {
        for (place, value) in [(5, 235), (5, 233), (6, 0x79), (40, 1)] as [(Int, UInt8)] {
            var bytes = Self.compressed
            bytes[place] = value
            #expect(!isTerm(bytes), "byte \(place)")
        }
        #expect(!isTerm(Self.compressed.dropLast()))
        #expect(!isTerm([131, 80, 0, 0, 0, 0] + Self.compressed.dropFirst(6)))
    }

    @Test func aCompressedTermIsNoLargerThanAllowed() throws {
        #expect {
            try Self.compressed.withUnsafeBytes {
                try ExternalTerm.validate($0, inflatedLimit: 1001)
            }
        } throws: {
            ($0 as? TermError)?.reason == .inflated(limit: 1001)
        }
        try Self.compressed.withUnsafeBytes { try ExternalTerm.validate($0, inflatedLimit: 1002) }
    }
}
