/// Lengths of time as Go's `time.ParseDuration` reads them: decimal numbers, each with a unit, such as `1h30m` or `250ms`.
package enum GoDuration {
    package enum Problem: Error, Equatable {
        case negative
        case noUnit
        case malformed
        case tooLong

        /// Follows "'X' is '…', ".
        package var message: String {
            switch self {
            case .negative: "which is negative; write 0 or more"
            case .noUnit: "which has no unit; write 15s, 5m, 1h30m or 250ms"
            case .malformed: "which is no length of time; write 15s, 5m, 1h30m or 250ms"
            case .tooLong: "which is too long; the longest is 2562047h"
            }
        }
    }

    /// Go counts nanoseconds in 64 bits, and so do the clocks that durations are added to.
    private static let maximumNanoseconds = UInt64(Int64.max)

    package static func parse(_ text: String) throws(Problem) -> Duration {
        var rest = Substring(text).utf8
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        let value = try magnitude(&rest)
        // `-0` and what is no duration at all are told apart from a negative one.
        guard !isNegative || value == .zero else { throw .negative }
        return value
    }

    /// The whole of `rest`, which has no sign.
    private static func magnitude(_ rest: inout Substring.UTF8View) throws(Problem) -> Duration {
        if rest.elementsEqual("0".utf8) { return .zero }
        guard !rest.isEmpty else { throw .malformed }
        var total: UInt64 = 0
        while !rest.isEmpty {
            let part = try parsePart(&rest)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow, sum <= maximumNanoseconds else { throw .tooLong }
            total = sum
        }
        return .nanoseconds(Int64(total))
    }

    /// Takes one number with its unit from the front of `text`.
    private static func parsePart(_ text: inout Substring.UTF8View) throws(Problem) -> UInt64 {
        let whole = takeDigits(&text)
        var fraction: Substring.UTF8View?
        if text.first == UInt8(ascii: ".") {
            text.removeFirst()
            fraction = takeDigits(&text)
        }
        guard !whole.isEmpty || fraction?.isEmpty == false else { throw .malformed }
        let unit = String(Substring(text.prefix { $0 != UInt8(ascii: ".") && !isDigit($0) }))
        guard !unit.isEmpty else { throw .noUnit }
        guard let nanoseconds = nanosecondsByUnit[unit] else { throw .malformed }
        text = text.dropFirst(unit.utf8.count)
        var value: UInt64 = 0
        for digit in whole {
            let (tens, tooManyTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooMany) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !tooManyTens, !tooMany else { throw .tooLong }
            value = sum
        }
        let (scaled, overflow) = value.multipliedReportingOverflow(by: nanoseconds)
        guard !overflow, scaled <= maximumNanoseconds else { throw .tooLong }
        // What is left of a nanosecond is dropped, digit by digit: no binary fraction is involved.
        var weight = nanoseconds
        var remainder: UInt64 = 0
        for digit in fraction ?? Substring().utf8 where weight > 0 {
            remainder += UInt64(digit - UInt8(ascii: "0")) * weight / 10
            weight /= 10
        }
        return scaled + remainder
    }

    private static let nanosecondsByUnit: [String: UInt64] = [
        "ns": 1, "us": 1000, "\u{B5}s": 1000, "\u{3BC}s": 1000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
        "h": 3_600_000_000_000,
    ]

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func takeDigits(_ text: inout Substring.UTF8View) -> Substring.UTF8View {
        let digits = text.prefix(while: isDigit)
        text = text.dropFirst(digits.count)
        return digits
    }
}
