import API
import Store

/// An operation with what the server keeps for it.
final class Endpoint: Sendable {
    let operation: Operation
    let description: OperationDescription
    /// The most bytes that a body may have.
    let bodyLimit: Int
    /// The types that a body can have; what `curl -d` sends is taken everywhere.
    let takenTypes: [MediaType]
    let figures = Locked(RequestFigures())

    init(_ operation: Operation, _ settings: Settings) {
        self.operation = operation
        description = operation.description
        takenTypes = description.bodies.map(\.type) + [.form]
        bodyLimit =
            switch description.bodyLimit {
            case .none: 0
            case .small: settings.smallBodyBytes
            case .records: settings.bodyBytes
            case .file: settings.importBytes
            }
    }

    /// Whether there is such a query parameter.
    func takes(query name: String) -> Bool {
        description.parameters.contains { $0.place == .query && $0.name == name }
    }
}
