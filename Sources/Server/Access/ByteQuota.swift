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
        /// What has been added since then.
        var added = Addition()
        /// And what is being added.
        var underWay = Addition()
    }

    /// Bytes that come to files.
    struct Addition: Sendable {
        var bytes = 0
        /// What they take there at most, with heads and padding.
        var most = 0

        static func += (left: inout Addition, right: Addition) {
            left.bytes += right.bytes
            left.most += right.most
        }

        static func -= (left: inout Addition, right: Addition) {
            left.bytes = max(0, left.bytes - right.bytes)
            left.most = max(0, left.most - right.most)
        }
    }

    /// One that adds to the files, from its admission to its end.
    struct Place: Sendable {
        fileprivate let quota: ByteQuota
        fileprivate let addition: Addition

        /// It has ended.
        func release() { quota.end(addition) }
    }

    let limit: Int
    private let state = Locked(State())

    init(limit: Int) { self.limit = limit }

    /// Admits an addition if that is certain to fit; nil if the files must be looked at.
    func admit(_ addition: Addition) -> Place? {
        state.withLock { state in
            guard let counted = state.counted,
                counted + state.added.most + state.underWay.most + addition.most <= limit
            else { return nil }
            state.underWay += addition
            return Place(quota: self, addition: addition)
        }
    }

    /// Counts an addition that somebody else makes, to whom this says nothing.
    func note(_ addition: Addition) -> Place {
        state.withLock { $0.underWay += addition }
        return Place(quota: self, addition: addition)
    }

    /// Admits an addition if the files and it together fit; waits for the disk.
    ///
    /// - Parameter count: what the files take.
    /// - Throws: `no_space`.
    func admit(
        _ addition: Addition, _ count: () throws(Problem) -> Int
    ) throws(Problem) -> Place {
        let before = state.withLock { $0.added }
        let counted = try count()
        let bytes = addition.bytes
        let used = state.withLock { state -> Int? in
            // What ended before the files were looked at is in them.
            state.added -= before
            state.counted = counted
            let used = counted + state.added.bytes + state.underWay.bytes
            guard used + bytes <= limit else { return used }
            state.underWay += addition
            return nil
        }
        guard let used else { return Place(quota: self, addition: addition) }
        throw Problem(
            .noSpace,
            "the token's resources take \(used) bytes, and with \(bytes) more they would have more "
                + "than its \(limit)",
            members: [
                .init(name: "limit", value: .integer(limit)),
                .init(name: "used", value: .integer(used)),
            ])
    }

    private func end(_ addition: Addition) {
        state.withLock { state in
            state.underWay -= addition
            state.added += addition
        }
    }
}

extension Service {
    /// Answers a call that may add to files, as far as the quotas of tokens let it.
    func answerWithinQuotas(_ call: Call) throws(Problem) -> Answer {
        guard call.route.endpoint.operation.addsBytes else { return try answer(call) }
        let others = othersQuotas(of: call)
        if others.isEmpty, call.token?.byteQuota == nil { return try answer(call) }
        let addition = addition(of: call)
        let places = others.map { $0.note(addition) }
        guard let token = call.token, let own = token.byteQuota else {
            return releasing(places, call)
        }
        if let place = own.admit(addition) { return releasing(places + [place], call) }
        return onFileThread { [self] () throws(Problem) in
            do throws(Problem) {
                let place = try admit(addition, own, token)
                return releasing(places + [place], call)
            } catch {
                for place in places { place.release() }
                throw error
            }
        }
    }

    /// The quotas of other tokens that the resource counts for too.
    private func othersQuotas(of call: Call) -> [ByteQuota] {
        guard let kind = call.route.resourceKind else { return [] }
        return tokens.withByteQuotas.filter { $0 !== call.token && $0.covers(kind, call.name) }
            .compactMap(\.byteQuota)
    }

    /// Counts for others what a call has put into files of its own making.
    func noteForOthers(_ bytes: Int, _ call: Call) {
        for quota in othersQuotas(of: call) {
            quota.note(.init(bytes: bytes, most: bytes)).release()
        }
    }

    /// Looks at the files, unless it is certain to fit; waits for the disk.
    func admit(
        _ addition: ByteQuota.Addition, _ quota: ByteQuota, _ token: AccessToken
    ) throws(Problem) -> ByteQuota.Place {
        if let place = quota.admit(addition) { return place }
        return try quota.admit(addition) { () throws(Problem) in
            try mapping { () throws(StoreError) in
                try store.directory.size { token.covers(path: $0) }
            }
        }
    }

    /// What a call adds to files: of pages, whole ones.
    private func addition(of call: Call) -> ByteQuota.Addition {
        let sent = call.body.count
        guard case .mpool(let operation) = call.route.endpoint.operation else {
            // One record has one head. Many small ones have theirs, and padding in journals.
            let type = call.headers[.contentType] ?? ""
            let isBatch = [MediaType.json, .ndjson, .frames].contains {
                type.hasPrefix($0.rawValue)
            }
            let heads = isBatch ? 64 * min(sent, 1 << 20) : 0
            return .init(bytes: sent, most: sent + 4096 + heads)
        }
        if operation == .batch {
            let most = sent + MPoolBatch.pageByteLimit
            return .init(bytes: sent, most: most)
        }
        guard operation == .newPage || operation == .putPage || operation == .patchPage,
            let file = try? store.mpools.loaded(call.name)?.file(call.fileName)
        else { return .init(bytes: sent, most: sent) }
        // What is there already only changes.
        let pgno = operation == .newPage ? nil : UInt32(call.route.captures.last ?? "")
        let isThere = pgno.map { (try? file.exists($0)) ?? false } ?? false
        let bytes = isThere ? 0 : file.pageSize
        return .init(bytes: bytes, most: bytes)
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
