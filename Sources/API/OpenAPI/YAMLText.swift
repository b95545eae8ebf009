/// Writes a JSON value as YAML in block style.
package enum YAMLText {
    package static func text(of value: JSONValue) -> String {
        var lines: [String] = []
        write(value, indent: 0, lead: "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Parameter lead: what stands on the value's first line before it: a name, or a dash.
    private static func write(
        _ value: JSONValue, indent: Int, lead: String, to lines: inout [String]
    ) {
        let spaces = String(repeating: " ", count: indent)
        switch value {
        case .object(let members) where !members.isEmpty:
            var first = lead
            if lead.hasSuffix(":") {
                lines.append(lead)
                first = spaces
            }
            for member in members {
                let name = (first.isEmpty ? spaces : first) + scalar(member.name) + ":"
                write(member.value, indent: indent + 2, lead: name, to: &lines)
                first = spaces
            }
        case .array(let elements) where !elements.isEmpty:
            if !lead.isEmpty { lines.append(lead) }
            for element in elements {
                write(element, indent: indent + 2, lead: spaces + "- ", to: &lines)
            }
        default:
            let text =
                switch value {
                case .string(let string): scalar(string)
                default: value.text
                }
            lines.append(lead.hasSuffix(":") ? lead + " " + text : lead + text)
        }
    }

    /// The text as it is where YAML cannot take it for anything else, otherwise quoted as in JSON.
    private static func scalar(_ text: String) -> String {
        let reserved: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isPlain =
            !text.isEmpty && !reserved.contains(text.lowercased())
            && text.first.map { $0.isASCII && ($0.isLetter || $0 == "/") } == true
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || " /_-.(){}".contains($0))
            } && text.last != " " && !text.contains(" #")
        return isPlain ? text : JSONValue.string(text).text
    }
}
