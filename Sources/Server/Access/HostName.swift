import Glibc

/// What a request calls the service, from its header `Host`.
struct HostName: Equatable {
    /// Without port and brackets, in lower case.
    let name: String

    init(_ header: String) {
        if header.hasPrefix("[") {
            name = String(header.dropFirst().prefix { $0 != "]" })
        } else {
            name = header.prefix { $0 != ":" }.lowercased()
        }
    }

    /// Whether it is a name that no site can have: an address, or one without a domain.
    var isLocal: Bool {
        var bytes = in6_addr()
        return !name.contains(".") || name.hasSuffix(".localhost")
            || inet_pton(AF_INET, name, &bytes) == 1 || inet_pton(AF_INET6, name, &bytes) == 1
    }
}
