import Glibc

/// The settings in force, each described once in `Setting.all`.
struct Settings: Sendable {
    var host = "127.0.0.1"
    var port = 8080
    var dataDirectory = "data"
    var openToNetwork = false
    /// Origins, with commas between them.
    var allowedOrigins = ""
    var openMetrics = false
    var authFailures = 60
    /// Paths of files; empty without TLS.
    var certificate = ""
    var key = ""
    var clientCA = ""
    /// One for each processor, but not so many that they get in each other's way.
    var threads = min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 2), 8)
    var connections = 1000
    var connectionsPerAddress = 256
    var targetBytes = 8 << 10
    var headerBytes = 16 << 10
    var bodyBytes = 16 << 20
    var bodiesBytes = 256 << 20
    var smallBodyBytes = 1 << 20
    var importBytes = 1 << 50
    var batchRecords = 10_000
    var recordBytes = 8 << 20
    /// Milliseconds, as are all of these.
    var headerTimeout = 10_000
    var bodyTimeout = 30_000
    var requestTimeout = 300_000
    var idleTimeout = 60_000
    var drainTimeout = 10_000
    var waitLimit = 60_000
    var queueRequests = 10_000
    var queueBytes = 64 << 20
    var freeBytesFloor = 256 << 20
    var serviceCacheSize = 32 << 20
    var pageKeysFile = ""
    var metricsPerResource = false
    var atoms = Atoms.latin1
    var accessLog = AccessLog.failed
    var logFormat = LogFormat.text

    /// Whether only this machine reaches the service.
    var isLoopback: Bool {
        var address = in_addr()
        return host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && inet_pton(AF_INET, host, &address) == 1)
    }

    enum Atoms: String, CaseIterable { case latin1, utf8 }
    enum AccessLog: String, CaseIterable { case none, failed, all }
    enum LogFormat: String, CaseIterable { case text, json }
}
