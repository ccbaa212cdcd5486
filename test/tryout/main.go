package tryout

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Settings are the flags of a command.
type Settings struct {
	Cache, Docs, Only, Checks string
	Verbose                   bool
	// Install is all that is done.
	Install bool
}

// Wants reports whether a check is to be done.
func (s *Settings) Wants(check string) bool { return named(s.Checks, check) }

// Program is one of those that a command tries.
type Program struct {
	Name    string
	Version func() string // once it is installed
	Install func(cache string) error
	Try     func(Settings) Result
}

// Main is the whole of a command: it tries the programs and writes the table of them. name is that of the section of the document,
// of the cache folder after its dot, and of the target of make.
func Main(name string, programs []Program, checks []string) {
	var s Settings
	flag.StringVar(&s.Cache, "cache", "."+name, "folder for what is installed; kept between runs")
	flag.StringVar(&s.Docs, "docs", "", "file whose section between the markers is replaced by the table")
	flag.StringVar(&s.Only, "only", "", "names of "+name+", separated by commas; default: all")
	flag.StringVar(&s.Checks, "checks", "", "names of checks, separated by commas; default: all")
	flag.BoolVar(&s.Install, "install", false, "install the "+name+" and try nothing")
	flag.BoolVar(&s.Verbose, "v", false, "print what the programs and the gateway say when a check fails")
	flag.Parse()
	if err := run(name, s, programs, checks); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

func run(name string, s Settings, programs []Program, checks []string) error {
	if os.Getenv("LATCHKEY_BINARY") == "" {
		return errors.New("LATCHKEY_BINARY does not name the built gateway; run `make " + name + "`")
	}
	cache, err := filepath.Abs(s.Cache)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	var results []Result
	for _, p := range programs {
		if !named(s.Only, p.Name) {
			continue
		}
		began := time.Now()
		fmt.Printf("%s: installing\n", p.Name)
		if err := p.Install(cache); err != nil {
			fmt.Printf("%s: cannot be installed: %v\n", p.Name, err)
			results = append(results, Result{Name: p.Name, Version: p.Version(), Missing: err})
			continue
		}
		fmt.Printf("%s %s: installed after %v\n", p.Name, p.Version(), time.Since(began).Round(time.Second))
		if s.Install {
			continue
		}
		results = append(results, p.Try(s))
		fmt.Printf("%s: done after %v\n", p.Name, time.Since(began).Round(time.Second))
	}
	if s.Install {
		return missing(results)
	}
	text := Table(results, checks)
	fmt.Print("\n", text)
	if whole := s.Only == "" && s.Checks == ""; s.Docs != "" && whole {
		if err := ReplaceSection(s.Docs, name, text); err != nil {
			return err
		}
	}
	if faults := Faults(results, checks); len(faults) > 0 {
		return fmt.Errorf("%d checks failed:\n%s", len(faults), strings.Join(faults, "\n"))
	}
	return nil
}

// missing is the error of what could not be installed.
func missing(results []Result) error {
	var errs []error
	for _, r := range results {
		errs = append(errs, r.Missing)
	}
	return errors.Join(errs...)
}

// named reports whether a list that is separated by commas has a name. An empty list has all.
func named(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}
