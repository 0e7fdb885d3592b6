package core

import "fmt"

// Counted says for people how many there are of a noun that takes an s: "1 key",
// "2 keys".
func Counted[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
