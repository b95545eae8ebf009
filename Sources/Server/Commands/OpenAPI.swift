import API
import ArgumentParser

/// The command `tidemark openapi`.
struct OpenAPI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openapi", abstract: "Print openapi.yaml, the contract.")

    func run() throws {
        try printText(YAMLText.text(of: OpenAPIDocument.document(version: Version.service)))
    }
}
