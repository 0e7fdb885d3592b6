package seal_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	agevectors "c2sp.org/CCTV/age"
	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/require"
)

// vector is one file of the age test vectors: a head of "key: value" lines, an
// empty line, and an age file (c2sp.org/CCTV/age, README).
type vector struct {
	expect     string
	payload    string // SHA-256 of the plaintext, in hex
	identities []age.Identity
	armoured   bool
	file       []byte
}

func parseVector(t *testing.T, content []byte) vector {
	t.Helper()
	head, file, found := bytes.Cut(content, []byte("\n\n"))
	require.True(t, found, "no empty line after the head")
	v := vector{file: file}
	compressed := false
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "expect":
			v.expect = value
		case "payload":
			v.payload = value
		case "identity":
			v.identities = append(v.identities, vectorIdentity(t, value))
		case "passphrase":
			identity, err := age.NewScryptIdentity(value)
			require.NoError(t, err)
			v.identities = append(v.identities, identity)
		case "armored":
			v.armoured = true
		case "compressed":
			require.Equal(t, "zlib", value)
			compressed = true
		case "file key", "comment":
		default:
			t.Fatalf("the vectors have a new key %q", key)
		}
	}
	if compressed {
		r, err := zlib.NewReader(bytes.NewReader(v.file))
		require.NoError(t, err)
		v.file, err = io.ReadAll(r)
		require.NoError(t, err)
	}
	return v
}

func vectorIdentity(t *testing.T, text string) age.Identity {
	t.Helper()
	list, err := age.ParseIdentities(strings.NewReader(text))
	require.NoError(t, err)
	return list[0]
}

// decrypt says in the words of the vectors how age took the file.
func (v vector) decrypt() (outcome, hash string) {
	var in io.Reader = bytes.NewReader(v.file)
	if v.armoured {
		in = armor.NewReader(in)
	}
	r, err := age.Decrypt(in, v.identities...)
	var armourErr *armor.Error
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &armourErr):
		return "armor failure", ""
	case errors.As(err, &noMatch):
		return "no match", ""
	case err != nil && strings.Contains(err.Error(), "bad header MAC"):
		return "HMAC failure", ""
	case err != nil:
		return "header failure", ""
	}
	out, err := io.ReadAll(r)
	sum := sha256.Sum256(out)
	hash = hex.EncodeToString(sum[:])
	switch {
	case errors.As(err, &armourErr):
		return "armor failure", hash
	case err != nil:
		return "payload failure", hash
	}
	return "success", hash
}

// The number of vectors in the version of the module that go.mod names. It is
// written down so that an upgrade which brings more, or loses some, is noticed.
const vectorCount = 147

func TestAgeBehavesAsItsPublishedVectorsSay(t *testing.T) {
	t.Parallel()
	files, err := fs.ReadDir(agevectors.Vectors, ".")
	require.NoError(t, err)
	require.Equal(t, vectorCount, len(files))
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			t.Parallel()
			content, err := fs.ReadFile(agevectors.Vectors, file.Name())
			require.NoError(t, err)
			v := parseVector(t, content)
			outcome, hash := v.decrypt()
			require.Equal(t, v.expect, outcome)
			if hash != "" && v.payload != "" {
				require.Equal(t, v.payload, hash)
			}
		})
	}
}
