package seal

import (
	"bytes"
	"errors"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	maxPassphrase = 1 << 10

	// age -p takes 18, about a second; each step doubles it. What asks for more would
	// hold up every start.
	maxWorkFactor = 20
)

// ReadLockedMaster reads an identity file that age -p has protected, with the
// passphrase that stands in a file of its own: neither a command line nor an
// environment keeps one to itself. The passphrase file must be closed to others as
// the identity file must; a line end behind the passphrase is cut. It reads an
// identity file that is not protected as well.
func ReadLockedMaster(path, passphrasePath string) (*Master, error) {
	passphrase, err := readPassphrase(passphrasePath)
	defer func() { clear(passphrase) }()
	if err != nil {
		return nil, err
	}
	file, err := openClosed("identity file", path, "restore it from its backup")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxMasterLength+1))
	defer func() { clear(content) }()
	if err != nil {
		return nil, troubleWith(path, err, "cannot be read: check the disk")
	}
	if len(content) <= maxMasterLength && isEncrypted(content) {
		plain, err := unlock(content, passphrase)
		defer func() { clear(plain) }()
		if err != nil {
			return nil, troubleWith(path, err, "does not open with the passphrase in %s: it is another one, or the file was not protected by a passphrase (age -p)", passphrasePath)
		}
		content = plain
	}
	m, err := ParseMaster(bytes.NewReader(content))
	if err != nil {
		return nil, troubleWith(path, err, "%s", err)
	}
	return m, nil
}

func unlock(content, passphrase []byte) ([]byte, error) {
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	var source io.Reader = bytes.NewReader(content)
	if !bytes.HasPrefix(content, []byte(prefixEncrypted)) {
		source = armor.NewReader(source)
	}
	plain, err := age.Decrypt(source, identity)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(plain, maxMasterLength+1))
}

var errNoPassphrase = errors.New("no passphrase")

func readPassphrase(path string) ([]byte, error) {
	const noun = "passphrase file"
	file, err := openClosed(noun, path, "write the passphrase of the identity file into it, with mode 0600")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxPassphrase+1))
	if err != nil {
		return nil, troubleOf(noun, path, err, "cannot be read: check the disk")
	}
	passphrase := bytes.TrimRight(text, "\r\n")
	if len(passphrase) == 0 || len(text) > maxPassphrase {
		return nil, troubleOf(noun, path, errNoPassphrase, "is empty or longer than 1 KiB: write the passphrase into it and nothing else")
	}
	return passphrase, nil
}
