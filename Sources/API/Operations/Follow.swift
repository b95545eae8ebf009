/// What the descriptions of following have in common.
enum Follow {
    static let details =
        "Server-sent events, each with the position behind it as its id: a client that sends it as "
        + "Last-Event-ID goes on there, and nothing is lost or told twice. If the resource was "
        + "removed and made again since, that is told as if it had been emptied, and its oldest "
        + "record follows. Records are told once they are as safe as the resource promises by "
        + "default. caught_up tells that nothing is left for now. A comment line comes every 15 "
        + "seconds."

    /// An event's id; those of earlier versions have no identity in front.
    private static let id: JSONValue = [
        "type": "string", "pattern": "^([0-9a-f]{8}[.])?[0-9]+-[0-9,]+$",
    ]

    static let parameters: [OperationDescription.Parameter] = [
        .init(
            "from", "now, start, or a position.", ["type": "string", "default": "now"],
            example: "start"),
        .init(
            "last_event_id", "As Last-Event-ID, for clients that can't send it.", id),
        .init(
            "Last-Event-ID", in: .header, "The id of the last event; wins over from.", id),
    ]

    static func answer(_ events: String, _ example: String) -> OperationDescription.Answer {
        .init(
            200, "Events: " + events,
            [.init(.eventStream, ["type": "string"], example: .string(example))])
    }
}
