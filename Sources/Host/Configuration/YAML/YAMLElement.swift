/// A value of a YAML document as it is written, with the values of aliases in their places.
package struct YAMLElement: Sendable {
    package enum Content: Sendable {
        /// `isPlain`: written without quotes.
        case scalar(text: String, isPlain: Bool)
        case sequence([YAMLElement])
        /// In the order of the text; two may have one name.
        case mapping([Member])
    }

    package struct Member: Sendable {
        package var name: YAMLElement
        package var value: YAMLElement
    }

    package var content: Content
    /// Of a scalar: the tag that the text gives it.
    package var tag: String?
    /// Where it begins. The value of an alias begins where its anchor is.
    package var position: SourcePosition

    /// The text of a scalar; nil for anything else.
    package var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }
}
