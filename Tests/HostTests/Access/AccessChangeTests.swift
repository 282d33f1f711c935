import Credentials
import Envelope
import Host
import Testing

@Suite("Policies and identities that requests change")
struct AccessChangeTests {
    private let access = AccessControl(
        admin: identity(1), proxies: [identity(8)],
        policies: [PolicyDefinition(name: "fixed", allow: ["/v1/status"], identities: [identity(2), identity(3)])],
        startedAt: startTime)
    private let later = Timestamp(seconds: 1_700_000_100, nanoseconds: 0)

    /// `access` with the ephemeral policy `temporary`, which identity 4 has.
    private func changed() throws -> AccessControl {
        try access
            .writing(policy: "temporary", allow: ["/v1/key/*"], deny: ["/v1/key/delete/*"], by: identity(1), at: later)
            .assigning(identity(4), toPolicy: "temporary", by: identity(1), at: later)
    }

    @Test("A policy that was written decides about the identities that are assigned to it")
    func write() throws {
        let changed = try changed()
        #expect(changed.decide(identity(4), path: "/v1/key/create/k") == .allowed(policy: "temporary"))
        #expect(
            changed.decide(identity(4), path: "/v1/key/delete/k")
                == .denied(.deniedByPattern("/v1/key/delete/*", policy: "temporary")))
        let policy = try changed.policy(named: "temporary")
        #expect(policy.allow.patterns.map(\.text) == ["/v1/key/*"])
        #expect(policy.deny.patterns.map(\.text) == ["/v1/key/delete/*"])
        #expect(policy.origin == RuleOrigin(createdAt: later, createdBy: identity(1), isEphemeral: true))
    }

    @Test("A change leaves the snapshot that it started from as it was")
    func immutable() throws {
        _ = try changed()
        #expect(access.decide(identity(4), path: "/v1/key/create/k") == .denied(.unknownIdentity(identity(4))))
        #expect(throws: AccessError.policyDoesNotExist) { try access.policy(named: "temporary") }
    }

    @Test("A written policy can be written again, and its identities stay")
    func rewrite() throws {
        let rewritten = try changed().writing(policy: "temporary", allow: ["/v1/ready"], deny: [], by: identity(1), at: later)
        #expect(rewritten.decide(identity(4), path: "/v1/ready") == .allowed(policy: "temporary"))
        #expect(rewritten.decide(identity(4), path: "/v1/key/create/k") == .denied(.noPatternAllows(policy: "temporary")))
    }

    @Test(
        "A request cannot write what takes the server's time or memory, or shows a terminal what is not there",
        arguments: [
            ([String](repeating: "/a", count: 1001), AccessError.tooManyPatterns),
            (["/" + String(repeating: "a", count: 1024)], .patternTooLong),
            (["/v1/\u{1b}[2J"], .patternNotAllowed), (["/v1/status\n  /v1/*"], .patternNotAllowed),
            (["/\u{9b}"], .patternNotAllowed),
            (["/v1/\u{202e}"], .patternNotAllowed),
        ])
    func limits(patterns: [String], error: AccessError) throws {
        func write(_ allow: [String], _ deny: [String]) throws(AccessError) -> AccessControl {
            try access.writing(policy: "temporary", allow: allow, deny: deny, by: identity(1), at: later)
        }
        #expect(throws: error) { try write(patterns, []) }
        #expect(throws: error) { try write([], patterns) }
        #expect(error.status == 400)
        // What is just within the limits is taken.
        let most = (0..<999).map { "/a/\($0)" } + ["/" + String(repeating: "a", count: 1023)]
        #expect(
            try write(Array(most.prefix(500)), Array(most.dropFirst(500))).policy(named: "temporary").allow.patterns.count == 500)
    }

    @Test("Policies that requests write take 16 MiB together, and one that is deleted makes room")
    func memory() throws {
        let patterns = (0..<1000).map { "/\($0)/" + String(repeating: "a", count: 1000) }
        var changed = access
        var count = 0
        let full = #expect(throws: AccessError.self) {
            while count < 20 {
                changed = try changed.writing(policy: "p\(count)", allow: patterns, deny: [], by: identity(1), at: later)
                count += 1
            }
        }
        #expect(full == .tooManyPolicies)
        #expect(count == 7)
        // Writing one again does not count twice.
        changed = try changed.writing(policy: "p0", allow: patterns, deny: [], by: identity(1), at: later)
        changed = try changed.deletingPolicy(named: "p0")
        changed = try changed.writing(policy: "p7", allow: patterns, deny: [], by: identity(1), at: later)
    }

    @Test("Requests assign 10,000 identities, and may move any of them")
    func assignments() throws {
        var changed = try changed().deleting(identity(4))
        func number(_ index: Int) throws -> Identity {
            let digits = String(index, radix: 16)
            return try #require(Identity(String(repeating: "0", count: 64 - digits.count) + digits))
        }
        for index in 0..<10_000 {
            changed = try changed.assigning(try number(1_000_000 + index), toPolicy: "temporary", by: identity(1), at: later)
        }
        #expect(throws: AccessError.tooManyAssignments) {
            try changed.assigning(identity(5), toPolicy: "temporary", by: identity(1), at: later)
        }
        changed = try changed.assigning(try number(1_000_000), toPolicy: "fixed", by: identity(1), at: later)
        changed = try changed.deleting(try number(1_000_001))
        changed = try changed.assigning(identity(5), toPolicy: "temporary", by: identity(1), at: later)
    }

    @Test("A policy of the configuration can neither be replaced nor deleted")
    func fixed() {
        let replaced = #expect(throws: AccessError.self) {
            try access.writing(policy: "fixed", allow: ["*"], deny: [], by: identity(1), at: later)
        }
        #expect(replaced == .policyAlreadyExists)
        #expect(replaced?.message == "policy already exists")
        #expect(replaced?.status == 400)
        let deleted = #expect(throws: AccessError.self) { try access.deletingPolicy(named: "fixed") }
        #expect(deleted == .configuredPolicyCannotBeDeleted)
        #expect(deleted?.status == 400)
    }

    @Test("Assigning takes an identity from its policy, whether a request or the configuration put it there")
    func assign() throws {
        let moved = try changed().assigning(identity(2), toPolicy: "temporary", by: identity(1), at: later)
        #expect(moved.decide(identity(2), path: "/v1/status") == .denied(.noPatternAllows(policy: "temporary")))
        #expect(moved.decide(identity(3), path: "/v1/status") == .allowed(policy: "fixed"))
        let back = try moved.assigning(identity(4), toPolicy: "fixed", by: identity(1), at: later)
        #expect(back.decide(identity(4), path: "/v1/status") == .allowed(policy: "fixed"))
    }

    @Test("Neither the administrator nor a proxy can be assigned, nor anyone to a policy that is not there")
    func cannotAssign() {
        for (number, policy, error) in [
            (UInt8(1), "fixed", AccessError.administratorCannotBeAssigned), (8, "fixed", .proxyCannotBeAssigned),
            (4, "none", .policyDoesNotExist),
        ] {
            #expect(throws: error) { try access.assigning(identity(number), toPolicy: policy, by: identity(1), at: later) }
        }
    }

    @Test("Deleting a policy takes it from its identities and from nobody else")
    func deletePolicy() throws {
        let deleted = try changed().deletingPolicy(named: "temporary")
        #expect(deleted.decide(identity(4), path: "/v1/key/create/k") == .denied(.unknownIdentity(identity(4))))
        #expect(deleted.decide(identity(2), path: "/v1/status") == .allowed(policy: "fixed"))
        let error = #expect(throws: AccessError.self) { try deleted.deletingPolicy(named: "temporary") }
        #expect(error?.message == "policy does not exist")
        #expect(error?.status == 404)
    }

    @Test("Deleting an identity takes it from its policy; the administrator cannot be deleted")
    func deleteIdentity() throws {
        let deleted = try access.deleting(identity(2))
        #expect(deleted.decide(identity(2), path: "/v1/status") == .denied(.unknownIdentity(identity(2))))
        #expect(deleted.decide(identity(3), path: "/v1/status") == .allowed(policy: "fixed"))
        let error = #expect(throws: AccessError.self) { try deleted.deleting(identity(2)) }
        #expect(error?.message == "identity does not exist")
        #expect(error?.status == 404)
        #expect(throws: AccessError.administratorCannotBeDeleted) { try access.deleting(identity(1)) }
    }

    @Test("An identity is described with its policy and with who put it there; the configuration is the administrator's work")
    func describe() throws {
        let changed = try changed()
        guard case .administrator(let createdAt) = try changed.member(identity(1)) else {
            Issue.record("identity 1 is the administrator")
            return
        }
        #expect(createdAt == startTime)
        guard case .assigned(let fixed, let origin) = try changed.member(identity(2)),
            case .assigned(let temporary, let laterOrigin) = try changed.member(identity(4))
        else {
            Issue.record("identities 2 and 4 are assigned")
            return
        }
        #expect(fixed.name == "fixed")
        #expect(origin == RuleOrigin(createdAt: startTime, createdBy: identity(1), isEphemeral: false))
        #expect(fixed.origin == origin)
        #expect(temporary.name == "temporary")
        #expect(laterOrigin == RuleOrigin(createdAt: later, createdBy: identity(1), isEphemeral: true))
        #expect(throws: AccessError.identityDoesNotExist) { try changed.member(identity(9)) }
    }

    @Test("Listings are sorted and complete over their pages, and hold the administrator")
    func list() throws {
        var access = access
        for number in 0..<25 {
            access = try access.writing(policy: "p\(number)", allow: [], deny: [], by: identity(1), at: later)
        }
        var names: [String] = []
        var pages = 0
        var next: String? = "p*"
        while let pattern = next {
            let page = access.policyNames(try ListPattern(pattern), limit: 4)
            names += page.names
            next = page.continueAt
            pages += 1
        }
        #expect(names == (0..<25).map { "p\($0)" }.sorted())
        #expect(pages == 7)
        let last = access.policyNames(try ListPattern("fix"))
        #expect(last.names == ["fixed"])
        #expect(last.continueAt == nil)
        #expect(access.identities(try ListPattern("*")).names == [1, 2, 3].map { identity($0).description })
        #expect(access.identities(try ListPattern("02")).names == [identity(2).description])
    }
}
