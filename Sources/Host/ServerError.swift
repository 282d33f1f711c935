/// Why the server did not start, in words for the operator.
package struct ServerError: Error, CustomStringConvertible {
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}
