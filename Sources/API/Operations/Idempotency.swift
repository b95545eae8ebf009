/// What the descriptions of requests that can be sent again have in common.
enum Idempotency {
    private static let name = "Idempotency-Key"
    private static let schema: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": 257,
        "pattern": "^(\"[!-~]{1,255}\"|[!#-~][!-~]{0,254})$",
    ]

    static let header = OperationDescription.Parameter(
        name, in: .header,
        "The client's name for this append, quoted or bare. The same request under the same name is "
            + "answered as the first was, with `Idempotency-Replayed: true`, and appended once, also "
            + "across a crash; another request under that name is refused. The last 131072 names of "
            + "a resource are remembered.",
        schema, example: "\"order-4711\"")

    /// The header of calls that are no appends; nil where none is taken.
    static func header(_ repetition: Repetition) -> OperationDescription.Parameter? {
        guard let words = words(repetition) else { return nil }
        return .init(
            name, in: .header,
            "The client's name for this call, quoted or bare. The same request under the same name is "
                + "answered as the first was, with `Idempotency-Replayed: true`, and not done again; "
                + "another request under that name is refused. " + words,
            schema, example: "\"call-4711\"")
    }

    private static func words(_ repetition: Repetition) -> String? {
        switch repetition {
        case .untold, .byEngine: nil
        case .inMemory: "Remembered for a day at most, and until the service ends."
        case .onDisk: "Remembered for a day at most, also across a crash."
        case .onDiskOnce:
            "Remembered for a day at most, also across a crash; where a crash leaves open whether it "
                + "was done, that is said (`idempotency_in_progress`) and nothing is done."
        }
    }

    /// What those calls can meet besides.
    static func problems(_ repetition: Repetition) -> [ProblemCode] {
        switch repetition {
        case .untold, .byEngine: []
        case .inMemory: [.idempotencyKeyReused, .badParameter]
        case .onDisk, .onDiskOnce:
            [
                .idempotencyKeyReused, .badParameter, .idempotencyInProgress, .noSpace, .ioError,
                .fileAccess, .syncFailed, .tooLarge,
            ]
        }
    }

    /// The answer's header.
    static let replayed = "Idempotency-Replayed"
}
