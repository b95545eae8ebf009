import Synchronization

/// What happens to pages of a file type on their way in and out; the functions of memp_register.
///
/// Both get the page's number, its bytes, and the file's cookie if it has one; they give back an
/// error number, 0 if all is well. Pages that are made pass `pgin` as zeros. `pgout` works on a copy.
package struct PageFilter: Sendable {
    package typealias Function =
        @Sendable (_ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?) ->
        Int32

    package let pgin: Function
    package let pgout: Function

    package init(pgin: @escaping Function, pgout: @escaping Function) {
        self.pgin = pgin
        self.pgout = pgout
    }
}

/// A filter that a process has registered for a file type, and how often it was called.
final class RegisteredFilter: Sendable {
    private let filter: PageFilter
    private let incoming = Atomic(0)
    private let outgoing = Atomic(0)

    init(_ filter: PageFilter) { self.filter = filter }

    var calls: FilterCalls {
        FilterCalls(
            pgin: incoming.load(ordering: .relaxed), pgout: outgoing.load(ordering: .relaxed))
    }

    func pgin(_ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?) -> Int32 {
        incoming.wrappingAdd(1, ordering: .relaxed)
        return filter.pgin(pgno, page, cookie)
    }

    func pgout(_ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer, _ cookie: [UInt8]?) -> Int32 {
        outgoing.wrappingAdd(1, ordering: .relaxed)
        return filter.pgout(pgno, page, cookie)
    }
}

/// How often the two functions of a file type were called in this process.
package struct FilterCalls: Equatable, Sendable {
    package let pgin: Int
    package let pgout: Int
}
