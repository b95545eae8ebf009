import CMicroHTTPD
import Glibc
import Store

/// Feeds a stream to libmicrohttpd: parks the connection while the stream waits for the disk, so
/// that no network thread does.
final class StreamReader: @unchecked Sendable {
    // Sendable because the library calls it from one thread at a time, and not at all while the
    // connection is parked.
    static let cut = -2
    private static let end = -1

    private let stream: any ByteStream
    private let connection: OpaquePointer
    private let record: ConnectionRecord
    /// Who asked for it: once that has ended, so has the stream.
    private let token: AccessToken?
    private let workers: Workers

    init(
        _ stream: any ByteStream, connection: OpaquePointer, record: ConnectionRecord,
        token: AccessToken?, workers: Workers
    ) {
        self.stream = stream
        self.connection = connection
        self.record = record
        self.token = token
        self.workers = workers
    }

    /// The library's content reader: a count of bytes, 0 while parked, or how it ends.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        do throws(StreamCut) {
            if let token, !token.holds { throw StreamCut() }
            switch try stream.read(into: buffer) {
            case .bytes(let count): return count
            case .end: return Self.end
            case .mustFetch:
                MHD_suspend_connection(connection)
                workers.submit { [self] in
                    stream.fetch()
                    record.mailbox.resume(connection)
                }
                return 0
            case .mustWait:
                // While a connection is parked nobody else sees that its client has gone.
                if record.clientHasGone { throw StreamCut() }
                MHD_suspend_connection(connection)
                stream.wait { [self] in record.mailbox.resume(connection) }
                return 0
            }
        } catch {
            // If nothing has been sent yet the library would neither answer nor close.
            record.cut()
            return Self.cut
        }
    }
}
