extension JSONValue {
    /// The document with the width of every integer in its schemas.
    ///
    /// Clients in languages with several integers take 32 bits unless they are told: positions and sizes
    /// have 64. None that is sent may have more.
    var withWideIntegers: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.withWideIntegers))
        case .object(let members): .object(Self.widened(members))
        default: self
        }
    }

    private static func widened(_ members: [Member]) -> [Member] {
        let object = JSONValue.object(members)
        let isWide =
            object["type"]?.hasInteger ?? false && object["enum"] == nil && !object.isNarrow
        return members.flatMap { member -> [Member] in
            let member = Member(name: member.name, value: member.value.withWideIntegers)
            guard isWide, member.name == "type" else { return [member] }
            let format = Member(name: "format", value: "int64")
            guard object["maximum"] == nil else { return [member, format] }
            return [member, format, Member(name: "maximum", value: .integer(.max))]
        }
    }

    private var hasInteger: Bool {
        switch self {
        case .string("integer"): true
        case .array(let elements): elements.contains("integer")
        default: false
        }
    }

    /// Whether 32 bits are enough.
    private var isNarrow: Bool {
        guard case .integer(let maximum) = self["maximum"] else { return false }
        return maximum <= Int32.max
    }
}
