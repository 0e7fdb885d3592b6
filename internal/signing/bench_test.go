package signing

import (
	"crypto/sha1"
	"testing"
)

// benchPage is an ordinary page: 110 bytes.
const benchPage = "https://crm.trusted.example/sidebar/customer/detail?corp=ww1a2b3c4d5e6f7081&agent=1000247&from=chat&lang=zh_CN"

const benchTicket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"

func BenchmarkParsePage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePage(benchPage, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignature(b *testing.B) {
	b.ReportAllocs()
	var digits [40]byte
	for b.Loop() {
		signature(&digits, benchTicket, "k7Qf2LxN9sVbA1b2", 1763787600, benchPage)
	}
}

// BenchmarkBareSHA1 is what BenchmarkSignature is held against: the hash of a
// string1 that lies ready.
func BenchmarkBareSHA1(b *testing.B) {
	b.ReportAllocs()
	string1 := []byte("jsapi_ticket=" + benchTicket + "&noncestr=k7Qf2LxN9sVbA1b2&timestamp=1763787600&url=" + benchPage)
	for b.Loop() {
		_ = sha1.Sum(string1)
	}
}

func BenchmarkNonce(b *testing.B) {
	b.ReportAllocs()
	var text [16]byte
	for b.Loop() {
		nonce(&text)
	}
}
