package core

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// GuardCell gives a text as a cell of a table that no spreadsheet executes: one that
// begins, behind blanks, quotes and what is not seen, with a character that begins a
// formula gets a ' in front. UnguardCell takes it away again; of any text the two give
// back the same.
func GuardCell(text string) string {
	if beginsFormula(text) {
		return "'" + text
	}
	return text
}

// UnguardCell gives the text that GuardCell has made a cell of.
func UnguardCell(cell string) string {
	if text, ok := strings.CutPrefix(cell, "'"); ok && beginsFormula(text) {
		return text
	}
	return cell
}

// What programs pass over at the beginning of a cell, and what begins a formula behind
// it, full-width forms included. A tab, a carriage return or a line feed does so by
// itself.
const (
	passedOver = " \"'\u00a0\u3000\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff\x00"
	formula    = "=+-@\t\r\n＝＋－＠|%"
)

func beginsFormula(text string) bool {
	rest := strings.TrimLeft(text, passedOver)
	first, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && strings.ContainsRune(formula, first)
}

// ErrTable says that a text is no table of comma-separated values.
var ErrTable = errors.New("a quote stands where none may, or is not closed")

// ParseTable reads comma-separated values as RFC 4180 has them, every cell byte for
// byte: a carriage return within quotes stays, which encoding/csv takes away. A byte
// order mark at the beginning is passed over. It fails with ErrTable.
func ParseTable(text string) (rows [][]string, err error) {
	text = strings.TrimPrefix(text, "\ufeff")
	var row []string
	for len(text) > 0 {
		var cell string
		if cell, text, err = cutCell(text); err != nil {
			return nil, err
		}
		row = append(row, cell)
		switch {
		case strings.HasPrefix(text, ","):
			if text = text[1:]; text == "" {
				row = append(row, "")
			}
			continue
		case strings.HasPrefix(text, "\r\n"):
			text = text[2:]
		case strings.HasPrefix(text, "\n"):
			text = text[1:]
		case text != "":
			return nil, ErrTable
		}
		rows, row = append(rows, row), nil
	}
	if row != nil {
		rows = append(rows, row)
	}
	return rows, nil
}

func cutCell(text string) (cell, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ",\n")
		if end < 0 {
			end = len(text)
		}
		cell = text[:end]
		if strings.HasPrefix(text[end:], "\n") && strings.HasSuffix(cell, "\r") {
			cell, end = cell[:len(cell)-1], end-1
		}
		if strings.Contains(cell, `"`) {
			return "", "", ErrTable
		}
		return cell, text[end:], nil
	}
	var b strings.Builder
	for text = text[1:]; ; {
		part, after, closed := strings.Cut(text, `"`)
		if !closed {
			return "", "", ErrTable
		}
		b.WriteString(part)
		if !strings.HasPrefix(after, `"`) {
			return b.String(), after, nil
		}
		b.WriteByte('"')
		text = after[1:]
	}
}
