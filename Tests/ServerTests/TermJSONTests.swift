import API
import Store
import TestSupport
import Testing

@testable import Server

/// JSON of a term, and back.
private func json(_ encoding: [UInt8], depth: Int = RecordEnvelope.valueDepth) throws -> String {
    var writer = JSONWriter()
    try encoding.withUnsafeBytes { try TermJSON.write($0, to: &writer, depth: depth) }
    return String(decoding: writer.bytes, as: UTF8.self)
}

private func json(_ term: Term, depth: Int = RecordEnvelope.valueDepth) throws -> String {
    try json(term.encoded(), depth: depth)
}

private func encoding(_ json: String) throws(Problem) -> [UInt8] {
    let document = try JSONDocument(Array(json.utf8), depth: RecordEnvelope.valueDepth)
    return try TermJSON.encoding(of: document.root, atoms: .latin1)
}

private func term(_ json: String) throws -> Term { try Term(encoding: encoding(json)) }

@Suite struct TermJSONTests {
    private static let etf = Base64Text.of([131, 113, 100, 0, 1, 97, 100, 0, 1, 98, 97, 2])

    private static let forms: [(term: Term, json: String)] = [
        ("true", "true"), ("false", "false"), ("null", "null"), ("ok", #"{"$atom":"ok"}"#),
        ("", #"{"$atom":""}"#), (.atom("é€\u{0}"), #"{"$atom":"é€\u0000"}"#),
        (0, "0"), (-1, "-1"), (.integer(1 << 53 - 1), "9007199254740991"),
        (.integer(1 << 53), #"{"$int":"9007199254740992"}"#),
        (.integer(.min), #"{"$int":"-9223372036854775808"}"#),
        (
            .bigInteger(BigInteger(isNegative: true, magnitude: [0, 0, 0, 0, 0, 0, 0, 0, 1])),
            #"{"$int":"-18446744073709551616"}"#
        ),
        (.float(1), "1.0"), (.float(-0.0), "-0.0"), (.float(1e300), "1.0e300"),
        (.float(0.1), "0.1"), (.binary([]), #""""#), (.binary(Array("é\"\n".utf8)), #""é\"\n""#),
        (.binary([0xFF]), #"{"$bin":"/w=="}"#), (.binary([97, 0]), #"{"$bin":"YQA="}"#),
        (.bitString([0xA0], bitsInLastByte: 3), #"{"$bits":"oA==","n":3}"#),
        (.list([]), "[]"), (.list([1, 2]), "[1,2]"), (.list([1, "null"]), "[1,null]"),
        (.improperList([1], tail: 2), #"{"$improper":[1],"tail":2}"#),
        (.improperList([.list([])], tail: .tuple([])), #"{"$improper":[[]],"tail":{"$tuple":[]}}"#),
        (.tuple([]), #"{"$tuple":[]}"#), (.tuple([1, .float(2)]), #"{"$tuple":[1,2.0]}"#),
        (.map([]), "{}"), (.map([.init(.binary([97]), 1)]), #"{"a":1}"#),
        (.map([.init("a", 1)]), #"{"$map":[[{"$atom":"a"},1]]}"#),
        (
            .map([.init(.binary([97]), 1), .init(.binary([36]), 2)]),
            #"{"$map":[["a",1],["$",2]]}"#
        ),
        (
            .map([.init(.binary([97]), .map([.init(.binary([97]), .map([])), .init(1, 2)]))]),
            #"{"a":{"$map":[["a",{}],[1,2]]}}"#
        ),
        (.map([.init(.tuple([]), .map([]))]), #"{"$map":[[{"$tuple":[]},{}]]}"#),
        (.map([.init(.binary([97, 0]), 1)]), #"{"$map":[[{"$bin":"YQA="},1]]}"#),
        (.opaque([113, 100, 0, 1, 97, 100, 0, 1, 98, 97, 2]), #"{"$etf":"\#(etf)"}"#),
    ]

    @Test func everyTermHasItsFormAndComesBack() throws {
        for (value, text) in Self.forms {
            #expect(try json(value) == text)
            #expect(try encoding(text) == value.encoded(), "\(text)")
        }
    }

    @Test(
        arguments: [
            (#"{"$int":"5"}"#, 5), (#"{"$float":"1"}"#, .float(1)),
            (#"{"$float":"-1.5e3"}"#, .float(-1500)),
            (#"{"$str":"ab"}"#, .list([97, 98])), (#"{"$str":"€"}"#, .list([8364])),
            (#"{"$str":""}"#, .list([])), (#"{"$bin":"YQ=="}"#, .binary([97])),
            (#"{"$bits":"YQ==","n":8}"#, .binary([97])), (#"{"n":0,"$bits":""}"#, .binary([])),
            (#"{"$etf":"g2EF"}"#, 5), (#"{"$map":[]}"#, .map([])),
            ("9223372036854775807", .integer(.max)),
            (#"{"tail":[2],"$improper":[1]}"#, .list([1, 2])), ("1e2", .float(100)),
        ] as [(String, Term)])
    func otherFormsAreRead(_ text: String, _ value: Term) throws {
        #expect(try term(text) == value)
    }

    @Test(arguments: [
        (#"{"$foo":1}"#, "the record has the unknown key $foo"),
        (#"[1,{"$foo":"x"}]"#, "/1 has the unknown key $foo"),
        (#"{"a":[{"$atom":1}]}"#, "/a/0 must have a string as $atom"),
        (#"{"a":1,"$b":2}"#, "the record has the key $b, which must be alone"),
        (#"{"$atom":"a","b":2}"#, "the record has the key $atom, which must be alone"),
        (#"{"a":1,"b":2,"$c":3}"#, "the record has the key $c, which must be alone"),
        (#"{"$bits":"","$n":0}"#, "the record has the key $bits, which must be alone"),
        (
            #"{"$bits":"YQ==","n":"8"}"#,
            "the record must have base64 text as $bits and an integer as n"
        ),
        (#"{"$tuple":1}"#, "the record must have an array as $tuple"),
        (#"{"$tuple":[0,{"$int":"x"}]}"#, "/$tuple/1 must have 1 to 2467 digits as $int"),
        (
            #"{"$improper":[],"tail":1}"#,
            "the record must have an array that is not empty as $improper"
        ),
        (#"{"$improper":[1],"tail":{"$x":1}}"#, "/tail has the unknown key $x"),
        (#"{"$map":[[1]]}"#, "/$map/0 must be an array of a key and a value"),
        (#"[{"$map":[[1,2],[1,3]]}]"#, "/0 has the same key twice"),
        (#"{"$bits":"oA==","n":2}"#, "the record must have 2 bits as $bits, and zeros behind them"),
        (#"{"$bits":"oA==","n":9}"#, "the record must have 9 bits as $bits, and zeros behind them"),
        (#"{"$bin":"x"}"#, "the record must have base64 text with padding as $bin"),
        (#"{"$float":"inf"}"#, "the record must have the text of a finite number as $float"),
        (
            #"{"$etf":"g2EFAA=="}"#,
            "the record has a $etf that is not one term: more bytes after the term at byte 2"
        ),
    ])
    func errorsNameThePlace(_ text: String, _ message: String) {
        #expect(throws: Problem(.badRecord, message)) { try encoding(text) }
    }

    /// Whatever nests too deep is shown in its encoding, so that the JSON can be sent back.
    @Test(arguments: [2, 3, 4, 5, 6, 7, 8, 9, 512])
    func whatNestsTooDeepIsOpaque(_ depth: Int) throws {
        var value = Term.tuple([])
        for level in 0..<200 {
            switch level % 6 {
            case 0: value = .list([value])
            case 1: value = .tuple([value, 1])
            case 2: value = .map([.init(.binary([97]), value)])
            case 3: value = .map([.init("a", value)])
            case 4: value = .improperList([value], tail: value.isSmall ? value : 2)
            default: value = .map([.init(.binary([97]), 1), .init(2, value)])
            }
            let text = try json(value, depth: depth)
            _ = try JSONDocument(Array(text.utf8), depth: depth)
            #expect(try encoding(text) == value.encoded())
        }
    }

    @Test func nestingIsShownUpToTheLimit() throws {
        let text = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(try json(encoding(text)) == text)
        let object =
            String(repeating: #"{"a":"#, count: 511) + "{}" + String(repeating: "}", count: 511)
        #expect(try json(encoding(object)) == object)
    }

    @Test func aCompressedTermIsPutIn() throws {
        // 131, 80, length 3: the integer 256 in one stored block of zlib, as a small bignum.
        let bytes: [UInt8] = [
            131, 80, 0, 0, 0, 5, 0x78, 1, 1, 5, 0, 0xFA, 0xFF, 98, 0, 0, 1, 0, 0x01, 0xF1, 0, 0x64,
        ]
        #expect(try json(bytes) == "256")
        #expect(try term(#"[{"$etf":"\#(Base64Text.of(bytes))"}]"#) == .list([256]))
    }

    @Test func hugeIntegersAreOpaque() throws {
        let magnitude = [UInt8](repeating: 1, count: 1025)
        let huge = Term.bigInteger(BigInteger(isNegative: false, magnitude: magnitude))
        let text = try json(huge)
        #expect(text.hasPrefix(#"{"$etf":""#))
        #expect(try term(text) == huge)
        let large = Term.bigInteger(BigInteger(isNegative: false, magnitude: magnitude.dropLast()))
        #expect(try json(large).hasPrefix(#"{"$int":"#))
        #expect(try term(json(large)) == large)
    }
}

@Suite(.enabled(if: Erlang.isInstalled, "needs Erlang/OTP 25")) struct TermJSONErlangTests {
    @Test func jsonIsAsErlangWouldWriteItAndComesBack() throws {
        let seed = Seed.current
        var random = SeededGenerator(seed: seed)
        let erlang = try Erlang()
        for round in 0..<size("TERMS", quick: 2000) {
            let bytes = try erlang.randomTerm(seed: random.next(), depth: UInt8(round % 6))
            let text = try json(bytes)
            let about = Comment("seed \(seed), round \(round): \(bytes)")
            #expect(try encoding(text) == bytes, about)
            // Erlang keeps the keys of large maps in two different orders.
            guard !(try Term(encoding: bytes).hasLargeMap) else { continue }
            #expect(text == String(decoding: try erlang.json(bytes), as: UTF8.self), about)
        }
    }

    /// Also terms in forms that Erlang never writes.
    @Test func oddFormsComeBackAsTheSameTerm() throws {
        let seed = Seed.current
        var forms = OddForms(seed: seed)
        let erlang = try Erlang()
        for round in 0..<size("TERMS", quick: 2000) {
            let bytes = forms.encoding()
            guard bytes.withUnsafeBytes({ ExternalTerm.isTerm($0) }) else { continue }
            let text = try json(bytes)
            #expect(
                try erlang.areSame(encoding(text), bytes), "seed \(seed), round \(round): \(bytes)")
        }
    }
}

@Suite struct TermJSONInputTests {
    /// Whatever a client sends is an error or a term, and that term has one form.
    @Test func mutatedJSONIsRefusedOrATerm() throws {
        let seed = Seed.current
        var forms = OddForms(seed: seed)
        for round in 0..<5 * size("TERMS", quick: 2000) {
            var bytes = forms.encoding()
            guard bytes.withUnsafeBytes({ ExternalTerm.isTerm($0) }) else { continue }
            bytes = forms.mutated(Array(" \(try json(bytes))".utf8))
            let text = String(decoding: bytes, as: UTF8.self)
            guard let encoding = try? encoding(text) else { continue }
            let about = Comment("seed \(seed), round \(round): \(text)")
            #expect(encoding.withUnsafeBytes { ExternalTerm.isTerm($0) }, about)
            let again = try json(encoding)
            #expect(try json(term(again).encoded()) == again, about)
        }
    }
}

private enum Base64Text {
    static func of(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        bytes.withUnsafeBytes { Base64.encode($0, to: &output) }
        return String(decoding: output, as: UTF8.self)
    }
}

extension Term {
    fileprivate var isSmall: Bool { if case .list = self { false } else { encoded().count < 500 } }

    fileprivate var hasLargeMap: Bool {
        switch self {
        case .list(let elements), .tuple(let elements): elements.contains(where: \.hasLargeMap)
        case .improperList(let elements, let tail):
            tail.hasLargeMap || elements.contains(where: \.hasLargeMap)
        case .map(let pairs):
            pairs.count > 32 || pairs.contains { $0.key.hasLargeMap || $0.value.hasLargeMap }
        default: false
        }
    }
}
