// Verifies an exported audit log with Go's own transparency-log libraries.
//
//	main EXPORT VKEY PROOF [PROOF ...]
//
// The checkpoint's signature is checked by golang.org/x/mod/sumdb/note; the root, every tile and
// the .tlog-proof files by golang.org/x/mod/sumdb/tlog. Exit status 0 means that all of it holds.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	proofMagic = "c2sp.org/tlog-proof@v1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: main EXPORT VKEY PROOF [PROOF ...]")
	}
	export := args[0]
	verifier, err := note.NewVerifier(strings.TrimSpace(args[1]))
	if err != nil {
		return fmt.Errorf("verifier key: %w", err)
	}
	msg, err := os.ReadFile(filepath.Join(export, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(msg, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	leaves, err := leafHashes(export, tree.N)
	if err != nil {
		return err
	}
	if err := checkRoot(leaves, tree); err != nil {
		return err
	}
	if err := checkTiles(export, leaves, tree); err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	for _, path := range args[2:] {
		if err := checkProof(path, leaves, verifier); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Printf("golang.org/x/mod/sumdb: %d leaves, %d proofs, root %x\n",
		tree.N, len(args)-2, tree.Hash[:])
	return nil
}

// openCheckpoint verifies the note's signature and parses its three lines.
func openCheckpoint(msg []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, errors.New("not exactly three lines")
	}
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("it is of %s", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// leafHashes reads all entry bundles and hashes every entry.
func leafHashes(export string, size int64) ([]tlog.Hash, error) {
	var leaves []tlog.Hash
	for start := int64(0); start < size; start += tileWidth {
		width := min(size-start, tileWidth)
		path := tilePath("entries", start/tileWidth, int(width))
		data, err := os.ReadFile(filepath.Join(export, path))
		if err != nil {
			return nil, err
		}
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s is cut off", path)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			leaves = append(leaves, tlog.RecordHash(data[2:end]))
			data = data[end:]
		}
		if int64(len(leaves)) != start+width {
			return nil, fmt.Errorf("%s has not %d entries", path, width)
		}
	}
	return leaves, nil
}

// checkRoot rebuilds the tree over the leaves, as a log server would store it.
func checkRoot(leaves []tlog.Hash, tree tlog.Tree) error {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for i, leaf := range leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(i), leaf, reader)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the entries do not lead to the checkpoint's root")
	}
	return nil
}

// checkTiles reads every leaf hash through the tiles, which tlog authenticates up to the root.
func checkTiles(export string, leaves []tlog.Hash, tree tlog.Tree) error {
	reader := tlog.TileHashReader(tree, &folder{export})
	for start := 0; start < len(leaves); start += tileWidth {
		end := min(start+tileWidth, len(leaves))
		indexes := make([]int64, 0, tileWidth)
		for i := start; i < end; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(i)))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			if hash != leaves[start+i] {
				return fmt.Errorf("leaf %d is not the entry's", start+i)
			}
		}
	}
	return nil
}

// checkProof verifies a .tlog-proof for the leaf that it names.
func checkProof(path string, leaves []tlog.Hash, verifier note.Verifier) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, msg, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != proofMagic {
		return errors.New("not a proof")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("no index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil || index < 0 || index >= int64(len(leaves)) {
		return fmt.Errorf("index %q", lines[0])
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return fmt.Errorf("hash %q", line)
		}
		proof = append(proof, tlog.Hash(hash))
	}
	tree, err := openCheckpoint([]byte(msg), verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaves[index])
}

// folder serves the export's tiles to tlog.
type folder struct{ export string }

func (f *folder) Height() int { return tileHeight }

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := tilePath(strconv.Itoa(tile.L), tile.N, tile.W)
		read, err := os.ReadFile(filepath.Join(f.export, path))
		if err != nil {
			return nil, err
		}
		data[i] = read
	}
	return data, nil
}

func tilePath(kind string, index int64, width int) string {
	path := fmt.Sprintf("%03d", index%1000)
	for rest := index / 1000; rest > 0; rest /= 1000 {
		path = fmt.Sprintf("x%03d/%s", rest%1000, path)
	}
	if width < tileWidth {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + kind + "/" + path
}
