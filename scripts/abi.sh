#!/usr/bin/env bash
# The plugin interface's binary form: what a plugin that was compiled yesterday relies on.
#
#   ./scripts/abi.sh print [HEADER]           sizes, offsets, types and constants of the header, one a line
#   ./scripts/abi.sh check [HEADER [RELEASED]]  compares them with those that were released; fails where a plugin would break
#
# What may change: constants may be added, and members at the end of structures that carry their own size. The released form is
# packaging/abi/version-1.txt in the repository; it changes only with a new version of the interface.
set -euo pipefail
cd "$(dirname "$0")/.."

header=${2:-Sources/PluginAPI/include/keswick_keystore.h}
released=${3:-packaging/abi/version-1.txt}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The header without comments, one declaration a line.
declarations() {
    gcc -w -fpreprocessed -dD -E -P "$header" | awk '
        /^#define/ { print; next }
        /^#/ { next }
        { text = text " " $0 }
        END {
            gsub(/[ \t]+/, " ", text)
            while (match(text, /[;{}]/)) {
                print substr(text, 1, RSTART)
                text = substr(text, RSTART + 1)
            }
        }'
}

# A C program that prints the form: only the compiler knows the offsets.
program() {
    printf '#include <stdio.h>\n#include <string.h>\n#include "%s"\n' "$(realpath "$header")"
    cat <<'C'
#define NUMBER(name) printf("constant " #name " %lld\n", (long long)(name))
#define TEXT(name) printf("constant " #name " %s\n", name)
#define TYPE(name) printf("type " #name " size %zu align %zu\n", sizeof(name), _Alignof(name))
#define MEMBER(type, name, declaration) \
  printf("member " #type "." #name " offset %zu size %zu: " declaration "\n", offsetof(type, name), sizeof(((type *)0)->name))
int main(void) {
C
    declarations | awk '
        function trimmed(s) { gsub(/^ +| +$/, "", s); return s }
        /^#define KESWICK_[A-Z_]+ / && $2 !~ /KEYSTORE_H|EXPORT/ { print ($2 ~ /SYMBOL$/ ? "TEXT(" : "NUMBER(") $2 ");"; next }
        /^#define/ { next }
        /typedef struct [a-z_]+ \{$/ { struct = $(NF - 1); next }
        struct != "" && /^ *\}/ { closing = 1; next }
        closing { print "TYPE(" struct ");"; struct = ""; closing = 0; next }
        struct != "" {
            declaration = trimmed($0)
            name = declaration
            if (match(declaration, /\(\*[a-z_]+\)/)) name = substr(declaration, RSTART + 2, RLENGTH - 3)
            else { sub(/ *;$/, "", name); sub(/^.*[ *]/, "", name) }
            print "MEMBER(" struct ", " name ", \"" declaration "\");"
            next
        }
        /typedef [a-z0-9_]+ keswick_[a-z]+ ?;$/ { name = $NF; sub(/;/, "", name); if (name == "") name = $(NF - 1); print "TYPE(" name ");"; next }
        /KESWICK_EXPORT/ { declaration = trimmed($0); sub(/^.*KESWICK_EXPORT /, "", declaration); print "puts(\"function " declaration "\");" }
    '
    echo 'return 0; }'
}

form() {
    program >"$work/abi.c"
    gcc -std=c11 -Wall -Wextra -Werror -o "$work/abi" "$work/abi.c"
    "$work/abi"
}

# Fails, with a line for each, where NEW breaks what OLD promised.
compare() {
    awk '
        function fail(text) { print "incompatible: " text; failed = 1 }
        # Structures with a size of their own may grow; the others are passed as they are.
        function grows(type) { return type == "keswick_host" || type == "keswick_call" || type == "keswick_keystore" }
        NR == FNR { old[$1 " " $2] = $0; if ($1 == "type") size[$2] = $4; next }
        {
            key = $1 " " $2
            seen[key] = 1
            if (!(key in old)) {
                split($2, part, ".")
                if ($1 == "member" && part[1] in size && (!grows(part[1]) || $4 + 0 < size[part[1]] + 0))
                    fail($2 " is new, and not behind what was released of " part[1])
                next
            }
            if ($0 == old[key]) next
            if ($1 == "type" && grows($2) && $4 + 0 > size[$2] + 0 && $6 == alignment(old[key])) next
            fail("\"" old[key] "\" has become \"" $0 "\"")
        }
        function alignment(line, part) { split(line, part, " "); return part[6] }
        END {
            for (key in old) if (!(key in seen)) fail("\"" old[key] "\" is gone")
            exit failed
        }' "$1" "$2"
}

case "${1:-}" in
    print) form ;;
    check)
        form >"$work/new"
        compare "$released" "$work/new" || {
            echo "Error: plugins that were compiled with the released header would break. Undo that, or make a new version of the interface" >&2
            exit 1
        }
        ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
