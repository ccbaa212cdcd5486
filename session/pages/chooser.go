package pages

import (
	"net/http"
	"unicode"
)

// Chooser lets a person pick where to sign in. Links only: nothing happens before the provider.
type Chooser struct {
	Providers []Choice
	// AppName is the app that asked for the sign-in; may be empty.
	AppName string
}

// Choice is one provider.
type Choice struct {
	// Name is the provider's name in the configuration, shown if Title is empty.
	Name string
	// Title is the name that people know.
	Title string
	// URL starts a flow with that provider.
	URL string
	// Last marks the one that this browser was last signed in with.
	Last bool
}

// Label is what the link says.
func (c Choice) Label() string {
	if c.Title == "" {
		return c.Name
	}
	return c.Title
}

// Initial is the first letter of the label, as a picture beside it.
func (c Choice) Initial() string {
	for _, r := range c.Label() {
		return string(unicode.ToUpper(r))
	}
	return ""
}

func (Chooser) template() string { return "chooser" }

func (Chooser) status() int { return http.StatusOK }

func (c Chooser) title() (string, []string) {
	if c.AppName == "" {
		return "chooser.title", nil
	}
	return "chooser.title_app", []string{"app", c.AppName}
}
