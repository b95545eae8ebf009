import CJansson

/// A value of a parsed document that does not know where it stands: cheaper to go through than
/// nodes are.
///
/// Valid as long as somebody holds the document.
package struct JSONCursor {
    /// What a value is.
    package enum Kind {
        case null
        case bool(Bool)
        case integer(Int)
        case real(Double)
        case string
        case array(count: Int)
        case object(count: Int)
    }

    private let node: UnsafeMutablePointer<json_t>

    fileprivate init(_ node: UnsafeMutablePointer<json_t>) { self.node = node }

    package var kind: Kind {
        switch node.pointee.type {
        case JSON_TRUE: .bool(true)
        case JSON_FALSE: .bool(false)
        case JSON_INTEGER: .integer(Int(json_integer_value(node)))
        case JSON_REAL: .real(json_real_value(node))
        case JSON_STRING: .string
        case JSON_ARRAY: .array(count: json_array_size(node))
        case JSON_OBJECT: .object(count: json_object_size(node))
        default: .null
        }
    }

    /// An element of an array, if there is one.
    package func element(_ index: Int) -> JSONCursor? {
        json_array_get(node, index).map { JSONCursor($0) }
    }

    /// The first member of an object, if there is one.
    package var firstMember: JSONMember? { JSONMember(json_object_iter(node), of: node) }

    /// Gives the text of a string to `use`; nil if it is none.
    package func withUTF8<Result>(_ use: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard let text = json_string_value(node) else { return nil }
        return use(UnsafeRawBufferPointer(start: text, count: json_string_length(node)))
    }
}

/// A member of an object, valid as the object is.
package struct JSONMember {
    private let object: UnsafeMutablePointer<json_t>
    private let place: UnsafeMutableRawPointer
    package let value: JSONCursor

    fileprivate init?(
        _ place: UnsafeMutableRawPointer?, of object: UnsafeMutablePointer<json_t>
    ) {
        guard let place, let value = json_object_iter_value(place) else { return nil }
        self.object = object
        self.place = place
        self.value = JSONCursor(value)
    }

    /// The member after this one.
    package var next: JSONMember? { JSONMember(json_object_iter_next(object, place), of: object) }

    package var name: String {
        withName { String(decoding: $0, as: UTF8.self) }
    }

    /// Gives the name in UTF-8 to `use`.
    package func withName<Result>(_ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        let name = json_object_iter_key(place)
        return use(UnsafeRawBufferPointer(start: name, count: json_object_iter_key_len(place)))
    }
}

extension JSONNode {
    /// The value without its place.
    package var cursor: JSONCursor { JSONCursor(node) }
}
