/// How the chunks of a walk are written; a chunk may come in pieces, so that its size needs no room.
package protocol ChunkEncoder: Sendable {
    /// Starts the chunk of `length` bytes at `offset`.
    mutating func begin(offset: Int, length: Int, to output: inout [UInt8])
    /// Some more bytes of the chunk.
    mutating func piece(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8])
    /// Ends the chunk.
    mutating func end(to output: inout [UInt8])
    /// Ends a chunk whose rest cannot be had; false if the form has no way to say so.
    mutating func cut(to output: inout [UInt8]) -> Bool
    /// Ends the walk.
    func finish(_ end: EndObject, to output: inout [UInt8])
}

/// The last element of a streamed answer: without it the stream was cut.
package struct EndObject: Sendable {
    private let document: JSONValue

    /// The stream is complete.
    package init(next: String, position: Int, records: Int, bytes: Int) {
        document = [
            "end": true, "next": .string(next), "position": .integer(position),
            "records": .integer(records), "bytes": .integer(bytes),
        ]
    }

    /// The engine failed midway.
    package init(problem: JSONValue) { document = ["end": true, "error": problem] }

    package var text: [UInt8] { document.bytes }
}

/// One line of JSON a chunk: `{"offset":O,"length":N,"b64":"..."}`.
package struct NDJSONChunks: ChunkEncoder {
    /// Bytes that don't make a whole group of base64 yet.
    private var rest: [UInt8] = []

    package init() {}

    package mutating func begin(offset: Int, length: Int, to output: inout [UInt8]) {
        output.append(
            contentsOf: "{\"offset\":\(offset),\"length\":\(length),\"b64\":\"".utf8)
    }

    package mutating func piece(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        guard rest.isEmpty else {
            let all = rest + bytes
            rest = []
            return all.withUnsafeBytes { piece($0, to: &output) }
        }
        let whole = bytes.count - bytes.count % 3
        Base64.encode(UnsafeRawBufferPointer(rebasing: bytes[..<whole]), to: &output)
        rest = Array(bytes[whole...])
    }

    package mutating func end(to output: inout [UInt8]) {
        rest.withUnsafeBytes { Base64.encode($0, to: &output) }
        rest = []
        output.append(contentsOf: "\"}\n".utf8)
    }

    package mutating func cut(to output: inout [UInt8]) -> Bool {
        rest = []
        output.append(contentsOf: "\",\"cut\":true}\n".utf8)
        return true
    }

    package func finish(_ end: EndObject, to output: inout [UInt8]) {
        output.append(contentsOf: end.text)
        output.append(0x0A)
    }
}

/// One frame a chunk: its length in 32 bits, most significant first, and its bytes.
package struct FrameChunks: ChunkEncoder {
    /// The length that announces the end object.
    package static let endMark: UInt32 = 0xFFFF_FFFF

    package init() {}

    package mutating func begin(offset: Int, length: Int, to output: inout [UInt8]) {
        append(UInt32(length), to: &output)
    }

    package mutating func piece(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        output.append(contentsOf: bytes)
    }

    package mutating func end(to output: inout [UInt8]) {}

    package mutating func cut(to output: inout [UInt8]) -> Bool { false }

    package func finish(_ end: EndObject, to output: inout [UInt8]) {
        let text = end.text
        append(Self.endMark, to: &output)
        append(UInt32(text.count), to: &output)
        output.append(contentsOf: text)
    }

    private func append(_ value: UInt32, to output: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { output.append(contentsOf: $0) }
    }
}
