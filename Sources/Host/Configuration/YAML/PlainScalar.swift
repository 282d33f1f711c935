/// The type of a scalar that is written without quotes, by the core schema of YAML 1.2 (section 10.3.2).
///
/// That schema and not YAML 1.1's, because the latter takes `no`, `on` and `12:30` for booleans and numbers. A number with
/// leading zeros stays a string, as it would lose them: it is an account number or a file mode more often than a number.
enum PlainScalar: Equatable {
    case null
    case boolean(Bool)
    /// A number, as JSON writes it (RFC 8259, section 6), with every digit that the file has.
    case number(String)
    /// An infinity or not a number, which JSON has no text for.
    case notFinite
    case string

    init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .boolean(true)
        case "false", "False", "FALSE": self = .boolean(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
            self = .notFinite
        default: self = Self.number(in: text).map { .number($0) } ?? .string
        }
    }

    /// The JSON number that `text` is: decimal digits, perhaps with a fraction and an exponent, or `0x` or `0o` and digits.
    static func number(in text: String) -> String? {
        for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            // UInt64 would take a sign here, which the schema does not have.
            guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
            return UInt64(digits, radix: radix).map(String.init)
        }
        var rest = Substring(text).utf8
        var json = ""
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            if sign == UInt8(ascii: "-") { json = "-" }
            rest.removeFirst()
        }
        let whole = takeDigits(&rest)
        guard whole.utf8.count <= 1 || !whole.hasPrefix("0") else { return nil }
        json += whole.isEmpty ? "0" : whole
        var fraction = ""
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = takeDigits(&rest)
            if !fraction.isEmpty { json += ".\(fraction)" }
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        if let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            rest.removeFirst()
            json += "e"
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                json += sign == UInt8(ascii: "-") ? "-" : ""
                rest.removeFirst()
            }
            let exponent = takeDigits(&rest)
            guard !exponent.isEmpty else { return nil }
            json += exponent
        }
        return rest.isEmpty ? json : nil
    }

    private static func takeDigits(_ text: inout Substring.UTF8View) -> String {
        let digits = text.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        text = text.dropFirst(digits.count)
        return String(Substring(digits))
    }
}
