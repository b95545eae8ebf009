import Testing

@testable import Server

@Suite struct SettingSourcesTests {
    @Test(arguments: [
        ["--data=", "--port=9000"], ["--data="], ["--port=", "9000"], ["--settings=", "x"],
    ])
    func valueThatIsMissingIsNotTheNextArgument(_ arguments: [String]) {
        #expect(throws: StartFailure.self) {
            try SettingSources(arguments: arguments, environment: [:])
        }
    }

    @Test func valuesMayHoldEqualSigns() throws {
        let sources = try SettingSources(
            arguments: ["--data=a=b", "--port=9000"], environment: [:])
        #expect(sources.settings.dataDirectory == "a=b" && sources.settings.port == 9000)
    }
}
