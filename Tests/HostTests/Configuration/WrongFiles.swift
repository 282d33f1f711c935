extension WrongFile {
    static let syntax: [WrongFile] = [
        WrongFile(
            "An empty file", "", "1:1: the file is empty; it must be a mapping with at least 'admin', 'tls' and 'keystore'"),
        WrongFile(
            "A file of comments", "# nothing\n",
            "1:1: the file is empty; it must be a mapping with at least 'admin', 'tls' and 'keystore'"),
        WrongFile("A tab for indentation", "admin:\n\tidentity: x\n", "2:1: a tab where YAML wants spaces; indent with spaces"),
        WrongFile(
            "A list that is not closed", "keys: [ a, b\nlog: x\n",
            "2:4: a ',' or a ']' is expected here (parsing a flow sequence that begins at line 1, column 7)"),
        WrongFile(
            "A mapping that is not closed", "log: { error: on\n",
            "2:1: a ',' or a '}' is expected here (parsing a flow mapping that begins at line 1, column 6)"),
        WrongFile(
            "A list that is not closed where the file ends without a line break", "keys: [ a, b",
            "1:13: a ',' or a ']' is expected here (parsing a flow sequence that begins at line 1, column 7)"),
        WrongFile(
            "A list with nothing between commas", "keys: [ a, , b ]\n",
            "1:12: a value is expected here; write one, or remove the ',' before it"),
        WrongFile(
            "A variable without quotes within braces", "log: { error: ${LEVEL} }\n",
            "1:16: within [ ] and { } a '{' begins a mapping; put the ${NAME} in quotes"),
        WrongFile(
            "A quote that is not closed", "address: \"0.0.0.0\n",
            "2:1: the file ends within a quoted value (scanning a quoted scalar that begins at line 1, column 10); close the quote"
        ),
        WrongFile(
            "A member without a colon", "log:\n  error on\n  audit: off\n",
            "3:8: a ':' is not allowed here; check the indentation, and put a value that contains ': ' in quotes"),
        WrongFile(
            "A member that is indented too far", "address: :7373\n  version: v1\n",
            "2:10: a ':' is not allowed here; check the indentation, and put a value that contains ': ' in quotes"),
        WrongFile(
            "A member that is indented too little", "tls:\n    key: k\n  cert: c\n",
            "3:3: the name of a member is expected here (parsing a block mapping that begins at line 1, column 1); "
                + "indent it as the members beside it"),
        WrongFile("A value that begins with @", "address: @x\n", "1:10: '@' cannot start a value; put the value in quotes"),
        WrongFile(
            "An alias without an anchor", "address: *here\n",
            "1:10: this alias has no anchor before it; write '&name' in front of the value that it stands for"),
        WrongFile(
            "Two documents", "version: v1\n---\nversion: v1\n",
            "2:1: a second document begins here; a configuration is one document: remove the '---'"),
        WrongFile(
            "A control character", "version: v1\naddress: 0\u{7}\n",
            "2:11: the character U+7 is not allowed in YAML; remove it, or escape it in double quotes"),
        .minimal(
            "A member twice", "log: { audit: off }\nadmin: {}\n", "9:1: 'admin' is given twice, first at line 1; keep one of them"
        ),
        .minimal(
            "A member three times, quoted or not", "log:\n  audit: off\n  \"audit\": on\n  'audit': on\n",
            "10:3: 'audit' is given twice, first at line 9; keep one of them",
            "11:3: 'audit' is given twice, first at line 9; keep one of them"),
        .minimal(
            "Members twice in several places, beside another error",
            "log: { audit: off, audit: on, x: 1 }\naddress: a\naddress: b\n",
            "8:20: 'audit' is given twice, first at line 8; keep one of them",
            "8:31: unknown member 'x' in 'log'; known are 'error', 'audit'",
            "9:10: 'address' is 'a', which has no port; write ip:port, such as 0.0.0.0:7373, or :port",
            "10:1: 'address' is given twice, first at line 9; keep one of them"),
        .minimal(
            "A member twice, written with an escape", "log: { \"audi\\x74\": off, audit: on }\n",
            "8:25: 'audit' is given twice, first at line 8; keep one of them"),
        .minimal("A list for a name", "? [a]\n: b\n", "8:3: the name of a member must be a single value"),
        .minimal(
            "A merge of no mapping", "log:\n  <<: on\n",
            "9:7: '<<' merges a mapping; write an alias of one, such as '<<: *defaults'"),
        .minimal(
            "A variable that is not set", "address: ${KES_ADDRESS}\n",
            "8:10: the environment variable 'KES_ADDRESS' is not set; set it, or write the value in place of ${KES_ADDRESS}"),
        .minimal(
            "A variable without a name", "address: ${}\n",
            "8:10: '${}' names no environment variable; write ${NAME}, or put the text in another form"),
    ]

    static let structure: [WrongFile] = [
        WrongFile(
            "A list for the file", "- admin\n",
            "1:1: the file is a list; it must be a mapping with at least 'admin', 'tls' and 'keystore'"),
        WrongFile(
            "A document without content", "---\n",
            "2:1: the file is empty; it must be a mapping with at least 'admin', 'tls' and 'keystore'"),
        .minimal("A misspelt section", "polcy: {}\n", "8:1: unknown member 'polcy'; did you mean 'policy'?"),
        .minimal(
            "A member that resembles none", "enclave: {}\n",
            "8:1: unknown member 'enclave'; known are 'version', 'address', 'admin', 'tls', 'policy', 'cache', 'api', 'log', "
                + "'keys', 'keystore', 'plugins'"),
        .minimal(
            "A misspelt member of a policy", "policy:\n  my-app:\n    denny: [ /v1/key/delete/* ]\n",
            "10:5: unknown member 'denny' in 'policy.my-app'; did you mean 'deny'?"),
        .minimal(
            "A misspelt member of a nested section", "cache: { expiry: { ofline: 1h } }\n",
            "8:20: unknown member 'ofline' in 'cache.expiry'; did you mean 'offline'?"),
        .minimal("A member in the wrong case", "Log: {}\n", "8:1: unknown member 'Log'; did you mean 'log'?"),
        .minimal(
            "A list for a section", "cache: [ expiry ]\n", "8:8: 'cache' must be a mapping ('name: value' lines) and is a list"),
        .minimal(
            "A value for a list", "policy:\n  p:\n    allow: /v1/status\n",
            "10:12: 'policy.p.allow' must be a list ([ … ] or '- ' lines) and is a single value"),
        .minimal("A list for a value", "address: [ 0.0.0.0:7373 ]\n", "8:10: 'address' must be a single value and is a list"),
        .minimal(
            "A mapping in a list of values", "policy: { p: { deny: [ /v1/a, { b: c } ] } }\n",
            "8:31: each entry of 'policy.p.deny' must be a single value and is a mapping"),
    ]

    static let members: [WrongFile] = [
        .minimal("Another version", "version: v2\n", "8:10: 'version' is 'v2'; the only one is v1, which may be left out"),
        .minimal(
            "An address without a port", "address: 127.0.0.1\n",
            "8:10: 'address' is '127.0.0.1', which has no port; write ip:port, such as 0.0.0.0:7373, or :port"),
        .minimal(
            "A port too large", "address: 127.0.0.1:70000\n",
            "8:10: 'address' is '127.0.0.1:70000', whose port '70000' is not a number from 0 to 65535"),
        .minimal(
            "No port", "address: '127.0.0.1:'\n", "8:10: 'address' is '127.0.0.1:', whose port '' is not a number from 0 to 65535"
        ),
        .minimal(
            "A port with a sign", "address: :+80\n", "8:10: 'address' is ':+80', whose port '+80' is not a number from 0 to 65535"
        ),
        .minimal(
            "A host name", "address: kes.example.com:7373\n",
            "8:10: 'address' is 'kes.example.com:7373', whose 'kes.example.com' is no IP address; write the address of a network "
                + "interface, or 0.0.0.0 for all: what a host name stands for can change"),
        .minimal(
            "An IPv6 address without brackets", "address: ::1:7373\n",
            "8:10: 'address' is '::1:7373', which is ambiguous; write an IPv6 address in brackets, such as [::1]:7373"),
        .minimal(
            "A duration without a unit", "cache: { expiry: { any: 15 } }\n",
            "8:25: 'cache.expiry.any' is '15', which has no unit; write 15s, 5m, 1h30m or 250ms"),
        .minimal(
            "A negative duration", "cache: { expiry: { unused: -30s } }\n",
            "8:28: 'cache.expiry.unused' is '-30s', which is negative; write 0 or more"),
        .minimal(
            "A duration in words", "api: { /v1/ready: { timeout: 5 minutes } }\n",
            "8:30: 'api./v1/ready.timeout' is '5 minutes', which is no length of time; write 15s, 5m, 1h30m or 250ms"),
        .minimal(
            "A duration that Go cannot count", "cache: { expiry: { offline: 2562048h } }\n",
            "8:29: 'cache.expiry.offline' is '2562048h', which is too long; the longest is 2562047h"),
        .minimal(
            "A switch that is neither", "api: { /v1/ready: { skip_auth: maybe } }\n",
            "8:32: 'api./v1/ready.skip_auth' is 'maybe'; write true or false"),
        .minimal(
            "A route that does not exist", "api: { /v1/redy: {} }\n",
            "8:8: 'api' has no route '/v1/redy'; did you mean '/v1/ready'?"),
        .minimal(
            "A route twice, in two spellings", "api: { /v1/ready: {}, /v1/ready/: {} }\n",
            "8:23: the route '/v1/ready' is given twice, first at line 8; keep one of them"),
        .minimal(
            "A log level that does not exist", "log: { error: LOUD }\n",
            "8:15: 'log.error' is 'LOUD'; write on, off, DEBUG, INFO, WARN or ERROR"),
        WrongFile(
            "No private key", "admin: { identity: disabled }\ntls: { cert: c }\nkeystore: { mem: {} }\n",
            "2:1: 'tls.key' is missing; name the PEM file with the server's private key"),
        WrongFile(
            "An empty certificate", "admin: { identity: disabled }\ntls: { key: k, cert: '' }\nkeystore: { mem: {} }\n",
            "2:1: 'tls.cert' is missing; name the PEM file with the server's certificate and those of its issuers, its own first"),
        WrongFile(
            "A switch of TLS that is neither",
            "admin: { identity: disabled }\ntls: { key: k, cert: c, auth: strict }\nkeystore: { mem: {} }\n",
            "2:31: 'tls.auth' is 'strict'; write on or off"),
        WrongFile(
            "A header that is no header",
            "admin: { identity: disabled }\ntls: { key: k, cert: c, proxy: { header: { cert: 'X-Cert:' } } }\nkeystore: { mem: {} }\n",
            "2:50: 'tls.proxy.header.cert' is 'X-Cert:', which cannot name an HTTP header; write X-Tls-Client-Cert"),
        WrongFile(
            "A header that means something else",
            "admin: { identity: disabled }\ntls: { key: k, cert: c, proxy: { header: { cert: Host } } }\nkeystore: { mem: {} }\n",
            "2:50: 'tls.proxy.header.cert' is 'Host', a header with a meaning of its own; write X-Tls-Client-Cert"),
    ]
}
