import API
import CLinux
import Glibc
import Store
import Synchronization

/// The life of the server: starting, serving, draining.
enum Tidemark {
    /// Serves until a signal ends it; the process's exit code.
    static func serve(_ settings: Settings) -> Int32 {
        clinux_bound_memory()
        let signals = Signals()
        let sink = LineSink(descriptor: 2)
        defer { sink.stop() }
        let log = ServiceLog(settings: settings, sink: sink)
        do throws(StartFailure) {
            raiseFileLimit()
            let service = try makeService(settings, log)
            try checkAddress(settings, service.tokens)
            let daemon = try Daemon(service: service)
            service.store.openHeld()
            announce(daemon, service)
            signals.waitForEnd { reload(service) }
            drain(service, daemon, signals)
            return 0
        } catch {
            log.error(error.text)
            return 1
        }
    }

    /// Without tokens everyone who reaches the service may do everything.
    private static func checkAddress(
        _ settings: Settings, _ tokens: Tokens
    ) throws(StartFailure) {
        guard settings.isLoopback || tokens.isNeeded || settings.openToNetwork else {
            throw StartFailure(
                "\(settings.host) is not a loopback address and there is no token: make one with "
                    + "tidemark token create --data \(settings.dataDirectory), or give "
                    + "--http-open-to-network to let everyone who reaches it do everything")
        }
    }

    /// Takes what has changed in the files of the certificate, for new connections.
    private static func reload(_ service: Service) {
        guard let tls = service.tls else {
            return service.log.info("there is nothing to read again: no certificate is set")
        }
        do throws(StartFailure) {
            try tls.reload()
            service.log.info("the certificate was read again")
        } catch {
            service.log.error("the certificate stays as it was: \(error.text)")
        }
    }

    private static func makeTLS(_ settings: Settings) throws(StartFailure) -> TLS? {
        let files = TLSFiles(
            certificate: settings.certificate, key: settings.key, clientCA: settings.clientCA)
        if files == TLSFiles(certificate: "", key: "", clientCA: "") { return nil }
        guard !files.certificate.isEmpty, !files.key.isEmpty else {
            throw StartFailure("tls.certificate and tls.key are needed together")
        }
        return try TLS(files)
    }

    private static func makeService(
        _ settings: Settings, _ log: ServiceLog
    ) throws(StartFailure) -> Service {
        let metrics = Metrics()
        let tls = try makeTLS(settings)
        if let origin = Origins(settings.allowedOrigins).misspelt {
            throw StartFailure(
                "http.allowed_origins has \(origin): an origin is https:// or http:// and a host")
        }
        try checkPageKeys(settings.pageKeysFile)
        let store: Store
        do throws(StoreError) {
            store = try Store(
                path: settings.dataDirectory,
                budget: CommitBudget(
                    requests: settings.queueRequests, bytes: settings.queueBytes,
                    observer: { metrics.count($0) }),
                serviceCacheSize: settings.serviceCacheSize,
                pageKeysFile: settings.pageKeysFile.isEmpty ? nil : settings.pageKeysFile,
                report: { log.warning($0) })
        } catch {
            throw StartFailure(
                "the data directory \(settings.dataDirectory) cannot be used: \(Problem(error).detail)"
            )
        }
        return Service(
            settings: settings, store: store, tokens: try Tokens(in: store.directory), tls: tls,
            metrics: metrics, log: log)
    }

    private static func checkPageKeys(_ path: String) throws(StartFailure) {
        guard !path.isEmpty else { return }
        do throws(StoreError) {
            _ = try PageKeys(path: path)
        } catch {
            throw StartFailure("the keys in \(path) cannot be used: \(Problem(error).detail)")
        }
    }

    private static func announce(_ daemon: Daemon, _ service: Service) {
        let settings = service.settings
        let log = service.log
        do throws(StoreError) {
            let certificate = realpath(settings.certificate, nil).map { path in
                defer { free(path) }
                return String(cString: path)
            }
            try service.store.directory.announce(
                host: settings.host, port: daemon.port,
                certificate: service.tls == nil ? "" : certificate ?? settings.certificate)
        } catch {
            log.warning("tidemark token will not find this server: \(Problem(error).detail)")
        }
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        let url = "\(service.tls == nil ? "http" : "https")://\(host):\(daemon.port)"
        log.info("tidemark \(Version.service) serves \(settings.dataDirectory) at \(url)")
        guard !service.tokens.isNeeded else { return }
        if settings.isLoopback {
            log.info("there is no token: everyone on this machine may do everything")
        } else {
            log.warning("everyone who reaches \(url) may do everything")
        }
    }

    /// What is under way is answered, then everything is closed cleanly; a second signal, or the
    /// end of patience, cuts what is left.
    private static func drain(_ service: Service, _ daemon: Daemon, _ signals: Signals) {
        service.log.info("draining")
        service.startDraining()
        daemon.stopListening()
        signals.endAtOnceOnTheNext()
        let deadline = Instant.now.advanced(milliseconds: service.settings.drainTimeout)
        while service.inFlight.count > 0, Instant.now < deadline {
            // Again and again: a request whose body was still coming may wait only now.
            service.endWaits()
            service.inFlight.waitForNone(before: min(deadline, .now.advanced(milliseconds: 100)))
        }
        service.reaper.cutAll()
        service.inFlight.waitForNone()
        service.reaper.stop()
        daemon.stop()
        service.store.close()
        service.log.info("stopped")
    }

    /// Every open pool holds a descriptor, every connection another.
    private static func raiseFileLimit() {
        let kind = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(kind, &limit)
    }
}
