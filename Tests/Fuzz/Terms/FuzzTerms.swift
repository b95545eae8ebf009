import Store

/// What libFuzzer calls with each input; a trap or a slow answer is a finding.
///
/// `swift build -c release --sanitize=fuzzer -Xswiftc -DFUZZER --product FuzzTerms` builds it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTerms(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    let isTerm = ExternalTerm.isTerm(bytes)
    do throws(TermError) {
        let term = try Term(encoding: bytes, inflatedLimit: 1 << 20)
        precondition(isTerm)
        check(term)
    } catch {
        precondition(!isTerm || isLimit(error.reason))
    }
    if let term = try? Term(text: String(decoding: bytes, as: UTF8.self)) { check(term) }
    return 0
}

/// Whether a tree is more than trees may be.
private func isLimit(_ reason: TermError.Reason) -> Bool {
    switch reason {
    case .nesting, .inflated: true
    default: false
    }
}

/// A term written and read again is the same.
private func check(_ term: Term) {
    let encoding = term.encoded()
    precondition(encoding.withUnsafeBytes { ExternalTerm.isTerm($0) })
    let again = try? Term(encoding: encoding)
    precondition(again == term)
    // What can be read of its text is the same, but for the order of keys.
    let shown = try? Term(text: term.text)
    precondition(shown.map { $0.text == term.text } ?? true)
}
