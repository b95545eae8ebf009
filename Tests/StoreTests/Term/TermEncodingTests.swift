import Testing

@testable import Store

@Suite struct TermEncodingTests {
    private static let name = [UInt8]("nonode@nohost".utf8)
    private static let node: [UInt8] = [100, 0, 13] + name

    /// What each form means; all are as OTP 25 writes them.
    private static let canonical: [(bytes: [UInt8], term: Term)] = [
        ([97, 0], 0), ([97, 255], 255), ([98, 0, 0, 1, 0], 256),
        ([98, 255, 255, 255, 255], -1), ([98, 128, 0, 0, 0], -2_147_483_648),
        ([98, 127, 255, 255, 255], 2_147_483_647), ([110, 4, 0, 0, 0, 0, 128], 2_147_483_648),
        ([110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128], .integer(.min)),
        ([110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127], .integer(.max)),
        (
            [110, 8, 0, 0, 0, 0, 0, 0, 0, 0, 128],
            .bigInteger(BigInteger(isNegative: false, magnitude: [0, 0, 0, 0, 0, 0, 0, 128]))
        ),
        ([70, 0x40, 4, 0, 0, 0, 0, 0, 0], .float(2.5)),
        ([100, 0, 2, 111, 107], "ok"), ([100, 0, 0], ""), ([100, 0, 1, 0xE4], "ä"),
        ([119, 3, 0xE2, 0x82, 0xAC], "€"), ([106], .list([])),
        ([107, 0, 2, 97, 98], .list([97, 98])),
        ([108, 0, 0, 0, 1, 98, 0, 0, 1, 0, 106], .list([256])),
        ([108, 0, 0, 0, 1, 97, 1, 97, 2], .improperList([1], tail: 2)),
        ([109, 0, 0, 0, 0], .binary([])), ([109, 0, 0, 0, 1, 120], .binary([120])),
        ([77, 0, 0, 0, 1, 3, 160], .bitString([160], bitsInLastByte: 3)),
        ([104, 0], .tuple([])), ([104, 2, 97, 1, 106], .tuple([1, .list([])])),
        ([116, 0, 0, 0, 0], .map([])),
        ([116, 0, 0, 0, 1, 100, 0, 1, 97, 97, 1], .map([.init("a", 1)])),
        (
            [88] + node + [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0],
            .opaque([88] + node + [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0])
        ),
        (
            [113, 100, 0, 1, 97, 100, 0, 1, 98, 97, 2],
            .opaque([113, 100, 0, 1, 97, 100, 0, 1, 98, 97, 2])
        ),
    ]

    @Test func everyTagIsReadAndWritten() throws {
        for (bytes, term) in Self.canonical {
            #expect(try Term(encoding: [131] + bytes) == term)
            #expect(term.encoded() == [131] + bytes)
        }
    }

    /// What each odd form means.
    private static let odd: [(bytes: [UInt8], term: Term)] = [
        ([110, 1, 0, 5], 5), ([110, 0, 0], 0), ([110, 2, 1, 5, 0], -5), ([110, 1, 7, 5], -5),
        ([110, 1, 1, 0], 0), ([111, 0, 0, 0, 1, 0, 7], 7), ([98, 0, 0, 0, 1], 1),
        ([108, 0, 0, 0, 0, 106], .list([])), ([108, 0, 0, 0, 0, 97, 5], 5),
        ([107, 0, 0], .list([])), ([105, 0, 0, 0, 1, 97, 1], .tuple([1])),
        ([108, 0, 0, 0, 1, 97, 1, 107, 0, 2, 2, 3], .list([1, 2, 3])),
        ([108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 2, 97, 3], .improperList([1, 2], tail: 3)),
        ([108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 0, 106], .list([1])),
        ([115, 2, 111, 107], "ok"), ([118, 0, 2, 111, 107], "ok"), ([119, 2, 0xC3, 0xA4], "ä"),
        ([77, 0, 0, 0, 0, 0], .binary([])), ([77, 0, 0, 0, 1, 8, 120], .binary([120])),
        ([77, 0, 0, 0, 1, 3, 0xBF], .bitString([0xA0], bitsInLastByte: 3)),
        ([99] + Array("1.50000000000000000000e+00".utf8) + [0, 0, 0, 0, 0], .float(1.5)),
        ([97, 1, 0, 0, 0], 1),
        // Erlang reads such a text to the first zero, wherever that is.
        ([99] + Array("1.50000000000000000000000000000".utf8) + [0], .float(1.5)),
        (
            [103] + node + [0, 0, 0, 9, 0, 0, 0, 0, 0],
            .opaque([88] + node + [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0])
        ),
    ]

    @Test func oddFormsAreTakenForWhatTheyMean() throws {
        for (bytes, term) in Self.odd { #expect(try Term(encoding: [131] + bytes) == term) }
    }

    private static let refused: [(bytes: [UInt8], reason: TermError.Reason)] = [
        ([], .version), ([130, 97, 1], .version), ([131], .cutShort), ([131, 97], .cutShort),
        ([131, 104, 1], .cutShort), ([131, 108, 255, 255, 255, 255, 97, 1], .cutShort),
        ([131, 109, 255, 255, 255, 255], .cutShort), ([131, 116, 255, 255, 255, 255], .cutShort),
        ([131, 255], .unknownTag(255)), ([131, 80, 0, 0], .unknownTag(80)),
        ([131, 73, 0, 1], .atomNumber), ([131, 117, 0, 0, 0, 0], .unknownTag(117)),
        ([131, 70, 0x7F, 0xF0, 0, 0, 0, 0, 0, 0], .float),
        ([131, 70, 0xFF, 0xF8, 0, 0, 0, 0, 0, 1], .float),
        ([131, 77, 0, 0, 0, 1, 0, 1], .bitString), ([131, 77, 0, 0, 0, 1, 9, 1], .bitString),
        ([131, 77, 0, 0, 0, 0, 1], .bitString), ([131, 119, 1, 0xFF], .atom),
        ([131, 119, 3, 0xED, 0xA0, 0x80], .atom), ([131, 119, 2, 0xC0, 0x80], .atom),
        ([131, 100, 1, 0] + [UInt8](repeating: 97, count: 256), .atom),
        ([131, 118, 1, 0] + [UInt8](repeating: 97, count: 256), .atom),
        ([131, 111, 0, 0x40, 0, 0, 0], .integer),
        ([131, 116, 0, 0, 0, 2, 97, 5, 106, 110, 1, 0, 5, 106], .duplicateKey),
        ([131, 90, 0, 0, 100, 0, 1, 97, 0, 0, 0, 0], .emptyReference),
        ([131, 113, 100, 0, 1, 97, 100, 0, 1, 98, 98, 255, 255, 255, 255], .identifier),
    ]

    @Test func whatErlangRefusesIsRefused() {
        for (bytes, reason) in Self.refused {
            #expect { try Term(encoding: bytes) } throws: { ($0 as? TermError)?.reason == reason }
        }
    }

    @Test func atomsOf255CharactersAreTaken() throws {
        let latin1 = [UInt8](repeating: 0xE4, count: 255)
        let term = Term.atom(Atom(String(repeating: "ä", count: 255)))
        #expect(try Term(encoding: [131, 100, 0, 255] + latin1) == term)
        #expect(term.encoded(atoms: .utf8).prefix(4) == [131, 118, 1, 254])
        #expect(Term.atom("€").encoded(atoms: .utf8) == [131, 119, 3, 0xE2, 0x82, 0xAC])
        #expect(Term.atom("ok").encoded(atoms: .utf8) == [131, 119, 2, 111, 107])
    }

    @Test func largeThingsGetLongHeads() throws {
        let numbers = [Term](repeating: 7, count: 65536)
        #expect(Term.list(Array(numbers.dropLast())).encoded().prefix(4) == [131, 107, 255, 255])
        #expect(Term.list(numbers).encoded().prefix(6) == [131, 108, 0, 1, 0, 0])
        let tuple = Term.tuple(Array(numbers.prefix(256)))
        #expect(tuple.encoded().prefix(6) == [131, 105, 0, 0, 1, 0])
        #expect(try Term(encoding: tuple.encoded()) == tuple)
        let magnitude = [UInt8](repeating: 1, count: 256)
        let big = Term.bigInteger(BigInteger(isNegative: true, magnitude: magnitude))
        #expect(big.encoded().prefix(7) == [131, 111, 0, 0, 1, 0, 1])
        #expect(try Term(encoding: big.encoded()) == big)
    }

    @Test func atomsThatUnicodeCallsEqualAreNotTheSame() {
        #expect(Term.atom("\u{E4}") != Term.atom("a\u{308}"))
    }
}
