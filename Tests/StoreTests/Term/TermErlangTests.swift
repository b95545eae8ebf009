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
            let bytes = try erlang.randomTerm(seed: forms.random.next(), depth: UInt8(round % 5))
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
