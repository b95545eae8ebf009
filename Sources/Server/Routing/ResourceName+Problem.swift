import API
import Store

extension ResourceName {
    /// - Throws: `bad_name`.
    static func check(_ name: String) throws(Problem) {
        guard isValid(name) else {
            throw Problem(
                .badName,
                "a name is a letter or digit, then up to 127 of letters, digits, . _ and -")
        }
    }
}
