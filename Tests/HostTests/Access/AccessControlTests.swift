import Credentials
import Envelope
import Host
import Testing

/// An identity that no other test value has.
func identity(_ number: UInt8) -> Identity {
    guard let identity = Identity(digest: [UInt8](repeating: number, count: Identity.byteCount)) else {
        preconditionFailure("32 bytes make an identity")
    }
    return identity
}

/// When the tests' servers started.
let startTime = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)

@Suite("The decision who may do what")
struct AccessControlTests {
    private let access = AccessControl(
        admin: identity(1),
        policies: [
            PolicyDefinition(
                name: "app", allow: ["/v1/key/create/my-app*", "/v1/status"],
                deny: ["/v1/key/create/my-app-internal*", "/v1/key/*/x"],
                identities: [identity(2), identity(3)]),
            PolicyDefinition(name: "empty", identities: [identity(4)]),
            PolicyDefinition(name: "all", allow: ["*"], identities: [identity(5)]),
        ], startedAt: startTime)

    @Test("The administrator may call everything")
    func administrator() {
        #expect(access.decide(identity(1), path: "/v1/key/delete/x") == .admin)
        #expect(access.decide(identity(1), path: "/no/such/route") == .admin)
    }

    @Test("Nobody is the administrator when there is none")
    func noAdministrator() {
        let access = AccessControl(admin: nil, policies: [], startedAt: startTime)
        #expect(access.decide(identity(0), path: "/v1/status") == .denied(.unknownIdentity(identity(0))))
    }

    @Test("An identity in no policy is denied")
    func unknownIdentity() {
        let decision = access.decide(identity(9), path: "/v1/status")
        #expect(decision == .denied(.unknownIdentity(identity(9))))
        guard case .denied(let reason) = decision else { return }
        #expect(reason.description == "identity \(identity(9)) is not in any policy")
    }

    @Test("Each identity of a policy may call what an allow pattern matches")
    func allowed() {
        for number in [UInt8(2), 3] {
            #expect(access.decide(identity(number), path: "/v1/key/create/my-app-1") == .allowed(policy: "app"))
            #expect(access.decide(identity(number), path: "/v1/status") == .allowed(policy: "app"))
        }
        #expect(access.decide(identity(5), path: "/v1/key/delete/x") == .allowed(policy: "all"))
    }

    @Test("A deny pattern wins over an allow pattern, and the reason names it")
    func denied() {
        let decision = access.decide(identity(2), path: "/v1/key/create/my-app-internal-7")
        #expect(decision == .denied(.deniedByPattern("/v1/key/create/my-app-internal*", policy: "app")))
        guard case .denied(let reason) = decision else { return }
        #expect(reason.description == "policy 'app' denies '/v1/key/create/my-app-internal*'")
    }

    @Test("What no pattern allows is denied")
    func notAllowed() {
        #expect(access.decide(identity(2), path: "/v1/key/delete/my-app") == .denied(.noPatternAllows(policy: "app")))
        #expect(access.decide(identity(2), path: "/v1/statuses") == .denied(.noPatternAllows(policy: "app")))
        #expect(access.decide(identity(4), path: "/v1/status") == .denied(.noPatternAllows(policy: "empty")))
    }
}
