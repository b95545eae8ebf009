import API

/// One page that lists every endpoint, made from the operations' descriptions.
enum DocsPage {
    static let html: String = {
        let operations = Operation.all.map(\.description).map(section).joined()
        return """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tidemark</title></head>
            <body><h1>Tidemark \(Version.service)</h1>
            <p>The contract: <a href="/openapi.json">openapi.json</a>,
            <a href="/openapi.yaml">openapi.yaml</a>.</p>\(operations)</body></html>

            """
    }()

    private static func section(_ operation: OperationDescription) -> String {
        let parameters = operation.parameters.map { parameter in
            "<li><code>\(escaped(parameter.name))</code> (\(parameter.place.rawValue)): "
                + "\(escaped(parameter.summary))</li>"
        }.joined()
        let problems = operation.allProblems.map { code in
            "<a href=\"/problems/\(code.rawValue)\">\(code.rawValue)</a>"
        }.joined(separator: ", ")
        return """
            <section><h2 id="\(operation.id)"><code>\(operation.method.rawValue) \
            \(escaped(operation.template))</code></h2>
            <p>\(escaped(operation.summary)). \(escaped(operation.details))
            \(escaped(operation.access.text ?? "Needs no token."))</p>
            <ul>\(parameters)</ul><pre>\(escaped(example(operation)))</pre>
            <p>Problems: \(problems)</p></section>

            """
    }

    private static func example(_ operation: OperationDescription) -> String {
        let path = operation.template.replacing("{pool}", with: "demo")
            .replacing("{log}", with: "demo").replacing("{code}", with: "pool_full")
            .replacing("{handle}", with: "$HANDLE")
        let method = operation.method == .get ? "" : " -X \(operation.method.rawValue)"
        return "curl\(method) http://127.0.0.1:8080\(path)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
