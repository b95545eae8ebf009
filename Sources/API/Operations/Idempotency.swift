/// What the descriptions of appends that can be sent again have in common.
enum Idempotency {
    static let header = OperationDescription.Parameter(
        "Idempotency-Key", in: .header,
        "The client's name for this append, quoted or bare. The same request under the same name is "
            + "answered as the first was, with `Idempotency-Replayed: true`, and appended once, also "
            + "across a crash; another request under that name is refused. The last 131072 names of "
            + "a resource are remembered.",
        ["type": "string", "minLength": 1, "maxLength": 257, "pattern": "^[!-~]+$"],
        example: "\"order-4711\"")

    /// The answer's header.
    static let replayed = "Idempotency-Replayed"
}
