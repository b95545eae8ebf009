import API
import Store

/// A continuation as clients see it: opaque.
extension LogCursor {
    /// `l1.IDENTITY.EPOCH.FILE.START.OFFSET.POSITION.CODE`.
    var token: String {
        let start = "l1.\(identity).\(epoch).\(file).\(self.start).\(offset).\(position)"
        return "\(start).\(TokenSeal.code(of: start))"
    }

    /// - Throws: `bad_token`.
    init(token: String) throws(Problem) {
        guard let parts = TokenSeal.parts(of: token, count: 7), parts[0] == "l1",
            let epoch = UInt32(parts[2])
        else { throw Self.foreign }
        let numbers = parts[3...].compactMap { Int($0) }.filter { $0 >= 0 }
        guard numbers.count == 4 else { throw Self.foreign }
        self.init(
            identity: String(parts[1]), epoch: epoch, file: numbers[0], start: numbers[1],
            offset: numbers[2], position: numbers[3])
    }

    private static var foreign: Problem {
        Problem(.badContinuation(detail: "the continuation was changed, or is not one of a log"))
    }
}
