import API
import Store
import TestSupport
import Testing

@testable import Server

@Suite struct AccessTests {
    @Test(arguments: [
        ("*", "logs", "a", true), ("logs/*", "logs", "a", true), ("logs/*", "pools", "a", false),
        ("logs/app-*", "logs", "app-", true), ("logs/app-*", "logs", "app-1", true),
        ("logs/app-*", "logs", "ap", false), ("logs/app-*", "logs", "xapp-1", false),
        ("logs/app", "logs", "app", true), ("logs/app", "logs", "app1", false),
        ("logs/a*b*c", "logs", "aXbYbZc", true), ("logs/a*b*c", "logs", "aXbYbZ", false),
        ("logs/*.log", "logs", "x.log", true), ("logs/*.log", "logs", "xlog", false),
        ("logs/**a", "logs", "bca", true), ("mpools/service", "mpools", "service", true),
    ])
    func patternCovers(_ text: String, _ kind: String, _ name: String, _ covers: Bool) throws {
        #expect(try #require(ResourcePattern(text)).covers(kind, name) == covers)
    }

    @Test(arguments: [
        "", "/", "logs", "logs/", "/a", "files/a", "Logs/a", "logs/a/b", "logs/a b", "logs/é",
        "**", "logs/" + String(repeating: "a", count: 129), "tokens/*",
    ])
    func patternIsRefused(_ text: String) { #expect(ResourcePattern(text) == nil) }

    @Test func patternOfManyStarsTakesNoLongTime() throws {
        let pattern = try #require(ResourcePattern("logs/" + String(repeating: "*a", count: 63)))
        let started = Instant.now
        #expect(!pattern.covers("logs", String(repeating: "a", count: 127) + "b"))
        #expect(Instant.now.nanoseconds(since: started) < 100_000_000)
    }

    @Test func patternCoversFilesOfItsOwnOnly() throws {
        let pattern = try #require(ResourcePattern("logs/app-*"))
        #expect(pattern.covers(path: "logs/app-1/x.LOG"))
        #expect(!pattern.covers(path: "logs/other.LOG"))
        #expect(!pattern.covers(path: "app-1"))
        let exact = try #require(ResourcePattern("logs/a"))
        #expect(exact.covers(path: "logs/a.LOG") && exact.covers(path: "logs/a.LOG.1"))
        // These look like its own, and would be the files of the logs secret and a.LOG.x.
        let tricky = try #require(ResourcePattern("logs/*.LOG"))
        #expect(!tricky.covers(path: "logs/secret.LOG"))
        #expect(!exact.covers(path: "logs/a.LOG.x.LOG"))
        let folder = try #require(ResourcePattern("journals/a*z"))
        #expect(!folder.covers(path: "journals/a-secret/z"))
        #expect(!pattern.covers(path: "pools/app-1"))
        #expect(ResourcePattern.everything.covers(path: "anything/at/all"))
    }

    @Test func noMoreTokensAreWrittenThanAreReadAgain() throws {
        let folder = try TemporaryDirectory()
        let directory = try DataDirectory(path: folder.path)
        var grant = TokenGrant(scopes: [.admin])
        let text = "logs/" + String(repeating: "a", count: 120)
        grant.patterns = Array(repeating: try #require(ResourcePattern(text)), count: 100)
        let token = { (number: Int) in
            AccessToken(
                id: "t\(1_000_000 + number)", digest: [UInt8](repeating: 1, count: 32),
                createdAt: 0, grant: grant)
        }
        let one = TokenFile.encode([token(0)]).count
        let size = TokenFile.encode([token(0), token(1)]).count - one
        try TokenFile.write((0..<TokenFile.longest / size).map(token), in: directory)
        let tokens = try Tokens(in: directory)
        let before = tokens.all.map(\.id)
        #expect { try tokens.make(grant) } throws: { ($0 as? Problem)?.code == .rateLimited }
        #expect(tokens.all.map(\.id) == before)
        #expect(try Tokens(in: directory).all.map(\.id) == before)
        try tokens.remove(before[0])
        try tokens.remove(before[1])
        _ = try tokens.make(grant)
    }

    @Test func secretsHaveTheirFormAndDiffer() {
        let made = (0..<100).map { _ in TokenSecret.make() }
        for (id, text) in made {
            #expect(text.utf8.count == 66 && text.hasPrefix("tm_\(id)_"))
            #expect(TokenSecret.id(in: Substring(text)) == id)
        }
        #expect(Set(made.map(\.text)).count == 100)
        for bad in ["", "tm_", "xx" + made[0].text.dropFirst(2), made[0].text + "a"] {
            #expect(TokenSecret.id(in: Substring(bad)) == nil)
        }
    }

    /// 10^5 comparisons each: where digests differ must not show in the time.
    @Test func comparisonTakesAsLongWhereverDigestsDiffer() {
        let digest = (0..<32).map { _ in UInt8.random(in: 1...255) }
        var first = digest
        first[0] = 0
        var last = digest
        last[31] = 0
        #expect(TokenSecret.isSame(digest, digest))
        #expect(!TokenSecret.isSame(digest, first) && !TokenSecret.isSame(digest, last))
        #expect(!TokenSecret.isSame(digest, Array(digest.dropLast())))
        func nanoseconds(_ other: [UInt8]) -> Int {
            let started = Instant.now
            var same = 0
            for _ in 0..<1000 where TokenSecret.isSame(digest, other) { same += 1 }
            #expect(same == 0)
            return Instant.now.nanoseconds(since: started)
        }
        // Turn by turn, and the middle of each: what else the machine does falls on both.
        var times: (first: [Int], last: [Int]) = ([], [])
        for _ in 0..<100 {
            times.first.append(nanoseconds(first))
            times.last.append(nanoseconds(last))
        }
        let ratio = Double(times.first.sorted()[50]) / Double(times.last.sorted()[50])
        #expect((0.8...1.25).contains(ratio), "\(ratio)")
    }

    @Test func fileGivesItsTokensBackAndDamageIsNoticed() throws {
        let digest = (0..<32).map { UInt8($0) }
        var grant = TokenGrant(scopes: [.read, .append])
        grant.patterns = [try #require(ResourcePattern("logs/a-*"))]
        grant.expiresAt = 4_000_000_000_123
        grant.rate = TokenRate(requestsPerSecond: 7, burst: 9)
        grant.resourceQuota = 3
        grant.byteQuota = 1 << 40
        grant.note = "a \"note\"\nof two lines"
        let token = AccessToken(
            id: "abcdefghij", digest: digest, createdAt: 1_700_000_000_000, grant: grant)
        let bytes = TokenFile.encode([token])
        let read = try #require(TokenFile.decode(bytes)?.first)
        #expect(read.id == token.id && read.digest == digest && read.grant == grant)
        #expect(read.createdAt == token.createdAt)
        #expect(TokenFile.decode(TokenFile.encode([]))?.isEmpty == true)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1
            #expect(TokenFile.decode(damaged) == nil, "byte \(index)")
            #expect(TokenFile.decode(Array(bytes[..<index])) == nil, "cut at \(index)")
        }
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("0292-06-28T07:47:24Z", 0),
            ("2026-11-21T08:21:03.483Z", 1_795_249_263_483),
            ("2000-02-29T12:00:00+02:00", 951_818_400_000),
            ("2024-12-31t23:59:59.9z", 1_735_689_599_900),
        ] as [(String, Int)])
    func timestampIsRead(_ text: String, _ milliseconds: Int) {
        #expect(Timestamp.milliseconds(text) == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
        "2026-01-01T00:00:00+0100",
    ])
    func timestampIsRefused(_ text: String) { #expect(Timestamp.milliseconds(text) == nil) }

    @Test func rateLetsABurstThroughAndThenItsPace() {
        let limiter = RateLimiter(TokenRate(requestsPerSecond: 10, burst: 5))
        var now = Instant.now
        for left in (0..<5).reversed() {
            let finding = limiter.take(now)
            #expect(finding.isAllowed && finding.remaining == left)
        }
        let refused = limiter.take(now)
        #expect(!refused.isAllowed && refused.seconds == 1)
        now = now.advanced(milliseconds: 100)
        #expect(limiter.take(now).isAllowed && !limiter.take(now).isAllowed)
        now = now.advanced(milliseconds: 60_000)
        #expect(limiter.look(now).remaining == 5)
    }

    @Test func failuresAreCountedByAddress() {
        let limiter = FailureLimiter(perMinute: 3)
        let now = Instant.now
        for _ in 0..<3 { #expect(limiter.note("a", now) == nil) }
        #expect(limiter.note("a", now) == 20)
        #expect(limiter.note("b", now) == nil)
        #expect(limiter.note("a", now.advanced(milliseconds: 20_001)) == nil)
    }
}
