import API
import Store

/// How much a token's resources may take on disk, and what they take now as far as that is known.
///
/// What is appended is counted as it comes, a little too high; the files are looked at only when that
/// would come to more than is allowed. So an append compares two numbers.
final class ByteQuota: Sendable {
    private struct State {
        /// What the files took when they were last looked at; nil if they never were.
        var counted: Int?
        /// Bounds of what has been added since then.
        var added = 0
        /// And of what is being added.
        var underWay = 0
    }

    /// One that adds to the files, from its admission to its end.
    struct Place: Sendable {
        fileprivate let quota: ByteQuota
        fileprivate let bytes: Int

        /// It has ended.
        func release() { quota.end(bytes) }
    }

    let limit: Int
    private let state = Locked(State())

    init(limit: Int) { self.limit = limit }

    /// What so many bytes take in a file at most: small records have heads, and padding in journals.
    private static func bound(of bytes: Int) -> Int { 64 * min(bytes, 1 << 20) + bytes + 4096 }

    /// Admits an addition if that is certain to fit; nil if the files must be looked at.
    func admit(_ bytes: Int) -> Place? {
        state.withLock { state in
            guard let counted = state.counted,
                counted + state.added + state.underWay + Self.bound(of: bytes) <= limit
            else { return nil }
            state.underWay += Self.bound(of: bytes)
            return Place(quota: self, bytes: bytes)
        }
    }

    /// Counts an addition that somebody else makes, to whom this says nothing.
    func note(_ bytes: Int) -> Place {
        state.withLock { state in
            state.underWay += Self.bound(of: bytes)
            return Place(quota: self, bytes: bytes)
        }
    }

    /// Admits an addition if the files and it together fit; waits for the disk.
    ///
    /// - Parameter count: what the files take.
    /// - Throws: `no_space`.
    func admit(_ bytes: Int, _ count: () throws(Problem) -> Int) throws(Problem) -> Place {
        let before = state.withLock { $0.added }
        let counted = try count()
        let used = state.withLock { state -> Int? in
            // What ended before the files were looked at is in them.
            state.added = max(0, state.added - before)
            state.counted = counted
            let used = counted + state.added + state.underWay
            guard used + bytes <= limit else { return used }
            state.underWay += Self.bound(of: bytes)
            return nil
        }
        guard let used else { return Place(quota: self, bytes: bytes) }
        throw Problem(
            .noSpace,
            "the token's resources take \(used) bytes, and with \(bytes) more they would have more "
                + "than its \(limit)",
            members: [
                .init(name: "limit", value: .integer(limit)),
                .init(name: "used", value: .integer(used)),
            ])
    }

    private func end(_ bytes: Int) {
        state.withLock { state in
            state.underWay -= Self.bound(of: bytes)
            state.added += Self.bound(of: bytes)
        }
    }
}

extension Service {
    /// Answers a call that may add to files, as far as the quotas of tokens let it.
    func answerWithinQuotas(_ call: Call) throws(Problem) -> Answer {
        let bytes = call.body.count
        guard let kind = call.route.resourceKind, call.route.endpoint.operation.addsBytes else {
            return try answer(call)
        }
        let others = tokens.withByteQuotas.filter {
            $0 !== call.token && $0.covers(kind, call.name)
        }
        guard let own = call.token?.byteQuota else {
            return others.isEmpty
                ? try answer(call)
                : releasing(others.compactMap { $0.byteQuota?.note(bytes) }, call)
        }
        let places = others.compactMap { $0.byteQuota?.note(bytes) }
        if let place = own.admit(bytes) { return releasing(places + [place], call) }
        return onFileThread { [self] () throws(Problem) in
            do throws(Problem) {
                let place = try admit(bytes, own, call)
                return releasing(places + [place], call)
            } catch {
                for place in places { place.release() }
                throw error
            }
        }
    }

    /// Looks at the files; waits for the disk.
    func admit(
        _ bytes: Int, _ quota: ByteQuota, _ call: Call
    ) throws(Problem) -> ByteQuota.Place {
        try quota.admit(bytes) { () throws(Problem) in
            guard let token = call.token else { return 0 }
            return try mapping { () throws(StoreError) in
                try store.directory.size { token.covers(path: $0) }
            }
        }
    }

    /// The call's answer, with which the places end.
    private func releasing(_ places: [ByteQuota.Place], _ call: Call) -> Answer {
        .later { [self] complete in
            let result: Result<Answer, Problem>
            do throws(Problem) {
                result = .success(try answer(call))
            } catch {
                result = .failure(error)
            }
            Self.run(result) { result in
                for place in places { place.release() }
                complete(result)
            }
        }
    }
}

extension Operation {
    /// Whether it writes what it is sent into a resource's files, which grow with it.
    fileprivate var addsBytes: Bool {
        switch self {
        case .log(.append), .journal(.append), .journal(.transact), .mpool(.newPage),
            .mpool(.putPage), .mpool(.patchPage), .mpool(.fput), .mpool(.fset), .mpool(.batch):
            true
        default: false
        }
    }
}
