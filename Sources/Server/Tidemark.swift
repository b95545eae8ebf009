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
            try checkAddress(settings)
            raiseFileLimit()
            let service = try makeService(settings, log)
            let daemon = try Daemon(service: service)
            service.store.logs.openHeld()
            service.store.journals.openHeld()
            announce(daemon, settings, log)
            signals.waitForEnd()
            drain(service, daemon, signals)
            return 0
        } catch {
            log.error(error.text)
            return 1
        }
    }

    /// Without tokens everyone who reaches the service may do everything.
    private static func checkAddress(_ settings: Settings) throws(StartFailure) {
        let isLoopback =
            settings.host == "localhost" || settings.host == "::1"
            || settings.host.hasPrefix("127.")
        guard isLoopback || settings.openToNetwork else {
            throw StartFailure(
                "\(settings.host) is not a loopback address: give --http-open-to-network to let "
                    + "everyone who reaches it do everything")
        }
    }

    private static func makeService(
        _ settings: Settings, _ log: ServiceLog
    ) throws(StartFailure) -> Service {
        let metrics = Metrics()
        do throws(StoreError) {
            let store = try Store(
                path: settings.dataDirectory,
                budget: CommitBudget(
                    requests: settings.queueRequests, bytes: settings.queueBytes,
                    observer: { metrics.count($0) }),
                serviceCacheSize: settings.serviceCacheSize, report: { log.warning($0) })
            return Service(settings: settings, store: store, metrics: metrics, log: log)
        } catch {
            throw StartFailure(
                "the data directory \(settings.dataDirectory) cannot be used: \(Problem(error).detail)"
            )
        }
    }

    private static func announce(_ daemon: Daemon, _ settings: Settings, _ log: ServiceLog) {
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        let url = "http://\(host):\(daemon.port)"
        log.info("tidemark \(Version.service) serves \(settings.dataDirectory) at \(url)")
        if settings.openToNetwork { log.warning("everyone who reaches \(url) may do everything") }
    }

    /// What is under way is answered, then everything is closed cleanly; a second signal, or the
    /// end of patience, cuts what is left.
    private static func drain(_ service: Service, _ daemon: Daemon, _ signals: Signals) {
        service.log.info("draining")
        service.startDraining()
        daemon.stopListening()
        signals.endAtOnceOnTheNext()
        let deadline = Instant.now.advanced(milliseconds: service.settings.drainTimeout)
        service.endWaits()
        service.inFlight.waitForNone(before: deadline)
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
