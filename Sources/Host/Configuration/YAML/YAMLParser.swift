import CYAML

/// Reads the text of one YAML document with libyaml.
package struct YAMLParser: ~Copyable {
    /// What libyaml has against a text, in its own words.
    package struct Failure: Error {
        package var problem: String
        package var position: SourcePosition
        /// What was being read, such as `while parsing a block mapping`, and where it began.
        var context: Context?

        struct Context {
            var text: String
            var position: SourcePosition
        }
    }

    private enum Event {
        case documentStart
        case streamEnd
        case alias(String)
        case scalar(YAMLElement.Content, tag: String?, anchor: String?)
        case sequenceStart(anchor: String?)
        case mappingStart(anchor: String?)
        /// The end of a sequence, a mapping, or the document; and the start of the stream.
        case other
    }

    /// An element, and how many lists and mappings are within each other in it, itself included.
    private struct Node {
        let element: YAMLElement
        let height: Int
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private var anchors: [String: Node] = [:]
    private var depth = 0

    /// Lists and mappings within each other: each costs the stack of whoever goes through them.
    private static let deepest = 500

    /// - Returns: nil when the text has no document.
    package static func parse(_ text: String) throws(Failure) -> YAMLElement? {
        try Array(text.utf8).withUnsafeBufferPointer { bytes throws(Failure) in
            let state = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
            guard yaml_parser_initialize(state) == 1 else {
                state.deallocate()
                throw Failure(problem: "no memory", position: .start)
            }
            var parser = YAMLParser(state, reading: bytes)
            return try parser.document()
        }
    }

    /// Takes `parser`, which is initialized. `bytes` have to outlive it.
    private init(_ parser: UnsafeMutablePointer<yaml_parser_t>, reading bytes: UnsafeBufferPointer<UInt8>) {
        self.parser = parser
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    private mutating func document() throws(Failure) -> YAMLElement? {
        _ = try next()
        guard case .documentStart = try next().event else { return nil }
        let root = try node(next())?.element
        _ = try next()
        let (event, position) = try next()
        guard case .streamEnd = event else { throw Failure(problem: "but found another document", position: position) }
        return root
    }

    /// The element that begins with an event; nil when it is the end of what holds it.
    private mutating func node(_ start: (event: Event, position: SourcePosition)) throws(Failure) -> Node? {
        let node: Node
        let anchor: String?
        switch start.event {
        case .alias(let name):
            guard let node = anchors[name] else { throw Failure(problem: "found undefined alias", position: start.position) }
            guard depth + node.height <= Self.deepest else { throw tooDeep(start.position) }
            return node
        case .scalar(let content, let tag, let name):
            node = Node(element: YAMLElement(content: content, tag: tag, position: start.position), height: 0)
            anchor = name
        case .sequenceStart(let name):
            let (elements, height) = try contents(from: start.position)
            node = Node(element: YAMLElement(content: .sequence(elements), position: start.position), height: height)
            anchor = name
        case .mappingStart(let name):
            // libyaml sees to it that each name has a value.
            let (all, height) = try contents(from: start.position)
            let members = stride(from: 0, to: all.count, by: 2).map { YAMLElement.Member(name: all[$0], value: all[$0 + 1]) }
            node = Node(element: YAMLElement(content: .mapping(members), position: start.position), height: height)
            anchor = name
        case .documentStart, .streamEnd, .other:
            return nil
        }
        if let anchor { anchors[anchor] = node }
        return node
    }

    /// What is in a list or a mapping, and the height of that list or mapping.
    private mutating func contents(from start: SourcePosition) throws(Failure) -> (elements: [YAMLElement], height: Int) {
        guard depth < Self.deepest else { throw tooDeep(start) }
        depth += 1
        defer { depth -= 1 }
        var elements: [YAMLElement] = []
        var height = 0
        while let node = try node(next()) {
            elements.append(node.element)
            height = max(height, node.height)
        }
        return (elements, height + 1)
    }

    private func tooDeep(_ position: SourcePosition) -> Failure { Failure(problem: "nested too deeply", position: position) }

    private func next() throws(Failure) -> (event: Event, position: SourcePosition) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure }
        defer { yaml_event_delete(&event) }
        return (Self.content(of: event), SourcePosition(event.start_mark))
    }

    private static func content(of event: yaml_event_t) -> Event {
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            return .documentStart
        case YAML_STREAM_END_EVENT:
            return .streamEnd
        case YAML_ALIAS_EVENT:
            return .alias(string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            // `! text`, without quotes, is a string as well (YAML 1.1, section 3.3.2).
            let isString = isPlain && scalar.plain_implicit == 0
            return .scalar(
                .scalar(text: text, isPlain: isPlain), tag: string(scalar.tag) ?? (isString ? YAML_STR_TAG : nil),
                anchor: string(scalar.anchor))
        case YAML_SEQUENCE_START_EVENT:
            return .sequenceStart(anchor: string(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT:
            return .mappingStart(anchor: string(event.data.mapping_start.anchor))
        default:
            return .other
        }
    }

    /// libyaml checks that names are UTF-8 and ends them with 0.
    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    private var failure: Failure {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "no memory"
        return Failure(
            problem: problem, position: SourcePosition(state.problem_mark),
            context: state.context.map { .init(text: String(cString: $0), position: SourcePosition(state.context_mark)) })
    }
}

extension SourcePosition {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}
