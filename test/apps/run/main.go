package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// settings are the command's flags.
type settings struct {
	cache   string
	docs    string
	only    string
	checks  string
	verbose bool
}

// allApps are the columns of the table.
func allApps() []app {
	return []app{&radicale{}, &dokuWiki{}, &prometheus{}, &jupyter{}, &nodeRED{}, &miniflux{}, &gitea{}, &gitHTTP{}, &webDAV{}, &php{}}
}

func main() {
	var s settings
	flag.StringVar(&s.cache, "cache", ".apps", "folder for the installed apps; kept between runs")
	flag.StringVar(&s.docs, "docs", "", "file whose section between the markers is replaced by the table")
	flag.StringVar(&s.only, "only", "", "names of apps, separated by commas; default: all")
	flag.StringVar(&s.checks, "checks", "", "names of checks, separated by commas; default: all")
	flag.BoolVar(&s.verbose, "v", false, "print what the app and the gateway say when a check fails")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "apps:", err)
		os.Exit(1)
	}
}

func run(s settings) error {
	if os.Getenv("LATCHKEY_BINARY") == "" {
		return errors.New("LATCHKEY_BINARY does not name the built gateway; run `make apps`")
	}
	cache, err := filepath.Abs(s.cache)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	var results []tryout.Result
	for _, a := range allApps() {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), a.name()) {
			continue
		}
		began := time.Now()
		fmt.Printf("%s: installing\n", a.name())
		if err := a.install(cache); err != nil {
			fmt.Printf("%s: cannot be installed: %v\n", a.name(), err)
			results = append(results, tryout.Result{Name: a.name(), Version: a.version(), Missing: err})
			continue
		}
		r := try(a, s)
		fmt.Printf("%s %s: done after %v\n", a.name(), a.version(), time.Since(began).Round(time.Second))
		results = append(results, r)
	}
	text := tryout.Table(results, names())
	fmt.Print("\n", text)
	if whole := s.only == "" && s.checks == ""; s.docs != "" && whole {
		if err := tryout.ReplaceSection(s.docs, "apps", text); err != nil {
			return err
		}
	}
	if faults := tryout.Faults(results, names()); len(faults) > 0 {
		return fmt.Errorf("%d checks failed:\n%s", len(faults), strings.Join(faults, "\n"))
	}
	return nil
}
