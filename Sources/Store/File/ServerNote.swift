import Glibc

/// Where the server that uses a data directory listens: it says so in the file that it holds locked.
package struct ServerNote: Equatable, Sendable {
    package let host: String
    package let port: Int
    /// This run of it, which whoever listens there must name.
    package let instance: String
    /// Absolute path of its certificate; empty without TLS.
    package let certificate: String

    init(host: String, port: Int, instance: String, certificate: String) {
        self.host = host
        self.port = port
        self.instance = instance
        self.certificate = certificate
    }

    /// - Returns: nil for what is no whole note.
    init?(_ bytes: [UInt8]) {
        let note = Note(bytes)
        guard bytes.last == UInt8(ascii: "\n"), let host = note.values["host"],
            let port = note["port"], let instance = note.values["instance"], !instance.isEmpty
        else { return nil }
        self.init(
            host: host, port: port, instance: instance,
            certificate: note.values["certificate"] ?? "")
    }

    var encoded: [UInt8] {
        var note = Note([])
        note.values = ["host": host, "instance": instance]
        note["port"] = port
        if !certificate.isEmpty { note.values["certificate"] = certificate }
        return note.encoded
    }
}
