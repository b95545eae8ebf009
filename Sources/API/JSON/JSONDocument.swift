import CJansson
import Glibc

/// JSON text, parsed by jansson: owns the tree that its nodes are parts of.
///
/// Duplicate names are refused; so is nesting beyond a limit, before jansson, which recurses, sees
/// the text.
package final class JSONDocument {
    fileprivate let tree: UnsafeMutablePointer<json_t>
    private let nesting: Int
    private let place: String

    /// - Parameters:
    ///   - depth: how deep arrays and objects may nest.
    ///   - place: where the text stands, for the error: `the body`, `line 3`.
    /// - Throws: `bad_json`, or `overloaded` without memory for the tree.
    package init(
        _ bytes: some RandomAccessCollection<UInt8>, depth: Int, place: String = "the body"
    ) throws(Problem) {
        // An array of bytes is gone through several times faster than any other collection.
        let bytes = Array(bytes)
        nesting = Self.nesting(of: bytes)
        self.place = place
        try Self.check(nesting, depth, place)
        var failure = json_error_t()
        let flags = Int(JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY)
        let (tree, number) = bytes.withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                // jansson says nothing of most allocations that fail.
                errno = 0
                let tree = json_loadb(text.baseAddress, text.count, flags, &failure)
                return (tree, errno)
            }
        }
        guard let tree else {
            guard number != ENOMEM else {
                throw Problem(.overloaded, "there is no memory to read \(place)")
            }
            let text = withUnsafeBytes(of: failure.text) { text in
                String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw Problem(.badJSON, "\(place) is not JSON: \(text), at byte \(failure.position)")
        }
        self.tree = tree
    }

    deinit { json_delete(tree) }

    /// - Throws: `bad_json` if arrays and objects nest deeper than `depth`.
    package func check(depth: Int) throws(Problem) { try Self.check(nesting, depth, place) }

    private static func check(
        _ nesting: Int, _ depth: Int, _ place: String
    ) throws(Problem) {
        guard nesting <= depth else {
            throw Problem(.badJSON, "\(place) nests deeper than \(depth) levels")
        }
    }

    package var root: JSONNode { JSONNode(document: self) }

    /// How deep brackets nest, strings left out; the text need not be JSON.
    private static func nesting(of bytes: [UInt8]) -> Int {
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
    /// How a value is reached; made into text only when somebody asks.
    private indirect enum Path {
        case root
        case member(Path, String)
        case element(Path, Int)
    }

    private let document: JSONDocument
    let node: UnsafeMutablePointer<json_t>
    private let path: Path

    fileprivate init(document: JSONDocument) {
        self.document = document
        node = document.tree
        path = .root
    }

    private init(_ node: UnsafeMutablePointer<json_t>, of parent: JSONNode, at path: Path) {
        document = parent.document
        self.node = node
        self.path = path
    }

    /// JSON pointer to the value; empty for the whole document.
    package var place: String {
        var parts: [String] = []
        var rest = path
        while true {
            switch rest {
            case .root: return parts.reversed().map { "/" + $0 }.joined()
            case .member(let parent, let name):
                parts.append(name)
                rest = parent
            case .element(let parent, let index):
                parts.append(String(index))
                rest = parent
            }
        }
    }

    /// As `place`, in words for the whole document.
    package var placeOrBody: String {
        let place = place
        return place.isEmpty ? "the body" : place
    }

    package var string: String? { Self.string(node) }

    static func string(_ node: UnsafeMutablePointer<json_t>) -> String? {
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

    package var isNull: Bool { node.pointee.type == JSON_NULL }

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
                JSONNode($0, of: self, at: .element(path, index))
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
                members.append((name, JSONNode(value, of: self, at: .member(path, name))))
            }
            iterator = json_object_iter_next(node, current)
        }
        return members
    }
}
