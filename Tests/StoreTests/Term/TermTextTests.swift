import Testing

@testable import Store

@Suite struct TermTextTests {
    @Test(
        arguments: [
            ("{ok,[1,2]}", .tuple(["ok", .list([1, 2])])),
            ("<<5:3>>", .bitString([0xA0], bitsInLastByte: 3)),
            ("#{a => 1}", .map([.init("a", 1)])), ("[a|b]", .improperList(["a"], tail: "b")),
            ("1.0e-3", .float(0.001)), ("'A b'", "A b"), ("16#ff", 255), ("$c", 99),
            ("\"ab\" \"c\"", .string("abc")),
        ] as [(String, Term)])
    func textIsReadAndShown(_ text: String, _ term: Term) throws {
        #expect(try Term(text: text) == term)
        #expect(try Term(text: term.text) == term)
    }

    @Test(arguments: [
        ("{a,b", "expected , or } at byte 4"), ("[a|b,c]", "expected ] at byte 4"),
        ("{ä,}", "expected a term at byte 4"), ("#{a,b}", "expected => at byte 3"),
        ("foo(1)", "expected a term at byte 3"), ("a b", "expected the end of the text at byte 2"),
        ("'abc", "expected a closing ' at byte 4"), ("[1,Var]", "expected a term at byte 3"),
        ("$", "expected a character after $ at byte 0"),
        ("#{a=>1,a=>2}", "a map with the same key twice at byte 11"),
    ])
    func errorsSayWhatWasExpectedAndWhere(_ text: String, _ message: String) {
        #expect { try Term(text: text) } throws: { "\($0)" == message }
    }

    @Test func keysThatAreTheSameMapAreTheSame() {
        let text = "#{#{a => 1,b => 2} => x,#{b => 2,a => 1} => y}"
        #expect(throws: TermError(.duplicateKey, at: text.utf8.count)) { try Term(text: text) }
    }

    @Test(arguments: ["", "'"])
    func atomsHaveAtMost255Characters(_ quote: String) throws {
        let name = String(repeating: "ä", count: 255)
        #expect(try Term(text: quote + name + quote) == .atom(Atom(name)))
        #expect(throws: TermError.self) { try Term(text: quote + name + "a" + quote) }
    }

    @Test func textNestsUpToTheLimit() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + "1" + String(repeating: "]", count: levels)
        }
        _ = try Term(text: nested(Term.maximumNesting))
        #expect(throws: TermError.self) { try Term(text: nested(Term.maximumNesting + 1)) }
    }

    @Test func hugeIntegersAreShownInBaseSixteen() throws {
        let magnitude = [UInt8](repeating: 0, count: 2000) + [0x0F]
        let term = Term.bigInteger(BigInteger(isNegative: true, magnitude: magnitude))
        #expect(term.text == "-16#F" + String(repeating: "0", count: 4000))
        #expect(try Term(text: term.text) == term)
    }

    @Test func thingsOfAnotherNodeNameIt() throws {
        let node: [UInt8] = [119, 3] + Array("a@b".utf8)
        let pid = [131, 88] + node + [0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9]
        #expect(try Term(encoding: pid).text == "<a@b.7.8>")
    }
}
