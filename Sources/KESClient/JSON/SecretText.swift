import SecureBytes

/// Text that holds secrets, as a JSON body or a line to print. It is put together in bytes that are wiped, never in a String.
package enum SecretText {
    /// A piece of the text.
    package enum Piece {
        /// Characters that are not secret.
        case plain(String)
        /// The secret's bytes in base64.
        case base64(SecretBytes)
        /// The secret's bytes as they are.
        case bytes(SecretBytes)
    }

    /// The pieces one after the other.
    package static func assemble(_ pieces: [Piece]) -> SecretBytes {
        let count = pieces.reduce(0) { sum, piece in
            switch piece {
            case .plain(let text): sum + text.utf8.count
            case .base64(let bytes): sum + Base64.encodedCount(bytes.count)
            case .bytes(let bytes): sum + bytes.count
            }
        }
        return SecretBytes(count: count) { text in
            var end = 0
            for piece in pieces {
                let rest = UnsafeMutableRawBufferPointer(rebasing: text[end...])
                switch piece {
                case .plain(let plain):
                    rest.copyBytes(from: plain.utf8)
                    end += plain.utf8.count
                case .base64(let bytes):
                    end += bytes.withUnsafeBytes { Base64.encode($0, into: rest) }
                case .bytes(let bytes):
                    bytes.withUnsafeBytes { rest.copyMemory(from: $0) }
                    end += bytes.count
                }
            }
        }
    }
}

extension SecretBytes {
    /// The bytes that the base64 text `text` stands for, or nil when it is not base64.
    package static func base64(_ text: String) -> SecretBytes? {
        var text = text
        return text.withUTF8 { Base64.decodeSecret(UnsafeRawBufferPointer($0)) }
    }
}
