//go:build ignore

// This program writes the JSON form of the two documents: same order, without
// the x-go- members, which are between the document and the generator.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	for _, name := range []string{"console", "public"} {
		if err := convert(name); err != nil {
			fmt.Fprintf(os.Stderr, "%s.yaml: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func convert(name string) error {
	text, err := os.ReadFile(name + ".yaml")
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	var compact, out bytes.Buffer
	if err := write(&compact, document.Content[0]); err != nil {
		return err
	}
	if err := json.Indent(&out, compact.Bytes(), "", " "); err != nil {
		return err
	}
	out.WriteByte('\n')
	return os.WriteFile(name+".json", out.Bytes(), 0o644)
}

func write(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		written := false
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if strings.HasPrefix(key, "x-go-") {
				continue
			}
			if written {
				b.WriteByte(',')
			}
			written = true
			if err := writeValue(b, key); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := write(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case yaml.ScalarNode:
		var value any
		if err := n.Decode(&value); err != nil {
			return err
		}
		return writeValue(b, value)
	}
	if n.Kind == yaml.AliasNode {
		return write(b, n.Alias)
	}
	return fmt.Errorf("line %d: no JSON for it", n.Line)
}

func writeValue(b *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder's line end
	return nil
}
