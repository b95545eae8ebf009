import ArgumentParser
import Glibc

/// The command `tidemark healthcheck`.
struct Healthcheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running server whether it is alive; exits 0 if it is.",
        usage: "tidemark healthcheck [--SETTING VALUE ...]")

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        let settings: Settings
        do throws(StartFailure) {
            settings = try SettingSources(arguments: arguments).settings
        } catch {
            throw ValidationError(error.text)
        }
        // A server that listens everywhere is asked on loopback.
        let host = ["0.0.0.0", "::"].contains(settings.host) ? "localhost" : settings.host
        guard HealthProbe.succeeds(host: host, port: settings.port) else {
            throw ExitCode.failure
        }
    }
}

/// One GET of /healthz over a plain socket.
enum HealthProbe {
    static func succeeds(host: String, port: Int) -> Bool {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return false }
        defer { freeaddrinfo(list) }
        var next = list
        while let address = next?.pointee {
            if ask(address, host: host) { return true }
            next = address.ai_next
        }
        return false
    }

    private static func ask(_ address: addrinfo, host: String) -> Bool {
        let socket = Glibc.socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        guard connect(socket, address.ai_addr, address.ai_addrlen) == 0 else { return false }
        let request = "GET /healthz HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
        guard send(socket, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0 else {
            return false
        }
        var answer = [UInt8](repeating: 0, count: 64)
        let count = recv(socket, &answer, answer.count, 0)
        return count > 12
            && String(decoding: answer[..<count], as: UTF8.self).hasPrefix("HTTP/1.1 200")
    }
}
