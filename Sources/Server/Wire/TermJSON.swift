import API
import Store

// Terms in JSON. An object with one key that starts with `$` is no map but says what it is:
//
//   {"$atom":"name"}                    every atom but true, false and null
//   {"$tuple":[...]}
//   {"$improper":[...],"tail":...}      a list with a tail
//   {"$map":[[key,value],...]}          a map with other keys than texts
//   {"$bin":"base64"}                   a binary that is no text
//   {"$bits":"base64","n":bits}
//   {"$int":"digits"}                   an integer beyond 2 to the 53rd
//   {"$etf":"base64"}                   anything, in its encoding: pids, ports, references, funs
//
// Lists are arrays, texts are strings, maps with texts for keys are objects. Read are also
// {"$float":"1.0"} and {"$str":"text"}, a list of characters.

/// What the writer and the reader of terms in JSON have in common.
enum TermJSON {
    /// Integers up to here are the same in every JSON reader.
    static let largestPlainInteger = 1 << 53 - 1
    static let tagMark = UInt8(ascii: "$")
    /// The largest term that a client may send compressed.
    static let inflatedLimit = 8 << 20

    /// Writes an encoded term as JSON.
    ///
    /// What would nest deeper than `depth` is written as `$etf`; so are integers with too many
    /// digits.
    /// - Parameter depth: how deep arrays and objects may nest, at least 2.
    static func write(
        _ encoding: UnsafeRawBufferPointer, to writer: inout JSONWriter,
        depth: Int = RecordEnvelope.valueDepth
    ) throws(TermError) {
        let start = writer.bytes.count
        var visitor = TermJSONWriter(writer, depth: depth, shapes: nil)
        // The bytes have one owner, so that they need not be copied.
        writer.bytes = []
        defer { swap(&writer, &visitor.writer) }
        do throws(TermError) {
            try ExternalTerm.withValidBody(of: encoding) { (body) throws(TermError) in
                try write(body, start: start, depth: depth, &visitor)
            }
        } catch {
            visitor.writer.bytes.removeSubrange(start...)
            throw error
        }
    }

    private static func write(
        _ body: UnsafeRawBufferPointer, start: Int, depth: Int, _ visitor: inout TermJSONWriter
    ) throws(TermError) {
        var walker = TermWalker(body)
        do throws(TermError) {
            try walker.walk(&visitor)
        } catch {
            guard visitor.needsShapes else { throw error }
            visitor.restart(at: start, shapes: try TermShapes(of: body, depth: depth), depth: depth)
            walker = TermWalker(body)
            try walker.walk(&visitor)
        }
    }
}
