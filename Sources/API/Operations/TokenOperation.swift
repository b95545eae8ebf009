/// The endpoints of tokens.
package enum TokenOperation: CaseIterable, Sendable {
    case list, create, get, delete

    private static let item = "/v1/tokens/{token}"

    package var description: OperationDescription {
        switch self {
        case .list:
            .init(
                "listTokens", .get, "/v1/tokens", tag: "tokens",
                "All tokens, without their secrets",
                answers: [
                    .init(
                        200, "The tokens.", [.json("TokenList", example: TokenSchemas.listExample)])
                ])
        case .create:
            .init(
                "createToken", .post, "/v1/tokens", tag: "tokens", "Make a token",
                "The answer is the only one that shows the secret: the service keeps a digest of "
                    + "it. From the first token on every request needs one; therefore the first "
                    + "one must be able to make others.",
                bodies: [.json("TokenRequest", example: TokenSchemas.requestExample)],
                bodyIsRequired: true, bodyLimit: .small,
                answers: [
                    .init(
                        201, "The token, with its secret.",
                        [.json("NewToken", example: TokenSchemas.newExample)],
                        headers: ["Location"])
                ],
                problems: [
                    .badJSON, .badParameter, .unknownProperty, .rateLimited, .noSpace, .fileAccess,
                    .ioError, .syncFailed,
                ])
        case .get:
            .init(
                "getToken", .get, Self.item, tag: "tokens", "One token, without its secret",
                answers: [
                    .init(200, "The token.", [.json("Token", example: TokenSchemas.example)])
                ], problems: [.noSuchToken])
        case .delete:
            .init(
                "deleteToken", .delete, Self.item, tag: "tokens", "Take a token back",
                "It is refused from the next request on, and streams that it began are cut.",
                answers: [.init(204, "It is gone.")],
                problems: [
                    .noSuchToken, .noSpace, .fileAccess, .ioError, .syncFailed,
                ])
        }
    }
}
