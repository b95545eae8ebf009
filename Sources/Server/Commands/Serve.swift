import ArgumentParser
import Glibc

/// Serves until a signal comes.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a data directory over HTTP.",
        usage: "tidemark serve [--SETTING VALUE ...]",
        discussion: SettingsHelp.text)

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        let code = Tidemark.serve(try readSettings(arguments).settings)
        throw ExitCode(code)
    }
}

/// Prints the settings.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print each setting with its value and where that came from.",
        usage: "tidemark config [--SETTING VALUE ...]", discussion: SettingsHelp.text)

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        for item in try readSettings(arguments).resolved {
            try printLine("\(item.setting.name) = \(item.text)  (\(item.source.rawValue))")
        }
    }
}

private func readSettings(_ arguments: [String]) throws -> SettingSources {
    do throws(StartFailure) {
        return try SettingSources(arguments: arguments)
    } catch {
        throw ValidationError(error.text)
    }
}

/// What `--help` says of the settings.
enum SettingsHelp {
    static let text: String = {
        let rows = Setting.all.map { setting in
            let short = setting.short.map { "--\($0), " } ?? ""
            return "\(short)\(setting.flag) (\(setting.defaultText))\n    \(setting.summary)"
        }
        return """
            SETTINGS, with their defaults. Each is also a variable of the environment \
            (--http-port: TIDEMARK_HTTP_PORT) and a member of the JSON file that --settings or \
            TIDEMARK_SETTINGS names ({"http": {"port": 8080}}); flags win over the environment, \
            the environment wins over the file.

            \(rows.joined(separator: "\n"))
            """
    }()
}
