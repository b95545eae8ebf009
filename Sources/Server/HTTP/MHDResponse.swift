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
    init?(_ response: Response) {
        self.init(response, Self.body(of: response))
    }

    /// A response whose body is read while it is sent.
    ///
    /// - Parameter length: of the body, if it is known.
    init?(_ response: Response, stream: StreamReader, length: Int?) {
        self.init(
            response,
            MHD_create_response_from_callback(
                length.map(UInt64.init) ?? UInt64.max, Self.blockSize, readStream,
                Unmanaged.passRetained(stream).toOpaque(), releaseStream))
    }

    private init?(_ response: Response, _ made: OpaquePointer?) {
        guard let made else { return nil }
        handle = made
        if let type = response.type { add("Content-Type", type.contentType) }
        for header in response.headers { add(header.name, header.value) }
    }

    /// Adds a header; the library copies both.
    ///
    /// A `String` given to C as it is would be copied once more.
    func add(_ name: StaticString, _ value: String) {
        name.utf8Start.withMemoryRebound(to: CChar.self, capacity: name.utf8CodeUnitCount + 1) {
            name in
            _ = value.withCString { MHD_add_response_header(handle, name, $0) }
        }
    }

    private static func body(of response: Response) -> OpaquePointer? {
        guard response.body.count <= longestCopied else { return lend(response.body) }
        return response.body.withUnsafeBytes { body in
            MHD_create_response_from_buffer(
                body.count, UnsafeMutableRawPointer(mutating: body.baseAddress),
                .RESPMEM_MUST_COPY)
        }
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

private let freeBody: MHD_ContentReaderFreeCallback = { $0?.deallocate() }

private let releaseStream: MHD_ContentReaderFreeCallback = { reader in
    if let reader { Unmanaged<StreamReader>.fromOpaque(reader).release() }
}

private let readStream: MHD_ContentReaderCallback = { reader, _, buffer, count in
    guard let reader, let buffer else { return StreamReader.cut }
    return Unmanaged<StreamReader>.fromOpaque(reader).takeUnretainedValue().read(
        into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
}
