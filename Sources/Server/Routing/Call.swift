import API
import Store

/// A request that has found its operation, on its way to the handler.
final class Call: Sendable {
    let route: Route
    let headers: Headers
    let body: [UInt8]
    let requestID: String
    /// Where the body went that was too large to be kept, but for its last piece.
    let upload: Upload?
    /// Who asks; nil where no token is needed.
    let token: AccessToken?

    init(
        _ admitted: Admitted, body: [UInt8], requestID: String, upload: Upload?
    ) {
        route = admitted.route
        headers = admitted.headers
        token = admitted.token
        self.body = body
        self.requestID = requestID
        self.upload = upload
    }

    /// What the path holds in the template's first place.
    var name: String { route.captures.first ?? "" }

    /// The query parameter, if it is there; given twice, it is refused.
    func text(_ name: String) throws(Problem) -> String? {
        let values = route.target.query.filter { $0.name == name }
        guard values.count <= 1 else {
            throw Problem(.badParameter, "\(name) is given more than once", option: name)
        }
        return values.first?.value
    }

    func integer(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws(Problem) -> Int? {
        guard let text = try text(name) else { return nil }
        guard let value = Int(text), range.contains(value), text.utf8.first != UInt8(ascii: "+")
        else {
            let limits = range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range)"
            throw Problem(.badParameter, "\(name) must be an integer, \(limits)", option: name)
        }
        return value
    }

    func signedInteger(_ name: String) throws(Problem) -> Int? {
        guard let text = try text(name) else { return nil }
        guard let value = Int(text), text.utf8.first != UInt8(ascii: "+") else {
            throw Problem(.badParameter, "\(name) must be an integer", option: name)
        }
        return value
    }

    func bool(_ name: String) throws(Problem) -> Bool? {
        switch try text(name) {
        case nil: nil
        case "true": true
        case "false": false
        default: throw Problem(.badParameter, "\(name) must be true or false", option: name)
        }
    }

    /// Whether `If-None-Match: *` asks that there be nothing yet.
    var mustBeNew: Bool { headers[.ifNoneMatch].map { EntityTagCondition($0) == .any } ?? false }

    /// The best form of the answer for the client.
    func negotiate(_ offered: [MediaType]) throws(Problem) -> MediaType {
        guard let type = Acceptance(headers.joined(.accept)).best(of: offered) else {
            let names = offered.map(\.essence).joined(separator: ", ")
            throw Problem(.notAcceptable, "the answer can be had as \(names)")
        }
        return type
    }
}

/// What a request's head comes to.
enum Admission {
    /// Its body may come.
    case request(Admitted)
    /// There is nothing to do but to answer.
    case answer(Response)
}

/// A request whose head has been accepted: its body may come.
struct Admitted: Sendable {
    let route: Route
    let headers: Headers
    /// Who asks; nil where no token is needed.
    let token: AccessToken?

    var endpoint: Endpoint { route.endpoint }

    /// - Throws: `bad_request` for a body where none belongs, `too_large`,
    ///   `unsupported_media_type`.
    func checkBody(length: Int, isPresent: Bool) throws(Problem) {
        guard isPresent else { return }
        guard endpoint.description.bodyLimit != .none else {
            throw Problem(.badRequest, "this request takes no body")
        }
        guard length <= endpoint.bodyLimit else { throw bodyTooLarge }
        if let coding = headers[.contentEncoding], coding.lowercased() != "identity" {
            throw Problem(
                .unsupportedMediaType, "no content coding is taken; send the body as it is")
        }
        guard let type = headers[.contentType] else { return }
        let taken = endpoint.takenTypes
        guard let known = MediaType(contentType: type), taken.contains(known) else {
            let names = taken.map(\.essence).joined(separator: ", ")
            var problem = Problem(.unsupportedMediaType, "the body can be of type \(names)")
            problem.headers = [
                .init(route.method == .patch ? "Accept-Patch" : "Accept-Post", names)
            ]
            throw problem
        }
    }

    var bodyTooLarge: Problem { .tooLarge("the body is too large", limit: endpoint.bodyLimit) }

    func call(body: [UInt8], upload: Upload?, requestID: String) -> Call {
        Call(self, body: body, requestID: requestID, upload: upload)
    }
}
