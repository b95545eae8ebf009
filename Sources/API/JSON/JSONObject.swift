/// The members of a JSON object, each taken at most once; those that nobody took are refused.
package struct JSONObject {
    // Names are compared byte by byte: to Swift, strings that Unicode calls equal are equal.
    private var members: [(name: String, value: JSONNode)]
    private let node: JSONNode

    /// - Throws: `bad_json` if the value is no object.
    package init(_ node: JSONNode) throws(Problem) {
        guard let members = node.members else {
            throw Problem(.badJSON, "\(node.placeOrBody) must be an object")
        }
        self.members = members
        self.node = node
    }

    /// Takes a member out, if it is there.
    package mutating func take(_ name: String) -> JSONNode? {
        let index = members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
        return index.map { members.remove(at: $0).value }
    }

    /// Takes an integer.
    package mutating func integer(_ name: String) throws(Problem) -> Int? {
        try value(name, "an integer") { $0.integer }
    }

    /// Takes a string.
    package mutating func string(_ name: String) throws(Problem) -> String? {
        try value(name, "a string") { $0.string }
    }

    /// Takes a truth value.
    package mutating func bool(_ name: String) throws(Problem) -> Bool? {
        try value(name, "true or false") { $0.bool }
    }

    private mutating func value<Value>(
        _ name: String, _ kind: String, _ read: (JSONNode) -> Value?
    ) throws(Problem) -> Value? {
        guard let node = take(name) else { return nil }
        guard let value = read(node) else {
            throw Problem(.badParameter, "\(node.place) must be \(kind)", option: name)
        }
        return value
    }

    /// - Throws: `unknown_property` if a member has not been taken.
    package func finish() throws(Problem) {
        guard let name = members.first?.name else { return }
        throw Problem(.unknownProperty, "there is no property \(node.place)/\(name)", option: name)
    }
}
