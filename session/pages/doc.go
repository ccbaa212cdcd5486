// Package pages contains the HTML that users see: the sign-in chooser, "Stay signed in?", sign-out, and the pages that
// explain a refusal or a failure.
//
// It decides on the look, the language and the security headers of a page. It does not decide whether a page is shown,
// does not read sessions and does not validate the target of a link or form: the caller passes plain values and URLs
// that it has checked. All passed values are still treated as hostile text. html/template escapes them, and no trusted
// template type is used in this package, so nothing bypasses the escaping (A15, A34). A text that is filled into a page
// which was rendered before is escaped in the same way: outline.go makes sure of it whenever a page is rendered.
//
// Every page works without JavaScript and loads only files of its own origin: a stylesheet, pictures, and for one page
// the script that closes its window. Its language is the best match of the browser's languages with those in text/. The
// scripts for pages of apps, idle.js and session.js with its ask.js, are assets of this package too.
//
//	p, err := pages.New(pages.Config{Brand: pages.Brand{Name: "Example"}})
//	...
//	mux.Handle("/.latchkey/assets/", p.Assets())
//	p.Write(w, r, 0, pages.Prompt{UserName: "ada@example.com", ...})
//
// The files:
//
//   - pages.go sets up, page.go lists the pages, write.go answers with one, outline.go keeps what all users see of it;
//   - chooser.go, prompt.go, sign_out.go, me.go, continue.go, send_form.go, too_long.go, blocked.go, problem.go and
//     framed.go are the pages; windows.go is what a script says before it opens a window;
//   - language.go chooses a language; texts.go, phrase.go and time.go write in it;
//   - brand.go, colour.go, image.go and svg.go are the looks that an operator configures;
//   - assets.go serves files.
package pages
