/// All endpoints.
///
/// A new one is a case in its kind's list: nothing compiles until it is described and handled.
package enum Operation: Hashable, Sendable {
    case service(ServiceOperation)
    case token(TokenOperation)
    case pool(PoolOperation)
    case log(LogOperation)
    case journal(JournalOperation)
    case mpool(MPoolOperation)

    package static let all: [Operation] =
        ServiceOperation.allCases.map(Operation.service)
        + TokenOperation.allCases.map(Operation.token)
        + PoolOperation.allCases.map(Operation.pool) + LogOperation.allCases.map(Operation.log)
        + JournalOperation.allCases.map(Operation.journal)
        + MPoolOperation.allCases.map(Operation.mpool)

    package var description: OperationDescription {
        OperationDescription(undecided, access: access, repetition: repetition)
    }

    private var undecided: OperationDescription {
        switch self {
        case .service(let operation): operation.description
        case .token(let operation): operation.description
        case .pool(let operation): operation.description
        case .log(let operation): operation.description
        case .journal(let operation): operation.description
        case .mpool(let operation): operation.description
        }
    }
}
