import API
import CMicroHTTPD

/// Reads a request's headers, and notices what libmicrohttpd 0.9.75 lets pass though a proxy in
/// front may read it otherwise: such requests are refused and their connections closed.
struct HeadReader {
    private(set) var headers = Headers()
    private var bytes = 0
    private var fault: String?

    init(_ connection: OpaquePointer) {
        withUnsafeMutablePointer(to: &self) { slot in
            _ = MHD_get_connection_values_n(connection, .HEADER_KIND, collectHeader, slot)
        }
    }

    fileprivate mutating func add(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) {
        bytes += name.count + value.count + 4
        if name.last == 0x20 || name.last == 0x09 {
            fault = "a header has a blank before its colon"
        }
        if value.contains(0x0D) { fault = "a header holds a bare carriage return" }
        guard let known = HeaderName(name) else { return }
        headers.add(known, String(decoding: value, as: UTF8.self))
    }

    /// - Throws: `bad_request`, `headers_too_large`, `not_implemented` or `expectation_failed`.
    func check(method: String, isVersion11: Bool, limit: Int) throws(Problem) {
        // The library's own refusal sends its head twice.
        if isVersion11, headers[.host] == nil {
            throw Problem(.badRequest, "a request of HTTP/1.1 must have a Host header")
        }
        if let fault { throw Problem(.badRequest, fault) }
        guard bytes <= limit else {
            throw Problem(
                .headersTooLarge, "the headers have \(bytes) bytes; the limit is \(limit)",
                members: [.init(name: "limit", value: .integer(limit))])
        }
        let isToken = method.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isToken else { throw Problem(.badRequest, "the method holds a control character") }
        for name in [HeaderName.contentLength, .host, .transferEncoding]
        where headers.count(name) > 1 {
            throw Problem(.badRequest, "the header \(name.rawValue) stands there more than once")
        }
        if let coding = headers[.transferEncoding] {
            guard headers[.contentLength] == nil else {
                throw Problem(.badRequest, "both Content-Length and Transfer-Encoding are given")
            }
            guard coding.lowercased() == "chunked" else {
                throw Problem(.notImplemented, "the only transfer coding taken is chunked")
            }
        }
        if let expectation = headers[.expect], expectation.lowercased() != "100-continue" {
            throw Problem(.expectationFailed, "the only expectation known is 100-continue")
        }
    }
}

private let collectHeader: MHD_KeyValueIteratorN = { slot, _, name, nameSize, value, valueSize in
    slot?.assumingMemoryBound(to: HeadReader.self).pointee.add(
        name: UnsafeRawBufferPointer(start: name, count: nameSize),
        value: UnsafeRawBufferPointer(start: value, count: valueSize))
    return .YES
}
