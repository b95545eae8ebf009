/// The members of a JSON object, each taken at most once; those that nobody took are refused.
package struct JSONObject {
    private var members: [String: JSONNode]
    private let place: String

    /// - Throws: `bad_json` if the value is no object.
    package init(_ node: JSONNode) throws(Problem) {
        guard let members = node.members else {
            throw Problem(
                .badJSON, "\(node.place.isEmpty ? "the body" : node.place) must be an object")
        }
        self.members = Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value) })
        place = node.place
    }

    /// Takes a member out, if it is there.
    package mutating func take(_ name: String) -> JSONNode? { members.removeValue(forKey: name) }

    /// Takes an integer; null counts as left out.
    package mutating func integer(_ name: String) throws(Problem) -> Int? {
        try value(name, "an integer") { $0.integer }
    }

    /// Takes a string; null counts as left out.
    package mutating func string(_ name: String) throws(Problem) -> String? {
        try value(name, "a string") { $0.string }
    }

    /// Takes a truth value; null counts as left out.
    package mutating func bool(_ name: String) throws(Problem) -> Bool? {
        try value(name, "true or false") { $0.bool }
    }

    private mutating func value<Value>(
        _ name: String, _ kind: String, _ read: (JSONNode) -> Value?
    ) throws(Problem) -> Value? {
        guard let node = take(name), !node.isNull else { return nil }
        guard let value = read(node) else {
            throw Problem(.badParameter, "\(node.place) must be \(kind)", option: name)
        }
        return value
    }

    /// - Throws: `unknown_property` if a member has not been taken.
    package func finish() throws(Problem) {
        guard let name = members.keys.min() else { return }
        throw Problem(.unknownProperty, "there is no property \(place)/\(name)", option: name)
    }
}
