package pages

// Page is one of the page types of this package: Chooser, Prompt, SignOut, SignedOut, Me,
// MakeToken, MadeToken, Continue, Again, TooLong, Done,
// Blocked, Problem, SendForm, Framed.
type Page interface {
	// template returns the name of the file in template/.
	template() string
	// title returns the text key of the heading and its values.
	title() (key string, pairs []string)
	// status returns the response status that is used if the caller passes none.
	status() int
}

// form is a page with a form that posts only to Latchkey. The answer to the post is a page (Continue), not a redirect.
type form interface {
	Page
	posts()
}

// scripted is a page with a script, given by its asset name. The page also works without it.
type scripted interface {
	Page
	script() string
}

// every page type, for the templates
var every = []Page{Chooser{}, Prompt{}, SignOut{}, SignedOut{}, SendForm{}, Me{}, MakeToken{}, MadeToken{}, Continue{}, Again{}, TooLong{}, Done{}, Blocked{}, Problem{}, Framed{}}
