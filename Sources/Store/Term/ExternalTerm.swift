/// Encodings of terms as `term_to_binary` makes them: a version byte, a term, and whatever follows.
package enum ExternalTerm {
    /// The largest compressed term that is unpacked; Erlang has no limit but memory.
    package static let inflatedLimit = 256 << 20

    /// Throws unless `binary_to_term` of OTP 25 takes the bytes.
    ///
    /// Nesting is not limited, and what follows the term is not looked at.
    package static func validate(
        _ bytes: UnsafeRawBufferPointer, inflatedLimit: Int = inflatedLimit
    ) throws(TermError) {
        try withValidBody(of: bytes, inflatedLimit: inflatedLimit) { _ in }
    }

    /// Whether `binary_to_term` of OTP 25 takes the bytes.
    package static func isTerm(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(TermError) {
            try validate(bytes)
            return true
        } catch {
            return false
        }
    }

    /// The bytes of an encoded binary; nil if the term is another.
    package static func content(
        ofBinary term: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        guard term.count >= 6, term[0] == TermTag.version, term[1] == TermTag.binary else {
            return nil
        }
        let length = term[2..<6].reduce(0) { $0 << 8 | Int($1) }
        // Bytes may stand behind the term.
        guard length <= term.count - 6 else { return nil }
        return UnsafeRawBufferPointer(rebasing: term[6..<6 + length])
    }

    /// Gives `use` a term's bytes from its tag on, unpacked if they are compressed, if `binary_to_term`
    /// of OTP 25 takes them.
    package static func withValidBody<Result>(
        of bytes: UnsafeRawBufferPointer, inflatedLimit: Int = inflatedLimit,
        _ use: (UnsafeRawBufferPointer) throws(TermError) -> Result
    ) throws(TermError) -> Result {
        try withBody(of: bytes, inflatedLimit: inflatedLimit) { (body) throws(TermError) in
            var validator = TermValidator(body)
            try validator.run()
            return try use(body)
        }
    }

    /// Gives `use` what follows the version byte, unpacked if it is compressed.
    static func withBody<Result>(
        of bytes: UnsafeRawBufferPointer, inflatedLimit: Int = inflatedLimit,
        _ use: (UnsafeRawBufferPointer) throws(TermError) -> Result
    ) throws(TermError) -> Result {
        guard bytes.first == TermTag.version else { throw TermError(.version, at: 0) }
        guard bytes.count >= 6, bytes[1] == TermTag.compressed else {
            return try use(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
        }
        let length = Int(
            UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt32.self)))
        guard length <= inflatedLimit else {
            throw TermError(.inflated(limit: inflatedLimit), at: 2)
        }
        let stream = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(6))
        guard let body = Inflater.inflate(stream, length: length) else {
            throw TermError(.compression, at: 6)
        }
        return try body.withUnsafeBufferPointer { (body) throws(TermError) in
            try use(UnsafeRawBufferPointer(body))
        }
    }
}

extension Term {
    /// Makes a tree of what `binary_to_term` of OTP 25 takes.
    ///
    /// - Throws: also `.nesting` if it is deeper than trees may be.
    package init(
        encoding bytes: UnsafeRawBufferPointer, inflatedLimit: Int = ExternalTerm.inflatedLimit
    ) throws(TermError) {
        self = try ExternalTerm.withValidBody(of: bytes, inflatedLimit: inflatedLimit) {
            (body) throws(TermError) in
            var walker = TermWalker(body)
            var builder = TermBuilder(nesting: Self.maximumNesting)
            try walker.walk(&builder)
            guard let term = builder.term else { throw TermError(.cutShort, at: 0) }
            return term
        }
    }

    /// As `init(encoding:)`, for bytes in an array.
    package init(encoding bytes: [UInt8]) throws(TermError) {
        self = try bytes.withUnsafeBufferPointer { (bytes) throws(TermError) in
            try Term(encoding: UnsafeRawBufferPointer(bytes))
        }
    }
}

extension TermWriter {
    /// Puts in a term that is encoded already, with its version byte; nothing may follow it.
    package mutating func term(
        encoding: UnsafeRawBufferPointer, inflatedLimit: Int = ExternalTerm.inflatedLimit
    ) throws(TermError) {
        try ExternalTerm.withBody(of: encoding, inflatedLimit: inflatedLimit) {
            (body) throws(TermError) in
            var validator = TermValidator(body)
            try validator.run()
            guard validator.length == body.count else {
                throw TermError(.trailing, at: validator.length)
            }
            bytes.append(contentsOf: body)
        }
    }
}
