/// What the descriptions of single writers have in common.
enum Fencing {
    static let summary = "Let older writers through no more"
    static let details =
        "Appends with a lower Fencing-Token than the highest that was ever given are refused, also "
        + "after a restart; a higher one is remembered before anything is written with it. "
        + "require_fence refuses appends without a token, too."

    static let header = OperationDescription.Parameter(
        "Fencing-Token", in: .header,
        "The writer's token: refused if a higher one was given before, and remembered.",
        ["type": "integer", "minimum": 0], example: 7)

    static let body = OperationDescription.Content.json("FenceRequest", example: ["token": 7])

    static let answer = OperationDescription.Answer(
        200, "The highest token.",
        [.json("Fence", example: ["fence": 7, "require_fence": false])])

    static let problems: [ProblemCode] = [
        .badJSON, .badParameter, .unknownProperty, .fenced,
    ]
}
