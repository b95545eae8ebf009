/// What keeps the service from starting.
struct StartFailure: Error {
    let text: String
    init(_ text: String) { self.text = text }
}
