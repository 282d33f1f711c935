#!/usr/bin/env bash
# The reference of the plugin interface in docs/plugins.md, made from the header, between the two marks.
#
#   ./scripts/abi-reference.sh print    prints it
#   ./scripts/abi-reference.sh write    puts it into the guide
#   ./scripts/abi-reference.sh check    fails when the guide has another
set -euo pipefail
cd "$(dirname "$0")/.."

header=Sources/PluginAPI/include/keswick_keystore.h
guide=docs/plugins.md
begin='<!-- reference: begin; made from keswick_keystore.h by scripts/abi-reference.sh -->'
end='<!-- reference: end -->'

reference() {
    awk '
        function trimmed(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
        # Takes the text out of a comment line.
        function plain(s) { s = trimmed(s); sub(/^\/\*+ ?/, "", s); sub(/ ?\*+\/$/, "", s); sub(/^\* ?/, "", s); return trimmed(s) }
        function add(s) { comment = comment (s == "" ? "\n\n" : (comment == "" || comment ~ /\n$/ ? "" : " ") s) }
        function emit(code) {
            gsub(/[ \t]+/, " ", code)
            code = trimmed(code)
            if (comment == "" && code ~ /^#define KESWICK_EXPORT/) return
            printf "- `%s`", code
            if (comment != "") { text = comment; gsub(/\n\n/, "\n\n  ", text); printf "<br>\n  %s", text }
            printf "\n"
            comment = ""
        }
        /^#define KESWICK_KEYSTORE_H/ { started = 1; next }
        !started { next }
        /^\/\* ---- [0-9]/ { s = $0; sub(/^\/\* ---- [0-9]+\. /, "", s); sub(/ -+ \*\/$/, "", s); printf "\n### %s\n\n", s; section = 1; comment = ""; next }
        !section { next }
        /^#(if|else|endif|ifdef|ifndef)/ || /^extern "C"|^}$/ { comment = ""; next }
        in_comment { add(plain($0)); if ($0 ~ /\*\/$/) in_comment = 0; next }
        /^[ \t]*\/\*/ && !/\*\/$/ { comment = ""; add(plain($0)); in_comment = 1; next }
        /^[ \t]*\/\*/ { comment = ""; add(plain($0)); next }
        /^[ \t]*$/ { if (code == "") comment = ""; next }
        /^typedef struct [a-z_]+ \{$/ { printf "\n#### `%s`\n\n%s\n\n", $3, comment; comment = ""; next }
        /^} keswick_[a-z]+;/ { printf "\n"; next }
        {
            line = $0
            if (match(line, /\/\*.*\*\/[ \t]*$/)) { comment = plain(substr(line, RSTART)); line = substr(line, 1, RSTART - 1) }
            code = code " " trimmed(line)
            if (code ~ /^ #define/ || code ~ /;[ \t]*$/) { emit(code); code = "" }
        }
    ' "$header" | cat -s
}

# The guide, with the reference of now.
updated() {
    awk -v begin="$begin" -v end="$end" -v file="$1" '
        $0 == begin { print; while ((getline line < file) > 0) print line; skipping = 1; next }
        $0 == end { skipping = 0 }
        !skipping { print }
    ' "$guide"
}

case "${1:-}" in
    print) reference ;;
    write | check)
        grep -qxF -e "$begin" "$guide" || { echo "Error: $guide has no place for the reference" >&2; exit 1; }
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        reference >"$work/reference"
        updated "$work/reference" >"$work/guide"
        if [ "$1" = write ]; then
            cat "$work/guide" >"$guide"
        elif ! diff -u "$guide" "$work/guide" >&2; then
            echo "Error: the reference in $guide is not the header's. Run ./scripts/abi-reference.sh write" >&2
            exit 1
        fi
        ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
