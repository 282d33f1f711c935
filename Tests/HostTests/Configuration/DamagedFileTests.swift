import Host
import Testing

@Suite("Damaged configuration files")
struct DamagedFileTests {
    private static let text = """
        version: v1
        admin: &a { identity: "${ADMIN}" }
        tls:
          key: server.key
          cert: 'server.crt'
          proxy: { identities: [ \(otherIdentity) ], header: { cert: X-Tls-Client-Cert } }
        policy:
          my-app: &p
            allow: [ /v1/key/create/my-app*, "/v1/key/\\u0067enerate/*" ]
            identities: [ \(appIdentity) ]
          other:
            <<: *p
            identities: []
            deny:
            - >-
              folded
              text
            - |
              literal
        cache: { expiry: { any: 5m0s, unused: 30s } }
        keys: [ { name: my-key } ]
        keystore:
          x: { path: !!str 12, list: [ 1, 2.5, ~, true ], ? k : v }

        """

    private static let pieces = [
        "\t", "\n", " ", "  ", ":", "- ", "? ", "{", "}", "[", "]", ",", "\"", "'", "*a", "&a", "*", "&", "!", "!!int ", "|", ">",
        "%", "@", "#",
        "---\n", "...\n", "<<: ", "${X}", "\u{0}", "\u{FEFF}", "\u{E000}", "\u{85}", "\r", "\\", "\\x", "\u{1F511}",
        "%YAML 9.9\n", "%TAG ! x\n",
    ]

    @Test("However a file is damaged, the loader takes it or says where it is wrong")
    func neverCrashes() throws {
        var refused = 0
        for _ in 0..<1500 {
            var scalars = Array(Self.text.unicodeScalars)
            for _ in 0..<Int.random(in: 1...4) {
                let place = Int.random(in: 0..<scalars.count)
                let end = min(scalars.count, place + Int.random(in: 0...12))
                switch Int.random(in: 0..<4) {
                case 0: scalars.removeSubrange(place..<end)
                case 1: scalars.insert(contentsOf: Self.pieces[Int.random(in: 0..<Self.pieces.count)].unicodeScalars, at: place)
                case 2: scalars.insert(contentsOf: scalars[place..<end], at: Int.random(in: 0..<scalars.count))
                default: scalars[place..<end] = ArraySlice(Self.pieces[Int.random(in: 0..<Self.pieces.count)].unicodeScalars)
                }
                if scalars.isEmpty { scalars = ["\n"] }
            }
            let damaged = String(String.UnicodeScalarView(scalars))
            // libyaml ends lines at more than line feeds.
            let lines = scalars.filter { ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0) }.count + 1
            do throws(ConfigurationErrors) {
                _ = try parse(damaged, environment: ["ADMIN": adminIdentity])
            } catch {
                refused += 1
                #expect(!error.errors.isEmpty, "\(damaged)")
                for entry in error.errors {
                    #expect((1...lines).contains(entry.line) && entry.column >= 1, "\(entry)\n\(damaged)")
                    #expect(!entry.message.unicodeScalars.contains("\u{E001}"), "\(entry)\n\(damaged)")
                }
            }
        }
        // Both ways were taken.
        #expect((100..<1500).contains(refused))
    }

    @Test("The undamaged file is taken")
    func undamaged() throws {
        let configuration = try parse(Self.text, environment: ["ADMIN": adminIdentity])
        #expect(configuration.keystore.json == #"{"path":"12","list":[1,2.5,null,true],"k":"v"}"#)
        #expect(configuration.policies.last?.deny == ["folded text", "literal\n"])
    }
}
