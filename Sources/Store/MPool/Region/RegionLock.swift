import Glibc

/// The lock of a region: a mutex, which between processes tells when its holder has died.
struct RegionLock {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// How a lock was taken.
    enum Taken {
        case free
        /// Somebody else had it.
        case waited
        /// Its holder died with it: what it guards has to be put right first.
        case fromTheDead
        case unusable
    }

    init(at address: UnsafeMutableRawPointer) {
        mutex = address.assumingMemoryBound(to: pthread_mutex_t.self)
    }

    /// - Parameter isShared: between processes; else it costs a third.
    func make(isShared: Bool) {
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        if isShared {
            pthread_mutexattr_setpshared(&attributes, Int32(PTHREAD_PROCESS_SHARED))
            pthread_mutexattr_setrobust(&attributes, Int32(PTHREAD_MUTEX_ROBUST))
        }
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    func take() -> Taken {
        var result = pthread_mutex_trylock(mutex)
        if result == 0 { return .free }
        if result == EBUSY { result = pthread_mutex_lock(mutex) }
        switch result {
        case 0: return .waited
        case EOWNERDEAD: return .fromTheDead
        default: return .unusable
        }
    }

    /// After `.fromTheDead`, once what it guards has been put right.
    func repaired() { pthread_mutex_consistent(mutex) }

    func giveBack() { pthread_mutex_unlock(mutex) }
}
