package config

import (
	"strings"
	"testing"
)

// What JSON says about a brand is checked as well.
func TestBrandFromJSON(t *testing.T) {
	for want, b := range map[string]*Brand{
		"":                                 {Name: "Engines", Footer: []BrandLink{{"Imprint", "https://example.com/"}}},
		"accent":                           {Accent: "red"},
		"contact":                          {Contact: "javascript:alert(1)"},
		"footer":                           {Footer: []BrandLink{{"Imprint", ""}}},
		"brand: strings: de has two files": {Strings: []BrandStrings{{Language: "de"}, {Language: "de"}}},
	} {
		if err := b.check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
