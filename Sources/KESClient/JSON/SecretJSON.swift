import SecureBytes

/// Reads byte fields (base64 strings) out of an answer that holds secrets, without making a String of any part of it.
package enum SecretJSON {
    /// The byte fields `names` of the object in `text`, in this order. An absent or null one is empty.
    package static func byteFields(_ names: [StaticString], of text: SecretBytes) throws(JSONError) -> [SecretBytes] {
        try text.withUnsafeBytes { bytes throws(JSONError) in
            var scanner = JSONScanner(bytes)
            let fields = try byteFields(names, of: &scanner)
            try scanner.end()
            return fields
        }
    }

    /// The byte field `name` of each object in the array in `text`.
    package static func byteFieldOfEach(_ name: StaticString, of text: SecretBytes) throws(JSONError) -> [SecretBytes] {
        try text.withUnsafeBytes { bytes throws(JSONError) in
            var scanner = JSONScanner(bytes)
            var fields: [SecretBytes] = []
            try scanner.array { element throws(JSONError) in
                fields += try byteFields([name], of: &element)
            }
            try scanner.end()
            return fields
        }
    }

    private static func byteFields(_ names: [StaticString], of scanner: inout JSONScanner) throws(JSONError) -> [SecretBytes] {
        var fields = [SecretBytes](repeating: SecretBytes.empty, count: names.count)
        try scanner.object { member, value throws(JSONError) in
            guard let index = names.firstIndex(where: { member.matches($0) }) else { return try value.skipValue() }
            guard try !value.null() else { return }
            let offset = value.offset
            guard let bytes = try value.string().base64Decoded else { throw .unexpectedType(offset: offset) }
            fields[index] = bytes
        }
        return fields
    }
}
