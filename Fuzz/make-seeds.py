"""Writes the first inputs of the fuzzers, made from the vectors: make-seeds.py VECTORS DIRECTORY"""
import base64
import gzip
import json
import pathlib
import struct
import subprocess
import sys

vectors = json.loads(pathlib.Path(sys.argv[1]).read_text())
root = pathlib.Path(sys.argv[2])


def write(target, contents):
    directory = root / target
    directory.mkdir(parents=True, exist_ok=True)
    for index, content in enumerate(contents):
        (directory / f"seed-{index:03}").write_bytes(content)


ciphertexts = [base64.b64decode(c["ciphertext"]) for k in vectors["keys"] for c in k["ciphertexts"]]
entries = [k[m].encode() for k in vectors["keys"] for m in ("stored_entry", "stored_entry_legacy_json")]
bodies = [
    json.dumps({m: c[m] for m in ("plaintext", "context", "ciphertext")}).encode()
    for k in vectors["keys"] for c in k["ciphertexts"]
]
odd = [b"[null,true,false,-1.5e+3,{}]", b'{"a":"\\ud83d\\ude00\\n","b":[[[]]]}', b'"\\u002b\\/="']

write("Ciphertext", ciphertexts)
write("StoredEntry", entries)
write("JSON", bodies + odd)
write("Base64", [base64.b64encode(c) for c in ciphertexts] + [b"Zg==", b"Zm8=\n", b"Zm9v"])
write("APIKey", [k["api_key"].encode() for k in vectors["api_keys"]])

certificates = []
for kind in (["ed25519"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]):
    for form in ("DER", "PEM"):
        made = subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", *kind, "-keyout", "/dev/null", "-subj", "/CN=seed", "-outform", form,
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-addext", "extendedKeyUsage=clientAuth"],
            check=True, capture_output=True)
        certificates.append(made.stdout)
write("Certificate", certificates)


def frame(kind, code, deadline, limit, sequence, text, payload):
    return struct.pack("=IIIIQQQ", kind, code, len(text), len(payload), deadline, limit, sequence) + text + payload


event = b'{"time":"2026-01-02T03:04:05Z","request":{"ip":"192.0.2.1","path":"/v1/status"},"response":{"code":200,"time":1}}\n'
write("Gzip", [b"\x07\x01" + b"\0".join([event, event * 3, b"notice", event]), b"\xff\x00" + gzip.compress(event * 9, mtime=0) * 2])

write("Frame", [
    frame(0, 0, 0, 0, 1, b"fs\0/lib.so\0\0/fs.yml", b""), frame(2, 0, 1 << 40, 0, 3, b"my-key", b"\x08\x01" * 40),
    frame(6, 0, 1 << 40, 250, 4, b"my-", b"my-key"), frame(8, 8, 0, 0, 4, b"the disk is full", b""),
    frame(8, 0, 0, 0, 3, b"", b"") + frame(9, 4, 0, 3, 0, b"opened\x1b[31m\xff", b"a line\r\nand another\n"),
])

generate = b"PUT /v1/key/generate/my-key HTTP/1.1\r\nHost: a\r\n"
write("HTTP1", [start + text for start in (b"\x00", b"\x02", b"\x29") for text in (
    b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n" * 2, (generate + b"Content-Length: 3\r\n\r\n{} ") * 4,
    generate + b"Content-Length: 2\r\n\r\n{}" + generate + b"\r\n",
    generate + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\nA: b\r\n\r\n",
    generate + b"Expect: 100-continue\r\nConnection: close\r\nX-Cert: abc\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 2\r\n\r\n{}",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nrest", b"CONNECT a:1 HTTP/1.0\r\n\r\nrest",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")])
