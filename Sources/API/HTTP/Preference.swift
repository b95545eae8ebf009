/// What `Prefer` asks for (RFC 7240), as far as the service can do it.
package struct Preference: Equatable, Sendable {
    /// `return=minimal`: no body in the answer.
    package var wantsMinimal = false
    /// `wait=N`: seconds.
    package var waitSeconds: Int?

    package init(_ header: String?) {
        guard let header else { return }
        for item in header.split(separator: ",") {
            let words = item.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            switch words.first?.trimmingSpaces().lowercased() {
            case "return":
                wantsMinimal = words.count == 2 && words[1].trimmingSpaces() == "minimal"
            case "wait": waitSeconds = words.count == 2 ? Int(words[1].trimmingSpaces()) : nil
            default: break
            }
        }
    }
}
