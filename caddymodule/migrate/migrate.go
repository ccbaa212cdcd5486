package migrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// MaxSize is the size of the largest configuration that is read.
const MaxSize = 256 << 10

// Options are what a configuration does not say and an operator does.
type Options struct {
	// Site is the address of the site if the configuration names none.
	Site string
}

// formats are the programs whose configuration is read.
var formats = map[string]func([]byte, Options) (*Plan, error){
	"authelia":     readAuthelia,
	"oauth2-proxy": readOAuth2Proxy,
	"vouch":        readVouch,
}

// Programs are the names of the programs whose configuration is read.
func Programs() []string { return slices.Sorted(maps.Keys(formats)) }

// Read reads the configuration of a program. Its errors name the line and never a value.
func Read(program string, source []byte, o Options) (*Plan, error) {
	read, ok := formats[program]
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is no program that is known here: want one of %q", program, Programs())
	case len(source) > MaxSize:
		return nil, fmt.Errorf("the configuration is larger than %d KB", MaxSize>>10)
	case len(source) == 0:
		return nil, errors.New("the configuration is empty")
	}
	p, err := read(source, o)
	if err != nil {
		return nil, err
	}
	p.From = program
	slices.SortStableFunc(p.Notes, compareNotes)
	return p, nil
}
