package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/appdata"
)

// ClearCookies names cookies of an application.
type ClearCookies struct {
	// The names of the cookies, at most 16.
	Names []string `json:"names,omitempty"`

	// Every cookie that the browser sends to the site, except Latchkey's own. Those that are set for a parent domain are
	// deleted as well, for all hosts that share them.
	All bool `json:"all,omitempty"`

	// The paths for which the application sets them (the attribute Path), besides `/`. At most 4.
	Paths []string `json:"paths,omitempty"`
}

const (
	dataCache   = "cache"
	dataStorage = "storage"
	dataOff     = "off"
	dataCookies = "cookies"
)

var siteDataWords = []string{dataCache, dataStorage, dataOff}

var errSiteDataCookies = errors.New("browsers would delete the cookies of every host of the domain, and those that Latchkey sets; write clear_cookies all")

// appData is what the site deletes with a session.
func (h *SiteConfig) appData() *appdata.Rule {
	rule := &appdata.Rule{
		Cache:   len(h.ClearSiteData) == 0 || slices.Contains(h.ClearSiteData, dataCache),
		Storage: slices.Contains(h.ClearSiteData, dataStorage),
	}
	if c := h.ClearCookies; c != nil {
		rule.Cookies, rule.All, rule.Paths = c.Names, c.All, c.Paths
	}
	return rule
}

func (h *SiteConfig) checkAppData() error {
	if c := h.ClearCookies; c != nil {
		if len(c.Names) == 0 && !c.All {
			return errors.New("clear_cookies: the names of the cookies are missing, or all")
		}
		if err := h.appData().Check(); err != nil {
			return fmt.Errorf("clear_cookies: %w", err)
		}
	}
	for i, word := range h.ClearSiteData {
		switch {
		case word == dataCookies:
			return fmt.Errorf("clear_site_data: %q: %w", word, errSiteDataCookies)
		case !slices.Contains(siteDataWords, word):
			return fmt.Errorf("clear_site_data: unknown word %q", word)
		case slices.Contains(h.ClearSiteData[:i], word):
			return fmt.Errorf("clear_site_data: %q comes twice", word)
		case word == dataOff && len(h.ClearSiteData) > 1:
			return errors.New("clear_site_data: off stands alone")
		}
	}
	return nil
}

// keepApart has what the app stored for another user deleted before the app is asked.
func (h *Handler) keepApart(service *signin.Service, w http.ResponseWriter, r *http.Request, p *passage) error {
	if !h.rt.site.AppData.Personal() {
		return nil
	}
	who, err := p.made.person(p.live)
	if err == nil {
		service.KeepApart(w, r.Header, &p.visit, session.Identity{Issuer: p.live.Issuer(), Subject: who.subject})
	}
	return err
}

// parseClearCookies reads names of cookies and, beginning with a slash, paths.
func parseClearCookies(d *caddyfile.Dispenser, s *siteParser) error {
	var words []string
	if err := names(d, &words); err != nil {
		return err
	}
	c := new(ClearCookies)
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "/"):
			c.Paths = append(c.Paths, word)
		case word == "all":
			c.All = true
		default:
			c.Names = append(c.Names, word)
		}
	}
	s.ClearCookies = c
	return wrapAt(d.Token(), s.checkAppData())
}

func parseClearSiteData(d *caddyfile.Dispenser, s *siteParser) error {
	var words []string
	for {
		// The hint for cookies is better than a suggestion by spelling.
		word, err := firstOf(d, "clear_site_data", append(slices.Clone(siteDataWords), dataCookies)...)
		if err != nil {
			return err
		}
		words = append(words, word)
		if d.CountRemainingArgs() == 0 {
			break
		}
	}
	s.ClearSiteData = words
	return wrapAt(d.Token(), s.checkAppData())
}
