// Package pages is the HTML that people see: the sign-in chooser, "Stay signed in?", sign-out, and the pages that say
// why something is refused or has failed.
//
// It decides how a page looks, in which language it is written and which headers protect it. It never decides whether
// a page is due, never reads a session and never validates where a link or a form leads: the caller hands in plain
// values and URLs that it has checked already. Whatever is handed in is still treated as hostile text; html/template
// escapes it, and no trusted template type is used anywhere in this package, so nothing bypasses that (A15, A34).
//
// Every page works without JavaScript, loads nothing from elsewhere (a stylesheet, pictures, and one page the script that
// closes its window), and is written in the best language that the browser asks for and text/ has. The scripts that the
// pages of apps may load, idle.js and session.js with its ask.js, are assets of this package too.
//
//	p, err := pages.New(pages.Config{Brand: pages.Brand{Name: "Example"}})
//	...
//	mux.Handle("/.latchkey/assets/", p.Assets())
//	p.Write(w, r, 0, pages.Prompt{UserName: "ada@example.com", ...})
package pages
