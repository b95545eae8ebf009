import Glibc
import Store

/// The signals that end the service, taken by the main thread; made before any other thread is.
struct Signals {
    private let all: sigset_t
    private let ends: sigset_t

    init() {
        var ends = sigset_t()
        sigemptyset(&ends)
        sigaddset(&ends, SIGTERM)
        sigaddset(&ends, SIGINT)
        self.ends = ends
        sigaddset(&ends, SIGHUP)
        pthread_sigmask(SIG_BLOCK, &ends, nil)
        all = ends
        // A client that left, or a file size limit, must be an error and not the end.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Returns when the service is to end.
    ///
    /// - Parameter reload: called for each SIGHUP.
    func waitForEnd(reload: () -> Void) {
        var all = all
        var number: Int32 = 0
        while true {
            sigwait(&all, &number)
            guard number == SIGHUP else { return }
            reload()
        }
    }

    /// From now on such a signal ends the process.
    func endAtOnceOnTheNext() {
        let ends = ends
        _ = startThread("signals") {
            var ends = ends
            var number: Int32 = 0
            sigwait(&ends, &number)
            _exit(128 + number)
        }
    }
}
