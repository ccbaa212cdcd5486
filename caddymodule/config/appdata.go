package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
)

const (
	dataCache   = "cache"
	dataStorage = "storage"
	dataOff     = "off"
	// DataCookies is a word that clear_site_data refuses; see errSiteDataCookies.
	DataCookies = "cookies"
)

var SiteDataWords = []string{dataCache, dataStorage, dataOff}

var errSiteDataCookies = errors.New("browsers would delete the cookies of every host of the domain, and those that Latchkey sets; write clear_cookies all")

// AppData returns what application data the browser deletes when a session at this site ends.
func (h *Site) AppData() *appdata.Rule {
	rule := &appdata.Rule{
		Cache:   len(h.ClearSiteData) == 0 || slices.Contains(h.ClearSiteData, dataCache),
		Storage: slices.Contains(h.ClearSiteData, dataStorage),
	}
	if c := h.ClearCookies; c != nil {
		rule.Cookies, rule.All, rule.Paths = c.Names, c.All, c.Paths
	}
	return rule
}

// CheckAppData refuses cookies and kinds of data that cannot be deleted with a session.
func (h *Site) CheckAppData() error {
	if c := h.ClearCookies; c != nil {
		if len(c.Names) == 0 && !c.All {
			return errors.New("clear_cookies: the names of the cookies are missing, or all")
		}
		if err := h.AppData().Check(); err != nil {
			return fmt.Errorf("clear_cookies: %w", err)
		}
	}
	for i, word := range h.ClearSiteData {
		switch {
		case word == DataCookies:
			return fmt.Errorf("clear_site_data: %q: %w", word, errSiteDataCookies)
		case !slices.Contains(SiteDataWords, word):
			return fmt.Errorf("clear_site_data: unknown word %q", word)
		case slices.Contains(h.ClearSiteData[:i], word):
			return fmt.Errorf("clear_site_data: %q comes twice", word)
		case word == dataOff && len(h.ClearSiteData) > 1:
			return errors.New("clear_site_data: off stands alone")
		}
	}
	return nil
}
