package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate"
)

// maxImported is how many files one import may name.
const maxImported = 200

var errPattern = errors.New("the name of a file may have one wildcard")

// importer reads the files that a configuration imports as Caddy does: a name is relative to the file in which it stands, and a
// pattern may match no file. main is the configuration.
func importer(main string) func(from, pattern string) ([]migrate.File, error) {
	total := 0
	return func(from, pattern string) (files []migrate.File, err error) {
		if from == "" {
			from = main
		}
		whole := pattern
		if !filepath.IsAbs(pattern) {
			whole = filepath.Join(filepath.Dir(from), pattern)
		}
		if strings.Count(whole, "*") > 1 || strings.Count(whole, "?") > 1 || strings.Contains(whole, "[") {
			return nil, errPattern
		}
		names, err := filepath.Glob(whole)
		if err != nil {
			return nil, errPattern
		}
		if len(names) == 0 && !strings.ContainsAny(whole, "*?") {
			return nil, errors.New("the file that is imported is not there or cannot be read")
		}
		for _, name := range names {
			base := filepath.Base(name)
			info, err := os.Stat(name)
			if err != nil || !info.Mode().IsRegular() {
				return nil, errors.New("what is imported is no file, or cannot be read")
			}
			if strings.HasPrefix(base, ".") && strings.HasPrefix(filepath.Base(whole), "*") {
				continue
			}
			source, err := readBounded(name)
			if err != nil {
				return nil, errors.New("the file that is imported cannot be read")
			}
			if total += len(source); total > migrate.MaxSize || len(files) >= maxImported {
				return nil, fmt.Errorf("the imported files are larger than %d KB together, or more than %d", migrate.MaxSize>>10, maxImported)
			}
			files = append(files, migrate.File{Name: name, Source: source})
		}
		return files, nil
	}
}
