import API
import Store

/// Records of a log as NDJSON or frames, with an end object.
struct RecordStreamEncoder: Sendable {
    private let type: MediaType
    private let records: RecordWriter
    private(set) var count = 0
    private var bytes = 0
    private var badBytes = 0

    init(_ type: MediaType, _ records: RecordWriter) {
        self.type = type
        self.records = records
    }

    /// Appends the chunk's records, at most `limit`.
    mutating func add(_ chunk: LogChunk, to output: inout [UInt8]) {
        badBytes += chunk.badBytes
        var writer = JSONWriter()
        swap(&writer.bytes, &output)
        chunk.bytes.withUnsafeBytes { all in
            for item in chunk.items {
                let record = UnsafeRawBufferPointer(rebasing: all[item])
                if type == .frames {
                    Self.frame(record, to: &writer.bytes)
                } else {
                    records.write(record, to: &writer)
                    writer.literal("\n")
                }
                bytes += record.count
                count += 1
            }
        }
        swap(&writer.bytes, &output)
    }

    private static func frame(_ record: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(record.count).bigEndian) { output.append(contentsOf: $0) }
        output.append(contentsOf: record)
    }

    func finish(_ next: LogCursor, isEnd: Bool, to output: inout [UInt8]) {
        finish(
            [
                "end": true, "next": .string(next.token), "position": .integer(next.position),
                "records": .integer(count), "bytes": .integer(bytes),
                "badbytes": .integer(badBytes), "eof": .bool(isEnd),
            ], to: &output)
    }

    func fail(_ problem: JSONValue, to output: inout [UInt8]) {
        finish(["end": true, "error": problem], to: &output)
    }

    private func finish(_ end: JSONValue, to output: inout [UInt8]) {
        guard type == .frames else {
            output += end.line
            return
        }
        let text = end.bytes
        withUnsafeBytes(of: FrameChunks.endMark.bigEndian) { output.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(text.count).bigEndian) { output.append(contentsOf: $0) }
        output += text
    }
}

/// All records of a log from a cursor to a position, a chunk at a time.
final class LogWalkStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that fetches.
    private let log: DiskLog
    private let end: Int
    private let limit: Int
    private let requestID: String
    private var cursor: LogCursor
    private var encoder: RecordStreamEncoder
    private var output = StreamBuffer()
    private var isFinished = false

    /// So much of a file is read at once.
    private static let window = 128 * 1024

    init(
        _ log: DiskLog, from cursor: LogCursor, to end: Int, limit: Int,
        _ encoder: RecordStreamEncoder, requestID: String
    ) {
        self.log = log
        self.cursor = cursor
        self.end = end
        self.limit = limit
        self.encoder = encoder
        self.requestID = requestID
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        guard output.isEmpty else { return .bytes(output.take(into: buffer)) }
        return isFinished ? .end : .mustFetch
    }

    func fetch() {
        output.refill { output in
            do throws(StoreError) {
                try next(&output)
            } catch {
                isFinished = true
                let problem = Problem(error, of: .diskLog).document(
                    instance: "/v1/logs/\(log.name)/walk", requestID: requestID)
                encoder.fail(problem, to: &output)
            }
        }
    }

    private func next(_ output: inout [UInt8]) throws(StoreError) {
        let left = min(limit - encoder.count, end - cursor.position)
        if left > 0 {
            let chunk = try log.chunk(
                from: cursor,
                ChunkRequest(limit: left, window: Self.window, isSequential: true))
            encoder.add(chunk, to: &output)
            cursor = chunk.next
            if !chunk.isEnd { return }
        }
        isFinished = true
        // Where damage is passed over nobody knows the last position before the end is there.
        encoder.finish(cursor, isEnd: left > 0 || cursor.position >= end, to: &output)
    }
}

/// The bytes of an external log between two positions.
///
/// What is overwritten in the middle cuts the connection.
final class LogByteStream: ByteStream, @unchecked Sendable {
    // Sendable because one thread at a time uses it: the network's, or while the connection is
    // parked the one that fetches.
    private let log: DiskLog
    private var position: Int
    private let end: Int
    private var fetched = StreamBuffer()
    private var hasFailed = false

    /// More than one fetch: then what is read is not kept.
    private let isLong: Bool

    private static let fetchSize = 128 * 1024

    init(_ log: DiskLog, _ range: Range<Int>) {
        self.log = log
        position = range.lowerBound
        end = range.upperBound
        isLong = range.count > Self.fetchSize
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        if hasFailed { throw StreamCut() }
        guard fetched.isEmpty else { return .bytes(fetched.take(into: buffer)) }
        return position < end ? .mustFetch : .end
    }

    func fetch() {
        fetched.refill { fetched in
            do throws(StoreError) {
                fetched = try log.readBytes(
                    at: position, count: min(Self.fetchSize, end - position),
                    isSequential: isLong)
                position += fetched.count
            } catch {
                hasFailed = true
            }
        }
    }
}
