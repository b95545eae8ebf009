import ArgumentParser

/// The command line.
///
/// `main` belongs to the main actor; everything real happens elsewhere.
@main
struct TidemarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tidemark",
        abstract: "A log service: durable logs in open file formats over HTTP.",
        version: Version.service,
        subcommands: [
            Serve.self, Config.self, Token.self, Healthcheck.self, OpenAPI.self, Check.self,
            Dump.self, Repair.self, Convert.self,
        ])
}
