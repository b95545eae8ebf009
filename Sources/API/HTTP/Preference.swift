/// What `Prefer` asks for (RFC 7240), as far as the service can do it.
package struct Preference: Equatable, Sendable {
    /// `return=minimal`: no body in the answer.
    package var wantsMinimal = false
    /// `respond-async`: an answer as soon as the request is accepted.
    package var isAsync = false

    package init(_ header: String?) {
        guard let header else { return }
        for item in header.split(separator: ",") {
            let words = item.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            switch words.first?.trimmingSpaces().lowercased() {
            case "return": wantsMinimal = words.count == 2 && words[1].trimmingSpaces() == "minimal"
            case "respond-async": isAsync = true
            default: break
            }
        }
    }
}
