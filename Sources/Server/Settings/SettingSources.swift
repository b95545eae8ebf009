import API
import Glibc
import Store

/// Reads settings from the command line, the environment and a file, in this order of precedence.
struct SettingSources {
    /// Where a value came from.
    enum Source: String { case commandLine = "command line", environment, file, `default` }

    /// A setting with its value and where that came from.
    struct Resolved {
        let setting: Setting
        let text: String
        let source: Source
    }

    let resolved: [Resolved]
    let settings: Settings

    /// - Parameter arguments: what stands behind the subcommand.
    /// - Throws: what is wrong and where, in words.
    init(
        arguments: [String], environment: [String: String] = Self.processEnvironment
    ) throws(StartFailure) {
        var (flags, file) = try Self.parse(arguments)
        file = file ?? environment["TIDEMARK_SETTINGS"]
        let values = try file.map(Self.read) ?? [:]
        var settings = Settings()
        var resolved: [Resolved] = []
        for setting in Setting.all {
            let found: (String, Source)? =
                if let text = flags.removeValue(forKey: setting.name) {
                    (text, .commandLine)
                } else if let text = environment[setting.variable] {
                    (text, .environment)
                } else if let text = values[setting.name] { (text, .file) } else { nil }
            if let (text, source) = found, !setting.apply(&settings, text) {
                throw StartFailure(
                    "\(setting.name) cannot be \(text) (from the \(source.rawValue))")
            }
            resolved.append(
                Resolved(
                    setting: setting, text: found?.0 ?? setting.defaultText,
                    source: found?.1 ?? .default))
        }
        try Self.refuseUnknown(environment: environment, file: values)
        self.resolved = resolved
        self.settings = settings
    }

    /// The flags' values by setting, and the settings file.
    private static func parse(
        _ arguments: [String]
    ) throws(StartFailure) -> ([String: String], String?) {
        var flags: [String: String] = [:]
        var file: String?
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false
            ).map(String.init)
            let flag = parts.first ?? ""
            let setting = Setting.all.first {
                $0.flag == flag || $0.short.map { "--" + $0 } == flag
            }
            guard setting != nil || flag == "--settings" else {
                throw StartFailure(
                    "there is no option \(argument); tidemark serve --help lists them")
            }
            let isSwitch = setting?.defaultText == "false"
            let value: String? =
                if parts.count == 2 {
                    parts[1]
                } else if isSwitch, !["true", "false"].contains(rest.first) { "true" } else {
                    rest.popFirst()
                }
            guard let value else { throw StartFailure("\(flag) needs a value") }
            if let setting { flags[setting.name] = value } else { file = value }
        }
        return (flags, file)
    }

    /// The settings file's values by setting: objects nest, `{"http": {"port": 8080}}`.
    private static func read(_ path: String) throws(StartFailure) -> [String: String] {
        do {
            let file = try File(path: path, name: path, flags: O_RDONLY)
            let bytes = try file.read(at: 0, count: 1 << 20)
            var values: [String: String] = [:]
            try flatten(try JSONDocument(bytes, depth: 4).root, "", into: &values)
            return values
        } catch let problem as Problem {
            throw StartFailure("\(path): \(problem.detail)")
        } catch {
            throw StartFailure("the settings file \(path) cannot be read")
        }
    }

    private static func flatten(
        _ node: JSONNode, _ prefix: String, into values: inout [String: String]
    ) throws(Problem) {
        guard let members = node.members else {
            throw Problem(.badJSON, "\(prefix.isEmpty ? "the file" : prefix) must be an object")
        }
        for (name, value) in members {
            let path = prefix.isEmpty ? name : "\(prefix).\(name)"
            if let text = value.string ?? value.integer.map(String.init)
                ?? value.bool.map(String.init)
            {
                values[path] = text
            } else {
                try flatten(value, path, into: &values)
            }
        }
    }

    private static func refuseUnknown(
        environment: [String: String], file: [String: String]
    ) throws(StartFailure) {
        let names = Set(Setting.all.map(\.name))
        if let name = file.keys.sorted().first(where: { !names.contains($0) }) {
            throw StartFailure("the settings file has an unknown setting \(name)")
        }
        let variables = Set(
            Setting.all.map(\.variable) + [
                "TIDEMARK_SETTINGS", "TIDEMARK_TOKEN", "TIDEMARK_KEEP_PMEM_ENVIRONMENT",
            ])
        let unknown = environment.keys.sorted().first {
            $0.hasPrefix("TIDEMARK_") && !variables.contains($0)
        }
        if let unknown { throw StartFailure("the environment has an unknown setting \(unknown)") }
    }

    static var processEnvironment: [String: String] {
        var values: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return values
    }
}
