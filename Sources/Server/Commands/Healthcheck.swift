import ArgumentParser

/// The command `tidemark healthcheck`.
struct Healthcheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running server whether it is alive; exits 0 if it is.",
        usage: "tidemark healthcheck [--SETTING VALUE ...]")

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        let settings: Settings
        do throws(StartFailure) {
            settings = try SettingSources(arguments: arguments).settings
        } catch {
            throw ValidationError(error.text)
        }
        guard LocalServer(settings).isAlive else { throw ExitCode.failure }
    }
}
