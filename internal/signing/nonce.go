package signing

import "crypto/rand"

const nonceAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// nonce writes 16 characters of [A-Za-z0-9] into dst, each with the same
// chance. They come from crypto/rand alone, never from a caller: whoever picks
// the nonce can hide another address in the signed string. It does not
// allocate, and keeps no stock of random bytes that could be used twice.
func nonce(dst *[16]byte) {
	var random [20]byte // four to spare; three times in 10,000 that is not enough
	for filled := 0; filled < len(dst); {
		_, _ = rand.Read(random[:]) // crypto/rand never fails (it stops the program instead)
		filled = spell(dst, filled, random[:])
	}
}

// spell goes on filling dst at filled with the characters that random stands
// for, and tells how far it came. Six bits give 0 to 63; 62 and 63 are thrown
// away, because folding them back would favour two characters.
func spell(dst *[16]byte, filled int, random []byte) int {
	for _, b := range random {
		n := int(b & 63)
		if n >= len(nonceAlphabet) {
			continue
		}
		if filled == len(dst) {
			break
		}
		dst[filled] = nonceAlphabet[n]
		filled++
	}
	return filled
}
