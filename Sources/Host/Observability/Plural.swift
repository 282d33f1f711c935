/// Numbers of things in messages.
package enum Plural {
    /// `1 line`, `2 lines`.
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// `1 line was`, `2 lines were`, and with `of` something: `1 line of it was`.
    package static func were(_ number: Int, _ noun: String, _ of: String = "") -> String {
        "\(count(number, noun))\(of.isEmpty ? "" : " \(of)") \(number == 1 ? "was" : "were")"
    }
}
