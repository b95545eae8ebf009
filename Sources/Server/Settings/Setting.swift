/// One setting: its name in every source, what it means, and where its value goes.
///
/// `http.port` is `--http-port` on the command line (the everyday ones have a short form too),
/// `TIDEMARK_HTTP_PORT` in the environment, and `{"http": {"port": 8080}}` in the settings file.
struct Setting: Sendable {
    let name: String
    let short: String?
    let summary: String
    let defaultText: String
    let apply: @Sendable (inout Settings, String) -> Bool

    var flag: String { "--" + name.map { $0 == "." || $0 == "_" ? "-" : String($0) }.joined() }
    var variable: String {
        "TIDEMARK_" + name.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    private typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    static let all: [Setting] = [
        text("http.host", short: "host", "Address to listen on.", \.host),
        number(
            "http.port", short: "port", "Port to listen on; 0 picks a free one.", \.port, 0...65535),
        text("data", "Folder in which everything lies.", \.dataDirectory),
        flag(
            "http.open_to_network",
            "Listen on other addresses than loopback without tokens: everyone may do everything.",
            \.openToNetwork),
        text(
            "http.allowed_origins",
            "Other sites whose pages may use the service, as "
                + "https://a.example,https://b.example.", \.allowedOrigins),
        text("tls.certificate", "PEM file with the certificate and its chain.", \.certificate),
        text("tls.key", "PEM file with the certificate's key.", \.key),
        text(
            "tls.client_ca", "PEM file with those who sign clients' certificates, then needed.",
            \.clientCA),
        flag("access.open_metrics", "Show /metrics without a token.", \.openMetrics),
        number(
            "access.failures", "Wrong tokens that one address may send in a minute.",
            \.authFailures, 1...1_000_000),
        number("http.threads", "Network threads.", \.threads, 1...256),
        number("http.connections", "Connections at once.", \.connections, 1...1_000_000),
        number(
            "http.connections_per_address", "Connections at once from one address.",
            \.connectionsPerAddress, 1...1_000_000),
        number("http.target_bytes", "Longest request target.", \.targetBytes, 256...16384),
        number("http.header_bytes", "Largest headers.", \.headerBytes, 1024...28672),
        number(
            "http.body_bytes", "Largest body of an append.", \.bodyBytes, 1024...(1 << 30)),
        number(
            "http.bodies_bytes", "Bytes of all bodies that are being received.", \.bodiesBytes,
            1024...(1 << 40)),
        number(
            "http.small_body_bytes", "Largest body of others.", \.smallBodyBytes, 1024...(1 << 30)),
        number(
            "http.header_timeout_ms", "How long headers may take.", \.headerTimeout, 100...3_600_000
        ),
        number(
            "http.body_timeout_ms", "How long a body may take, and a second more per 64 KiB.",
            \.bodyTimeout, 100...3_600_000),
        number(
            "http.request_timeout_ms",
            "How long a request may take altogether; streams may longer.",
            \.requestTimeout, 100...3_600_000),
        number(
            "http.idle_timeout_ms", "How long a connection may be idle.", \.idleTimeout,
            1000...3_600_000),
        number(
            "http.drain_timeout_ms", "How long requests may take to end when the service stops.",
            \.drainTimeout, 0...3_600_000),
        number(
            "http.wait_ms", "Longest wait that a request may ask for.", \.waitLimit, 0...3_600_000),
        number("append.batch_records", "Records in one append.", \.batchRecords, 1...1_000_000),
        number("append.record_bytes", "Largest record.", \.recordBytes, 1...(1 << 30)),
        number("append.queue_requests", "Appends that may wait.", \.queueRequests, 1...1_000_000),
        number(
            "append.queue_bytes", "Bytes of appends that may wait.", \.queueBytes, 1024...(1 << 40)),
        number(
            "storage.free_bytes", "Free space that the disk must keep for anything to be made.",
            \.freeBytesFloor, 0...(1 << 50)),
        number(
            "mpool.service_cachesize",
            "Bytes of the pool that logs are read through; 0 for none.",
            \.serviceCacheSize, 0...(1 << 36)),
        text(
            "mpool.keys_file", "File with the keys that pages of buffer pools are encrypted with.",
            \.pageKeysFile),
        flag(
            "metrics.per_resource",
            "Tell figures of each pool, log, journal and buffer pool by name.",
            \.metricsPerResource),
        choice(
            "terms.atoms",
            "How atoms are written into logs: latin1 as OTP 25 does, utf8 as OTP 26 and later.",
            \.atoms),
        choice(
            "log.access", "Which requests are logged: none, failed, all.", \.accessLog),
        choice("log.format", "How log lines are written: text, json.", \.logFormat),
    ]

    private static func text(
        _ name: String, short: String? = nil, _ summary: String,
        _ path: Path<String>
    ) -> Setting {
        Setting(
            name: name, short: short, summary: summary, defaultText: Settings()[keyPath: path]
        ) { settings, text in
            settings[keyPath: path] = text
            return !text.isEmpty
        }
    }

    private static func number(
        _ name: String, short: String? = nil, _ summary: String,
        _ path: Path<Int>, _ range: ClosedRange<Int>
    ) -> Setting {
        Setting(
            name: name, short: short, summary: summary,
            defaultText: String(Settings()[keyPath: path])
        ) { settings, text in
            guard let value = Int(text), range.contains(value) else { return false }
            settings[keyPath: path] = value
            return true
        }
    }

    private static func flag(
        _ name: String, _ summary: String, _ path: Path<Bool>
    ) -> Setting {
        Setting(name: name, short: nil, summary: summary, defaultText: "false") { settings, text in
            guard let value = Bool(text) else { return false }
            settings[keyPath: path] = value
            return true
        }
    }

    private static func choice<Choice: RawRepresentable<String> & SendableMetatype>(
        _ name: String, _ summary: String, _ path: Path<Choice>
    ) -> Setting {
        Setting(
            name: name, short: nil, summary: summary,
            defaultText: Settings()[keyPath: path].rawValue
        ) { settings, text in
            guard let value = Choice(rawValue: text) else { return false }
            settings[keyPath: path] = value
            return true
        }
    }
}
