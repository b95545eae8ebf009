import CJansson

extension JSONNode {
    /// An array or object that is being written, and how far.
    private enum Container {
        case array(UnsafeMutablePointer<json_t>, next: Int)
        case object(UnsafeMutablePointer<json_t>, next: UnsafeMutableRawPointer?, isFirst: Bool)
    }

    /// Appends the value's compact text, numbers in their shortest form.
    ///
    /// Uses a stack of its own: a client decides how deep the value is.
    /// - Throws: `bad_json` if it nests deeper than `depth`.
    package func writeCompact(to writer: inout JSONWriter, depth: Int = .max) throws(Problem) {
        var open: [Container] = []
        Self.begin(node, &open, &writer)
        while let container = open.popLast() {
            guard open.count < depth else {
                throw Problem(.badJSON, "\(place) nests deeper than \(depth) levels")
            }
            switch container {
            case .array(let array, let next):
                guard let element = json_array_get(array, next) else {
                    writer.literal("]")
                    continue
                }
                if next > 0 { writer.literal(",") }
                open.append(.array(array, next: next + 1))
                Self.begin(element, &open, &writer)
            case .object(let object, let next, let isFirst):
                guard let next, let key = json_object_iter_key(next),
                    let value = json_object_iter_value(next)
                else {
                    writer.literal("}")
                    continue
                }
                if !isFirst { writer.literal(",") }
                writer.string(String(cString: key))
                writer.literal(":")
                open.append(
                    .object(object, next: json_object_iter_next(object, next), isFirst: false))
                Self.begin(value, &open, &writer)
            }
        }
    }

    private static func begin(
        _ node: UnsafeMutablePointer<json_t>, _ open: inout [Container], _ writer: inout JSONWriter
    ) {
        switch node.pointee.type {
        case JSON_ARRAY:
            writer.literal("[")
            open.append(.array(node, next: 0))
        case JSON_OBJECT:
            writer.literal("{")
            open.append(.object(node, next: json_object_iter(node), isFirst: true))
        case JSON_TRUE: writer.literal("true")
        case JSON_FALSE: writer.literal("false")
        case JSON_INTEGER: writer.integer(Int(json_integer_value(node)))
        case JSON_REAL: writer.real(json_real_value(node))
        case JSON_STRING: writer.string(string(node) ?? "")
        default: writer.literal("null")
        }
    }
}
