package wecomtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type state struct {
	Seed []byte `json:"seed"`
	Apps []App  `json:"apps"`
}

// LoadApps adds the apps that Config.StateFile keeps, and takes its seed where
// Config gives none; call it before any other app is added. An absent file keeps
// none. Tokens and tickets are not in it: they follow from the seed.
func (s *Server) LoadApps() error {
	if s.cfg.StateFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.cfg.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the apps of the fake WeCom: %w", err)
	}
	var kept state
	if err := json.Unmarshal(text, &kept); err != nil {
		return fmt.Errorf("read the apps of the fake WeCom from %s: %w", s.cfg.StateFile, err)
	}
	if !s.seeded && len(kept.Seed) > 0 {
		s.cfg.Seed, s.seeded = kept.Seed, true
	}
	for _, app := range kept.Apps {
		s.AddApp(app)
	}
	return nil
}

// SaveApps writes all apps and the seed to Config.StateFile, whole or not at
// all. The control surface does so by itself.
func (s *Server) SaveApps() error {
	if s.cfg.StateFile == "" {
		return nil
	}
	text, err := json.Marshal(state{Seed: s.cfg.Seed, Apps: s.Apps()}, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("keep the apps of the fake WeCom: %w", err)
	}
	// CreateTemp makes the file for its owner alone: it holds the apps' secrets.
	next, err := os.CreateTemp(filepath.Dir(s.cfg.StateFile), ".fakewecom-*")
	if err != nil {
		return fmt.Errorf("keep the apps of the fake WeCom: %w", err)
	}
	defer func() { _ = os.Remove(next.Name()) }()
	_, err = next.Write(append(text, '\n'))
	if err = errors.Join(err, next.Close()); err != nil {
		return fmt.Errorf("keep the apps of the fake WeCom: %w", err)
	}
	if err := os.Rename(next.Name(), s.cfg.StateFile); err != nil {
		return fmt.Errorf("keep the apps of the fake WeCom: %w", err)
	}
	return nil
}
