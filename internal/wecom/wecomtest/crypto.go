package wecomtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// The failures of the callback crypto, by the vendor's numbers (protocol notes 3).
var (
	errAESKey       = errors.New("-40004: the EncodingAESKey is not 43 letters and digits")
	errSignature    = errors.New("-40001: msg_signature does not fit")
	errDecrypt      = errors.New("-40007: the ciphertext does not decrypt")
	errBuffer       = errors.New("-40008: the plaintext is not in the form of a callback")
	errReceiveID    = errors.New("-40005: the receive id is another's")
	errBase64       = errors.New("-40010: the ciphertext is not base64")
	callbackPadding = 32 // not AES's own 16
)

// callbackKey reads an EncodingAESKey. Its 43 characters carry 258 bits, the
// last two of which are often not zero: a strict decoder refuses good keys.
func callbackKey(encoded string) ([]byte, error) {
	if len(encoded) != 43 {
		return nil, errAESKey
	}
	key, err := base64.StdEncoding.DecodeString(encoded + "=")
	if err != nil {
		return nil, errAESKey
	}
	return key, nil
}

// signCallback computes msg_signature.
func signCallback(token, timestamp, nonce, encrypted string) string {
	parts := []string{token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// encryptCallback seals a message: 16 random bytes, its length, the message,
// the receive id, padded to 32.
func encryptCallback(encodedKey string, random [16]byte, message []byte, receiveID string) (string, error) {
	key, err := callbackKey(encodedKey)
	if err != nil {
		return "", err
	}
	plain := append(random[:], binary.BigEndian.AppendUint32(nil, uint32(len(message)))...)
	plain = append(append(plain, message...), receiveID...)
	pad := callbackPadding - len(plain)%callbackPadding
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)

	block, err := aes.NewCipher(key)
	if err != nil {
		return "", errAESKey
	}
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// decryptCallback opens a message and checks for whom it is.
func decryptCallback(encodedKey, encrypted, receiveID string) ([]byte, error) {
	key, err := callbackKey(encodedKey)
	if err != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return nil, errBase64
	}
	if len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, errDecrypt
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errAESKey
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(sealed, sealed)

	pad := int(sealed[len(sealed)-1])
	if pad < 1 || pad > callbackPadding || pad > len(sealed) {
		return nil, errBuffer
	}
	plain := sealed[:len(sealed)-pad]
	if len(plain) < 20 {
		return nil, errBuffer
	}
	length := binary.BigEndian.Uint32(plain[16:20])
	if uint64(length) > uint64(len(plain)-20) {
		return nil, errBuffer
	}
	message, id := plain[20:20+length], plain[20+length:]
	if string(id) != receiveID {
		return nil, errReceiveID
	}
	return message, nil
}
