import TestSupport
import Testing

@testable import Store

/// The same bytes, to us and to a real Erlang.
@Suite(.enabled(if: Erlang.isInstalled, "needs Erlang/OTP 25")) struct TermErlangTests {
    private let cases = size("TERMS", quick: 2000)

    private func refusal(_ bytes: [UInt8]) -> TermError? {
        do throws(TermError) {
            try bytes.withUnsafeBufferPointer { (bytes) throws(TermError) in
                try ExternalTerm.validate(UnsafeRawBufferPointer(bytes))
            }
            return nil
        } catch {
            return error
        }
    }

    /// What Erlang does there depends on the memory of the one process.
    private func isUndefined(_ error: TermError?) -> Bool {
        error?.reason == .atomNumber || error?.reason == .emptyReference
    }

    @Test func whatErlangWritesIsReadAndWrittenAgain() throws {
        let seed = Seed.current
        var random = SeededGenerator(seed: seed)
        let erlang = try Erlang()
        for round in 0..<cases {
            let bytes = try erlang.randomTerm(seed: random.next(), depth: UInt8(round % 6))
            let about = Comment("seed \(seed), round \(round): \(bytes)")
            #expect(refusal(bytes) == nil, about)
            #expect(try Term(encoding: bytes).encoded() == bytes, about)
        }
    }

    /// Numbers of nodes mean something within one virtual machine only.
    private func withoutNodes(_ text: String) -> String {
        text.replacing(/<([0-9]+|a@b|näme@hóst|日本@x)\./, with: "<NODE.")
    }

    @Test func termsAreShownAsErlangShowsThem() throws {
        let seed = Seed.current
        var random = SeededGenerator(seed: seed)
        let erlang = try Erlang()
        for round in 0..<cases {
            let bytes = try erlang.randomTerm(seed: random.next(), depth: UInt8(round % 6))
            let term = try Term(encoding: bytes)
            // Erlang shows the keys of large maps in no order that others can know.
            guard term.largestMap <= 32 else { continue }
            let text = term.text
            let shown = try #require(try erlang.verdict(bytes)).text
            let about = Comment("seed \(seed), round \(round): \(bytes)")
            #expect(withoutNodes(text) == withoutNodes(shown), about)
            // Pids and their like cannot be read back, neither here nor there.
            guard !text.contains(/<[0-9]+\.|@[a-zóx]+\.|#Fun</) else { continue }
            #expect(try Term(text: text) == term, about)
        }
    }

    private static let texts = [
        "ok", "'an atom'", "'it\\'s'", "a@b_C1", "ätom", "''", "{ok,[1,2]}", "{}", "[]", "[ ]",
        "<<>>", "<<\"x\">>", "<<5:3>>", "<<1,2,3>>", "<<\"ä\">>", "<<\"ä\"/utf8>>", "<<256,-1>>",
        "<<1:1,\"a\",7:6>>", "<<16#ff:12>>", "<<$a,8364/utf8>>", "<<-1:70>>", "#{}",
        "#{a => 1, \"b\" => #{c => d}}", "\"str\"", "\"a\" \"b\"\n\"c\"",
        "\"\\n\\x41\\x{20ac}\\101\\s\\^A\"",
        "$c", "$\\n", "$\\\\", "$ ", "$ä", "16#ff", "2#1010", "36#Zz", "1_000_000", "-5", "- 5",
        "+5", "1.0e-3", "1.5", "-0.0", "1.0E+3", "1_0.5", "[a|b]", "[a,b|c]", "[a|[b,c]]",
        "[a|[b|c]]",
        "[1,2|\"ab\"]", "% a comment\n{a, % another\n b}", "fun lists:map/2", "[a|[]]",
        "123456789012345678901234567890", "-9223372036854775808", "9223372036854775808",
        "{-1,+2.5}",
        "a.", "{a,b", "[a|b,c]", "[|a]", "foo(1)", "A", "#{a}", "<<\"x\":8>>x", "1.", "'a",
        "\"a", "16#", "37#1", "end", "{a,}", "[a,]", "1.0e400", "a b", "1e5", "_", "<<a>>", "-a",
        "--1", "", "{{{{{}}}}}", "[[],[[]],{[]}]", "#{1=>2,1.0=>3}", "\"\\\"\"", "'\\x{100}'",
    ]

    @Test func textIsReadAsErlangReadsIt() throws {
        let erlang = try Erlang()
        for text in Self.texts {
            let ours = try? Term(text: text)
            let theirs = try erlang.parse(text.hasSuffix(".") ? String(text.dropLast()) : text)
            #expect(ours?.encoded() == theirs, "\(text)")
        }
    }

    /// Bytes that are not quite a term: Erlang and we take the same ones, for the same terms.
    private func compare(_ bytes: [UInt8], _ erlang: Erlang, _ about: Comment) throws {
        let refusal = refusal(bytes)
        guard !isUndefined(refusal) else { return }
        let isTaken = try erlang.takes(bytes)
        #expect((refusal == nil) == isTaken, "\(refusal as Any) \(about)")
        // Erlang takes funs that were made by no process, and dies when it writes them.
        guard refusal == nil, !bytes.contains(112), let verdict = try erlang.verdict(bytes) else {
            return
        }
        let again = try Term(encoding: bytes).encoded()
        // The order of keys is Erlang's own; of an arity it writes no more than a byte.
        if again != verdict.again {
            #expect(again.contains(116) || again.contains(113), about)
            #expect(try erlang.areSame(again, bytes), about)
        }
    }

    @Test func mutatedBytesGetTheSameVerdict() throws {
        let seed = Seed.current
        var forms = OddForms(seed: seed)
        let erlang = try Erlang()
        for round in 0..<cases {
            let bytes = try erlang.randomTerm(
                seed: forms.random.next(), depth: UInt8(round % 5), isCompressed: round % 4 == 0)
            let mutant = forms.mutated(bytes)
            try compare(mutant, erlang, "seed \(seed), round \(round): \(mutant)")
        }
    }

    @Test func oddFormsGetTheSameVerdict() throws {
        let seed = Seed.current
        var forms = OddForms(seed: seed)
        let erlang = try Erlang()
        for round in 0..<3 * cases {
            let bytes = forms.encoding()
            try compare(bytes, erlang, "seed \(seed), round \(round): \(bytes)")
            let mutant = forms.mutated(bytes)
            try compare(mutant, erlang, "seed \(seed), round \(round), mutant: \(mutant)")
        }
    }
}

extension Term {
    /// The most pairs of a map in it.
    fileprivate var largestMap: Int {
        switch self {
        case .list(let elements), .tuple(let elements): elements.map(\.largestMap).max() ?? 0
        case .improperList(let elements, let tail): (elements + [tail]).map(\.largestMap).max() ?? 0
        case .map(let pairs):
            pairs.flatMap { [$0.key, $0.value] }.map(\.largestMap).reduce(pairs.count, max)
        default: 0
        }
    }
}
