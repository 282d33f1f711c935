extension WrongFile {
    static let identities: [WrongFile] = [
        WrongFile(
            "No administrator", "tls: { key: k, cert: c }\nkeystore: { mem: {} }\n",
            "1:1: 'admin.identity' is missing; write the identity that 'kes identity of FILE' prints, or 'disabled' for no administrator"
        ),
        WrongFile(
            "An administrator without identity", "tls: { key: k, cert: c }\nadmin:\n  identity:\nkeystore: { mem: {} }\n",
            "2:1: 'admin.identity' is missing; write the identity that 'kes identity of FILE' prints, or 'disabled' for no administrator"
        ),
        .minimal(
            "An identity that is none", "policy:\n  p:\n    identities: [ my-app ]\n",
            "10:19: 'my-app' in 'policy.p.identities' is no identity; "
                + "an identity is 64 hexadecimal digits, which 'kes identity of FILE' prints"),
        .minimal(
            "An identity in capitals", "policy:\n  p:\n    identities: [ \(appIdentity.uppercased()) ]\n",
            "10:19: '\(appIdentity.uppercased())' in 'policy.p.identities' is no identity; write it in lower case"),
        .minimal(
            "An API key in the place of an identity", "policy:\n  p:\n    identities: [ 'kes:v1:AP' ]\n",
            "10:19: an API key in 'policy.p.identities' where its identity belongs; it is secret: remove it from the file, and write what "
                + "'kes identity of APIKEY' prints"),
        .minimal(
            "An identity in two policies",
            "policy:\n  a: { identities: [ \(appIdentity) ] }\n  b:\n    identities:\n    - \(otherIdentity)\n    - \(appIdentity)\n",
            "13:7: the identity \(appIdentity) is in policy 'b' and, at line 9, in policy 'a'; "
                + "an identity has one role: remove it from one of the two"),
        .minimal(
            "The administrator in a policy", "policy:\n  a: { identities: [ \(adminIdentity) ] }\n",
            "9:22: the identity \(adminIdentity) is in policy 'a' and, at line 2, the administrator; "
                + "an identity has one role: remove it from one of the two"),
        WrongFile(
            "An administrator that is a proxy, and a proxy in a policy",
            """
            policy: { p: { identities: [ \(otherIdentity) ] } }
            admin: { identity: \(adminIdentity) }
            tls:
              key: k
              cert: c
              proxy:
                identities: [ \(adminIdentity), \(otherIdentity) ]
            keystore: { mem: {} }
            """,
            "1:30: the identity \(otherIdentity) is in policy 'p' and, at line 7, a TLS proxy; "
                + "an identity has one role: remove it from one of the two",
            "7:19: the identity \(adminIdentity) is a TLS proxy and, at line 2, the administrator; "
                + "an identity has one role: remove it from one of the two"),
    ]

    private static let nameRule =
        "a name has 1 to 80 characters of 0-9 A-Z a-z - _, with no '-' first or last, and is not just '_'"

    static let names: [WrongFile] = [
        .minimal("A bad policy name", "policy:\n  my.app: {}\n", "9:3: the policy name 'my.app' is not allowed; \(nameRule)"),
        .minimal("A bad key name", "keys: [ { name: -k } ]\n", "8:17: the key name '-k' is not allowed; \(nameRule)"),
        .minimal("A key without a name", "keys:\n- name: k\n- {}\n", "10:3: 'keys[1].name' is missing; write '- name: my-key'"),
        .minimal(
            "A key that is no mapping", "keys: [ my-key ]\n",
            "8:9: 'keys[0]' must be a mapping ('name: value' lines) and is a single value"),
        .minimal(
            "A key twice", "keys:\n- name: k\n- name: l\n- name: k\n",
            "11:9: the key 'k' is defined twice, first at line 9; remove one"),
        .minimal(
            "A misspelt member of a key", "keys: [ { nme: k } ]\n",
            "8:9: 'keys[0].name' is missing; write '- name: my-key'",
            "8:11: unknown member 'nme' in 'keys[0]'; did you mean 'name'?"),
    ]

    private static let head = "admin: { identity: disabled }\ntls: { key: k, cert: c }\n"

    static let keystores: [WrongFile] = [
        WrongFile(
            "No keystore", head,
            "1:1: there is no keystore; name a plugin and its configuration, such as 'keystore: { fs: { path: /var/lib/kes/keys } }'"
        ),
        WrongFile(
            "An empty keystore", head + "keystore: {}\n",
            "3:11: there is no keystore; name a plugin and its configuration, such as 'keystore: { fs: { path: /var/lib/kes/keys } }'"
        ),
        WrongFile(
            "Two keystores", head + "keystore:\n  fs: { path: /keys }\n  mem: {}\n",
            "5:3: two keystores: 'mem', and 'fs' at line 4; remove one"),
        WrongFile(
            "A keystore that is a value", head + "keystore: mem\n",
            "3:11: 'keystore' must be a mapping ('name: value' lines) and is a single value"),
        WrongFile(
            "A configuration that is a value", head + "keystore: { fs: /keys }\n",
            "3:17: 'keystore.fs' must be a mapping with the plugin's configuration and is a single value"),
        WrongFile(
            "A plugin name that is a path", head + "keystore: { ../fs: {} }\n",
            "3:13: '../fs' cannot name a plugin; a plugin's name has 1 to 64 characters of a-z 0-9 - _"),
        WrongFile(
            "A plugin name in capitals", head + "keystore: { FS: {} }\n",
            "3:13: 'FS' cannot name a plugin; a plugin's name has 1 to 64 characters of a-z 0-9 - _"),
        WrongFile(
            "What JSON cannot say", head + "keystore: { x: { a: .inf, b: !!int yes, c: !!binary aGk= } }\n",
            "3:21: infinities and NaN have no JSON form, which a keystore needs; write a number or quotes",
            "3:30: the tag '!!int' does not fit; the value is no int",
            "3:44: an unknown tag; known are '!!str', '!!int', '!!float', '!!bool' and '!!null'; put a value that begins with '!' in quotes"
        ),
        WrongFile(
            "A member of a plugin's configuration twice", head + "keystore:\n  x:\n    a: 1\n    a: 2\n",
            "6:5: 'a' is given twice, first at line 5; keep one of them"),
        WrongFile(
            "A variable in a plugin's configuration that is not set", head + "keystore: { x: { password: '${PASSWORD}' } }\n",
            "3:28: the environment variable 'PASSWORD' is not set; set it, or write the value in place of ${PASSWORD}"),
    ]
}
