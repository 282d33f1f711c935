import SecureBytes

/// Writes JSON (RFC 8259) for what is not secret. Members stay in the order in which they are given, which encoders of the
/// standard kind do not promise and scripts that compare output rely on.
package enum JSONText {
    /// `text` in quotes, with what JSON wants escaped.
    package static func string(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += #"\""#
            case "\\": json += #"\\"#
            case "\n": json += #"\n"#
            case "\r": json += #"\r"#
            case "\t": json += #"\t"#
            case _ where scalar.isHidden: json += scalar.jsonEscape
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }

    /// An array of strings.
    package static func array(_ texts: [String]) -> String {
        "[" + texts.map(string).joined(separator: ",") + "]"
    }

    /// An object whose values are JSON already. Members without a value are left out.
    package static func object(_ members: [(name: String, value: String?)]) -> String {
        let written = members.compactMap { member in member.value.map { "\(string(member.name)):\($0)" } }
        return "{" + written.joined(separator: ",") + "}"
    }
}
