import API
import Store
enum TermJSON {
    static func write(_ term: UnsafeRawBufferPointer, to writer: inout JSONWriter) throws(TermError)
    { throw TermError(.version, at: 0) }
    static func append(_ node: JSONNode, to bytes: inout [UInt8]) throws(Problem) {
        throw Problem(.badRecord, "not yet")
    }
}
