"""Writes the first inputs of the fuzzers, made from the vectors: make-seeds.py VECTORS DIRECTORY"""
import base64
import json
import pathlib
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
