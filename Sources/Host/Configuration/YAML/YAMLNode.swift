import Credentials

/// A value of a YAML document and where it is, after aliases, merge keys and `${NAME}` were replaced.
struct YAMLNode {
    enum Content {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        case mapping([Member])
        /// A `${NAME}` whose variable is not set, which was said already: nothing more is to be said about it.
        case unset
    }

    /// One member of a mapping. No mapping holds two of one name.
    struct Member {
        var name: String
        /// The name as a message may show it: as `YAMLScalar.shown`, without quotes.
        var shownName: String
        var namePosition: SourcePosition
        var value: YAMLNode
    }

    var content: Content
    /// Where the value begins. The value of an alias is where its anchor is.
    var position: SourcePosition

    /// Whether this is a plain `null`, `~` or nothing at all, which every member takes for being absent.
    var isNull: Bool {
        if case .scalar(let scalar) = content { scalar.isNull } else { false }
    }

    /// What kind of value this is, as a message calls it.
    var kind: String {
        switch content {
        case .scalar: "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .unset: "nothing"
        }
    }
}

/// A scalar of a YAML document.
struct YAMLScalar {
    /// How the type of a scalar is found.
    enum Typing: Equatable {
        /// Written without quotes: its text says what it is.
        case plain
        /// Quoted, or the value of an environment variable: a string, whatever its text.
        case string
        /// Tagged, such as `!!int`: the part of the tag after `tag:yaml.org,2002:`.
        case tagged(String)
    }

    var text: String
    var typing: Typing
    /// The environment variable that `text` is the value of.
    var variable: String?

    var isNull: Bool {
        switch typing {
        case .plain: ["", "~", "null", "Null", "NULL"].contains(text)
        case .tagged(let tag): tag == "null"
        case .string: false
        }
    }

    /// The scalar as a message may show it: never the value of a variable, which may be a secret in the wrong place, nor an API key, which
    /// is one.
    var shown: String {
        variable.map { "the value of ${\($0)}" } ?? "'\(APIKey.masked(in: text))'"
    }

    /// The scalar as the name of a member, in a message.
    var shownAsName: String {
        variable.map { "${\($0)}" } ?? APIKey.masked(in: text)
    }

    /// Whether a message may show the text, or a part of it.
    var isShown: Bool { variable == nil && APIKey.masked(in: text) == text }
}
