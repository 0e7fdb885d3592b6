package httpapi

import (
	"strconv"
	"strings"

	"signet/internal/fault"
)

// chooseLanguage reads Accept-Language: English if it is asked for more than
// Chinese, Chinese otherwise.
func chooseLanguage(header []byte) fault.Language {
	if len(header) == 0 {
		return fault.Chinese
	}
	const notNamed = -1
	zh, en, any := float64(notNamed), float64(notNamed), 0.0
	for entry := range strings.SplitSeq(string(header), ",") {
		tag, parameters, _ := strings.Cut(strings.TrimSpace(entry), ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		weight := weightOf(parameters)
		switch primary {
		case "zh":
			zh = max(zh, weight)
		case "en":
			en = max(en, weight)
		case "*":
			any = max(any, weight)
		}
	}
	if zh == notNamed {
		zh = any
	}
	if en == notNamed {
		en = any
	}
	if en > zh {
		return fault.English
	}
	return fault.Chinese
}

// weightOf reads ";q=0.8"; what cannot be read weighs nothing.
func weightOf(parameters string) float64 {
	name, value, found := strings.Cut(parameters, "=")
	if !found {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") || q < 0 || q > 1 {
		return 0
	}
	return q
}
