package httpapi

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// AppendJSONString adds text to b as a JSON string. Beside what JSON asks for,
// it escapes <, > and &, so that an answer which a browser takes for a page by
// mistake holds no tag, and the two line ends of JavaScript. What is not valid
// UTF-8 becomes U+FFFD. It allocates only if b has to grow.
func AppendJSONString(b []byte, text string) []byte {
	b = append(b, '"')
	copied := 0
	for i := 0; i < len(text); {
		c := text[i]
		if isPlain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, text[copied:i]...)
			b = appendEscapedByte(b, c)
			i++
			copied = i
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, text[copied:i]...)
			b = append(b, `\ufffd`...)
			copied = i + size
		case r == '\u2028', r == '\u2029':
			b = append(b, text[copied:i]...)
			b = append(b, `\u202`...)
			b = append(b, hexDigits[r&0xf])
			copied = i + size
		}
		i += size
	}
	b = append(b, text[copied:]...)
	return append(b, '"')
}

// isPlain tells which bytes stand in a JSON string as they are.
var isPlain = func() (plain [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		plain[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return plain
}()

func appendEscapedByte(b []byte, c byte) []byte {
	if c == '"' || c == '\\' {
		return append(b, '\\', c)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
