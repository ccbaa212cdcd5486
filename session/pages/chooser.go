package pages

import (
	"net/http"
	"unicode"
)

// Chooser lets a user choose the provider. It only has links: nothing is stored before the provider is called.
type Chooser struct {
	Providers []Choice
	// AppName is the app that started the sign-in; may be empty.
	AppName string
}

// Choice is one provider.
type Choice struct {
	// Name is the provider's name in the configuration, shown if Title is empty.
	Name string
	// Title is the display name.
	Title string
	// URL starts a flow with that provider.
	URL string
	// Last marks the provider of this browser's last sign-in.
	Last bool
}

// Label returns the text of the link.
func (c Choice) Label() string {
	if c.Title == "" {
		return c.Name
	}
	return c.Title
}

// Initial returns the first letter of the label, shown if there is no icon.
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
