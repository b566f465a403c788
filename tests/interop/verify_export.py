"""Verifies an exported audit log with programs that others wrote.

    verify_export.py EXPORT VKEY PROOF [PROOF ...]

Nothing of Chancery is imported: signatures are checked by `cryptography`, the Merkle tree is
rebuilt by `pymerkle`, everything else is the standard library. Checked are the checkpoint's
signature, the root over all entries, every tile, every payload against its entry, and the given
`.tlog-proof` files. Exit status 0 means that all of it holds.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree, verify_inclusion

PROOF_MAGIC = "c2sp.org/tlog-proof@v1"
WIDTH = 256


class Refused(Exception):
    """The export does not hold; the message says what and where."""


def require(condition, message):
    if not condition:
        raise Refused(message)


def parse_vkey(text):
    """A verifier key `name+id+base64(type, key)` as (name, id, public key)."""
    name, key_id, encoded = text.strip().split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    require(bytes.fromhex(key_id) == expected, "the key id is not the key's")
    require(key[0] == 1 and len(key) == 33, "not an Ed25519 key")
    return name, expected, Ed25519PublicKey.from_public_bytes(key[1:])


def open_checkpoint(note, vkey):
    """Size and root of a checkpoint that the key has signed."""
    name, key_id, public_key = vkey
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    verified = False
    for line in lines.splitlines():
        dash, signer, encoded = line.split(" ")
        require(dash == "\u2014", "a signature line without its dash")
        blob = base64.b64decode(encoded, validate=True)
        if signer == name and blob[:4] == key_id:
            try:
                public_key.verify(blob[4:], text.encode())
            except InvalidSignature:
                raise Refused("the checkpoint's signature is bad") from None
            verified = True
    require(verified, "the checkpoint is not signed by the key")
    origin, size, root = text.removesuffix("\n").split("\n")
    require(origin == name, f"the checkpoint is of {origin}")
    require(str(int(size)) == size, "the size is not a plain decimal")
    return int(size), base64.b64decode(root, validate=True)


def tile_path(kind, index, width):
    groups = f"{index % 1000:03d}"
    rest = index // 1000
    while rest:
        groups = f"x{rest % 1000:03d}/{groups}"
        rest //= 1000
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{kind}/{groups}{suffix}"


def widths(count):
    """The widths of the tiles that hold `count` hashes."""
    full, rest = divmod(count, WIDTH)
    return [WIDTH] * full + [rest] * (rest > 0)


def read_entries(export, size):
    entries = []
    for index, width in enumerate(widths(size)):
        path = tile_path("entries", index, width)
        data, at, start = (export / path).read_bytes(), 0, len(entries)
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            require(at + 2 + length <= len(data), f"{path} is cut off")
            entries.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        require(len(entries) - start == width, f"{path} has not {width} entries")
    return entries


def subtree_root(hashes):
    """Root of a complete subtree whose leaves are already hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2])
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def check_tiles(export, tree):
    """Compares every tile of every level with the tree that pymerkle holds."""
    hashes, level, count = [tree.get_leaf(i + 1) for i in range(tree.get_size())], 0, 0
    while hashes:
        for index, width in enumerate(widths(len(hashes))):
            path = tile_path(level, index, width)
            expected = b"".join(hashes[index * WIDTH : index * WIDTH + width])
            require((export / path).read_bytes() == expected, f"{path} is not the tree's")
            count += 1
        full = len(hashes) // WIDTH
        hashes = [subtree_root(hashes[i * WIDTH : (i + 1) * WIDTH]) for i in range(full)]
        level += 1
    return count


def check_payloads(export, entries):
    """Compares every payload with the salted digest in its entry; returns how many are erased."""
    lines = (export / "payloads.jsonl").read_text(encoding="utf-8").split("\n")
    require(lines.pop() == "", "payloads.jsonl does not end with a newline")
    require(len(lines) == len(entries), "payloads.jsonl has not one line an entry")
    erased, seen = 0, set()
    for index, (line, entry) in enumerate(zip(lines, entries)):
        payload, event = json.loads(line), json.loads(entry)
        canonical = json.dumps(event, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        require(canonical.encode() == entry, f"entry {index} is not canonical JSON")
        require(payload["index"] == index, f"line {index + 1} is of another leaf")
        require(payload["event_id"] == event["id"], f"line {index + 1} is of another event")
        require(event["id"] not in seen, f"the event id of leaf {index} is a duplicate")
        seen.add(event["id"])
        if payload["payload"] is None:
            erased += 1
            continue
        message = bytes.fromhex(payload["salt"]) + payload["payload"].encode()
        digest = hashlib.sha256(message).hexdigest()
        require(digest == event["payload_sha256"], f"the payload of leaf {index} was altered")
    return erased


def check_proof(path, tree, vkey):
    """Compares a `.tlog-proof` with the proof that pymerkle makes for the same leaf and size."""
    head, _, note = path.read_text(encoding="utf-8").partition("\n\n")
    lines = head.split("\n")
    require(lines.pop(0) == PROOF_MAGIC, f"{path} is no proof")
    if lines[0].startswith("extra "):
        lines.pop(0)
    word, index = lines.pop(0).split(" ")
    require(word == "index", f"{path} has no index")
    size, root = open_checkpoint(note, vkey)
    require(int(index) < size <= tree.get_size(), f"{path} is of another tree")
    require(tree.get_root(size) == root, f"the root in {path} is not the tree's")
    proof = tree.prove_inclusion(int(index) + 1, size)
    leaf = tree.get_leaf(int(index) + 1)
    hashes = [base64.b64decode(line, validate=True) for line in lines]
    require([leaf, *hashes] == proof.path, f"the hashes in {path} are not the tree's")
    verify_inclusion(leaf, root, proof)


def main(arguments):
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    export, vkey = pathlib.Path(arguments[0]), parse_vkey(arguments[1])
    note = (export / "checkpoint").read_bytes().decode("utf-8")
    size, root = open_checkpoint(note, vkey)
    entries = read_entries(export, size)
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    require(tree.get_root() == root, "the entries do not lead to the checkpoint's root")
    tiles = check_tiles(export, tree)
    erased = check_payloads(export, entries)
    for proof in arguments[2:]:
        check_proof(pathlib.Path(proof), tree, vkey)
    print(
        f"pymerkle and cryptography: {size} leaves, {tiles} tiles, {erased} erased payloads, "
        f"{len(arguments) - 2} proofs, root {root.hex()}"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception as error:  # Whatever went wrong, the export is not verified.
        print(f"refused: {error!r}", file=sys.stderr)
        sys.exit(1)
