import Glibc

/// The socket that the service listens on.
enum ListeningSocket {
    /// Binds to the first address of `host` that can be had.
    ///
    /// - Parameter port: 0 for any free one.
    static func open(host: String, port: Int) throws(StartFailure) -> Int32 {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        defer { freeaddrinfo(list) }
        guard result == 0 else {
            throw StartFailure(
                "there is no address for \(host): \(String(cString: gai_strerror(result)))")
        }
        var number: Int32 = 0
        var next = list
        while let address = next?.pointee {
            if let socket = bind(to: address) { return socket }
            number = errno
            next = address.ai_next
        }
        throw StartFailure(
            "cannot listen on \(host) port \(port): \(String(cString: strerror(number)))")
    }

    /// The port that a socket is bound to.
    static func port(of socket: Int32) -> Int {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let found = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(socket, $0, &size)
            }
        }
        guard found == 0 else { return 0 }
        // The port stands at the same place for both families.
        return withUnsafeBytes(of: &address) { Int($0[2]) << 8 | Int($0[3]) }
    }

    private static func bind(to address: addrinfo) -> Int32? {
        let kind =
            address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(address.ai_family, kind, address.ai_protocol)
        guard socket >= 0 else { return nil }
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if Glibc.bind(socket, address.ai_addr, address.ai_addrlen) == 0, listen(socket, 1024) == 0 {
            return socket
        }
        let number = errno
        close(socket)
        errno = number
        return nil
    }
}
