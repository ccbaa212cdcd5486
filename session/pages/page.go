package pages

// Page is one of the page types of this package: Chooser, Prompt, SignOut, SignedOut, Me, Continue, TooLong, Done,
// Blocked, Problem, SendForm, Framed.
type Page interface {
	// template names the file under template/.
	template() string
	// title is the text key of the heading, and the values that go into it.
	title() (key string, pairs []string)
	// status is the response status when the caller names none.
	status() int
}

// form is a page that posts to us, and to nobody else: what answers the post is a page (Continue), not a redirect.
type form interface {
	Page
	posts()
}

// scripted is a page with a script of ours, named as an asset. It works without it, too.
type scripted interface {
	Page
	script() string
}

// every page type, for compiling the templates.
var every = []Page{Chooser{}, Prompt{}, SignOut{}, SignedOut{}, SendForm{}, Me{}, Continue{}, TooLong{}, Done{}, Blocked{}, Problem{}, Framed{}}
