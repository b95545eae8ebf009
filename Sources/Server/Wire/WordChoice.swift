import API

// One of a fixed list of words, as a parameter or in a body.

extension RawRepresentable where Self: CaseIterable, RawValue == String {
    /// - Throws: `bad_parameter`, with the words that may be given.
    fileprivate init(word: String, of option: String) throws(Problem) {
        guard let value = Self(rawValue: word) else {
            let offered = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.badParameter, "\(option) is one of \(offered)", option: option)
        }
        self = value
    }
}

extension Call {
    /// The query parameter, if it is there.
    func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(Problem) -> Value? where Value.RawValue == String {
        guard let word = try text(name) else { return nil }
        return try Value(word: word, of: name)
    }
}

extension JSONObject {
    /// Takes the member, if it is there.
    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(Problem) -> Value? where Value.RawValue == String {
        guard let word = try string(name) else { return nil }
        return try Value(word: word, of: name)
    }
}
