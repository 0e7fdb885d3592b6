package identity

import (
	"strings"
	"unicode"

	"signet/internal/core"
	"signet/internal/fault"
)

// checkNewPassword reads a password that somebody chooses: of 12 to 256 bytes, not one
// of those that are tried first, and not one that was given away. It fails with
// fault.RequestInvalid pointing at pointer, and where the list cannot be read.
func checkNewPassword(list *Breached, pointer string, typed core.Secret, email string) (core.Secret, error) {
	password, err := core.ParsePassword(pointer, typed.Expose())
	if err != nil {
		return password, err
	}
	if isTriedFirst(password.Expose(), email) {
		return core.Secret{}, fault.InvalidField(pointer, fault.ReasonCommonPassword, nil)
	}
	given, err := list.Has(password)
	switch {
	case err != nil:
		return core.Secret{}, err
	case given:
		return core.Secret{}, fault.InvalidField(pointer, fault.ReasonBreachedPassword, nil)
	}
	return password, nil
}

// What is left of a password when every word that people choose, every row of keys,
// every repetition and the member's own address are taken out of it must be this long,
// in characters. Digits and signs that are put around such words are left, and count
// for little: a dozen of them has been tried before a word that is in no list.
const (
	leastRest    = 4
	leastLetters = 3
	leastRunes   = 5 // different ones, in the whole password
)

// rows are keys and characters in the order in which fingers and heads go through them.
// A piece of four and more, in either direction, is one.
var rows = []string{
	"01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qwertzuiop",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujm", "!@#$%^&*()",
}

const leastPiece = 4

// words are what passwords are made of, in the lists of those that were given away.
// Digits that stand for letters are letters by then.
var words = strings.Fields(`
password passwort passwd passphrase pass word secret secure security login logon signin user username account member guest
admin administrator root superuser owner operator manager master system server service support default changeme change
welcome letmein hello iloveyou ilove love you forever princess dragon monkey sunshine shadow football baseball soccer
superman batman pokemon starwars matrix freedom whatever trustno trustnoone access open sesame computer internet windows
google apple samsung huawei tencent weixin wechat wecom qiye signet company office temp temporary summer winter spring
autumn january monday friday qwerty azerty asdf zxcv abc xyz letters number numbers
woaini woaiwojia mima nihao zhongguo beijing shanghai shenzhen guangzhou taobao alibaba wangyi aini laopo laogong baobao
`)

// standIns are characters that are put for a letter.
var standIns = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// isTriedFirst tells whether a password is among those that a guesser begins with.
func isTriedFirst(password, email string) bool {
	text := strings.ToLower(password)
	if fewerRunes(text, leastRunes) {
		return true
	}
	name, domain, _ := strings.Cut(email, "@")
	own := append(strings.FieldsFunc(name+" "+domain, func(r rune) bool { return !unicode.IsLetter(r) }), words...)
	bare := withoutRows(text)
	for _, spelt := range []string{bare, standIns.Replace(bare)} {
		if rest := withoutWords(spelt, own); letters(rest) < leastLetters && len([]rune(rest))-digits(rest) < leastRest {
			return true
		}
	}
	return isRepeated(text)
}

// withoutRows takes the pieces of rows out.
func withoutRows(text string) string {
	var kept []byte
	for at := 0; at < len(text); {
		n := pieceAt(text[at:])
		if n < leastPiece {
			kept = append(kept, text[at])
			n = 1
		}
		at += n
	}
	return string(kept)
}

// pieceAt gives the length of the longest piece of a row that text begins with.
func pieceAt(text string) (longest int) {
	for _, row := range rows {
		for _, way := range []string{row, reversed(row)} {
			for from := range way {
				n := 0
				for n < len(text) && from+n < len(way) && text[n] == way[from+n] {
					n++
				}
				longest = max(longest, n)
			}
		}
	}
	return longest
}

func reversed(text string) string {
	b := []byte(text)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// withoutWords takes the words out, of two that overlap the longer one.
func withoutWords(text string, words []string) string {
	for at := 0; at < len(text); {
		longest := 0
		for _, word := range words {
			if len(word) > max(longest, 2) && strings.HasPrefix(text[at:], word) {
				longest = len(word)
			}
		}
		if longest == 0 {
			at++
			continue
		}
		text = text[:at] + text[at+longest:]
	}
	return text
}

func letters(text string) (n int) {
	for _, r := range text {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

func digits(text string) (n int) {
	for _, r := range text {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// isRepeated tells whether text is one short piece again and again.
func isRepeated(text string) bool {
	for n := 1; n <= min(8, len(text)/2); n++ {
		if strings.HasPrefix(strings.Repeat(text[:n], len(text)/n+1), text) {
			return true
		}
	}
	return false
}

func fewerRunes(text string, least int) bool {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen) < least
}
