import Foundation

/// Checks values against JSON Schema (2020-12), as far as docs/openapi.yaml uses it. What it does not know is a problem, not passed over.
struct Schema {
    /// The OpenAPI document, as `YAMLValue` reads it; so are the values.
    let document: [String: Any]

    private static let known: Set<String> = [
        "$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "pattern", "minimum", "minLength",
        "maxLength",
        "maxItems", "format", "description",
    ]

    /// What is wrong with `value`; empty when nothing is.
    func problems(with value: Any, _ schema: [String: Any], at path: String = "$") -> [String] {
        var schema = schema
        if let reference = schema["$ref"] as? String {
            guard let target = resolve(reference) else { return ["\(path): there is no \(reference)"] }
            schema = target
        }
        var problems = Set(schema.keys).subtracting(Self.known).map { "\(path): the checker does not know '\($0)'" }
        let types = (schema["type"] as? String).map { [$0] } ?? schema["type"] as? [String]
        if let types, !types.contains(where: { Self.isOf(type: $0, value) }) { return problems + ["\(path): no \(types)"] }
        if let values = schema["enum"] as? [String], !values.contains("\(value)") {
            problems.append("\(path): none of \(values)")
        }
        switch value {
        case let text as String: problems += textProblems(text, schema, path)
        case let object as [String: Any]: problems += objectProblems(object, schema, path)
        case let array as [Any]:
            if let most = schema["maxItems"] as? Int, array.count > most { problems.append("\(path): \(array.count) items") }
            if let items = schema["items"] as? [String: Any] {
                for (index, item) in array.enumerated() { problems += self.problems(with: item, items, at: "\(path)[\(index)]") }
            }
        case let number as Int:
            if let least = schema["minimum"] as? Int, number < least { problems.append("\(path): below \(least)") }
        default: break
        }
        return problems
    }

    private func textProblems(_ text: String, _ schema: [String: Any], _ path: String) -> [String] {
        var problems: [String] = []
        // As ECMAScript has it: Foundation's `$` matches before a last line separator too.
        if let pattern = schema["pattern"] as? String,
            text.range(of: pattern.replacing(/\$$/, with: "\\z"), options: .regularExpression) == nil
        {
            problems.append("\(path): '\(text.prefix(80))' does not match \(pattern)")
        }
        if let least = schema["minLength"] as? Int, text.count < least { problems.append("\(path): too short") }
        if let most = schema["maxLength"] as? Int, text.count > most { problems.append("\(path): too long") }
        return problems
    }

    private func objectProblems(_ object: [String: Any], _ schema: [String: Any], _ path: String) -> [String] {
        let properties = schema["properties"] as? [String: Any] ?? [:]
        var problems = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }.map { "\(path): no '\($0)'" }
        for (name, value) in object {
            if let property = properties[name] as? [String: Any] {
                problems += self.problems(with: value, property, at: "\(path).\(name)")
            } else if schema["additionalProperties"] as? Bool == false {
                problems.append("\(path): '\(name)' is not documented")
            } else if let others = schema["additionalProperties"] as? [String: Any] {
                problems += self.problems(with: value, others, at: "\(path).\(name)")
            }
        }
        return problems
    }

    /// What `#/a/b` stands for.
    func resolve(_ reference: String) -> [String: Any]? {
        reference.split(separator: "/").dropFirst().reduce(document) { ($0 as [String: Any]?)?[String($1)] as? [String: Any] }
    }

    private static func isOf(type: String, _ value: Any) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "boolean": value is Bool
        case "integer": value is Int
        default: false
        }
    }
}
