import API
import Store
import Synchronization

/// A place that a resource in the making takes in its token's quota, until it is there.
struct ResourceQuota: Sendable {
    fileprivate var token: AccessToken?
    fileprivate var bytes: ByteQuota.Place?

    /// The resource is there, or will never be.
    func release() {
        token?.resourcesUnderWay.subtract(1, ordering: .sequentiallyConsistent)
        bytes?.release()
    }
}

extension Service {
    /// Takes a place for the resource that the path names; nil if that is there, or nobody counts.
    ///
    /// Counts what there is among what the token covers; waits for the disk.
    ///
    /// - Parameter bytes: what the resource takes at once.
    /// - Throws: `rate_limited` beyond the token's quota of resources, `no_space` beyond that of bytes.
    func quota(for call: Call, bytes: Int = 0) throws(Problem) -> ResourceQuota? {
        var place = try resourceQuota(for: call)
        guard bytes > 0, let token = call.token, let byteQuota = token.byteQuota else {
            return place
        }
        do throws(Problem) {
            let room = try admit(.init(bytes: bytes, most: bytes), byteQuota, token)
            place = ResourceQuota(token: place?.token, bytes: room)
        } catch {
            place?.release()
            throw error
        }
        return place
    }

    private func resourceQuota(for call: Call) throws(Problem) -> ResourceQuota? {
        guard let token = call.token, let most = token.grant.resourceQuota,
            let kind = call.route.resourceKind
        else { return nil }
        // Taken before the count, so that of two at once none is missed.
        let underWay = token.resourcesUnderWay.add(1, ordering: .sequentiallyConsistent).newValue
        let place = ResourceQuota(token: token)
        do throws(Problem) {
            let covered = try mapping { () throws(StoreError) in try resources(of: token) }
            guard !covered.contains("\(kind)/\(call.name)"), covered.count + underWay > most else {
                return place
            }
        } catch {
            place.release()
            throw error
        }
        place.release()
        throw Problem(
            .rateLimited, "the token may have \(most) resources, and they are there",
            members: [.init(name: "limit", value: .integer(most))])
    }

    private func resources(of token: AccessToken) throws(StoreError) -> [String] {
        let names = [
            ("pools", try store.pools.names(prefix: "", after: nil, limit: .max).names),
            ("logs", try store.logs.names(prefix: "", after: nil, limit: .max).names),
            ("journals", try store.journals.names(prefix: "", after: nil, limit: .max).names),
            ("mpools", try store.mpools.names().map(\.name).filter { $0 != MPools.service }),
        ]
        return names.flatMap { kind, names in
            names.filter { token.covers(kind, $0) }.map { "\(kind)/\($0)" }
        }
    }
}
