import Glibc
import Store

/// The server that the settings describe, asked over a connection of its own for each request.
struct LocalServer {
    /// What the server said, or why nothing came.
    enum Outcome {
        case answer(status: Int, instance: String?, body: [UInt8])
        /// It wants a client's certificate: it is alive, but answers others.
        case certificateWanted
        case failed(String)
    }

    private let host: String
    private let port: Int
    private let certificate: String

    init(_ settings: Settings) {
        self.init(host: settings.host, port: settings.port, certificate: settings.certificate)
    }

    init(host: String, port: Int, certificate: String) {
        // A server that listens everywhere is asked on loopback.
        self.host = ["0.0.0.0", "::"].contains(host) ? "localhost" : host
        self.port = port
        self.certificate = certificate
    }

    var isAlive: Bool {
        switch ask("GET", "/healthz") {
        case .answer(let status, _, _): status == 200
        case .certificateWanted: true
        case .failed: false
        }
    }

    /// - Parameter token: sent only to a server that shows the certificate of the settings.
    func ask(
        _ method: String, _ path: String, body: [UInt8] = [], token: String? = nil
    ) -> Outcome {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n"
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        if !body.isEmpty { head += "Content-Type: application/json\r\n" }
        head += "Content-Length: \(body.count)\r\n\r\n"
        let request = Array(head.utf8) + body
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else {
            return .failed("there is no address for \(host)")
        }
        defer { freeaddrinfo(list) }
        var outcome = Outcome.failed("nobody answers at \(host) port \(port)")
        var next = list
        while let address = next?.pointee {
            outcome = send(request, to: address, isSecret: token != nil)
            guard case .failed = outcome else { return outcome }
            next = address.ai_next
        }
        return outcome
    }

    private func send(_ request: [UInt8], to address: addrinfo, isSecret: Bool) -> Outcome {
        let socket = Glibc.socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard socket >= 0 else { return .failed("the system has no socket to give") }
        defer { close(socket) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        guard connect(socket, address.ai_addr, address.ai_addrlen) == 0 else {
            return .failed("nobody answers at \(host) port \(port)")
        }
        if !certificate.isEmpty { return sendEncrypted(request, socket, isSecret: isSecret) }
        guard Glibc.send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { return .failed("the server has closed the connection") }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { return Self.parse(answer) }
            answer += buffer[..<count]
        }
    }

    private func sendEncrypted(
        _ request: [UInt8], _ socket: Int32, isSecret: Bool
    ) -> Outcome {
        guard let client = TLSClient(socket: socket) else { return .failed("no memory for TLS") }
        switch client.handshake() {
        case .done: break
        case .certificateWanted: return .certificateWanted
        case .failed(let text): return .failed(text)
        }
        if isSecret, !isExpected(client.certificate) {
            return .failed("the server shows another certificate than \(certificate)")
        }
        guard client.send(request) else { return .failed("the server has closed the connection") }
        var answer: [UInt8] = []
        while true {
            let (bytes, state) = client.receive()
            answer += bytes
            if case .certificateWanted = state { return .certificateWanted }
            if bytes.isEmpty { return Self.parse(answer) }
        }
    }

    private func isExpected(_ shown: [UInt8]?) -> Bool {
        guard let shown,
            let file = try? File(path: certificate, name: certificate, flags: O_RDONLY),
            let text = try? file.read(at: 0, count: 1 << 20)
        else { return false }
        return TLSClient.certificate(inPEM: text) == shown
    }

    /// The server sends the length of all that this program asks for, and closes.
    private static func parse(_ answer: [UInt8]) -> Outcome {
        let mark = Array("\r\n\r\n".utf8)
        guard answer.starts(with: "HTTP/1.1 ".utf8), answer.count > 12,
            let status = Int(String(decoding: answer[9..<12], as: UTF8.self)),
            let end = (0...(answer.count - 4)).first(where: { answer[$0..<$0 + 4] == mark[...] })
        else { return .failed("the server gave no answer") }
        return .answer(
            status: status, instance: instance(in: answer[..<end]),
            body: Array(answer[(end + 4)...]))
    }

    /// What the server calls this run of itself.
    private static func instance(in head: ArraySlice<UInt8>) -> String? {
        let name = "tidemark-instance:"
        let lines = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.first { $0.lowercased().hasPrefix(name) }.map {
            String($0.dropFirst(name.count).drop { $0 == " " })
        }
    }
}
