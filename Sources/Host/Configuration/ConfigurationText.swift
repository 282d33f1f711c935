/// The text of a configuration file, from the disk.
enum ConfigurationText {
    /// Far beyond any real file, and small enough that a wrong path (a disk image, a device) is not read to its end.
    static let maximumSize = 4 << 20

    static func read(_ path: String) throws(ConfigurationError) -> String {
        let result: Result<String, ConfigurationError>
        do throws(BoundedFile.Failure) {
            result = try BoundedFile.read(path, limit: maximumSize) { text($0, of: path) }
        } catch {
            throw ConfigurationError(file: path, message: "the configuration file \(error.message)")
        }
        return try result.get()
    }

    private static func text(_ bytes: UnsafeRawBufferPointer, of path: String) -> Result<String, ConfigurationError> {
        if let text = String(validating: bytes, as: UTF8.self) { return .success(text) }
        let position = positionOfFirstBadByte(bytes)
        return .failure(
            ConfigurationError(
                file: path, line: position.line, column: position.column,
                message: "the file is not UTF-8 from here on; save it as UTF-8"))
    }

    private static func positionOfFirstBadByte(_ bytes: UnsafeRawBufferPointer) -> SourcePosition {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var position = SourcePosition.start
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            if scalar == "\n" {
                position = SourcePosition(line: position.line + 1, column: 1)
            } else {
                position.column += 1
            }
        }
        return position
    }
}
