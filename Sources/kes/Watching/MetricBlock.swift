/// A heading and rows under it, which can be written at any width.
struct MetricBlock {
    enum Style {
        case plain
        case good
        case attention
        case bad
    }

    enum Row {
        /// A label, and values that stand under the block's columns.
        case cells(String, [String], Style)
        case text(String, Style = .plain)
        /// Bars, the newest at the right.
        case chart([Double])
    }

    /// A line, and how many columns of the terminal it takes.
    struct Line {
        let text: String
        let width: Int

        static func blank(_ width: Int) -> Line { Line(text: String(repeating: " ", count: width), width: width) }
    }

    let heading: String
    var columns: [String] = []
    let rows: [Row]

    /// How many lines it is written as.
    var height: Int { rows.isEmpty ? 0 : rows.count + 1 }

    private static let indent = 2
    private static let gap = 2

    /// The block's lines, each of exactly `width` columns.
    func lines(_ width: Int, _ output: Output) -> [Line] {
        guard !rows.isEmpty else { return [] }
        let cellWidth = max(columns.map(\.count).max() ?? 0, 10)
        let labelWidth = max(width - columns.count * (cellWidth + Self.gap), 8)
        let head =
            output.bold(Self.padded(heading, labelWidth))
            + output.faint(columns.map { Self.cell($0, cellWidth) }.joined())
        return [Line(text: head, width: width)]
            + rows.map { row in
                switch row {
                case .cells(let label, let values, let style):
                    let cells = values.map { Self.cell($0, cellWidth) }.joined()
                    return Line(text: Self.indented(label, labelWidth) + Self.styled(cells, style, output), width: width)
                case .text(let text, let style):
                    return Line(text: Self.styled(Self.indented(text, width), style, output), width: width)
                case .chart(let values):
                    return Line(text: output.cyan(Self.indented(Self.chart(values, width - Self.indent), width)), width: width)
                }
            }
    }

    /// One bar for each value, in eighths of a line's height; the highest is full. Zero is a baseline.
    private static func chart(_ values: [Double], _ width: Int) -> String {
        let bars = Array("▁▂▃▄▅▆▇█")
        let shown = values.suffix(width)
        let highest = max(shown.max() ?? 0, 1)
        let text = String(shown.map { bars[min(Int($0 / highest * Double(bars.count)), bars.count - 1)] })
        return String(repeating: " ", count: width - shown.count) + text
    }

    private static func styled(_ text: String, _ style: Style, _ output: Output) -> String {
        switch style {
        case .plain: text
        case .good: output.green(text)
        case .attention: output.yellow(text)
        case .bad: output.red(text)
        }
    }

    private static func cell(_ text: String, _ width: Int) -> String {
        let cut = cut(text, width)
        return String(repeating: " ", count: width - cut.count + gap) + cut
    }

    private static func indented(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: indent) + padded(text, width - indent)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let cut = cut(text, width)
        return cut + String(repeating: " ", count: width - cut.count)
    }

    static func cut(_ text: String, _ width: Int) -> String {
        text.count <= width ? text : text.prefix(max(width - 1, 0)) + "…"
    }
}
