package firstfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExists is returned instead of replacing a file that an operator may have written.
var ErrExists = errors.New("the file exists already, and is not replaced: choose another one with --output, or remove it")

// MayWrite returns ErrExists if Write would refuse the path.
func MayWrite(path string) error {
	have, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case string(have) == Packaged:
		return nil
	}
	return fmt.Errorf("%s: %w", path, ErrExists)
}

// Write writes the text to a file that does not exist, or has what a package put there. Other users may read it: it has no
// secret. If writing fails, the path is as it was before.
func Write(path, text string) error {
	if err := MayWrite(path); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".latchkey-init-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.WriteString(text)
	if err == nil {
		err = temporary.Chmod(0o644)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if IsPackaged(path) {
		return os.Rename(temporary.Name(), path)
	}
	// A link fails if the path exists meanwhile; a rename would replace it.
	if err := os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", path, ErrExists)
	} else if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
