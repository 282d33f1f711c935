import SecureBytes
import Testing

/// Lends the bytes of `text` to a scanner.
private func scan<Result>(_ text: String, _ body: (inout JSONScanner) throws -> Result) throws -> Result {
    try Array(text.utf8).withUnsafeBytes { bytes in
        var scanner = JSONScanner(bytes)
        return try body(&scanner)
    }
}

/// Whether `text` is one JSON value with nothing behind it.
private func isJSON(_ text: String) -> Bool {
    do {
        try scan(text) { scanner in
            try scanner.skipValue()
            try scanner.end()
        }
        return true
    } catch {
        return false
    }
}

@Suite struct JSONScannerTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "12", "-1.5", "1e9", "1E+9", "0.5e-10", "\"\"", "\"a\"", "[]", "{}", "[[],[]]",
        " [ 1 , 2 ] ", "{\"a\":1}", "{\"a\":{\"b\":[]},\"c\":\"d\"}", "[{},{\"a\":[{}]}]", "\t\r\n 1\n", "\"\\u00e9\\/\\\\\\\"\"",
        "[\"]\",\"}\",\",\"]", "\"\u{7f}é\u{1f600}\"", "[null,true,false,-1.0e-1]",
    ])
    func jsonIsTaken(text: String) {
        #expect(isJSON(text))
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x1", "NaN", "\"", "\"a", "'a'", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\\", "\"\n\"", "\"\u{0}\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{",
        "}", "{1:2}",
        "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{\"a\":1]", "[{]}", "1 2", "{}{}", "[]]",
        "\u{feff}1",
        "// comment\n1", "{a:1}", "\"12345678\u{1f}\"",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        #expect(!isJSON(text))
    }

    @Test func everyTruncationIsRefused() {
        let text = #"{"ciphertext":"QUJD","context":null,"more":[1.5e3,{"a":[true,false]},"\u00e9"]}"#
        #expect(isJSON(text))
        for count in 0..<text.count { #expect(!isJSON(String(text.prefix(count)))) }
    }

    @Test func nestingIsLimitedWithoutRecursion() {
        func nested(_ count: Int) -> String { String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(isJSON(nested(JSONScanner.nestingLimit)))
        #expect(!isJSON(nested(JSONScanner.nestingLimit + 1)))
        #expect(throws: JSONError.nestedTooDeeply(offset: JSONScanner.nestingLimit)) {
            try scan(String(repeating: "[", count: 1 << 20)) { try $0.skipValue() }
        }
        #expect(throws: JSONError.nestedTooDeeply(offset: 5 * JSONScanner.nestingLimit)) {
            try scan(String(repeating: #"{"":"#, count: 1 << 18).replacing(#"{"":"#, with: #"{"" :"#)) { try $0.skipValue() }
        }
        // What the caller opens counts too.
        #expect(throws: JSONError.self) {
            try scan("[\(nested(JSONScanner.nestingLimit))]") { scanner in
                try scanner.array { element throws(JSONError) in try element.skipValue() }
            }
        }
    }

    @Test func membersComeInOrderAndARepeatedOneTwice() throws {
        var members: [String] = []
        try scan(#" { "a" : "1" , "b" : [ 2, {"a":3} ] , "A" : "4" } "#) { scanner in
            try scanner.object { name, value throws(JSONError) in
                members.append(name.text + (name.matches("a") ? "=" + (try value.string().text) : ""))
                if !name.matches("a") { try value.skipValue() }
            }
            try scanner.end()
        }
        #expect(members == ["a=1", "b", "A=4"])
    }

    @Test func elementsAreReadOneByOne() throws {
        let values = try scan("[true, false ,null,\"x\"]") { scanner in
            var values: [String] = []
            try scanner.array { element throws(JSONError) in
                if try element.null() {
                    values.append("null")
                } else if element.peek() == UInt8(ascii: "\"") {
                    values.append(try element.string().text)
                } else {
                    values.append(try element.boolean() ? "yes" : "no")
                }
            }
            return values
        }
        #expect(values == ["yes", "no", "null", "x"])
    }

    @Test func aMemberThatIsNotReadIsAnError() {
        #expect(throws: JSONError.malformed(offset: 5)) { try scan(#"{"a":1}"#) { try $0.object { _, _ in } } }
    }

    @Test func anotherTypeThanTheExpectedOneSaysSo() {
        #expect(throws: JSONError.unexpectedType(offset: 1)) { try scan(" 1") { _ = try $0.string() } }
        #expect(throws: JSONError.unexpectedType(offset: 0)) { try scan("null") { try $0.object { _, _ in } } }
        #expect(throws: JSONError.unexpectedType(offset: 0)) { try scan("{}") { try $0.array { _ in } } }
        #expect(throws: JSONError.unexpectedType(offset: 0)) { try scan("\"true\"") { _ = try $0.boolean() } }
        #expect(throws: JSONError.malformed(offset: 0)) { try scan("?") { _ = try $0.string() } }
        #expect(throws: JSONError.malformed(offset: 0)) { try scan("") { _ = try $0.string() } }
        #expect(throws: JSONError.malformed(offset: 1)) { try scan("nil") { _ = try $0.null() } }
    }

    @Test func stringsEndWhereverTheirQuoteFalls() throws {
        for count in 0..<40 {
            let content = String(repeating: "x", count: count)
            #expect(try scan("\"\(content)\"\"tail\"") { try $0.string().text } == content)
            #expect(try scan("\"\(content)\\n\(content)\"") { try $0.string().text } == content + "\n" + content)
            #expect(throws: JSONError.malformed(offset: count + 1)) {
                try scan("\"\(content)\u{1}xxxxxxxxx\"") { try $0.string().text }
            }
        }
    }
}

@Suite struct JSONStringTests {
    @Test(arguments: [
        (#""""#, ""), (#""abc""#, "abc"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
        (#""\ud83d\ude00!""#, "😀!"), (#""\uD83D\uDE00""#, "😀"), (#""x\ud83dx""#, "x\u{fffd}x"),
        (#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (#""\ud83d\u0041""#, "\u{fffd}A"), (#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"), (#""é😀\u0000""#, "é😀\0"),
    ])
    func escapesAreReplaced(json: String, expected: String) throws {
        try scan(json) { scanner in
            let string = try scanner.string()
            #expect(string.text == expected)
            #expect(string.decoded.string == expected)
            #expect(string.hasEscapes == json.contains("\\"))
            try scanner.end()
        }
    }

    @Test func base64IsFoundBehindEscapesToo() throws {
        let plain = try scan("\"+/+/AA==\"") { try $0.string().base64Decoded }
        #expect(plain?.array == [0xfb, 0xff, 0xbf, 0x00])
        #expect(try scan(#""\u002b\/\u002B/A\u0041=\u003d""#) { try $0.string().base64Decoded } == plain)
        #expect(try scan(#""+/+/\r\nAA==""#) { try $0.string().base64Decoded } == plain)
        #expect(try scan(#""+/+/A\u0041=""#) { try $0.string().base64Decoded } == nil)
        #expect(try scan("\"\"") { try $0.string().base64Decoded }?.count == 0)
    }

    @Test func namesMatchWhateverTheCaseOfTheirASCIILetters() throws {
        func matches(_ json: String) throws -> Bool { try scan(json) { try $0.string().matches("plain_Text1") } }
        for json in [#""plain_Text1""#, #""PLAIN_TEXT1""#, #""pl\u0061in\u005ftext1""#, #""Pl\u0041in_text1""#] {
            #expect(try matches(json))
        }
        for json in [
            #""""#, #""plain_Text""#, #""plain_Text12""#, #""plain-Text1""#, #""plain\u007fText1""#, #""plain_Text1\u0000""#,
        ] {
            #expect(try !matches(json))
        }
    }
}
