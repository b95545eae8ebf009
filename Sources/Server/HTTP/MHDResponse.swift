import API
import CMicroHTTPD

/// A response object of libmicrohttpd, given back when it has been queued.
struct MHDResponse: ~Copyable {
    private let handle: OpaquePointer

    /// Bodies beyond this are lent to the library, shorter ones copied.
    private static let longestCopied = 16 * 1024
    /// How much of a stream is read at a time, and held for each connection.
    private static let blockSize = 64 * 1024

    /// - Returns: nil without memory.
    init?(_ response: Response, stream: (any ByteStream)? = nil, length: Int? = nil) {
        let made: OpaquePointer?
        if let stream {
            made = MHD_create_response_from_callback(
                length.map(UInt64.init) ?? UInt64.max, Self.blockSize, readStream,
                Unmanaged.passRetained(StreamBox(stream)).toOpaque(), releaseStream)
        } else if response.body.count <= Self.longestCopied {
            made = response.body.withUnsafeBytes { body in
                MHD_create_response_from_buffer(
                    body.count, UnsafeMutableRawPointer(mutating: body.baseAddress),
                    .RESPMEM_MUST_COPY)
            }
        } else {
            made = Self.lend(response.body)
        }
        guard let made else { return nil }
        handle = made
        for (name, value) in response.headers { MHD_add_response_header(made, name, value) }
    }

    deinit { MHD_destroy_response(handle) }

    /// Hands the response to the library.
    func queue(status: Int, on connection: OpaquePointer) -> MHD_Result {
        MHD_queue_response(connection, UInt32(status), handle)
    }

    private static func lend(_ body: [UInt8]) -> OpaquePointer? {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
        copy.copyBytes(from: body)
        return MHD_create_response_from_buffer_with_free_callback(
            copy.count, copy.baseAddress, freeBody)
    }
}

private final class StreamBox {
    let stream: any ByteStream
    init(_ stream: any ByteStream) { self.stream = stream }
}

private let freeBody: MHD_ContentReaderFreeCallback = { $0?.deallocate() }

private let releaseStream: MHD_ContentReaderFreeCallback = { box in
    if let box { Unmanaged<StreamBox>.fromOpaque(box).release() }
}

private let readStream: MHD_ContentReaderCallback = { box, _, buffer, count in
    let cut = -2
    let end = -1
    guard let box, let buffer else { return cut }
    let stream = Unmanaged<StreamBox>.fromOpaque(box).takeUnretainedValue().stream
    do throws(StreamCut) {
        let count = try stream.read(
            into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
        return count > 0 ? count : end
    } catch {
        return cut
    }
}
