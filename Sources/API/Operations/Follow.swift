/// What the descriptions of following have in common.
enum Follow {
    static let details =
        "Server-sent events, each with the position behind it as its id: a client that sends it as "
        + "Last-Event-ID goes on there, and nothing is lost or told twice. Records are told once they "
        + "are as safe as the resource promises by default. caught_up tells that nothing is left for "
        + "now. A comment line comes every 15 seconds."

    static let parameters: [OperationDescription.Parameter] = [
        .init(
            "from", "now, start, or a position.", ["type": "string", "default": "now"],
            example: "start"),
        .init(
            "last_event_id", "As Last-Event-ID, for clients that can't send it.",
            ["type": "string", "pattern": "^[0-9]+-[0-9,]+$"]),
        .init(
            "Last-Event-ID", in: .header, "The id of the last event; wins over from.",
            ["type": "string", "pattern": "^[0-9]+-[0-9,]+$"]),
    ]

    static func answer(_ events: String, _ example: String) -> OperationDescription.Answer {
        .init(
            200, "Events: " + events,
            [.init(.eventStream, ["type": "string"], example: .string(example))])
    }
}
