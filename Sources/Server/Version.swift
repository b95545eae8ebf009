import Store

/// The versions of what runs.
enum Version {
    static let service = "0.1.0"
    static let api = "v1"
    /// The release of Erlang/OTP whose disk_log the logs are.
    static let diskLog = "25"
    /// The release of WiredTiger whose log the journals are.
    static let wiredTiger = "3.2.1"

    /// All engines with their versions, in a line.
    static var engines: String {
        "pmemlog \(pmemlog), disk_log \(diskLog), wiredtiger \(wiredTiger)"
    }

    /// The interface of libpmemlog that the service was built against.
    static var pmemlog: String {
        let version = PmemPool.version
        return "\(version.major).\(version.minor)"
    }
}
