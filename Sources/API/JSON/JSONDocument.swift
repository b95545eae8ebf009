import CJansson

/// JSON text, parsed by jansson: owns the tree that its nodes are parts of.
///
/// Duplicate names are refused; so is nesting beyond a limit, before jansson, which recurses, sees
/// the text.
package final class JSONDocument {
    fileprivate let tree: UnsafeMutablePointer<json_t>

    /// - Parameters:
    ///   - depth: how deep arrays and objects may nest.
    ///   - place: where the text stands, for the error: `the body`, `line 3`.
    /// - Throws: `bad_json`.
    package init(
        _ bytes: some RandomAccessCollection<UInt8>, depth: Int, place: String = "the body"
    ) throws(Problem) {
        guard Self.nesting(of: bytes) <= depth else {
            throw Problem(.badJSON, "\(place) nests deeper than \(depth) levels")
        }
        var failure = json_error_t()
        let flags = Int(JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY)
        let tree = Array(bytes).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) {
                json_loadb($0.baseAddress, $0.count, flags, &failure)
            }
        }
        guard let tree else {
            let text = withUnsafeBytes(of: failure.text) { text in
                String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw Problem(.badJSON, "\(place) is not JSON: \(text), at byte \(failure.position)")
        }
        self.tree = tree
    }

    deinit { json_delete(tree) }

    package var root: JSONNode { JSONNode(document: self, node: tree, place: "") }

    /// How deep brackets nest, strings left out; the text need not be JSON.
    private static func nesting(of bytes: some RandomAccessCollection<UInt8>) -> Int {
        var depth = 0
        var deepest = 0
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return deepest
    }
}

/// A value in a parsed document, which it keeps alive.
package struct JSONNode {
    fileprivate let document: JSONDocument
    fileprivate let node: UnsafeMutablePointer<json_t>
    /// JSON pointer to it.
    package let place: String

    package var isNull: Bool { node.pointee.type == JSON_NULL }

    package var string: String? {
        guard let text = json_string_value(node) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: text, count: json_string_length(node))
        return String(decoding: bytes, as: UTF8.self)
    }

    package var bool: Bool? {
        switch node.pointee.type {
        case JSON_TRUE: true
        case JSON_FALSE: false
        default: nil
        }
    }

    /// An integer, also one that is written as `2097152.0`.
    package var integer: Int? {
        switch node.pointee.type {
        case JSON_INTEGER: Int(json_integer_value(node))
        case JSON_REAL: Int(exactly: json_real_value(node))
        default: nil
        }
    }

    package var elements: [JSONNode]? {
        guard node.pointee.type == JSON_ARRAY else { return nil }
        return (0..<json_array_size(node)).compactMap { index in
            json_array_get(node, index).map {
                JSONNode(document: document, node: $0, place: "\(place)/\(index)")
            }
        }
    }

    package var members: [(name: String, value: JSONNode)]? {
        guard node.pointee.type == JSON_OBJECT else { return nil }
        var members: [(name: String, value: JSONNode)] = []
        var iterator = json_object_iter(node)
        while let current = iterator {
            if let key = json_object_iter_key(current), let value = json_object_iter_value(current)
            {
                let name = String(cString: key)
                members.append(
                    (name, JSONNode(document: document, node: value, place: "\(place)/\(name)")))
            }
            iterator = json_object_iter_next(node, current)
        }
        return members
    }
}

extension JSONNode {
    /// Appends the value's compact text, numbers in their shortest form. Uses a stack of its own:
    /// a client decides how deep the value is.
    package func writeCompact(to writer: inout JSONWriter) {
        enum Step {
            case value(JSONNode)
            case text(StaticString)
            case name(String)
        }
        var steps: [Step] = [.value(self)]
        while let step = steps.popLast() {
            switch step {
            case .text(let text): writer.literal(text)
            case .name(let name):
                writer.string(name)
                writer.literal(":")
            case .value(let node):
                if let elements = node.elements {
                    writer.literal("[")
                    steps.append(.text("]"))
                    for (index, element) in elements.enumerated().reversed() {
                        steps.append(.value(element))
                        if index > 0 { steps.append(.text(",")) }
                    }
                } else if let members = node.members {
                    writer.literal("{")
                    steps.append(.text("}"))
                    for (index, member) in members.enumerated().reversed() {
                        steps.append(.value(member.value))
                        steps.append(.name(member.name))
                        if index > 0 { steps.append(.text(",")) }
                    }
                } else {
                    node.writeScalar(to: &writer)
                }
            }
        }
    }

    private func writeScalar(to writer: inout JSONWriter) {
        switch node.pointee.type {
        case JSON_TRUE: writer.literal("true")
        case JSON_FALSE: writer.literal("false")
        case JSON_INTEGER: writer.integer(Int(json_integer_value(node)))
        case JSON_REAL: writer.real(json_real_value(node))
        case JSON_STRING: writer.string(string ?? "")
        default: writer.literal("null")
        }
    }
}
